//! The party behind a request.

use std::sync::Arc;

use fhir_model::{IssueType, Outcome};

use crate::Principal;

/// How the server decides who asks (`--auth`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A SMART access token with every request.
    #[default]
    Smart,
    /// No token; everybody is the operator. For trying out and for load tests, on loopback only.
    Open,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Caller {
    /// The person or process that runs the vault: `--auth open`, `medvault import`.
    Operator,
    /// Nobody in particular: may see what is public.
    Anonymous,
    /// Who has a valid token.
    Bearer(Arc<Principal>),
}

impl Caller {
    /// The caller behind a request with this `Authorization` header.
    ///
    /// # Errors
    /// `login` when a token is presented that this vault did not issue. Until the authorization server is
    /// there it has issued none, so every token is refused: closed by default.
    pub fn of_request(mode: Mode, authorization: Option<&str>) -> Result<Self, Outcome> {
        match (mode, authorization) {
            (Mode::Open, _) => Ok(Self::Operator),
            (Mode::Smart, None) => Ok(Self::Anonymous),
            (Mode::Smart, Some(_)) => Err(Outcome::new(
                IssueType::Login,
                "The access token is not one of this vault's, or is no longer valid",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_mode_trusts_a_stranger() {
        assert_eq!(Caller::of_request(Mode::Open, None), Ok(Caller::Operator));
        assert_eq!(Caller::of_request(Mode::Smart, None), Ok(Caller::Anonymous));
        let refused = Caller::of_request(Mode::Smart, Some("Bearer abc")).unwrap_err();
        assert_eq!(refused.status(), 401);
        assert_eq!(Mode::default(), Mode::Smart);
    }
}
