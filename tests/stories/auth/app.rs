//! An app: registered, sending a browser to the vault, and getting tokens for the code that it comes back with.

use std::collections::BTreeMap;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{
    PASSWORD,
    backend::{ASSERTION, KEYS, claims},
    browser::{Browser, Form, parameters},
    encoded, post_form,
};
use crate::house::{House, Reply, fresh_directory, unique};

pub(super) const REDIRECT: &str = "https://app.example/after-auth";
pub(super) const ORIGIN: &str = "https://app.example";
pub(super) const LAUNCH: &str = "https://app.example/launch";
pub(super) const VERIFIER: &str = "vault-story-verifier-0123456789-abcdefghijklmnop";

/// How an app proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Public,
    Symmetric,
    Asymmetric,
}

/// A registered app.
pub(super) struct App<'h> {
    pub(super) house: &'h House,
    pub(super) id: String,
    kind: Kind,
}

const SECRET: &str = "s3cret:%with+odd letters";

impl<'h> App<'h> {
    pub(super) fn new(house: &'h House, kind: Kind) -> Self {
        Self::allowed(house, kind, &[])
    }

    pub(super) fn allowed(house: &'h House, kind: Kind, more: &[&str]) -> Self {
        let id = unique("app");
        let path = fresh_directory().join("jwks.json");
        let add =
            ["client", "add", "--id", &id, "--redirect-uri", REDIRECT, "--launch-uri", LAUNCH];
        let proof = match kind {
            Kind::Public => vec![],
            Kind::Symmetric => vec!["--secret", SECRET],
            Kind::Asymmetric => {
                std::fs::write(&path, KEYS.jwks().to_string()).unwrap();
                vec!["--jwks", path.to_str().unwrap()]
            }
        };
        house.medvault(&[&add[..], &proof, more].concat());
        Self { house, id, kind }
    }

    /// The address that a browser is sent to, with some parameters changed; an empty one is left out.
    pub(super) fn request(&self, scope: &str, changes: &[(&str, &str)]) -> String {
        let url = format!("{}/auth/authorize", self.house.issuer());
        format!("{url}?{}", self.query(scope, changes))
    }

    pub(super) fn query(&self, scope: &str, changes: &[(&str, &str)]) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let mut all: BTreeMap<&str, &str> = [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", REDIRECT),
            ("scope", scope),
            ("state", "st/\u{e4}te &?"),
            ("aud", self.house.base()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("nonce", "n-0"),
        ]
        .into_iter()
        .collect();
        all.extend(changes.iter().copied());
        let fields: Vec<(&str, &str)> =
            all.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        encoded(&fields)
    }

    /// Sends a form to the token endpoint, as this app proves who it is.
    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let mut fields = fields.to_vec();
        let (basic, assertion);
        let mut headers = vec![("Origin", ORIGIN)];
        match self.kind {
            Kind::Public => fields.push(("client_id", &self.id)),
            Kind::Symmetric => {
                let pair = encoded(&[(&self.id, SECRET)]).replacen('=', ":", 1);
                basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
                headers.push(("Authorization", &basic));
            }
            Kind::Asymmetric => {
                let header = json!({"alg": "ES384", "kid": "e", "typ": "JWT"});
                assertion = KEYS.sign(&header, &claims(self.house, &self.id));
                fields.extend([ASSERTION, ("client_assertion", &assertion)]);
            }
        }
        post_form(self.house, path, &headers, &fields)
    }

    /// Exchanges a code.
    pub(super) fn exchange(&self, code: &str) -> Reply {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.post("/auth/token", &fields)
    }

    pub(super) fn refresh(&self, token: &str, scope: &str) -> Reply {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)];
        self.post("/auth/token", &fields)
    }

    /// The whole way of somebody whose own record it is: logs in, agrees to everything.
    pub(super) fn tokens(&self, login: &str, scope: &str) -> Value {
        let mut browser = Browser::new(self.house);
        let code = self.code(&mut browser, login, scope);
        self.exchange(&code).expect(200).json()
    }

    /// The same up to the code.
    pub(super) fn code(&self, browser: &mut Browser<'_>, login: &str, scope: &str) -> String {
        let page = browser.get(&self.request(scope, &[])).expect(200);
        let page = browser.log_in(&page, login, PASSWORD).expect(200);
        let form = Form::of(&page, "/auth/decide").with("answer", "allow");
        came_back(&browser.submit(&form))["code"].clone()
    }
}

/// What a browser brings back to the app.
#[track_caller]
pub(super) fn came_back(reply: &Reply) -> BTreeMap<String, String> {
    assert_eq!(reply.status, 303, "{}", reply.text);
    let to = reply.header("Location");
    assert!(to.starts_with(REDIRECT), "{to}");
    let parameters = parameters(to);
    assert_eq!(parameters["state"], "st/\u{e4}te &?");
    assert!(parameters["iss"].starts_with("http"));
    parameters
}
