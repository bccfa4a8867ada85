//! Existence: <http://hl7.org/fhirpath/N1/#existence>.

use super::{Arguments, Function, argument, bare, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result, Scope},
    expression::Expr,
    item::Item,
    operator::{
        equality::{self, Set},
        logic,
    },
    value::{value, wrong_type},
};

pub(super) const FUNCTIONS: &[Function] = &[
    bare("empty", |_, items| Ok(items.is_empty().into())),
    bare("not", |_, items| Ok(logic::truth(items.as_slice(), "not()")?.map(|truth| !truth).into())),
    bare("count", |_, items| Ok(i64::try_from(items.len()).ok().into())),
    bare("distinct", equality::distinct),
    bare("isDistinct", is_distinct),
    bare("allTrue", |_, items| Ok(truths(&items, "allTrue()")?.iter().all(|truth| *truth).into())),
    bare("anyTrue", |_, items| Ok(truths(&items, "anyTrue()")?.iter().any(|truth| *truth).into())),
    bare("allFalse", |_, items| {
        Ok(truths(&items, "allFalse()")?.iter().all(|truth| !truth).into())
    }),
    bare("anyFalse", |_, items| {
        Ok(truths(&items, "anyFalse()")?.iter().any(|truth| !truth).into())
    }),
    function("exists", 0..=1, Arguments::Lambda(exists)),
    function("all", 1..=1, Arguments::Lambda(all)),
    function("subsetOf", 1..=1, Arguments::Values(subset_of)),
    function("supersetOf", 1..=1, Arguments::Values(superset_of)),
];

fn exists<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let [criterion] = arguments else { return Ok((!items.is_empty()).into()) };
    for (index, item) in items.iter().enumerate() {
        if evaluator.test(criterion, &scope.item(item, index))? {
            return Ok(true.into());
        }
    }
    Ok(false.into())
}

fn all<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    for (index, item) in items.iter().enumerate() {
        for criterion in arguments {
            if !evaluator.test(criterion, &scope.item(item, index))? {
                return Ok(false.into());
            }
        }
    }
    Ok(true.into())
}

fn is_distinct<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
) -> Result<Collection<'t>> {
    let mut set = Set::default();
    for item in items {
        if !set.insert(evaluator, item)? {
            return Ok(false.into());
        }
    }
    Ok(true.into())
}

fn subset_of<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    is_subset(evaluator, items.as_slice(), argument(arguments, 0))
}

fn superset_of<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    is_subset(evaluator, argument(arguments, 0), items.as_slice())
}

fn is_subset<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: &[Item<'t>],
    whole: &[Item<'t>],
) -> Result<Collection<'t>> {
    let mut set = Set::default();
    for item in whole {
        set.insert(evaluator, item.clone())?;
    }
    for item in items {
        if !set.contains(evaluator, item)? {
            return Ok(false.into());
        }
    }
    Ok(true.into())
}

/// All items as booleans.
fn truths(items: &Collection<'_>, place: &'static str) -> Result<Vec<bool>, EvalError> {
    let truth = |item| match value(item).as_deref() {
        Some(Item::Boolean(truth)) => Ok(*truth),
        _ => Err(wrong_type(item, place)),
    };
    items.iter().map(truth).collect()
}
