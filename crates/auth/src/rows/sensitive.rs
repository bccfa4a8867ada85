//! Security labels: <https://hl7.org/fhir/R4/security-labels.html>. Confidentiality is a ladder, of which everybody is
//! cleared up to a rung; a sensitivity has to be cleared for itself.

use std::collections::BTreeSet;

use fhir_model::ResourceType;
use search::{Filter, Rows};

use super::written::{one_of, params};
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

/// That a resource has some label.
pub(super) fn is_labelled(ty: ResourceType) -> Option<Filter> {
    let parameter = search::Registry::r4().parameter(ty, "_security")?;
    Some(Filter::Present { params: parameter.sources.clone(), kind: parameter.kind })
}

/// That a resource is on this rung or above it, or has this sensitivity.
pub(super) fn reaches(ty: ResourceType, label: &str) -> Option<Filter> {
    let from: Vec<&str> = LADDER.into_iter().skip_while(|one| *one != label).collect();
    if from.is_empty() {
        return one_of(ty, "_security", Some(SENSITIVITY), &[label]);
    }
    one_of(ty, "_security", Some(CONFIDENTIALITY), &from)
}

/// Whether a new version says less of how confidential or sensitive it is than the old one: only who keeps the
/// vault may do that.
pub(crate) fn lowers(ty: ResourceType, before: &Rows, after: &Rows) -> bool {
    let (before, after) = (labels(ty, before), labels(ty, after));
    after.0 < before.0 || !before.1.is_subset(&after.1)
}

/// The same version without its security labels; `None` of what has none.
pub(crate) fn unlabelled(ty: ResourceType, rows: &Rows) -> Option<Rows> {
    let params = params(ty, "_security").unwrap_or_default();
    let is_label = |param: &search::ParamId| params.contains(param);
    rows.tokens.iter().any(|row| is_label(&row.param)).then(|| {
        let mut rows = rows.clone();
        rows.tokens.retain(|row| !is_label(&row.param));
        rows
    })
}

/// The rung, of what has none the normal one, and the sensitivities.
fn labels(ty: ResourceType, rows: &Rows) -> (usize, BTreeSet<&str>) {
    let params = params(ty, "_security").unwrap_or_default();
    let of = |system: &'static str| {
        let rows = rows.tokens.iter().filter(|row| params.contains(&row.param));
        rows.filter(move |row| row.system.as_deref() == Some(system)).map(|row| &*row.code)
    };
    let rung = |code: &str| LADDER.iter().position(|one| *one == code);
    let normal = rung("N").unwrap_or_default();
    let rung = of(CONFIDENTIALITY).filter_map(rung).max().unwrap_or(normal);
    (rung, of(SENSITIVITY).filter(|code| SENSITIVITIES.contains(code)).collect())
}

/// The labels that something in these rows may have: the rungs above the normal one, and sensitivities.
pub(super) fn possible(role: Role, basis: Basis) -> Vec<&'static str> {
    let (rung, sensitive) = clearance(role, basis);
    let rungs: &[&str] = match rung {
        "R" => &["R"],
        "V" => &["R", "V"],
        _ => &[],
    };
    let sensitivities: &[&str] = if sensitive { &SENSITIVITIES } else { &[] };
    rungs.iter().chain(sensitivities).copied().collect()
}

/// All labels that a denial can name, but those that everything has.
pub(super) fn all() -> Vec<&'static str> {
    ["R", "V"].into_iter().chain(SENSITIVITIES).collect()
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
