//! Types: <http://hl7.org/fhirpath/N1/#types>.

use super::{Arguments, Function, bare, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Result},
    item::Item,
    type_specifier::TypeSpecifier,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function("is", 1..=1, Arguments::Type(is)),
    function("as", 1..=1, Arguments::Type(cast)),
    function("ofType", 1..=1, Arguments::Type(of_type)),
    bare("type", |_, items| Ok(items.iter().map(|item| Item::Type(item.type_info())).collect())),
];

fn is<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    specifier: Option<&TypeSpecifier>,
) -> Result<Collection<'t>> {
    match (items.as_slice(), specifier) {
        ([item], Some(specifier)) => Ok(specifier.includes(item).into()),
        (items, _) if items.len() > 1 => {
            Err(EvalError::NotSingle { place: "is()", count: items.len() })
        }
        _ => Ok(Collection::Empty),
    }
}

fn cast<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    specifier: Option<&TypeSpecifier>,
) -> Result<Collection<'t>> {
    match specifier {
        Some(specifier) => evaluator.cast(items, specifier, "as()"),
        None => Ok(items),
    }
}

fn of_type<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    specifier: Option<&TypeSpecifier>,
) -> Result<Collection<'t>> {
    let Some(specifier) = specifier else { return Ok(items) };
    Ok(items.into_iter().filter(|item| specifier.selects(item)).collect())
}
