//! Text: <https://hl7.org/fhir/R4/search.html#string>.

use fhir_model::{NodeRef, TypeId};

use crate::{registry::ParamId, rows::StringRow, text};

const HUMAN_NAME_PARTS: &[&str] = &["text", "family", "given", "prefix", "suffix"];

const ADDRESS_PARTS: &[&str] =
    &["text", "line", "city", "district", "state", "postalCode", "country"];

/// Whether the element gave at least one row. Of names and addresses every part is a row.
pub(super) fn extract(rows: &mut Vec<StringRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let parts = match node.ty() {
        TypeId::HUMAN_NAME => HUMAN_NAME_PARTS,
        TypeId::ADDRESS => ADDRESS_PARTS,
        TypeId::CODEABLE_CONCEPT => &["text"],
        _ => return push(rows, param, node),
    };
    let mut any = false;
    for child in node.children().filter(|child| parts.contains(&child.name())) {
        any |= push(rows, param, child);
    }
    any
}

fn push(rows: &mut Vec<StringRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let Some(text) = node.text() else { return false };
    rows.push(StringRow { param, folded: text::fold(&text), exact: text::cut(&text).into() });
    true
}
