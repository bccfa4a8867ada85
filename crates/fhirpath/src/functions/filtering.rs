//! Filtering and projection: <http://hl7.org/fhirpath/N1/#filtering-and-projection>, and `sort()`.

use std::cmp::Ordering;

use super::{Arguments, Function, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result, Scope},
    expression::Expr,
    item::Item,
    operator::{comparison, equality::Set, logic},
    value::single_value,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function("where", 1..=1, Arguments::Lambda(filter)),
    function("select", 1..=1, Arguments::Lambda(select)),
    function("repeat", 1..=1, Arguments::Lambda(repeat)),
    function("iif", 2..=3, Arguments::Lambda(iif)),
    function("sort", 0..=8, Arguments::Lambda(sort)),
    function("coalesce", 1..=32, Arguments::Lambda(coalesce)),
    function("trace", 1..=2, Arguments::Lambda(trace)),
    function("defineVariable", 1..=2, Arguments::Definition),
];

fn filter<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let [criterion] = arguments else { return Ok(items) };
    let mut kept = Collection::Empty;
    for (index, item) in items.into_iter().enumerate() {
        if evaluator.test(criterion, &scope.item(&item, index))? {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn select<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let [projection] = arguments else { return Ok(items) };
    let mut found = Collection::Empty;
    for (index, item) in items.iter().enumerate() {
        found.extend(evaluator.eval(projection, &scope.item(item, index))?);
    }
    Ok(found)
}

/// The projection of the items, of what it gives, and so on; equal items once.
fn repeat<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    mut items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let mut found = Set::default();
    while !items.is_empty() {
        let mut new = Collection::Empty;
        for item in select(evaluator, items, arguments, scope)? {
            if found.insert(evaluator, item.clone())? {
                new.push(item);
            }
        }
        items = new;
    }
    Ok(found.into_items())
}

/// Evaluates only the branch that is taken.
fn iif<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    if items.len() > 1 {
        return Err(EvalError::NotSingle { place: "iif()", count: items.len() });
    }
    let [criterion, then, otherwise @ ..] = arguments else { return Ok(items) };
    let scope = Scope { this: items.as_slice(), ..*scope };
    let criterion = evaluator.operand(criterion, &scope)?;
    if logic::truth(criterion.as_slice(), "iif()")? == Some(true) {
        evaluator.eval(then, &scope)
    } else {
        otherwise.first().map_or(Ok(Collection::Empty), |branch| evaluator.eval(branch, &scope))
    }
}

/// The first argument that is not empty.
fn coalesce<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    _: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    for argument in arguments {
        let value = evaluator.eval(argument, scope)?;
        if !value.is_empty() {
            return Ok(value);
        }
    }
    Ok(Collection::Empty)
}

fn trace<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let (Some(tracer), [name, projection @ ..]) = (evaluator.context.tracer, arguments) else {
        return Ok(items);
    };
    let name = evaluator.operand(name, scope)?;
    let name = crate::value::single_text(name.as_slice(), "trace()")?.unwrap_or_default();
    if projection.is_empty() {
        tracer(&name, items.as_slice());
    } else {
        let shown = select(evaluator, items.clone(), projection, scope)?;
        tracer(&name, shown.as_slice());
    }
    Ok(items)
}

/// By the keys in turn; a key with a minus before it sorts downwards. No key comes first either way.
fn sort<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    keys: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let mut rows = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let mut values = Vec::with_capacity(keys.len().max(1));
        for key in keys {
            let key = if let Expr::Negate(key) = key { key } else { key };
            let key = evaluator.operand(key, &scope.item(&item, index))?;
            values.push(key_value(&key)?);
        }
        if keys.is_empty() {
            values.push(key_value(&Operand::Value(item.clone().into()))?);
        }
        rows.push((item, values));
    }
    // sorting compares n log n times
    evaluator.charge(rows.len() * (rows.len().max(1).ilog2() as usize + 1))?;
    let mut failure = None;
    rows.sort_by(|(_, left), (_, right)| {
        for (place, (left, right)) in left.iter().zip(right).enumerate() {
            let direction = match keys.get(place) {
                Some(Expr::Negate(_)) => Direction::Downwards,
                _ => Direction::Upwards,
            };
            let order = match compare_keys(left.as_ref(), right.as_ref(), direction) {
                Ok(order) => order,
                Err(error) => {
                    failure.get_or_insert(error);
                    Ordering::Equal
                }
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    });
    failure.map_or_else(|| Ok(rows.into_iter().map(|(item, _)| item).collect()), Err)
}

fn key_value<'t>(key: &Operand<'_, 't>) -> Result<Option<Item<'t>>> {
    Ok(single_value(key.as_slice(), "sort()")?.map(crate::value::Value::into_item))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Upwards,
    Downwards,
}

fn compare_keys(
    left: Option<&Item<'_>>,
    right: Option<&Item<'_>>,
    direction: Direction,
) -> Result<Ordering> {
    match (left, right) {
        (Some(left), Some(right)) => {
            let order = comparison::order(left, right, "sort()")?.unwrap_or(Ordering::Equal);
            Ok(if direction == Direction::Downwards { order.reverse() } else { order })
        }
        (left, right) => Ok(left.is_some().cmp(&right.is_some())),
    }
}
