//! Which definitions have to be loaded before a `ValueSet` can be expanded.

use std::collections::BTreeSet;

use fhir_model::NodeRef;

use crate::{
    Canonical, Library, Limits, Need, Refusal, Wanted,
    compose::{Inactive, Part},
};

/// What to load next, sorted, none twice; nothing when [`crate::expand`] can be called. The number of
/// rounds is the depth of imports.
pub fn needs(wanted: Wanted<'_>, library: &Library, limits: &Limits) -> Result<Vec<Need>, Refusal> {
    let mut known = BTreeSet::new();
    let mut open = Vec::new();
    match wanted {
        Wanted::Canonical(text) => {
            known.insert(Need::ValueSet(Canonical::parse(text)));
            open.extend(known.iter().cloned());
        }
        Wanted::Resource(tree) => note(tree.root(), &mut known, &mut open, limits)?,
    }
    let mut missing = BTreeSet::new();
    while let Some(need) = open.pop() {
        if !library.has_answer(&need) {
            missing.insert(need);
        } else if matches!(need, Need::ValueSet(_))
            && let Some(tree) = library.get(&need)
        {
            note(tree.root(), &mut known, &mut open, limits)?;
        }
    }
    Ok(missing.into_iter().collect())
}

/// Notes what a `ValueSet` names and was not noted before.
fn note(
    value_set: NodeRef<'_>,
    known: &mut BTreeSet<Need>,
    open: &mut Vec<Need>,
    limits: &Limits,
) -> Result<(), Refusal> {
    let Some(compose) = value_set.child("compose") else { return Ok(()) };
    let inactive = Inactive::of(compose);
    for part in compose.children().filter(|part| matches!(part.name(), "include" | "exclude")) {
        for need in Part::new(part).needs(inactive) {
            if known.insert(need.clone()) {
                open.push(need);
            }
            if known.len() > limits.resources {
                return Err(Refusal::TooManyResources { max: limits.resources });
            }
        }
    }
    Ok(())
}
