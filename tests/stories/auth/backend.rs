//! A hospital's system that works without a person: discovery, a signed assertion, a token.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html>

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA384, RsaKeyPair,
    },
};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Value, json};

use super::{expect_error, get_with, post_form, store, with_token};
use crate::house::{House, Reply, fresh_directory, unique};

smart_stories!(
    discovery_says_where_everything_is,
    a_system_gets_a_token_by_its_signature,
    wrong_assertions_are_refused,
    an_assertion_counts_once,
    what_a_system_may_not_have_is_refused,
    a_token_is_looked_at_and_taken_back,
    keys_are_fetched_from_a_registered_address,
);

/// A system's keys, made once.
pub(super) struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let random = SystemRandom::new();
    let rsa = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    let rsa = RsaKeyPair::from_pkcs8(rsa.to_pkcs8_der().unwrap().as_bytes()).unwrap();
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
    let ec =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der.as_ref(), &random).unwrap();
    Keys { rsa, ec }
});

impl Keys {
    /// The public halves.
    pub(super) fn jwks(&self) -> Value {
        let public: ring::rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "kid": "r", "alg": "RS384", "n": b64(public.n), "e": b64(public.e)},
            {"kty": "EC", "kid": "e", "crv": "P-384", "alg": "ES384", "x": b64(&point[1..49]), "y": b64(&point[49..])},
        ]})
    }

    /// A token with these headers and claims, signed as `alg` says; with anything else, not at all.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let random = SystemRandom::new();
        let rsa = |padding: &'static dyn ring::signature::RsaEncoding| {
            let mut signature = vec![0; self.rsa.public().modulus_len()];
            self.rsa.sign(padding, &random, text.as_bytes(), &mut signature).unwrap();
            signature
        };
        let signature = match header["alg"].as_str() {
            Some("RS384") => rsa(&RSA_PKCS1_SHA384),
            Some("RS256") => rsa(&RSA_PKCS1_SHA256),
            Some("ES384") => self.ec.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            // the public key as if it were a secret
            Some("HS256") => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &public.n);
                ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            _ => Vec::new(),
        };
        format!("{text}.{}", b64(signature))
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "an assertion says when it ends")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Registers a hospital's system with these scopes; its id.
pub(super) fn a_system(house: &House, scope: &str, more: &[&str]) -> String {
    let ty = json!([{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}]}]);
    let hospital = json!({"resourceType": "Organization", "name": unique("hospital"), "type": ty});
    let hospital = format!("Organization/{}", store(house, &hospital));
    registered(house, scope, &[&["--organization", &hospital], more].concat())
}

/// Registers a client with the keys; its id.
fn registered(house: &House, scope: &str, more: &[&str]) -> String {
    let (id, path) = (unique("system"), fresh_directory().join("jwks.json"));
    std::fs::write(&path, KEYS.jwks().to_string()).unwrap();
    let add = ["client", "add", "--id", &id, "--jwks", path.to_str().unwrap(), "--scope", scope];
    house.medvault(&[&add[..], more].concat());
    id
}

/// Claims that are right.
pub(super) fn claims(house: &House, id: &str) -> Value {
    let aud = format!("{}/auth/token", house.issuer());
    json!({"iss": id, "sub": id, "aud": aud, "exp": now() + 240, "jti": unique("jti")})
}

pub(super) const ASSERTION: (&str, &str) =
    ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");

fn ask(house: &House, assertion: &str, scope: &str) -> Reply {
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ASSERTION,
        ("client_assertion", assertion),
    ];
    post_form(house, "/auth/token", &[], &fields)
}

fn discovery_says_where_everything_is(house: &House) {
    let origin = [("Origin", "https://anywhere.example"), ("Accept", "application/fhir+xml")];
    let reply = house.send("GET", "/.well-known/smart-configuration", &origin, "").expect(200);
    assert!(reply.header("Content-Type").starts_with("application/json"));
    assert_eq!(reply.header("Access-Control-Allow-Origin"), "*");
    let smart = reply.json();
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "issuer",
        "jwks_uri",
        "introspection_endpoint",
        "revocation_endpoint",
        "registration_endpoint",
        "management_endpoint",
    ] {
        assert!(smart[name].as_str().unwrap().starts_with("http"), "{name}");
    }
    let has =
        |name: &str, value: &str| smart[name].as_array().unwrap().iter().any(|it| it == value);
    assert!(has("grant_types_supported", "authorization_code"));
    assert!(has("grant_types_supported", "client_credentials"));
    assert!(has("code_challenge_methods_supported", "S256"));
    assert!(!has("code_challenge_methods_supported", "plain"));
    assert!(has("token_endpoint_auth_methods_supported", "private_key_jwt"));
    assert!(has("token_endpoint_auth_signing_alg_values_supported", "RS384"));
    assert!(has("token_endpoint_auth_signing_alg_values_supported", "ES384"));
    let capabilities = "launch-ehr launch-standalone authorize-post client-public client-confidential-symmetric \
        client-confidential-asymmetric sso-openid-connect context-banner context-style context-ehr-patient \
        context-ehr-encounter context-standalone-patient context-standalone-encounter permission-offline \
        permission-online permission-patient permission-user permission-v1 permission-v2";
    for capability in capabilities.split_ascii_whitespace() {
        assert!(has("capabilities", capability), "{capability}");
    }
    openid_says_the_same(house, &smart);
}

fn openid_says_the_same(house: &House, smart: &Value) {
    let origin = [("Origin", "https://anywhere.example")];
    let metadata = house.send("GET", "/metadata", &origin, "").expect(200);
    assert_eq!(metadata.header("Access-Control-Allow-Origin"), "*");
    let security = &metadata.json()["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    assert_eq!(
        security["extension"][0]["extension"][0]["valueUri"],
        smart["authorization_endpoint"]
    );
    let issuer = smart["issuer"].as_str().unwrap();
    assert_eq!(issuer, house.issuer());
    let openid = house.get(&format!("{issuer}/.well-known/openid-configuration")).expect(200);
    let openid = openid.json();
    assert_eq!(openid["issuer"], issuer);
    for name in [
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ] {
        assert!(!openid[name].as_array().unwrap().is_empty(), "{name}");
    }
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["RS256"]));
    let keys = house.get(openid["jwks_uri"].as_str().unwrap()).expect(200).json();
    assert_eq!(keys["keys"][0]["kty"], "RSA");
    assert!(keys["keys"][0]["kid"].is_string() && keys["keys"][0].get("d").is_none());
    house.get(&format!("{issuer}/smart-style.json")).expect(200).json();
}

fn a_system_gets_a_token_by_its_signature(house: &House) {
    let id = a_system(house, "system/Patient.rs system/Observation.cruds", &[]);
    for (alg, kid) in [("RS384", "r"), ("ES384", "e")] {
        let header = json!({"alg": alg, "kid": kid, "typ": "JWT"});
        let assertion = KEYS.sign(&header, &claims(house, &id));
        let reply = ask(house, &assertion, "system/*.rs").expect(200);
        assert!(reply.header("Cache-Control").contains("no-store"));
        assert_eq!(reply.header("Pragma"), "no-cache");
        let answer = reply.json();
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["scope"], "system/Patient.rs system/Observation.rs");
        assert_eq!(answer["expires_in"], 300);
        assert!(answer.get("refresh_token").is_none());
        let token = answer["access_token"].as_str().unwrap();
        get_with(house, token, "/Patient?_count=1").expect(200);
        get_with(house, token, "/Encounter?_count=1").expect(403);
    }
}

fn wrong_assertions_are_refused(house: &House) {
    let id = a_system(house, "system/*.rs", &[]);
    let good = || claims(house, &id);
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        claims
    };
    let rs384 = json!({"alg": "RS384", "kid": "r"});
    let mut cases = vec![
        KEYS.sign(&rs384, &with("exp", json!(now() - 120))),
        KEYS.sign(&rs384, &with("exp", json!(now() + 600))),
        KEYS.sign(&rs384, &with("aud", json!("https://elsewhere.example/token"))),
        KEYS.sign(&rs384, &with("sub", json!("other"))),
        KEYS.sign(&rs384, &with("jti", Value::Null)),
        KEYS.sign(&json!({"alg": "RS384", "kid": "unknown"}), &good()),
        KEYS.sign(&json!({"alg": "RS384"}), &good()),
        KEYS.sign(&json!({"alg": "ES384", "kid": "r"}), &good()),
        KEYS.sign(&json!({"alg": "RS256", "kid": "r"}), &good()),
        KEYS.sign(&json!({"alg": "none", "kid": "r"}), &good()),
        KEYS.sign(&json!({"alg": "HS256", "kid": "r"}), &good()),
        KEYS.sign(
            &json!({"alg": "RS384", "kid": "r", "jku": "https://evil.example/jwks"}),
            &good(),
        ),
        "no.jwt.atall".to_owned(),
    ];
    let signed = KEYS.sign(&rs384, &good());
    let (rest, _) = signed.rsplit_once('.').unwrap();
    cases.push(format!("{rest}.{}", b64([0; 256])));
    for assertion in cases {
        expect_error(ask(house, &assertion, "system/*.rs"), 401, "invalid_client");
    }
    let fields = [
        ("grant_type", "client_credentials"),
        ("scope", "system/*.rs"),
        ("client_assertion_type", "not_an_assertion_type"),
        ("client_assertion", &KEYS.sign(&rs384, &good())),
    ];
    expect_error(post_form(house, "/auth/token", &[], &fields), 401, "invalid_client");
    let fields = [("grant_type", "not_a_grant_type")];
    expect_error(post_form(house, "/auth/token", &[], &fields), 400, "unsupported_grant_type");
    let query = format!("/auth/token?client_assertion={signed}");
    expect_error(post_form(house, &query, &[], &fields), 400, "invalid_request");
    let json = [("Content-Type", "application/json")];
    let url = format!("{}/auth/token", house.issuer());
    expect_error(house.send("POST", &url, &json, "{}"), 400, "invalid_request");
    let twice = post_form(house, "/auth/token", &[], &[("scope", "a"), ("scope", "b")]);
    expect_error(twice, 400, "invalid_request");
}

fn an_assertion_counts_once(house: &House) {
    let id = a_system(house, "system/*.rs", &[]);
    let assertion = KEYS.sign(&json!({"alg": "ES384", "kid": "e"}), &claims(house, &id));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..6).map(|_| scope.spawn(|| ask(house, &assertion, "system/*.rs").status)).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    expect_error(ask(house, &assertion, "system/*.rs"), 401, "invalid_client");
}

fn what_a_system_may_not_have_is_refused(house: &House) {
    let id = a_system(house, "system/Patient.rs", &[]);
    let sign = || KEYS.sign(&json!({"alg": "RS384", "kid": "r"}), &claims(house, &id));
    expect_error(ask(house, &sign(), "system/Observation.rs"), 400, "invalid_scope");
    expect_error(ask(house, &sign(), "patient/Patient.rs openid"), 400, "invalid_scope");
    expect_error(ask(house, &sign(), ""), 400, "invalid_request");
    // who acts for nobody is told so
    let nobodys = registered(house, "system/Patient.rs", &[]);
    let assertion = KEYS.sign(&json!({"alg": "RS384", "kid": "r"}), &claims(house, &nobodys));
    let answer = ask(house, &assertion, "system/Patient.rs").expect(200).json();
    let reply = get_with(house, answer["access_token"].as_str().unwrap(), "/Patient").expect(403);
    assert!(reply.text.contains("acts for no organization"), "{}", reply.text);
    // a secret is not for this
    let symmetric = unique("symmetric");
    house.medvault(&[
        "client",
        "add",
        "--id",
        &symmetric,
        "--secret",
        "s3cret",
        "--redirect-uri",
        "https://a.example/cb",
    ]);
    let basic =
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{symmetric}:s3cret")));
    let fields = [("grant_type", "client_credentials"), ("scope", "system/*.rs")];
    let reply = post_form(house, "/auth/token", &[("Authorization", &basic)], &fields);
    expect_error(reply, 400, "unauthorized_client");
    let wrong =
        format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!("{symmetric}:wrong")));
    let reply = post_form(house, "/auth/token", &[("Authorization", &wrong)], &fields);
    assert!(reply.header("WWW-Authenticate").starts_with("Basic"));
    expect_error(reply, 401, "invalid_client");
    // by another way than the registered one
    let fields =
        [fields[0], fields[1], ("client_id", symmetric.as_str()), ("client_secret", "s3cret")];
    expect_error(post_form(house, "/auth/token", &[], &fields), 401, "invalid_client");
    let public = [("grant_type", "client_credentials"), ("client_id", id.as_str())];
    expect_error(post_form(house, "/auth/token", &[], &public), 401, "invalid_client");
}

fn keys_are_fetched_from_a_registered_address(house: &House) {
    let operator = house.medvault(&["token", "--scope", "__register"]);
    let bearer = format!("Bearer {operator}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let url = format!("{}/auth/register", house.issuer());
    let register = |jwks_uri: &str| {
        let metadata = json!({
            "token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"],
            "scope": "system/Patient.rs", "jwks_uri": jwks_uri,
        });
        let made = house.send("POST", &url, &headers, &metadata.to_string()).expect(201).json();
        made["client_id"].as_str().unwrap().to_owned()
    };
    let ask_as = |id: &str, header: Value| {
        ask(house, &KEYS.sign(&header, &claims(house, id)), "system/Patient.rs")
    };
    for (cache_control, fetches) in [("max-age=60", 1), ("no-store", 2)] {
        let (address, fetched) = a_key_server(cache_control);
        let id = register(&address);
        ask_as(&id, json!({"alg": "RS384", "kid": "r"})).expect(200);
        ask_as(&id, json!({"alg": "ES384", "kid": "e", "jku": address})).expect(200);
        assert_eq!(fetched.load(Ordering::SeqCst), fetches, "{cache_control}");
        let elsewhere = json!({"alg": "RS384", "kid": "r", "jku": format!("{address}?x")});
        expect_error(ask_as(&id, elsewhere), 401, "invalid_client");
    }
    let nobody = register("https://localhost:1/keys");
    expect_error(ask_as(&nobody, json!({"alg": "RS384", "kid": "r"})), 401, "invalid_client");
}

/// A server that hands out the public keys, and how often it did.
fn a_key_server(cache_control: &'static str) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/keys", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 1024];
            let _bytes = stream.read(&mut asked).unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let keys = KEYS.jwks().to_string();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nCache-Control: {cache_control}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{keys}",
                keys.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (address, count)
}

fn a_token_is_looked_at_and_taken_back(house: &House) {
    let id = a_system(house, "system/Patient.rs", &[]);
    let sign = || KEYS.sign(&json!({"alg": "RS384", "kid": "r"}), &claims(house, &id));
    let answer = ask(house, &sign(), "system/Patient.rs").expect(200).json();
    let token = answer["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    let look = |bearer: &str, asked: &str| {
        post_form(house, "/auth/introspect", &[("Authorization", bearer)], &[("token", asked)])
    };
    let active = look(&bearer, token).expect(200).json();
    assert_eq!(active["active"], true);
    assert_eq!(active["client_id"], id);
    assert_eq!(active["scope"], "system/Patient.rs");
    let ends = active["exp"].as_u64().unwrap();
    assert!(ends > now() + 290 && ends <= now() + 300);
    // a resource server's right, or the operator's, opens everybody's
    let operator = house.medvault(&["token", "--scope", "system/*.rs"]);
    assert_eq!(look(&format!("Bearer {operator}"), token).expect(200).json(), active);
    for unknown in ["invalid_token_value", "vat_", "\u{e4}"] {
        assert_eq!(look(&bearer, unknown).expect(200).text, r#"{"active":false}"#);
    }
    // by the client's own signature, and not by somebody else's token
    let assertion = sign();
    let fields = [("token", token), ASSERTION, ("client_assertion", &assertion)];
    assert_eq!(
        post_form(house, "/auth/introspect", &[], &fields).expect(200).json()["active"],
        true
    );
    let other = a_system(house, "system/Patient.rs", &[]);
    let foreign = KEYS.sign(&json!({"alg": "RS384", "kid": "r"}), &claims(house, &other));
    let foreign = ask(house, &foreign, "system/Patient.rs").expect(200).json();
    let foreign = format!("Bearer {}", foreign["access_token"].as_str().unwrap());
    assert_eq!(look(&foreign, token).expect(200).text, r#"{"active":false}"#);
    expect_error(look("Bearer nonsense", token), 401, "invalid_token");

    let patient = store(house, &json!({"resourceType": "Patient"}));
    with_token(house, token, "GET", &format!("/Patient/{patient}"), "");
    let assertion = sign();
    let fields = [("token", token), ASSERTION, ("client_assertion", &assertion)];
    post_form(house, "/auth/revoke", &[], &fields).expect(200);
    get_with(house, token, "/Patient?_count=1").expect(401);
    expect_error(look(&bearer, token), 401, "invalid_token");
    let assertion = sign();
    let fields = [("token", "unknown"), ASSERTION, ("client_assertion", &assertion)];
    post_form(house, "/auth/revoke", &[], &fields).expect(200);
}
