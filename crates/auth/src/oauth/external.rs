//! Access tokens of another issuer, where the vault is a resource server only: what such a token says becomes a grant, or
//! nothing. <https://www.rfc-editor.org/rfc/rfc9068>, <https://www.rfc-editor.org/rfc/rfc7662>
//!
//! What is missing never means that there is no limit: without a patient or a person, `patient/` and `user/` scopes
//! open nothing ([`crate::Principal::new`]).

use fhir_model::Instant;
use serde_json::{Map, Value};

use crate::{Grant, User};

/// How far clocks may differ.
const LEEWAY_S: i64 = 60;

/// What a token has to be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'e> {
    /// Whose tokens are taken.
    pub issuer: &'e str,
    /// For whom they have to be: the FHIR base.
    pub audience: &'e str,
    /// The time of the request.
    pub now: Instant,
}

/// Roles of people by who they are in the record, where the issuer does not say.
const ROLES: &[(&str, &str)] = &[
    ("Patient", "patient"),
    ("RelatedPerson", "proxy"),
    ("Practitioner", "doctor"),
    ("Device", "device"),
];

/// The grant behind claims that were verified.
///
/// # Errors
/// What is wrong with them.
pub fn grant(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<Grant, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    if text("iss") != Some(expected.issuer) {
        return Err("The token is of another issuer");
    }
    if !is_for(claims.get("aud"), expected.audience) {
        return Err("The token is not for this vault: aud has to be its FHIR base");
    }
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    let exp = seconds("exp").ok_or("The token has no exp")?;
    let expires = Instant::from_millis(exp.saturating_mul(1000));
    if expected.now >= expires {
        return Err("The token is over");
    }
    let now_s = expected.now.millis().div_euclid(1000);
    if claims.contains_key("nbf") && seconds("nbf").is_none_or(|from| from > now_s + LEEWAY_S) {
        return Err("The token does not count yet");
    }
    let subject = text("sub").ok_or("The token has no sub")?;
    let client = text("client_id").or_else(|| text("azp")).unwrap_or("external");
    Ok(Grant {
        token_id: text("jti").unwrap_or(subject).chars().take(64).collect(),
        // never nobody: that would be the operator
        client: Some(client.to_owned()),
        client_organization: local(text("organization"), "Organization", expected),
        origins: Vec::new(),
        user: person(claims, subject, expected),
        patient: text("patient").map(|id| id.strip_prefix("Patient/").unwrap_or(id).to_owned()),
        encounter: text("encounter").map(str::to_owned),
        scopes: text("scope").unwrap_or_default().to_owned(),
        expires,
    })
}

/// The person whom a token is about, when it says who they are in the record of this vault, or which part they play.
fn person(claims: &Map<String, Value>, subject: &str, expected: Expected<'_>) -> Option<User> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let reference = text("fhirUser").and_then(|url| relative(url, expected));
    let ty = reference.as_deref().and_then(|it| it.split('/').next());
    let by_type = ROLES.iter().find(|(known, _)| Some(*known) == ty).map(|(_, role)| *role);
    let role = text("role").or(by_type)?;
    Some(User {
        login: format!("{}|{subject}", expected.issuer),
        role: role.to_owned(),
        fhir_user: reference,
        organization: local(text("organization"), "Organization", expected),
        supervisor: local(text("supervisor"), "Practitioner", expected),
        until: None,
    })
}

/// `Practitioner/1` of a URL under our base, or of itself.
fn relative(url: &str, expected: Expected<'_>) -> Option<String> {
    let local = url.strip_prefix(expected.audience).map_or(url, |it| it.trim_start_matches('/'));
    let (ty, id) = local.split_once('/')?;
    let is_one = fhir_model::ResourceType::named(ty).is_some() && !id.is_empty();
    (is_one && !id.contains('/')).then(|| local.to_owned())
}

fn local(text: Option<&str>, ty: &str, expected: Expected<'_>) -> Option<String> {
    let reference = relative(text?, expected)?;
    (reference.split('/').next() == Some(ty)).then_some(reference)
}

fn is_for(aud: Option<&Value>, audience: &str) -> bool {
    let is_us =
        |it: &Value| it.as_str().is_some_and(|it| it.strip_suffix('/').unwrap_or(it) == audience);
    match aud {
        Some(Value::Array(all)) => all.iter().any(is_us),
        Some(one) => is_us(one),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Principal, Standing};

    const BASE: &str = "https://vault.example/fhir";

    fn expected() -> Expected<'static> {
        Expected { issuer: "https://id.example", audience: BASE, now: Instant::from_millis(1000) }
    }

    fn claims(changes: &Value) -> Map<String, Value> {
        let mut claims = json!({"iss": "https://id.example", "aud": [BASE], "exp": 100, "sub": "s",
            "scope": "patient/*.rs", "patient": "p1"});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object().unwrap().clone()
    }

    #[test]
    fn a_token_is_of_the_issuer_for_us_and_now() {
        assert_eq!(grant(&claims(&json!({})), expected()).unwrap().patient.unwrap(), "p1");
        for wrong in [
            json!({"iss": "https://id.example/"}),
            json!({ "iss": null }),
            json!({"aud": "https://other.example/fhir"}),
            json!({ "aud": null }),
            json!({"aud": [format!("{BASE}.evil.example")]}),
            json!({ "exp": 1 }),
            json!({ "exp": null }),
            json!({"exp": "100"}),
            json!({ "nbf": 1000 }),
            json!({ "sub": null }),
        ] {
            assert!(grant(&claims(&wrong), expected()).is_err(), "{wrong}");
        }
        assert!(grant(&claims(&json!({"aud": format!("{BASE}/")})), expected()).is_ok());
    }

    #[test]
    fn who_is_not_named_opens_nothing() {
        let status = |changes: Value| {
            let grant = grant(&claims(&changes), expected()).unwrap();
            assert!(!grant.is_operator());
            let who = Principal::new(grant, Standing::default(), expected().now);
            who.map_or_else(|no| no.status(), |_| 200)
        };
        assert_eq!(status(json!({})), 200);
        assert_eq!(status(json!({ "patient": null })), 401);
        assert_eq!(status(json!({"scope": "user/*.rs"})), 401);
        let d = |role: Value| json!({"scope": "user/*.rs", "fhirUser": format!("{BASE}/Practitioner/d"), "role": role});
        assert_eq!(status(d(Value::Null)), 200);
        assert_eq!(status(d(json!("intern"))), 200);
        assert_eq!(status(d(json!("operator"))), 401);
        let elsewhere = "https://other.example/fhir/Practitioner/d";
        assert_eq!(status(json!({"scope": "user/*.rs", "fhirUser": elsewhere})), 401);
    }
}
