//! What the token and introspection endpoints say:
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html>.

use fhir_model::Instant;
use serde_json::{Map, Value, json};

use super::{launch::Extras, scopes};

/// What came with a consent: the same in every answer about its tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Logical id of the patient.
    pub patient: Option<String>,
    /// Logical id of the encounter.
    pub encounter: Option<String>,
    /// What an EHR added.
    pub extras: Extras,
}

/// Tokens to be handed over.
#[derive(Debug, Clone)]
pub struct Tokens<'t> {
    /// The access token.
    pub access: &'t str,
    /// When it ends.
    pub expires: Instant,
    /// The refresh token.
    pub refresh: Option<&'t str>,
    /// Who the person is.
    pub id_token: Option<&'t str>,
    /// What was granted.
    pub scopes: &'t str,
}

/// The answer of the token endpoint.
pub fn tokens(tokens: &Tokens<'_>, context: &Context, style: &str, now: Instant) -> Value {
    let seconds = (tokens.expires.millis() - now.millis()).div_euclid(1000).max(0);
    let mut answer = Map::new();
    answer.insert("access_token".to_owned(), json!(tokens.access));
    answer.insert("token_type".to_owned(), json!("Bearer"));
    answer.insert("expires_in".to_owned(), json!(seconds));
    answer.insert("scope".to_owned(), json!(tokens.scopes));
    for (name, value) in [("refresh_token", tokens.refresh), ("id_token", tokens.id_token)] {
        if let Some(value) = value {
            answer.insert(name.to_owned(), json!(value));
        }
    }
    add_context(&mut answer, context);
    if context.patient.is_some() {
        // an app shows whose record it is, unless the EHR around it does
        answer.entry("need_patient_banner").or_insert(json!(true));
        answer.insert("smart_style_url".to_owned(), json!(style));
    }
    Value::Object(answer)
}

/// An access token that is good.
#[derive(Debug, Clone)]
pub struct Active<'t> {
    /// The client.
    pub client: Option<&'t str>,
    /// What was granted.
    pub scopes: &'t str,
    /// When it ends.
    pub expires: Instant,
    /// Who the person is: `sub` and the full URL of their resource.
    pub person: Option<(&'t str, Option<String>)>,
    /// The issuer.
    pub issuer: &'t str,
}

/// The answer about a token that is good.
pub fn active(token: &Active<'_>, context: &Context) -> Value {
    let mut answer = Map::new();
    answer.insert("active".to_owned(), json!(true));
    answer.insert("scope".to_owned(), json!(token.scopes));
    answer.insert("token_type".to_owned(), json!("Bearer"));
    answer.insert("exp".to_owned(), json!(token.expires.millis().div_euclid(1000)));
    if let Some(client) = token.client {
        answer.insert("client_id".to_owned(), json!(client));
    }
    if let Some((subject, fhir_user)) = &token.person {
        answer.insert("iss".to_owned(), json!(token.issuer));
        answer.insert("sub".to_owned(), json!(subject));
        if let Some(fhir_user) =
            fhir_user.as_ref().filter(|_| scopes::has(token.scopes, "fhirUser"))
        {
            answer.insert("fhirUser".to_owned(), json!(fhir_user));
        }
    }
    add_context(&mut answer, context);
    Value::Object(answer)
}

/// The answer about every other token, whatever is wrong with it.
pub fn inactive() -> Value {
    json!({ "active": false })
}

fn add_context(answer: &mut Map<String, Value>, context: &Context) {
    for (name, id) in [("patient", &context.patient), ("encounter", &context.encounter)] {
        if let Some(id) = id {
            answer.insert(name.to_owned(), json!(id));
        }
    }
    for (name, value) in context.extras.iter() {
        answer.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_was_granted_and_for_whom() {
        let extras = Extras::of(&json!({"intent": "x", "need_patient_banner": false})).unwrap();
        let context = Context { patient: Some("p".to_owned()), encounter: None, extras };
        let given = Tokens {
            access: "a",
            expires: Instant::from_millis(901_999),
            refresh: Some("r"),
            id_token: None,
            scopes: "patient/*.rs",
        };
        let answer =
            tokens(&given, &context, "https://v/smart-style.json", Instant::from_millis(1000));
        let expected = json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 900, "scope": "patient/*.rs",
            "refresh_token": "r", "patient": "p", "intent": "x", "need_patient_banner": false,
            "smart_style_url": "https://v/smart-style.json",
        });
        assert_eq!(answer, expected);
        assert_eq!(inactive().to_string(), r#"{"active":false}"#);
    }
}
