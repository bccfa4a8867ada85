//! What an EHR hands to an app that it launches:
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#launch-context-arrives-with-your-access_token>.

use fhir_model::{Instant, ResourceType};
use serde_json::{Map, Value};

/// For how long a launch may be used, in milliseconds.
pub const LIFE_MS: i64 = 300_000;

/// A launch that was minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The only client that may use it.
    pub client: Option<String>,
    /// The only person who may.
    pub login: Option<String>,
    /// The patient whose record is open.
    pub patient: Option<String>,
    /// The encounter that is open.
    pub encounter: Option<String>,
    /// What else the app is told.
    pub extras: Extras,
    /// When it ends.
    pub expires: Instant,
}

/// Parameters of the token response beside patient and encounter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras(Map<String, Value>);

/// Whether a value is one that the parameter may hold.
type Fits = fn(&Value) -> bool;

/// Names and what each may hold.
const EXTRAS: &[(&str, Fits)] = &[
    ("fhirContext", is_fhir_context),
    ("need_patient_banner", Value::is_boolean),
    ("intent", Value::is_string),
    ("tenant", Value::is_string),
];

impl Extras {
    /// Takes what is known out of an object.
    ///
    /// # Errors
    /// What is malformed.
    pub fn of(value: &Value) -> Result<Self, String> {
        let mut extras = Map::new();
        for (name, is_fit) in EXTRAS {
            match value.get(*name) {
                Some(given) if is_fit(given) => {
                    extras.insert((*name).to_owned(), given.clone());
                }
                Some(_) => return Err(format!("{name} is malformed")),
                None => {}
            }
        }
        Ok(Self(extras))
    }

    /// From how they are kept.
    pub fn kept(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// As they are kept.
    pub fn text(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }
}

/// <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhircontext-exp>
fn is_fhir_context(value: &Value) -> bool {
    let Some(items) = value.as_array() else { return false };
    items.iter().all(|item| {
        let text = |name: &str| item.get(name).and_then(Value::as_str);
        let reference = text("reference").map(is_reference);
        let canonical = text("canonical").map(|url| url.starts_with("http"));
        let identifier = item.get("identifier").map(Value::is_object);
        let named = [reference, canonical, identifier];
        let role = text("role");
        let is_role_fit = match item.get("role") {
            None => true,
            Some(_) => role.is_some_and(|role| role == "launch" || role.contains(':')),
        };
        let ty = text("reference").and_then(|reference| reference.split('/').next());
        let is_main = matches!(ty, Some("Patient" | "Encounter"));
        named.iter().flatten().count() >= 1
            && named.iter().flatten().all(|is_fit| *is_fit)
            && is_role_fit
            && (!is_main || role.is_some_and(|role| role != "launch"))
    })
}

fn is_reference(text: &str) -> bool {
    text.split_once('/').is_some_and(|(ty, id)| {
        ResourceType::named(ty).is_some() && !id.is_empty() && !id.contains('/')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_context_names_resources_as_smart_says() {
        let cases = [
            (json!([{"reference": "ImagingStudy/1"}]), true),
            (json!([{"canonical": "http://x|1", "type": "Questionnaire"}]), true),
            (json!([{"identifier": {"value": "1"}, "type": "Task"}]), true),
            (json!([{"reference": "Patient/1"}]), false),
            (json!([{"reference": "Patient/1", "role": "https://x.example/donor"}]), true),
            (json!([{"reference": "Task/1", "role": ""}]), false),
            (json!([{"reference": "http://elsewhere/Task/1"}]), false),
            (json!([{"type": "Task"}]), false),
            (json!({}), false),
        ];
        for (context, expected) in cases {
            let given = json!({ "fhirContext": context });
            assert_eq!(Extras::of(&given).is_ok(), expected, "{context}");
        }
        let kept = Extras::of(&json!({"intent": "reconcile", "else": 1})).unwrap();
        assert_eq!(Extras::kept(&kept.text()), kept);
        assert_eq!(kept.iter().count(), 1);
    }
}
