//! Aadhaar numbers, which the vault does not keep: who needs one keeps a token for it.

use fhir_model::{IssueType, NodeRef, Outcome, Tree, TypeId};

use crate::verhoeff;

/// The system of the numbers, without its scheme.
const SYSTEM: &str = "uidai.gov.in";

/// How many digits they have.
const DIGITS: usize = 12;

/// Refuses a resource in which there is one, wherever. The refusal does not repeat it.
///
/// # Errors
/// `business-rule`.
pub(super) fn refuse(tree: &Tree) -> Result<(), Outcome> {
    let mut identifiers = tree.nodes().filter(|node| node.ty() == TypeId::IDENTIFIER);
    let Some(found) = identifiers.find(|identifier| is_number(*identifier)) else { return Ok(()) };
    let text = "Aadhaar numbers are not kept: leave the identifier out, or send a reference number that stands for it";
    Err(Outcome::new(IssueType::BusinessRule, text).at(format!("{}.value", found.path())))
}

fn is_number(identifier: NodeRef<'_>) -> bool {
    let (Some(system), Some(value)) =
        (identifier.child_text("system"), identifier.child_text("value"))
    else {
        return false;
    };
    let name = system.split_once("://").map_or(&*system, |(_, rest)| rest);
    let name = name.trim_end_matches('/');
    let name = name.strip_prefix("www.").unwrap_or(name);
    if !name.eq_ignore_ascii_case(SYSTEM) {
        return false;
    }
    // people write them in groups of four
    let written = value.bytes().filter(|byte| !b" -".contains(byte));
    let digits: Option<Vec<u8>> =
        written.map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect();
    digits.is_some_and(|digits| digits.len() == DIGITS && verhoeff::passes(&digits))
}
