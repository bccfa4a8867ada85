//! From an access token to a caller: <https://www.rfc-editor.org/rfc/rfc6750#section-2.1>.

use std::sync::Arc;

use auth::{Caller, Grant, Mode, Purpose, oauth};
use fhir_model::{IssueType, Outcome};
use storage::Accounts;

use crate::server::Door;

/// How tokens begin that the vault made itself, at an operator's command also where another issuer's are taken.
const OWN: &str = "vat_";

/// The caller behind a request with this `Authorization` header.
///
/// # Errors
/// `login` when a token is presented that is not one of this vault's, or no longer is.
pub(crate) async fn caller(
    door: &Door,
    authorization: Option<&str>,
    purpose: Purpose,
) -> Result<Caller, Outcome> {
    if door.mode == Mode::Open {
        return Ok(Caller::Operator);
    }
    let Some(authorization) = authorization else { return Ok(Caller::Anonymous) };
    if let Some(federation) = &door.federation
        && let Some(token) = token(authorization).filter(|it| !it.starts_with(OWN))
    {
        let grant = federation.grant(token, door.accounts().now()).await?;
        return door.fhir.bearer_for(grant, purpose).await;
    }
    let grant = match token(authorization) {
        Some(token) => door.accounts().grant(token).await?,
        None => None,
    };
    let grant = grant.ok_or_else(|| {
        let why = "The access token is not one of this vault's, or is no longer valid";
        Outcome::new(IssueType::Login, why)
    })?;
    door.fhir.bearer_of(&grant, purpose).await
}

/// The token in an `Authorization` header.
pub(super) fn token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// The grant behind a request that needs one.
///
/// # Errors
/// `invalid_token`.
pub(super) async fn needed(
    accounts: &Accounts,
    authorization: Option<&str>,
) -> Result<Arc<Grant>, oauth::Refusal> {
    let invalid = || oauth::Refusal::new(oauth::Code::InvalidToken, "An access token is needed");
    let token = authorization.and_then(token).ok_or_else(invalid)?;
    let found = accounts.grant(token).await.map_err(|outcome| super::reply::trouble(&outcome))?;
    found.ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stands_behind_its_scheme() {
        let cases = [
            ("Bearer vat_x", Some("vat_x")),
            ("bearer vat_x", Some("vat_x")),
            ("Basic dTpw", None),
            ("Bearer ", None),
            ("vat_x", None),
        ];
        for (header, expected) in cases {
            assert_eq!(token(header), expected, "{header}");
        }
    }
}
