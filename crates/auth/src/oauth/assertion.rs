//! A client that signs who it is:
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint>.

use fhir_model::Instant;
use serde_json::{Map, Value};

use super::{Client, Code, Form, Refusal};
use crate::jose::{JwkSet, Jws};

/// `client_assertion_type`
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far ahead an assertion may end, and how far clocks may differ.
const LIFE_S: i64 = 300;
const LEEWAY_S: i64 = 60;
/// The longest `jti`.
const JTI_MAX: usize = 255;

/// An assertion that is genuine. It counts once: the caller has to see to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genuine {
    /// `jti`
    pub jti: String,
    /// Until when it has to be remembered.
    pub expires: Instant,
}

/// The assertion in a form, and whom it says it is from.
///
/// # Errors
/// `invalid_client` when it is no assertion; `invalid_request` when it contradicts the form.
pub fn read(form: &Form) -> Result<(Jws<'_>, String), Refusal> {
    if form.need("client_assertion_type")? != TYPE {
        return Err(invalid("client_assertion_type is not jwt-bearer"));
    }
    let jws = Jws::parse(form.need("client_assertion")?);
    let jws = jws.ok_or_else(|| {
        invalid("client_assertion is no JWS with alg RS384, ES384 or another one that is taken")
    })?;
    let issuer = jws.unverified_issuer().ok_or_else(|| invalid("client_assertion has no iss"))?;
    if form.get("client_id").is_some_and(|id| id != issuer) {
        return Err(invalid("client_id and the assertion's iss differ"));
    }
    Ok((jws, issuer))
}

/// Checks an assertion. `audiences` are the URLs that mean us.
///
/// # Errors
/// `invalid_client`, with what is wrong.
pub fn check(
    jws: &Jws<'_>,
    client: &Client,
    keys: &JwkSet,
    audiences: &[&str],
    now: Instant,
) -> Result<Genuine, Refusal> {
    let header = jws.header();
    if header.typ.as_deref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(invalid("The assertion's typ is not JWT"));
    }
    if header.jku.is_some() && header.jku != client.about.jwks_uri {
        return Err(invalid("The assertion's jku is not the registered jwks_uri"));
    }
    let kid = header.kid.as_deref().ok_or_else(|| invalid("The assertion has no kid"))?;
    let key = keys.only(kid, header.algorithm).ok_or_else(|| {
        invalid("Not exactly one registered key has the assertion's kid and fits its alg")
    })?;
    let claims =
        jws.verify(key).ok_or_else(|| invalid("The assertion's signature does not verify"))?;
    claims_hold(&claims, &client.id, audiences, now)
}

fn claims_hold(
    claims: &Map<String, Value>,
    id: &str,
    audiences: &[&str],
    now: Instant,
) -> Result<Genuine, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(id) || text("sub") != Some(id) {
        return Err(invalid("The assertion's iss and sub have to be the client_id"));
    }
    let is_ours = |value: &Value| value.as_str().is_some_and(|aud| audiences.contains(&aud));
    let for_us = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    };
    if !for_us {
        return Err(invalid("The assertion's aud is not the URL of the token endpoint"));
    }
    let now_s = now.millis().div_euclid(1000);
    let seconds = |name: &str| claims.get(name).and_then(seconds);
    let exp = seconds("exp").ok_or_else(|| invalid("The assertion has no exp"))?;
    if exp <= now_s.saturating_sub(LEEWAY_S) {
        return Err(invalid("The assertion is over"));
    }
    if exp > now_s.saturating_add(LIFE_S + LEEWAY_S) {
        return Err(invalid("The assertion's exp is more than five minutes ahead"));
    }
    for (name, why) in [
        ("nbf", "The assertion's nbf is still to come"),
        ("iat", "The assertion's iat is still to come"),
    ] {
        if claims.contains_key(name)
            && seconds(name).is_none_or(|from| from > now_s.saturating_add(LEEWAY_S))
        {
            return Err(invalid(why));
        }
    }
    let jti = text("jti").filter(|jti| !jti.is_empty() && jti.len() <= JTI_MAX);
    let jti = jti.ok_or_else(|| invalid("The assertion has no jti of at most 255 bytes"))?;
    let until = exp.saturating_add(LEEWAY_S).saturating_mul(1000);
    Ok(Genuine { jti: jti.to_owned(), expires: Instant::from_millis(until) })
}

/// A number of seconds, whole or not.
fn seconds(value: &Value) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
}

fn invalid(why: &'static str) -> Refusal {
    Refusal::new(Code::InvalidClient, why)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Instant = Instant::from_millis(1_000_000_000);
    const URL: &str = "https://vault.example/auth/token";

    fn judged(changes: &Value) -> Result<Genuine, Refusal> {
        let mut claims = json!({
            "iss": "app", "sub": "app", "aud": URL, "exp": 1_000_300, "jti": "j", "iat": 1_000_000,
        });
        let all = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                all.remove(name);
            } else {
                all.insert(name.clone(), value.clone());
            }
        }
        claims_hold(all, "app", &[URL], NOW)
    }

    #[test]
    fn claims_hold_or_are_refused() {
        let cases = [
            (json!({}), true),
            (json!({"aud": ["x", URL]}), true),
            (json!({"exp": 1_000_360}), true),
            (json!({"exp": 999_941}), true),
            (json!({"exp": 1_000_299.5}), true),
            (json!({"iss": "other"}), false),
            (json!({"sub": "other"}), false),
            (json!({"aud": "https://vault.example/fhir"}), false),
            (json!({"aud": null}), false),
            (json!({"exp": 999_940}), false),
            (json!({"exp": 1_000_361}), false),
            (json!({"exp": null}), false),
            (json!({"exp": "soon"}), false),
            (json!({"exp": 1e300}), false),
            (json!({"nbf": 1_000_061}), false),
            (json!({"iat": 1_000_061}), false),
            (json!({"jti": null}), false),
            (json!({"jti": "x".repeat(256)}), false),
        ];
        for (changes, expected) in cases {
            assert_eq!(judged(&changes).is_ok(), expected, "{changes}");
        }
        assert_eq!(judged(&json!({})).unwrap().expires, Instant::from_millis(1_000_360_000));
    }
}
