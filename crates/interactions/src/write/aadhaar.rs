//! Aadhaar numbers, which the vault does not keep: who needs one keeps a token for it.

use fhir_model::{IssueType, NodeRef, Outcome, Tree};

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
    if !may_name(tree.bytes()) {
        return Ok(());
    }
    let mut identifiers = tree.nodes().filter(|node| node.ty().name() == "Identifier");
    let Some(found) = identifiers.find(|identifier| is_number(*identifier)) else { return Ok(()) };
    let text = "Aadhaar numbers are not kept: leave the identifier out, or send a reference number that stands for it";
    Err(Outcome::new(IssueType::BusinessRule, text).at(format!("{}.value", found.path())))
}

/// Whether the bytes may name the system: as it is written, or with escapes.
fn may_name(bytes: &[u8]) -> bool {
    bytes.windows(SYSTEM.len()).any(is_system_name) || bytes.windows(2).any(|two| two == br"\u")
}

fn is_system_name(bytes: &[u8]) -> bool {
    bytes.eq_ignore_ascii_case(SYSTEM.as_bytes())
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
    if !is_system_name(name.as_bytes()) {
        return false;
    }
    // people write them in groups of four
    let written = value.bytes().filter(|byte| !b" -".contains(byte));
    let digits: Option<Vec<u8>> =
        written.map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect();
    digits.is_some_and(|digits| digits.len() == DIGITS && verhoeff::passes(&digits))
}
