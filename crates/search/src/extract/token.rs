//! Codes with their systems: <https://hl7.org/fhir/R4/search.html#token>.

use fhir_model::{NodeRef, TypeId};

use crate::{registry::ParamId, rows::TokenRow, text};

/// Whether the element gave at least one row.
pub(super) fn extract(rows: &mut Vec<TokenRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    match node.ty() {
        TypeId::CODEABLE_CONCEPT => {
            let mut any = false;
            for coding in node.named("coding") {
                any |= pair(rows, param, coding, "code");
            }
            any
        }
        TypeId::CODING => pair(rows, param, node, "code"),
        TypeId::IDENTIFIER | TypeId::CONTACT_POINT => pair(rows, param, node, "value"),
        TypeId::CODE => node.text().is_some_and(|code| {
            push(rows, param, bound_system(node, &code), &code);
            true
        }),
        _ => node.text().is_some_and(|code| {
            push(rows, param, None, &code);
            true
        }),
    }
}

/// `system` and `code` or `value` of an element.
pub(super) fn pair(
    rows: &mut Vec<TokenRow>,
    param: ParamId,
    node: NodeRef<'_>,
    name: &'static str,
) -> bool {
    let (mut system, mut code) = (None, None);
    for child in node.children() {
        match child.name() {
            "system" => system = child.text(),
            other if other == name => code = child.text(),
            _ => {}
        }
    }
    let some = system.is_some() || code.is_some();
    if some {
        push(rows, param, system.as_deref(), code.as_deref().unwrap_or_default());
    }
    some
}

pub(super) fn push(rows: &mut Vec<TokenRow>, param: ParamId, system: Option<&str>, code: &str) {
    rows.push(TokenRow {
        param,
        code: text::key(code).into(),
        system: system.map(|system| text::key(system).into()),
        first: false,
    });
}

/// The system that an element of type `code` implies by its required binding.
fn bound_system(node: NodeRef<'_>, code: &str) -> Option<&'static str> {
    let codes = &node.element()?.required?.codes;
    let at = codes.binary_search_by(|(_, known)| (*known).cmp(code)).ok()?;
    codes.get(at).map(|(system, _)| *system)
}
