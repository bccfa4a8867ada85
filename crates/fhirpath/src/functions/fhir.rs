//! FHIR's own functions: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use fhir_model::{Kind, NodeRef, TypeId};

use super::{Arguments, Function, argument, bare, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    value::{single, single_text, value},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function("extension", 1..=1, Arguments::Values(extension)),
    function(
        "hasExtension",
        1..=1,
        Arguments::Values(|evaluator, items, arguments| {
            Ok((!extension(evaluator, items, arguments)?.is_empty()).into())
        }),
    ),
    bare("hasValue", has_value),
    bare("getValue", get_value),
    bare("htmlChecks", html_checks),
    function("conformsTo", 1..=1, Arguments::Values(conforms_to)),
    function("checkModifiers", 0..=32, Arguments::Values(check_modifiers)),
    function(
        "elementDefinition",
        0..=0,
        Arguments::None(|_, _| {
            let needs = "profiles, which expressions cannot see here";
            Err(EvalError::NotAvailable { place: "elementDefinition()", needs })
        }),
    ),
    function(
        "slice",
        2..=2,
        Arguments::Values(|_, _, _| {
            let needs = "profiles, which expressions cannot see here";
            Err(EvalError::NotAvailable { place: "slice()", needs })
        }),
    ),
];

/// The extensions with this URL.
fn extension<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let Some(url) = single_text(argument(arguments, 0), "extension()")? else {
        return Ok(Collection::Empty);
    };
    let mut found = Collection::Empty;
    for node in items.iter().filter_map(Item::node) {
        for child in node.children() {
            evaluator.charge(1)?;
            let is_it = child.name() == "extension"
                && child.child_text("url").is_some_and(|found| found == url);
            if is_it {
                found.push(Item::Node(child));
            }
        }
    }
    Ok(found)
}

/// Whether it is a single primitive with a value, not only extensions.
fn has_value<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    Ok(match items.as_slice() {
        // a number too large to compute with is a value all the same
        [Item::Node(node)] => !matches!(node.kind(), Kind::Object | Kind::Absent),
        [item] => primitive_value(item).is_some(),
        _ => false,
    }
    .into())
}

fn get_value<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    match items.as_slice() {
        [item] => Ok(primitive_value(item).into()),
        _ => Ok(Collection::Empty),
    }
}

fn primitive_value<'t>(item: &Item<'t>) -> Option<Item<'t>> {
    let is_primitive = item.fhir_type().is_none_or(|ty| ty.primitive().is_some());
    is_primitive.then(|| value(item)).flatten().map(crate::value::Value::into_item)
}

/// Narrative was checked when the resource came in; here the rule that it says something.
fn html_checks<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    let Some(item) = single(items.as_slice(), "htmlChecks()")? else {
        return Ok(Collection::Empty);
    };
    let is_narrative = match item {
        Item::Node(node) if node.ty() == TypeId::XHTML => node.text().is_some_and(|text| {
            text.starts_with("<div") && text.trim_end().ends_with("</div>") && says_something(&text)
        }),
        _ => false,
    };
    Ok(is_narrative.into())
}

/// Text outside of tags, or an image.
fn says_something(html: &str) -> bool {
    let mut in_tag = false;
    let has_text = html.chars().any(|c| {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ => return !in_tag && !c.is_whitespace(),
        }
        false
    });
    has_text || html.contains("<img")
}

/// Only whether it is of the type; profiles are for `$validate`.
fn conforms_to<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "conformsTo()";
    let item = single(items.as_slice(), place)?;
    let url = single_text(argument(arguments, 0), place)?;
    let (Some(item), Some(url)) = (item, url) else { return Ok(Collection::Empty) };
    let name = url.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
    let Some(ty) = name.and_then(TypeId::named) else {
        let message = format!("the structure {url} is not known");
        return Err(EvalError::WrongValue { place, message });
    };
    Ok(item.fhir_type().is_some_and(|found| found.is_a(ty)).into())
}

/// The input again, unless it has a modifier extension other than the ones named.
fn check_modifiers<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "checkModifiers()";
    let mut known = Vec::with_capacity(arguments.len());
    for argument in arguments {
        known.extend(single_text(argument.as_slice(), place)?);
    }
    let modifiers = |node: NodeRef<'t>| node.children().filter(|c| c.name() == "modifierExtension");
    for modifier in items.iter().filter_map(Item::node).flat_map(modifiers) {
        let url = modifier.child_text("url").unwrap_or_default();
        if !known.contains(&url) {
            let message = format!("the modifier extension {url} is not understood");
            return Err(EvalError::WrongValue { place, message });
        }
    }
    Ok(items)
}
