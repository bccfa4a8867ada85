//! Text: <https://hl7.org/fhir/R4/search.html#string>.

use fhir_model::{NodeRef, TypeId};

use crate::{
    registry::{Leaf, ParamId},
    rows::StringRow,
    text,
};

/// The parts of a `HumanName` that are text, in the order of [`Leaf::parts`].
pub(crate) const HUMAN_NAME_PARTS: &[&str] = &["text", "family", "given", "prefix", "suffix"];

/// The parts of an `Address` that are text, in the order of [`Leaf::parts`].
pub(crate) const ADDRESS_PARTS: &[&str] =
    &["text", "line", "city", "district", "state", "postalCode", "country"];

/// Whether the element has a text. Of names and addresses every part is one; those that are another
/// parameter's are no rows here.
pub(super) fn extract(rows: &mut Vec<StringRow>, leaf: Leaf, node: NodeRef<'_>) -> bool {
    let parts = match node.ty() {
        TypeId::HUMAN_NAME => HUMAN_NAME_PARTS,
        TypeId::ADDRESS => ADDRESS_PARTS,
        TypeId::CODEABLE_CONCEPT => &["text"],
        _ => {
            let Some(text) = node.text() else { return false };
            push(rows, leaf.param, &text);
            return true;
        }
    };
    let mut any = false;
    for child in node.children() {
        let Some(at) = parts.iter().position(|part| *part == child.name()) else { continue };
        let Some(text) = child.text() else { continue };
        any = true;
        if leaf.parts >> at & 1 == 1 {
            push(rows, leaf.param, &text);
        }
    }
    any
}

pub(super) fn push(rows: &mut Vec<StringRow>, param: ParamId, text: &str) {
    rows.push(StringRow { param, folded: text::fold(text), exact: text::exact(text).into() });
}
