//! What a code subsumes, and what subsumes it: the modifiers `:below` and `:above` of
//! <https://hl7.org/fhir/R4/search.html#token>, in the meaning of
//! <https://hl7.org/fhir/R4/codesystem.html#subsumption>.

use std::collections::BTreeSet;

use fhir_model::Tree;

use crate::{
    Canonical, Limits, Refusal,
    code_system::{CodeSystem, Content},
    hierarchy::Direction,
    limits::Budget,
};

/// The code and all that it subsumes. A code that the code system does not have subsumes itself.
pub fn below(system: &Tree, code: &str, limits: &Limits) -> Result<BTreeSet<String>, Refusal> {
    relatives(system, code, Direction::Down, limits)
}

/// The code and all that subsume it. A code that the code system does not have is subsumed by itself.
pub fn above(system: &Tree, code: &str, limits: &Limits) -> Result<BTreeSet<String>, Refusal> {
    relatives(system, code, Direction::Up, limits)
}

fn relatives(
    tree: &Tree,
    code: &str,
    direction: Direction,
    limits: &Limits,
) -> Result<BTreeSet<String>, Refusal> {
    let system = CodeSystem::new(tree, &mut Budget::new(limits))?;
    if system.content() == Content::Absent {
        let url = tree.root().child_text("url").unwrap_or_default();
        return Err(Refusal::UnknownCodeSystem(Canonical::new(&url, None)));
    }
    let reached = system.find(code).map(|start| system.reach(start, direction)).unwrap_or_default();
    if reached.len() > limits.codes {
        return Err(Refusal::TooManyCodes { max: limits.codes });
    }
    let mut codes: BTreeSet<String> =
        reached.into_iter().map(|at| system.code(at).to_owned()).collect();
    codes.insert(code.to_owned());
    Ok(codes)
}
