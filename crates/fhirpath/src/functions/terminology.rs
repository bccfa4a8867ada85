//! Codes in value sets, as far as the definitions list them: <https://hl7.org/fhir/R4/fhirpath.html#functions>.

use fhir_model::{
    NodeRef, TypeId,
    definitions::{CodeList, r4},
};

use super::{Arguments, Function, argument, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    value::{single, single_text, wrong_type},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function("memberOf", 1..=1, Arguments::Values(member_of)),
    function(
        "subsumes",
        1..=1,
        Arguments::Values(|_, _, _| {
            Err(EvalError::NotAvailable { place: "subsumes()", needs: SERVICE })
        }),
    ),
    function(
        "subsumedBy",
        1..=1,
        Arguments::Values(|_, _, _| {
            Err(EvalError::NotAvailable { place: "subsumedBy()", needs: SERVICE })
        }),
    ),
];

const SERVICE: &str = "a terminology service";

fn member_of<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "memberOf()";
    let item = single(items.as_slice(), place)?;
    let url = single_text(argument(arguments, 0), place)?;
    let (Some(item), Some(url)) = (item, url) else { return Ok(Collection::Empty) };
    let url = url.split_once('|').map_or(&*url, |(url, _)| url);
    let Some(list) = r4().code_lists().iter().find(|list| list.url == url) else {
        return Err(EvalError::NotAvailable { place, needs: SERVICE });
    };
    Ok(match item {
        Item::String(code) => list.contains(code),
        Item::Node(node) if node.ty() == TypeId::CODING => holds_coding(list, *node),
        Item::Node(node) if node.ty() == TypeId::CODEABLE_CONCEPT => {
            node.children().any(|child| child.name() == "coding" && holds_coding(list, child))
        }
        Item::Node(node) if node.ty().primitive().is_some() => {
            node.text().is_some_and(|code| list.contains(&code))
        }
        other => return Err(wrong_type(other, place)),
    }
    .into())
}

fn holds_coding(list: &CodeList, coding: NodeRef<'_>) -> bool {
    match (coding.child_text("system"), coding.child_text("code")) {
        (Some(system), Some(code)) => list.contains_coding(&system, &code),
        _ => false,
    }
}
