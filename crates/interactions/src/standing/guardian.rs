//! Who acts for a minor without being asked to: a parent or guardian, until the day on which the patient is of age.

use fhir_model::{Instant, NodeRef};
use search::Timespan;

/// From which birthday on somebody decides for themselves.
const MAJORITY_YEARS: i32 = 18;

/// <http://terminology.hl7.org/CodeSystem/v3-RoleCode>: guardian, and parents by birth or adoption.
const GUARDIANS: &[&str] =
    &["GUARD", "PRN", "FTH", "MTH", "NFTH", "NMTH", "ADOPTP", "ADOPTF", "ADOPTM", "NPRN"];
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

/// Whether a `RelatedPerson` is a guardian by their relationship.
pub(super) fn is_guardian(related: NodeRef<'_>) -> bool {
    let mut codings = related
        .named("relationship")
        .flat_map(|concept| concept.named("coding").collect::<Vec<_>>());
    codings.any(|coding| {
        let is_ours = coding.child_text("system").is_some_and(|system| system == ROLE_CODE);
        is_ours && coding.child_text("code").is_some_and(|code| GUARDIANS.contains(&&*code))
    })
}

/// Whether a Patient is a minor. Of a birth date in part the earliest day counts; without one nobody is a minor.
pub(super) fn is_minor(patient: NodeRef<'_>, now: Instant) -> bool {
    let (year, month, day) = now.date();
    let part = |number: i64| u32::try_from(number).unwrap_or(1);
    let year = i32::try_from(year).unwrap_or_default() - MAJORITY_YEARS;
    let cut = Timespan::instant(Instant::from_date(year, part(month), part(day)));
    let birth = patient.child_text("birthDate").and_then(|text| Timespan::parse(&text));
    birth.is_some_and(|birth| birth.lo > cut.lo)
}

#[cfg(test)]
mod tests {
    use fhir_model::json;

    use super::*;

    #[test]
    fn somebody_is_of_age_on_the_birthday() {
        let now = Instant::from_date(2026, 11, 22);
        for (birth, expected) in [
            (r#","birthDate":"2008-11-23""#, true),
            (r#","birthDate":"2008-11-22""#, false),
            (r#","birthDate":"2009""#, true),
            (r#","birthDate":"2008-12""#, true),
            (r#","birthDate":"2008""#, false),
            ("", false),
        ] {
            let text = format!(r#"{{"resourceType":"Patient"{birth}}}"#);
            let tree = json::parse_trusted(text.into());
            assert_eq!(is_minor(tree.root(), now), expected, "{birth}");
        }
    }
}
