//! Who logged in: the `id_token` and userinfo, <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data>.

use fhir_model::Instant;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::scopes;
use crate::{User, jose::encode};

/// For how long an `id_token` may be accepted, in seconds.
const LIFE_S: i64 = 900;

/// What an `id_token` is made of.
#[derive(Debug, Clone)]
pub struct Facts<'t> {
    /// The issuer, as discovery names it.
    pub issuer: &'t str,
    /// The FHIR base.
    pub base: &'t str,
    /// The client it is for.
    pub client: &'t str,
    /// Who logged in.
    pub user: &'t User,
    /// Their subject.
    pub subject: &'t str,
    /// What was granted.
    pub scopes: &'t str,
    /// As it came.
    pub nonce: Option<&'t str>,
    /// When they gave their password.
    pub since: Option<Instant>,
    /// The access token beside it.
    pub access: &'t str,
}

/// The claims of an `id_token`.
pub fn claims(facts: &Facts<'_>, now: Instant) -> Value {
    let now_s = now.millis().div_euclid(1000);
    let mut claims = person(facts.user, facts.subject, facts.scopes, facts.base);
    claims.insert("iss".to_owned(), json!(facts.issuer));
    claims.insert("aud".to_owned(), json!(facts.client));
    claims.insert("iat".to_owned(), json!(now_s));
    claims.insert("exp".to_owned(), json!(now_s + LIFE_S));
    claims.insert("at_hash".to_owned(), json!(half_hash(facts.access)));
    if let Some(nonce) = facts.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    if let Some(since) = facts.since {
        claims.insert("auth_time".to_owned(), json!(since.millis().div_euclid(1000)));
    }
    Value::Object(claims)
}

/// What userinfo says.
pub fn person(user: &User, subject: &str, granted: &str, base: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(subject));
    if let Some(reference) = user.fhir_user.as_ref().filter(|_| scopes::has(granted, "fhirUser")) {
        claims.insert("fhirUser".to_owned(), json!(format!("{base}/{reference}")));
    }
    if scopes::has(granted, "profile") {
        claims.insert("preferred_username".to_owned(), json!(user.login));
    }
    claims
}

/// <https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken>
fn half_hash(token: &str) -> String {
    encode(digest(&SHA256, token.as_bytes()).as_ref().get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_only_as_far_as_was_granted() {
        let user = User {
            login: "rao".to_owned(),
            role: "doctor".to_owned(),
            fhir_user: Some("Practitioner/d".to_owned()),
            organization: None,
            supervisor: None,
            until: None,
        };
        let facts = Facts {
            issuer: "https://v",
            base: "https://v/fhir",
            client: "app",
            user: &user,
            subject: "s",
            scopes: "openid fhirUser",
            nonce: Some("n"),
            since: Some(Instant::from_millis(5_999)),
            // https://openid.net/specs/openid-connect-core-1_0.html#id_token-tokenExample
            access: "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y",
        };
        let claims = claims(&facts, Instant::from_millis(7_000));
        let expected = json!({
            "sub": "s", "fhirUser": "https://v/fhir/Practitioner/d", "iss": "https://v", "aud": "app",
            "iat": 7, "exp": 907, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "nonce": "n", "auth_time": 5,
        });
        assert_eq!(claims, expected);
        assert_eq!(person(&user, "s", "openid", "b").len(), 1);
    }
}
