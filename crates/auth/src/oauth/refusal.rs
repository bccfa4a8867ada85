//! Refusals of the authorization server: <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>.

use std::borrow::Cow;

use serde_json::{Value, json};

/// A registered error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of the code itself")]
pub enum Code {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
    LoginRequired,
    ConsentRequired,
    InvalidToken,
    InvalidClientMetadata,
    InvalidRedirectUri,
    AuthorizationPending,
    SlowDown,
    ExpiredToken,
    TemporarilyUnavailable,
}

/// Code, name on the wire, status.
const CODES: &[(Code, &str, u16)] = &[
    (Code::InvalidRequest, "invalid_request", 400),
    (Code::InvalidClient, "invalid_client", 401),
    (Code::InvalidGrant, "invalid_grant", 400),
    (Code::UnauthorizedClient, "unauthorized_client", 400),
    (Code::UnsupportedGrantType, "unsupported_grant_type", 400),
    (Code::UnsupportedResponseType, "unsupported_response_type", 400),
    (Code::InvalidScope, "invalid_scope", 400),
    (Code::AccessDenied, "access_denied", 403),
    (Code::LoginRequired, "login_required", 400),
    (Code::ConsentRequired, "consent_required", 400),
    (Code::InvalidToken, "invalid_token", 401),
    (Code::InvalidClientMetadata, "invalid_client_metadata", 400),
    (Code::InvalidRedirectUri, "invalid_redirect_uri", 400),
    (Code::AuthorizationPending, "authorization_pending", 400),
    (Code::SlowDown, "slow_down", 400),
    (Code::ExpiredToken, "expired_token", 400),
    (Code::TemporarilyUnavailable, "temporarily_unavailable", 503),
];

impl Code {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status of an answer with it.
    pub fn status(self) -> u16 {
        self.row().2
    }

    fn row(self) -> (Self, &'static str, u16) {
        let found = CODES.iter().find(|(code, ..)| *code == self);
        found.copied().unwrap_or((self, "server_error", 500))
    }
}

/// A refusal: a code for the program and a sentence for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// `error`
    pub code: Code,
    /// `error_description`
    pub why: Cow<'static, str>,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, why: impl Into<Cow<'static, str>>) -> Self {
        Self { code, why: why.into() }
    }

    /// The body of an answer with it. A description holds printable ASCII only, without quotes:
    /// <https://www.rfc-editor.org/rfc/rfc6749#appendix-A.8>.
    pub fn json(&self) -> Value {
        json!({ "error": self.code.name(), "error_description": self.description() })
    }

    /// `error_description`, in the letters that it may have.
    pub fn description(&self) -> String {
        let plain = |c: char| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        };
        self.why.chars().take(500).map(plain).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_row() {
        for (code, name, status) in CODES {
            assert_eq!((code.name(), code.status()), (*name, *status));
        }
        assert_eq!(Refusal::new(Code::InvalidScope, "a \"b\" \u{e4}\n").description(), "a 'b' ??");
    }
}
