//! Subsetting: <http://hl7.org/fhirpath/N1/#subsetting>.

use super::{Arguments, Function, argument, bare, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    operator::equality::Set,
    value::single_integer,
};

pub(super) const FUNCTIONS: &[Function] = &[
    bare("single", single),
    bare("first", |_, items| Ok(items.into_iter().next().into())),
    bare("last", |_, items| Ok(items.into_iter().last().into())),
    bare("tail", |_, items| Ok(items.into_iter().skip(1).collect())),
    function("skip", 1..=1, Arguments::Values(skip)),
    function("take", 1..=1, Arguments::Values(take)),
    function("intersect", 1..=1, Arguments::Values(intersect)),
    function("exclude", 1..=1, Arguments::Values(exclude)),
];

/// `items[index]`
pub(crate) fn at<'t>(items: Collection<'t>, index: &[Item<'t>]) -> Result<Collection<'t>> {
    let index = single_integer(index, "the indexer")?.and_then(|index| usize::try_from(index).ok());
    Ok(index.and_then(|index| items.into_iter().nth(index)).into())
}

fn single<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    match items.len() {
        0 | 1 => Ok(items),
        count => Err(EvalError::NotSingle { place: "single()", count }),
    }
}

fn skip<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let count = count(arguments, "skip()")?;
    Ok(count.map_or(Collection::Empty, |count| items.into_iter().skip(count).collect()))
}

fn take<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let count = count(arguments, "take()")?;
    Ok(count.map_or(Collection::Empty, |count| items.into_iter().take(count).collect()))
}

/// A number of items; a negative one is none.
fn count(arguments: &[Operand<'_, '_>], place: &'static str) -> Result<Option<usize>> {
    let count = single_integer(argument(arguments, 0), place)?;
    Ok(count.map(|count| usize::try_from(count).unwrap_or(0)))
}

/// The items that the other collection has too, each once.
fn intersect<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let other = set(evaluator, argument(arguments, 0))?;
    let mut both = Set::default();
    for item in items {
        if other.contains(evaluator, &item)? {
            both.insert(evaluator, item)?;
        }
    }
    Ok(both.into_items())
}

/// The items that the other collection has not; repetitions stay.
fn exclude<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let other = set(evaluator, argument(arguments, 0))?;
    let mut kept = Collection::Empty;
    for item in items {
        if !other.contains(evaluator, &item)? {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn set<'t>(evaluator: &mut Evaluator<'_, 't>, items: &[Item<'t>]) -> Result<Set<'t>> {
    let mut set = Set::default();
    for item in items {
        set.insert(evaluator, item.clone())?;
    }
    Ok(set)
}
