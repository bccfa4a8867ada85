//! A registered client: <https://www.rfc-editor.org/rfc/rfc7591#section-2>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Code, Refusal};

/// A client, as the vault keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// Whether it may do anything.
    pub status: Status,
    /// The organization that it acts for: `Organization/1`.
    pub organization: Option<String>,
    /// A keyed hash of its secret.
    pub secret: Option<String>,
    /// What was registered.
    pub about: About,
}

/// Whether a client may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It may.
    Active,
    /// It registered itself and waits for an administrator.
    Pending,
    /// No more.
    Revoked,
}

/// How a client proves who it is: <https://www.rfc-editor.org/rfc/rfc7591#section-2>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Not at all: a public client.
    #[default]
    None,
    /// By its secret in `Authorization: Basic`.
    ClientSecretBasic,
    /// By its secret in the form.
    ClientSecretPost,
    /// By an assertion signed with its key.
    PrivateKeyJwt,
}

/// What a client says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_name: String,
    /// Where a browser is sent back to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// How it proves who it is.
    pub token_endpoint_auth_method: Method,
    /// Which grants it uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grant_types: Vec<String>,
    /// `code` or nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_types: Vec<String>,
    /// What it may ask for at most, separated by blanks.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Where its public keys are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// Where it is launched from an EHR.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub launch_uris: Vec<String>,
    /// Origins of its pages besides those of its redirections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub web_origins: Vec<String>,
    /// Its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Who is responsible.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

impl Status {
    /// As it is kept.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Revoked => "revoked",
        }
    }

    /// From how it is kept; whatever else is no client any more.
    pub fn named(name: &str) -> Self {
        match name {
            "active" => Self::Active,
            "pending" => Self::Pending,
            _ => Self::Revoked,
        }
    }
}

impl About {
    /// The origins that its pages run at: <https://fetch.spec.whatwg.org/#origin-header>.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        let uris = self.redirect_uris.iter().chain(&self.web_origins);
        uris.chain(&self.launch_uris).filter_map(|uri| origin(uri))
    }
}

impl Client {
    /// Whether it keeps no secret.
    pub fn is_public(&self) -> bool {
        self.about.token_endpoint_auth_method == Method::None
    }

    /// The name to show to people.
    pub fn name(&self) -> &str {
        if self.about.client_name.is_empty() { &self.id } else { &self.about.client_name }
    }

    /// Whether it uses a grant.
    pub fn uses(&self, grant: &str) -> bool {
        self.about.grant_types.iter().any(|known| known == grant)
    }

    /// Holds a redirection against the registered ones: letter by letter, but for the port of a loopback address,
    /// <https://www.rfc-editor.org/rfc/rfc8252#section-7.3>.
    ///
    /// # Errors
    /// `invalid_redirect_uri`; nobody may be sent there.
    pub fn redirection(&self, asked: &str) -> Result<(), Refusal> {
        let is_registered = self.about.redirect_uris.iter().any(|known| {
            known == asked
                || matches!(
                    (portless_loopback(known), portless_loopback(asked)),
                    (Some(known), Some(asked)) if known == asked
                )
        });
        if is_registered {
            Ok(())
        } else {
            Err(Refusal::new(
                Code::InvalidRedirectUri,
                "redirect_uri is not one that the client registered",
            ))
        }
    }

    /// The origins that its pages run at.
    pub fn origins(&self) -> impl Iterator<Item = String> {
        self.about.origins()
    }

    /// Whether a page of that origin may talk to us with a token of this client.
    pub fn is_at(&self, asked: &str) -> bool {
        self.origins().any(|known| {
            known == asked
                || matches!(
                    (portless_loopback(&known), portless_loopback(asked)),
                    (Some(known), Some(asked)) if known == asked
                )
        })
    }
}

/// Scheme, host and port of a web address.
pub fn origin(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once("://")?;
    if scheme != "http" && scheme != "https" {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
    if authority.contains('@') {
        return None;
    }
    Some(format!("{scheme}://{}", authority.to_ascii_lowercase()))
}

/// What is left of a loopback address by number without its port.
fn portless_loopback(uri: &str) -> Option<(&str, &str)> {
    ["http://127.0.0.1", "http://[::1]"].into_iter().find_map(|host| {
        let rest = uri.strip_prefix(host)?;
        let rest = match rest.strip_prefix(':') {
            Some(port) => port.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::oauth) fn app() -> Client {
        Client {
            id: "app".to_owned(),
            status: Status::Active,
            organization: None,
            secret: None,
            about: About {
                redirect_uris: vec![
                    "https://app.example/back?x=1".to_owned(),
                    "http://127.0.0.1:4000/cb".to_owned(),
                ],
                grant_types: vec!["authorization_code".to_owned(), "refresh_token".to_owned()],
                scope:
                    "openid fhirUser launch launch/patient offline_access patient/*.rs user/*.rs"
                        .to_owned(),
                ..About::default()
            },
        }
    }

    #[test]
    fn nobody_is_sent_where_nobody_registered() {
        let cases = [
            ("https://app.example/back?x=1", true),
            ("https://app.example/back", false),
            ("https://app.example/back?x=1#f", false),
            ("https://app.example/back?x=1&y=2", false),
            ("https://app.example.evil/back?x=1", false),
            ("http://127.0.0.1:51234/cb", true),
            ("http://127.0.0.1/cb", true),
            ("http://127.0.0.1:51234/cb/", false),
            ("http://127.0.0.1:51234@evil/cb", false),
            ("http://127.0.0.1.evil/cb", false),
            ("http://[::1]:4000/cb", false),
            ("", false),
        ];
        for (uri, expected) in cases {
            assert_eq!(app().redirection(uri).is_ok(), expected, "{uri}");
        }
    }

    #[test]
    fn origins_follow_from_addresses() {
        assert!(app().is_at("https://app.example") && app().is_at("http://127.0.0.1:9"));
        for foreign in ["https://app.example.evil", "http://app.example", "null", ""] {
            assert!(!app().is_at(foreign), "{foreign}");
        }
        assert_eq!(origin("myapp://callback"), None);
        assert_eq!(origin("https://u@app.example/"), None);
    }
}
