//! An expansion that the `ValueSet` brings along: <https://hl7.org/fhir/R4/valueset.html#expansion>.

use fhir_model::NodeRef;

use crate::{Concepts, Refusal, limits::Budget};

/// Says that there are codes that the expansion does not list.
const UNCLOSED: &str = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed";

/// The codes that the expansion lists, at any depth. Abstract ones are there for navigation only. An
/// expansion that is only a page, or unclosed, is refused: what is not in it may still be a member.
pub(crate) fn concepts(
    expansion: NodeRef<'_>,
    value_set: &str,
    budget: &mut Budget,
) -> Result<Concepts, Refusal> {
    let mut concepts = Concepts::default();
    let mut listed = 0_usize;
    let mut open: Vec<NodeRef<'_>> = expansion.named("contains").collect();
    while let Some(entry) = open.pop() {
        budget.charge(1 + entry.children().count())?;
        open.extend(entry.named("contains"));
        listed += 1;
        let is_abstract = entry.child_text("abstract").as_deref() == Some("true");
        if let Some(code) = entry.child_text("code").filter(|_| !is_abstract) {
            let system = entry.child_text("system").unwrap_or_default();
            concepts.insert(&system, code.into_owned());
        }
    }
    let total = expansion.child_text("total").and_then(|total| total.parse().ok());
    if total.unwrap_or(listed) > listed || is_unclosed(expansion) {
        return Err(Refusal::PartialExpansion(value_set.to_owned()));
    }
    Ok(concepts)
}

fn is_unclosed(expansion: NodeRef<'_>) -> bool {
    expansion.named("extension").any(|extension| {
        extension.child_text("url").as_deref() == Some(UNCLOSED)
            && extension.child_text("value").as_deref() == Some("true")
    })
}
