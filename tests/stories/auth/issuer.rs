//! An OpenID provider of the stories' own: its configuration, its keys, the `id_token` for a code, and what it says of
//! opaque tokens.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, LazyLock, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use auth::oauth::pkce;
use serde_json::{Value, json};

use super::{backend::KEYS, browser::parameters};
use crate::house::{House, fresh_directory};

/// The one opaque token that it knows.
pub(super) const OPAQUE: &str = "opaque-and-good";
/// The one code that it gives.
pub(super) const CODE: &str = "the-code";
/// How it knows the vault, and the same as `Authorization`.
const VAULT: &str = "vault:s3cret";
const BASIC: &str = "Basic dmF1bHQ6czNjcmV0";

#[derive(Clone, Default)]
pub(super) struct Issuer {
    pub(super) url: String,
    pub(super) is_down: Arc<AtomicBool>,
    /// What the opaque token is good for.
    pub(super) opaque: Arc<OnceLock<Value>>,
    /// The challenge that came with the browser, and header and claims of the `id_token` for its code.
    pub(super) login: Arc<Mutex<Option<(String, Value, Value)>>>,
}

impl Issuer {
    pub(super) fn start() -> Self {
        // made before somebody waits for them
        LazyLock::force(&KEYS);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let issuer = Self { url, ..Self::default() };
        let serving = issuer.clone();
        std::thread::spawn(move || listener.incoming().for_each(|it| serving.serve(it.unwrap())));
        issuer
    }

    /// A vault with this issuer in a section of its settings.
    pub(super) fn house(&self, section: &str, more: &str) -> House {
        self.house_with(section, more, &[])
    }

    /// The same with more arguments.
    pub(super) fn house_with(&self, section: &str, more: &str, arguments: &[&str]) -> House {
        let file = fresh_directory().join("medvault.toml");
        let url = self.url.replace("://", &format!("://{VAULT}@"));
        std::fs::write(&file, format!("[{section}]\nissuer = '{url}'\n{more}")).unwrap();
        let usual = ["--auth", "smart", "--config", file.to_str().unwrap()];
        House::start(&[&usual, arguments].concat())
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        while lines.read_line(&mut head).unwrap() > 2 {
            let line = head.lines().last().unwrap().to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        lines.read_exact(&mut body).unwrap();
        if self.is_down.load(Ordering::SeqCst) {
            return;
        }
        let form = format!("?{}", String::from_utf8(body).unwrap());
        let answer = self.answer(&head, &form).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all((head + &answer).as_bytes()).unwrap();
    }

    fn answer(&self, head: &str, form: &str) -> Value {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let is_known = head.contains(BASIC);
        let form = parameters(form);
        let sent = |name: &str| form.get(name).map_or("", String::as_str);
        match path.rsplit('/').next().unwrap_or_default() {
            "openid-configuration" => {
                let at = |name: &str| format!("{}/{name}", self.url);
                json!({"issuer": self.url, "jwks_uri": at("keys"),
                    "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
                    "introspection_endpoint": at("introspect")})
            }
            "keys" => KEYS.jwks(),
            "introspect" => {
                let said = self.opaque.get().filter(|_| is_known && sent("token") == OPAQUE);
                said.cloned().unwrap_or_else(|| json!({"active": false}))
            }
            "token" => {
                let login = self.login.lock().unwrap();
                let Some((challenge, header, claims)) = &*login else { return json!({}) };
                let is_good = is_known
                    && sent("code") == CODE
                    && pkce::challenge_of(sent("code_verifier")) == *challenge;
                if !is_good {
                    return json!({"error": "invalid_grant"});
                }
                json!({"token_type": "Bearer", "access_token": "x", "id_token": KEYS.sign(header, claims)})
            }
            _ => json!({"error": "not found"}),
        }
    }
}
