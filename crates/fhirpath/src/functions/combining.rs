//! Combining: <http://hl7.org/fhirpath/N1/#combining>.

use super::{Arguments, Function, argument, function};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    operator::equality,
};

pub(super) const FUNCTIONS: &[Function] = &[
    function("union", 1..=1, Arguments::Values(union)),
    function("combine", 1..=1, Arguments::Values(combine)),
];

fn union<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let all = combine(evaluator, items, arguments)?;
    equality::distinct(evaluator, all)
}

/// Repetitions stay.
fn combine<'t>(
    _: &mut Evaluator<'_, 't>,
    mut items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    items.extend(argument(arguments, 0).iter().cloned());
    Ok(items)
}
