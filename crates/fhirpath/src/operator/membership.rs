//! `in` and `contains`: <http://hl7.org/fhirpath/N1/#collections-2>.

use super::equality;
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Result},
    item::Item,
};

pub(super) fn is_in<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    member(evaluator, left, right, "in")
}

pub(super) fn contains<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    member(evaluator, right, left, "contains")
}

fn member<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    element: &[Item<'t>],
    collection: &[Item<'t>],
    place: &'static str,
) -> Result<Collection<'t>> {
    match element {
        [] => Ok(Collection::Empty),
        [element] => Ok(equality::holds(evaluator, collection, element)?.into()),
        items => Err(EvalError::NotSingle { place, count: items.len() }),
    }
}
