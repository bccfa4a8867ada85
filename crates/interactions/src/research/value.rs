//! The values that are asked for: only what the view would show, so that nothing is looked for that it masks.

use ::search::{Registry, SearchKind};
use fhir_model::{IssueType, Outcome, ResourceType};

use super::{deidentify::is_of_ages, table::Table, treat};

/// Prefixes of quantities: <https://hl7.org/fhir/R4/search.html#prefix>.
const PREFIXES: &[&str] = &["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

/// Whether each of the values of a parameter may be asked for.
///
/// # Errors
/// `not-supported`.
pub(super) fn may_be(ty: ResourceType, code: &str, values: &str) -> Result<(), Outcome> {
    let kind = Registry::r4().parameter(ty, code).map(|parameter| parameter.kind);
    let is_bare = Table::vault().of(ty).is_some_and(|of| of.bare.contains(&code));
    let is_shown = |value: &str| match kind {
        Some(SearchKind::Token) if is_bare && !value.contains('|') => treat::is_code(value),
        Some(SearchKind::Token) => is_coded(value),
        Some(SearchKind::Quantity) => is_quantity(value),
        Some(SearchKind::Composite) => value.split_once('$').is_some_and(|(key, part)| {
            let is_number = code.ends_with("code-value-quantity");
            let is_concept = code.ends_with("code-value-concept");
            is_coded(key) && (is_number && is_quantity(part) || is_concept && is_coded(part))
        }),
        Some(
            SearchKind::Number
            | SearchKind::Date
            | SearchKind::String
            | SearchKind::Reference
            | SearchKind::Uri
            | SearchKind::Special,
        )
        | None => false,
    };
    // nothing that is shown needs to be escaped
    if !values.contains('\\') && values.split(',').all(is_shown) {
        return Ok(());
    }
    let text = format!(
        "{code} is asked with what the view shows: a code as [system]|[code] of a system that it shows, a quantity as \
         [number]|http://unitsofmeasure.org|[unit] of no unit of time; numbers without a unit up to 90"
    );
    Err(Outcome::new(IssueType::NotSupported, text))
}

/// `[system]|[code]`; not what says that a value is an age: of how many years is not told, so it is not asked.
fn is_coded(value: &str) -> bool {
    value.split_once('|').is_some_and(|(system, code)| {
        Table::vault().shows_code(system, code) && !is_of_ages(system, code)
    })
}

/// `[prefix][number]|[system]|[unit]`
fn is_quantity(value: &str) -> bool {
    let [number, system, unit] = *value.split('|').collect::<Vec<_>>() else { return false };
    let prefix = PREFIXES.iter().find_map(|prefix| number.strip_prefix(prefix));
    treat::may_ask(prefix.unwrap_or(number), system, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shown_is_asked_for() {
        let cases = [
            ("Observation", "status", "final,amended", true),
            (
                "Observation",
                "code",
                "http://loinc.org|29463-7,http://snomed.info/sct|73211009",
                true,
            ),
            ("Observation", "code", "http://loinc.org|IRANI-ANJALI", false),
            ("Observation", "code", "http://snomed.info/sct|482113907", false),
            ("Observation", "code", "http://loinc.org|30525-0", false),
            ("Observation", "code", "29463-7", false),
            ("Observation", "code", "VIP-Irani", false),
            ("Observation", "code", "|VIP-Irani", false),
            ("Observation", "code", "http://own.example|VIP-Irani", false),
            ("Observation", "code", "http://loinc.org|29463-7,VIP-Irani", false),
            ("Observation", "code", "http://loinc.org|a\\,b", false),
            ("Observation", "code", "http://loinc.org|", false),
            ("Observation", "code", "http://hl7.org/fhir/sid/us-ssn|123-45-6789", false),
            ("Observation", "code", "http://terminology.hl7.org/CodeSystem/own|1", false),
            ("Observation", "value-quantity", "gt60|http://unitsofmeasure.org|kg", true),
            ("Observation", "value-quantity", "gt6.5|http://unitsofmeasure.org|%", true),
            ("Observation", "value-quantity", "60", false),
            ("Observation", "value-quantity", "60||kg", false),
            ("Observation", "value-quantity", "60|http://own.example|kg", false),
            ("Observation", "value-quantity", "60|http://unitsofmeasure.org|stones of Rao", false),
            ("Observation", "value-quantity", "gt95|http://unitsofmeasure.org|a", false),
            ("Observation", "value-quantity", "gt95|http://unitsofmeasure.org|a_j", false),
            ("Observation", "value-quantity", "gt1100|http://unitsofmeasure.org|mo", false),
            ("Observation", "value-quantity", "gt1e9|http://unitsofmeasure.org|s", false),
            ("Observation", "value-quantity", "gt95|http://unitsofmeasure.org|{years}", false),
            ("Observation", "value-quantity", "gt95|http://unitsofmeasure.org|1", false),
            (
                "Observation",
                "code-value-quantity",
                "http://loinc.org|2-3$gt1|http://unitsofmeasure.org|kg",
                true,
            ),
            ("Observation", "code-value-quantity", "http://loinc.org|30525-0$gt95", false),
            (
                "Observation",
                "component-code-value-quantity",
                "http://loinc.org|30525-0$gt85|http://unitsofmeasure.org|1",
                false,
            ),
            (
                "Observation",
                "combo-code-value-concept",
                "http://loinc.org|2-3$http://snomed.info/sct|73211009",
                true,
            ),
            ("Observation", "combo-code-value-concept", "http://loinc.org|2-3$VIP", false),
            ("Patient", "gender", "female", true),
            ("Patient", "gender", "http://hl7.org/fhir/administrative-gender|female", true),
            ("Condition", "clinical-status", "active", false),
        ];
        for (ty, code, values, expected) in cases {
            let ty = ResourceType::named(ty).unwrap();
            assert_eq!(may_be(ty, code, values).is_ok(), expected, "{ty}?{code}={values}");
        }
    }
}
