//! The vault as a resource server: another issuer logs people in and makes the tokens.
//! <https://www.rfc-editor.org/rfc/rfc9068>, <https://www.rfc-editor.org/rfc/rfc7662>

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Value, json};

use super::{
    backend::{KEYS, now},
    get_with, store,
};
use crate::house::{House, fresh_directory};

/// The one opaque token that the issuer knows.
const OPAQUE: &str = "opaque-and-good";

/// An issuer: its configuration, its keys, and what it says of opaque tokens.
#[derive(Clone, Default)]
struct Issuer {
    url: String,
    is_down: Arc<AtomicBool>,
    /// What the opaque token is good for.
    opaque: Arc<OnceLock<Value>>,
}

impl Issuer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let issuer = Self { url, ..Self::default() };
        let serving = issuer.clone();
        std::thread::spawn(move || listener.incoming().for_each(|it| serving.serve(it.unwrap())));
        issuer
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut asked = Vec::new();
        // the form may come in a piece of its own
        while !asked.ends_with(b"\r\n\r\n") && !asked.ends_with(b"=access%5Ftoken") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).unwrap();
            if read == 0 {
                return;
            }
            asked.extend_from_slice(&piece[..read]);
            if asked.starts_with(b"POST") && asked.ends_with(b"\r\n\r\n") {
                asked.push(b' ');
            }
        }
        if self.is_down.load(Ordering::SeqCst) {
            return;
        }
        let body = self.answer(&String::from_utf8(asked).unwrap()).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
    }

    fn answer(&self, asked: &str) -> Value {
        let path = asked.split(' ').nth(1).unwrap();
        if path.ends_with("/openid-configuration") {
            let at = |name: &str| format!("{}/{name}", self.url);
            return json!({"issuer": self.url, "jwks_uri": at("keys"),
                "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
                "introspection_endpoint": at("introspect")});
        }
        if path.ends_with("/keys") {
            return KEYS.jwks();
        }
        // vault:s3cret
        let is_known = asked.contains(" Basic dmF1bHQ6czNjcmV0");
        let is_good = asked.contains("token=opaque%2Dand%2Dgood&");
        let said = self.opaque.get().filter(|_| is_known && is_good);
        said.cloned().unwrap_or_else(|| json!({"active": false}))
    }

    /// A vault that takes this issuer's tokens.
    fn vault(&self) -> House {
        let file = fresh_directory().join("medvault.toml");
        let url = self.url.replace("://", "://vault:s3cret@");
        std::fs::write(&file, format!("[auth]\nissuer = '{url}'\n")).unwrap();
        House::start(&["--auth", "smart", "--config", file.to_str().unwrap()])
    }

    fn claims(&self, house: &House, changes: &Value) -> Value {
        let mut claims = json!({"iss": self.url, "aud": house.base(), "exp": now() + 60, "sub": "s",
            "client_id": "app", "scope": "patient/*.rs"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    }
}

#[test]
fn tokens_of_another_issuer_open_what_they_say() {
    let issuer = Issuer::start();
    let house = issuer.vault();
    let id = store(&house, &json!({"resourceType": "Patient"}));
    let other = store(&house, &json!({"resourceType": "Patient"}));
    let (own, foreign) = (format!("/Patient/{id}"), format!("/Patient/{other}"));
    let header = json!({"alg": "RS384", "kid": "r"});
    let with = |changes: Value| KEYS.sign(&header, &issuer.claims(&house, &changes));
    let see = |token: &str, path: &str| get_with(&house, token, path).status;

    let good = with(json!({ "patient": id }));
    assert_eq!((see(&good, &own), see(&good, &foreign)), (200, 404));
    let itself = json!({"scope": "user/*.rs", "fhirUser": format!("{}{own}", house.base())});
    assert_eq!(see(&with(itself), &own), 200);
    // what names nobody is not everybody
    for nobody in [json!({}), json!({"scope": "user/*.rs"}), json!({"patient": ""})] {
        assert_eq!(see(&with(nobody.clone()), &own), 401, "{nobody}");
    }
    for wrong in [
        json!({"patient": id, "iss": "https://other.example"}),
        json!({"patient": id, "aud": "https://other.example/fhir"}),
        json!({"patient": id, "exp": now() - 1}),
        json!({"patient": id, "nbf": now() + 600}),
    ] {
        assert_eq!(see(&with(wrong.clone()), &own), 401, "{wrong}");
    }
    let claims = issuer.claims(&house, &json!({ "patient": id }));
    for header in [
        json!({"alg": "none", "kid": "r"}),
        json!({"alg": "HS256", "kid": "r"}),
        json!({"alg": "RS384", "kid": "unknown"}),
        json!({"alg": "RS384"}),
    ] {
        assert_eq!(see(&KEYS.sign(&header, &claims), &own), 401, "{header}");
    }
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(see(&format!("{signed}.AAAA"), &own), 401);

    // discovery leads to the issuer, and nobody logs in here
    let smart = house.get("/.well-known/smart-configuration").expect(200).json();
    assert_eq!(smart["token_endpoint"], format!("{}/token", issuer.url));
    for path in ["/auth/login", "/auth/authorize", "/auth/token", "/auth/jwks.json"] {
        house.get(&format!("{}{path}", house.issuer())).expect(404);
    }
}

#[test]
fn opaque_tokens_are_asked_about_each_time() {
    let issuer = Issuer::start();
    let house = issuer.vault();
    let id = store(&house, &json!({"resourceType": "Patient"}));
    let path = format!("/Patient/{id}");
    get_with(&house, OPAQUE, &path).expect(401);
    let said = issuer.claims(&house, &json!({"active": true, "patient": id}));
    issuer.opaque.set(said).unwrap();
    get_with(&house, OPAQUE, &path).expect(200);
    get_with(&house, "opaque-and-unknown", &path).expect(401);
    issuer.is_down.store(true, Ordering::SeqCst);
    let refused = get_with(&house, OPAQUE, &path).expect(503);
    assert!(!refused.header("Retry-After").is_empty());
}

#[test]
fn an_issuer_that_is_down_lets_nobody_in() {
    let issuer = Issuer::start();
    let house = issuer.vault();
    let id = store(&house, &json!({"resourceType": "Patient"}));
    issuer.is_down.store(true, Ordering::SeqCst);
    let claims = issuer.claims(&house, &json!({ "patient": id }));
    let token = KEYS.sign(&json!({"alg": "ES384", "kid": "e"}), &claims);
    get_with(&house, &token, &format!("/Patient/{id}")).expect(503);
    house.get("/metadata").expect(200);
    issuer.is_down.store(false, Ordering::SeqCst);
    get_with(&house, &token, &format!("/Patient/{id}")).expect(200);
}
