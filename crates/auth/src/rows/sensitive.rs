//! Security labels: <https://hl7.org/fhir/R4/security-labels.html>. Confidentiality is a ladder, of which everybody is
//! cleared up to a rung; a sensitivity has to be cleared for itself.

use fhir_model::ResourceType;
use search::Filter;

use super::written::one_of;
use crate::{policy::Basis, role::Role};

const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
const SENSITIVITY: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// From what everybody may know up. What has no label is normal.
pub(crate) const LADDER: [&str; 6] = ["U", "L", "M", "N", "R", "V"];

/// What somebody must be cleared for, each for itself.
pub(crate) const SENSITIVITIES: [&str; 9] =
    ["ETH", "ETHUD", "OPIOIDUD", "PSY", "SDV", "HIV", "SEX", "GDIS", "STD"];

/// The highest rung, and whether what is sensitive is cleared, for what lies in these rows.
fn clearance(role: Role, basis: Basis) -> (&'static str, bool) {
    match (role, basis) {
        // one's own record, and what one made oneself
        (Role::Operator | Role::Patient, _) | (_, Basis::All | Basis::Authored | Basis::Itself) => {
            ("V", true)
        }
        (Role::Doctor, _) => ("R", true),
        (Role::Hospital, _) => ("R", false),
        _ => ("N", false),
    }
}

/// What keeps rows away for which somebody is not cleared.
pub(super) fn cleared(role: Role, basis: Basis, ty: ResourceType) -> Vec<Filter> {
    let (rung, sensitive) = clearance(role, basis);
    let above: Vec<&str> = LADDER.into_iter().skip_while(|one| *one != rung).skip(1).collect();
    let not = |filter: Filter| Filter::Not(Box::new(filter));
    let mut all = Vec::new();
    if !above.is_empty() {
        all.extend(one_of(ty, "_security", Some(CONFIDENTIALITY), &above).map(not));
    }
    if !sensitive {
        all.extend(one_of(ty, "_security", Some(SENSITIVITY), &SENSITIVITIES).map(not));
    }
    all
}
