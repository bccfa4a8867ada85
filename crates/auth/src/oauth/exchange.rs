//! What a client gets at the token endpoint: <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token>.

use fhir_model::Instant;

use super::{Client, Code, Form, Refusal, client::Method, client::Status, pkce, scopes};

/// Lives in milliseconds: of a code, of an app's access token, of a system's.
pub const CODE_MS: i64 = 60_000;
/// See [`CODE_MS`].
pub const ACCESS_MS: i64 = 900_000;
/// See [`CODE_MS`].
pub const SYSTEM_ACCESS_MS: i64 = 300_000;
/// Of a refresh token for `offline_access`: half a year after its last use.
pub const REFRESH_MS: i64 = 180 * 86_400_000;
/// For which the answer to a refresh is given again, should it have been lost on its way.
pub const AGAIN_MS: i64 = 10_000;

/// A code, as it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// To whom.
    pub client: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// The PKCE challenge.
    pub challenge: String,
    /// When it ends.
    pub expires: Instant,
    /// Whether it has been redeemed.
    pub state: Used,
}

/// Whether something that counts once has been used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// Not yet.
    Not,
    /// At that time.
    At(Instant),
}

/// A refresh token, as it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshing {
    /// To whom.
    pub client: String,
    /// Whether its family still lives.
    pub family: Family,
    /// When it ends.
    pub expires: Instant,
    /// What it was granted.
    pub scopes: String,
    /// Whether it has been used.
    pub state: Used,
}

/// What became of all tokens of one consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// They live.
    Lives,
    /// They were taken back.
    Revoked,
}

/// What to do with a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// New tokens, for these scopes.
    New(String),
    /// The same as a moment ago.
    Again(String),
    /// Somebody uses a token twice: all of its family end.
    Theft,
    /// Refused.
    Refuse(Refusal),
}

/// What to do with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redemption {
    /// Tokens.
    Tokens,
    /// Somebody uses it twice: what came of it ends.
    Theft,
    /// Refused.
    Refuse(Refusal),
}

/// Whether a client is let in by the way it proved itself, which has to be the way it registered.
///
/// # Errors
/// `invalid_client`.
pub fn let_in(client: &Client, by: Method) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::new(Code::InvalidClient, why));
    match client.status {
        Status::Active if client.about.token_endpoint_auth_method == by => Ok(()),
        Status::Active => refuse("The client registered another way to prove who it is"),
        Status::Pending => refuse("The client waits for an administrator's approval"),
        Status::Revoked => refuse("The client is unknown"),
    }
}

/// Decides about a code. `None`: there is no such code.
pub fn redeem(form: &Form, client: &Client, code: Option<&Issued>, now: Instant) -> Redemption {
    let refuse = |code, why| Redemption::Refuse(Refusal::new(code, why));
    if !client.uses("authorization_code") {
        let why = "The client is not registered for authorization_code";
        return refuse(Code::UnauthorizedClient, why);
    }
    let (redirect_uri, verifier) = match (form.need("redirect_uri"), form.need("code_verifier")) {
        (Ok(redirect_uri), Ok(verifier)) => (redirect_uri, verifier),
        (Err(why), _) | (_, Err(why)) => return Redemption::Refuse(why),
    };
    let Some(code) = code.filter(|code| code.client == client.id) else {
        return refuse(Code::InvalidGrant, "The code is not one that this client was given");
    };
    if let Used::At(_) = code.state {
        return Redemption::Theft;
    }
    if now >= code.expires {
        return refuse(Code::InvalidGrant, "The code is too old");
    }
    if code.redirect_uri != redirect_uri {
        return refuse(Code::InvalidGrant, "redirect_uri is not the one that the code was sent to");
    }
    if !pkce::verifies(verifier, &code.challenge) {
        return refuse(Code::InvalidGrant, "code_verifier does not belong to the code_challenge");
    }
    Redemption::Tokens
}

/// Decides about a refresh token. `None`: there is no such token.
pub fn refresh(form: &Form, client: &Client, token: Option<&Refreshing>, now: Instant) -> Rotation {
    let refuse = |code, why| Rotation::Refuse(Refusal::new(code, why));
    if !client.uses("refresh_token") {
        let why = "The client is not registered for refresh_token";
        return refuse(Code::UnauthorizedClient, why);
    }
    let token = token.filter(|token| token.client == client.id && token.family == Family::Lives);
    let Some(token) = token.filter(|token| now < token.expires) else {
        let why = "The refresh token is unknown, was taken back or is too old";
        return refuse(Code::InvalidGrant, why);
    };
    let asked = match form.get("scope") {
        None => token.scopes.as_str(),
        Some(asked) if scopes::is_subset(asked, &token.scopes) => asked,
        Some(_) => return refuse(Code::InvalidScope, "scope is more than was granted"),
    };
    match token.state {
        Used::Not => Rotation::New(asked.to_owned()),
        Used::At(at) if now.millis() - at.millis() <= AGAIN_MS => Rotation::Again(asked.to_owned()),
        Used::At(_) => Rotation::Theft,
    }
}

/// The scopes of a client on its own:
/// <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html>.
///
/// # Errors
/// `unauthorized_client` when it has no key, `invalid_scope` when nothing is left.
pub fn on_its_own(form: &Form, client: &Client) -> Result<String, Refusal> {
    let is_signing = client.about.token_endpoint_auth_method == Method::PrivateKeyJwt;
    if !is_signing || !client.uses("client_credentials") {
        let why = "client_credentials is for clients that registered for it and sign with a key";
        return Err(Refusal::new(Code::UnauthorizedClient, why));
    }
    scopes::narrow(form.need("scope")?, &client.about.scope, scopes::Flow::System)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::client::tests::app;

    const NOW: Instant = Instant::from_millis(1_000_000);
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
            .unwrap()
    }

    fn at(millis: i64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_code_is_good_once_for_one_client_and_its_verifier() {
        let good = Issued {
            client: "app".to_owned(),
            redirect_uri: "https://app.example/".to_owned(),
            challenge: pkce::challenge_of(VERIFIER),
            expires: at(1_000_001),
            state: Used::Not,
        };
        let verifier = |verifier| {
            form(&[("redirect_uri", "https://app.example/"), ("code_verifier", verifier)])
        };
        let refused =
            |redemption, code| matches!(redemption, Redemption::Refuse(why) if why.code == code);
        let sent = verifier(VERIFIER);
        assert_eq!(redeem(&sent, &app(), Some(&good), NOW), Redemption::Tokens);
        let invalid = Code::InvalidGrant;
        assert!(refused(redeem(&sent, &app(), None, NOW), invalid));
        assert!(refused(redeem(&sent, &app(), Some(&good), at(1_000_001)), invalid));
        let other = Issued { client: "other".to_owned(), ..good.clone() };
        assert!(refused(redeem(&sent, &app(), Some(&other), NOW), invalid));
        let elsewhere = Issued { redirect_uri: "https://b/".to_owned(), ..good.clone() };
        assert!(refused(redeem(&sent, &app(), Some(&elsewhere), NOW), invalid));
        let wrong = verifier(&good.challenge);
        assert!(refused(redeem(&wrong, &app(), Some(&good), NOW), invalid));
        let missing = verifier("");
        assert!(refused(redeem(&missing, &app(), Some(&good), NOW), Code::InvalidRequest));
        let used = Issued { state: Used::At(at(999_999)), ..good };
        assert_eq!(redeem(&sent, &app(), Some(&used), NOW), Redemption::Theft);
    }

    #[test]
    fn a_refresh_token_turns_over_once() {
        let good = Refreshing {
            client: "app".to_owned(),
            family: Family::Lives,
            expires: at(2_000_000),
            scopes: "openid patient/*.rs".to_owned(),
            state: Used::Not,
        };
        let same = "openid patient/*.rs".to_owned();
        let rotation = |form: &Form, token: &Refreshing| refresh(form, &app(), Some(token), NOW);
        assert_eq!(rotation(&form(&[]), &good), Rotation::New(same.clone()));
        let less = form(&[("scope", "patient/Patient.r")]);
        assert_eq!(rotation(&less, &good), Rotation::New("patient/Patient.r".to_owned()));
        let more = form(&[("scope", "patient/*.cruds")]);
        assert!(
            matches!(rotation(&more, &good), Rotation::Refuse(why) if why.code == Code::InvalidScope)
        );
        let just = Refreshing { state: Used::At(at(990_000)), ..good.clone() };
        assert_eq!(rotation(&form(&[]), &just), Rotation::Again(same));
        let long_ago = Refreshing { state: Used::At(at(989_999)), ..good.clone() };
        assert_eq!(rotation(&form(&[]), &long_ago), Rotation::Theft);
        let revoked = Refreshing { family: Family::Revoked, ..good.clone() };
        assert!(matches!(rotation(&form(&[]), &revoked), Rotation::Refuse(_)));
        let foreign = Refreshing { client: "other".to_owned(), ..good };
        assert!(matches!(rotation(&form(&[]), &foreign), Rotation::Refuse(_)));
    }

    #[test]
    fn only_a_client_that_signs_acts_on_its_own() {
        let asked = form(&[("scope", "system/Patient.rs openid")]);
        let why = on_its_own(&asked, &app()).unwrap_err();
        assert_eq!(why.code, Code::UnauthorizedClient);
        let mut backend = app();
        backend.about.token_endpoint_auth_method = Method::PrivateKeyJwt;
        backend.about.grant_types = vec!["client_credentials".to_owned()];
        backend.about.scope = "system/*.rs".to_owned();
        assert_eq!(on_its_own(&asked, &backend).unwrap(), "system/Patient.rs");
        let nothing = form(&[("scope", "system/Patient.c")]);
        assert_eq!(on_its_own(&nothing, &backend).unwrap_err().code, Code::InvalidScope);
        assert!(let_in(&backend, Method::None).is_err());
        assert!(let_in(&backend, Method::PrivateKeyJwt).is_ok());
        backend.status = Status::Revoked;
        assert!(let_in(&backend, Method::PrivateKeyJwt).is_err());
    }
}
