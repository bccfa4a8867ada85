//! Codes with their systems: <https://hl7.org/fhir/R4/search.html#token>.

use fhir_model::{NodeRef, TypeId};

use crate::{
    registry::ParamId,
    rows::{Rows, TextRow, TokenRow},
    text,
};

/// Whether the element gave at least one token. What it says in words (`:text`), and of an identifier the
/// types with its value (`:of-type`), are rows besides.
pub(super) fn extract(rows: &mut Rows, param: ParamId, node: NodeRef<'_>) -> bool {
    match node.ty() {
        TypeId::CODEABLE_CONCEPT => concept(rows, param, node),
        TypeId::CODING => coding(rows, param, node),
        TypeId::IDENTIFIER => {
            let some = pair(&mut rows.tokens, param, node, "value");
            if let Some(ty) = node.child("type") {
                typed(rows, param, ty, node.child_text("value").as_deref());
            }
            some
        }
        TypeId::CONTACT_POINT => contact(&mut rows.tokens, param, node),
        TypeId::STRING | TypeId::MARKDOWN => node.text().is_some_and(|text| {
            push_text(&mut rows.tokens, param, &text);
            true
        }),
        TypeId::CODE => node.text().is_some_and(|code| {
            push(&mut rows.tokens, param, bound_system(node, &code), &code);
            true
        }),
        _ => node.text().is_some_and(|code| {
            push(&mut rows.tokens, param, None, &code);
            true
        }),
    }
}

fn concept(rows: &mut Rows, param: ParamId, node: NodeRef<'_>) -> bool {
    let mut any = false;
    for child in node.children() {
        match child.name() {
            "coding" => any |= coding(rows, param, child),
            "text" => words(&mut rows.texts, param, child.text().as_deref()),
            _ => {}
        }
    }
    any
}

fn coding(rows: &mut Rows, param: ParamId, node: NodeRef<'_>) -> bool {
    let (mut system, mut code) = (None, None);
    for child in node.children() {
        match child.name() {
            "system" => system = child.text(),
            "code" => code = child.text(),
            "display" => words(&mut rows.texts, param, child.text().as_deref()),
            _ => {}
        }
    }
    let some = system.is_some() || code.is_some();
    if some {
        let code = code.as_deref().unwrap_or_default();
        push(&mut rows.tokens, param, system.as_deref(), code);
    }
    some
}

/// The types of an identifier, each with its value.
fn typed(rows: &mut Rows, param: ParamId, ty: NodeRef<'_>, value: Option<&str>) {
    words(&mut rows.texts, param, ty.child_text("text").as_deref());
    let Some(value) = value.map(text::key) else { return };
    for coding in ty.named("coding") {
        if let Some(code) = coding.child_text("code") {
            let system = coding.child_text("system");
            rows.typed.push(TokenRow {
                param,
                code: text::joined(&code, &value),
                system: system.map(|system| text::key(&system).into()),
                first: false,
            });
        }
    }
}

/// A text for `:text`, once where it is said twice in a row: the display is often the text.
fn words(rows: &mut Vec<TextRow>, param: ParamId, text: Option<&str>) {
    let Some(text) = text else { return };
    let folded = text::fold(text);
    if rows.last().is_none_or(|last| last.param != param || last.folded != folded) {
        rows.push(TextRow { param, folded });
    }
}

/// An address is compared without case, whether it is one of electronic mail or of anything else.
fn contact(rows: &mut Vec<TokenRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let value = node.child_text("value").map(|value| text::caseless(&value));
    let system = node.child_text("system").map(|system| text::key(&system).into());
    let some = system.is_some() || value.is_some();
    if some {
        rows.push(TokenRow { param, code: value.unwrap_or_default(), system, first: false });
    }
    some
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

/// A text, which is compared without case.
pub(super) fn push_text(rows: &mut Vec<TokenRow>, param: ParamId, text: &str) {
    rows.push(TokenRow { param, code: text::caseless(text), system: None, first: false });
}

/// The system that an element of type `code` implies by its required binding.
fn bound_system(node: NodeRef<'_>, code: &str) -> Option<&'static str> {
    let codes = &node.element()?.required?.codes;
    let at = codes.binary_search_by(|(_, known)| (*known).cmp(code)).ok()?;
    codes.get(at).map(|(system, _)| *system)
}
