//! Who logged in at a provider of identities, by its `id_token`:
//! <https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation>.

use fhir_model::Instant;
use serde_json::{Map, Value};

/// How far clocks may differ.
const LEEWAY_S: i64 = 60;
/// How old a token may be that was fetched just now.
const AGE_S: i64 = 600;
/// The longest subject.
const SUBJECT_BYTES_MAX: usize = 255;

/// What the token has to be.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'e> {
    /// The provider, by the letter.
    pub issuer: &'e str,
    /// Who we are to the provider.
    pub client: &'e str,
    /// What we gave the browser along.
    pub nonce: &'e str,
    /// The time of the request.
    pub now: Instant,
}

/// Who logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's name for them.
    pub subject: String,
    /// Who they are in the record, as the provider says.
    pub fhir_user: Option<String>,
}

/// Who logged in, by claims whose signature was verified.
///
/// # Errors
/// What is wrong with them.
pub fn identity(
    claims: &Map<String, Value>,
    expected: Expected<'_>,
) -> Result<Identity, &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err("iss is another provider");
    }
    let is_us = |it: &Value| it.as_str() == Some(expected.client);
    let (is_for_us, is_for_others) = match claims.get("aud") {
        Some(Value::Array(all)) => (all.iter().any(is_us), all.len() > 1),
        Some(one) => (is_us(one), false),
        None => (false, false),
    };
    if !is_for_us {
        return Err("aud is somebody else");
    }
    if (is_for_others || claims.contains_key("azp")) && text("azp") != Some(expected.client) {
        return Err("azp is somebody else");
    }
    if text("nonce") != Some(expected.nonce) {
        return Err("nonce is not that of this login");
    }
    let now_s = expected.now.millis().div_euclid(1000);
    let seconds = |name: &str| claims.get(name).and_then(Value::as_i64);
    if seconds("exp").is_none_or(|exp| exp <= now_s.saturating_sub(LEEWAY_S)) {
        return Err("exp is over");
    }
    let age_s = seconds("iat").map(|iat| now_s.saturating_sub(iat));
    if age_s.is_none_or(|age_s| !(-LEEWAY_S..=AGE_S).contains(&age_s)) {
        return Err("iat is not of now");
    }
    let subject = text("sub").filter(|it| (1..=SUBJECT_BYTES_MAX).contains(&it.len()));
    let subject = subject.ok_or("sub is missing or too long")?;
    let fhir_user = text("fhirUser").map(str::to_owned);
    Ok(Identity { subject: subject.to_owned(), fhir_user })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_token_is_of_the_provider_for_us_and_of_this_login() {
        let expected = Expected {
            issuer: "https://id.example",
            client: "vault",
            nonce: "n",
            now: Instant::from_millis(1_000_000),
        };
        let check = |changes: Value| {
            let mut claims = json!({"iss": "https://id.example", "aud": "vault", "sub": "s",
                "nonce": "n", "iat": 1000, "exp": 1300});
            claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            identity(claims.as_object().unwrap(), expected).is_ok()
        };
        for good in [
            json!({}),
            json!({"aud": ["vault"]}),
            json!({"aud": ["vault", "other"], "azp": "vault"}),
            json!({"exp": 950}),
        ] {
            assert!(check(good.clone()), "{good}");
        }
        for wrong in [
            json!({"iss": "https://id.example/"}),
            json!({"iss": "https://evil.example"}),
            json!({"aud": "other"}),
            json!({ "aud": null }),
            json!({"aud": ["vault", "other"]}),
            json!({"azp": "other"}),
            json!({"nonce": "m"}),
            json!({ "nonce": null }),
            json!({"exp": 900}),
            json!({ "exp": null }),
            json!({"iat": 100}),
            json!({"iat": 2000}),
            json!({ "iat": null }),
            json!({"sub": ""}),
            json!({"sub": "s".repeat(256)}),
        ] {
            assert!(!check(wrong.clone()), "{wrong}");
        }
    }
}
