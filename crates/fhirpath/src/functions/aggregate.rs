//! Aggregates: <http://hl7.org/fhirpath/N1/#aggregates>.

use super::{Arguments, Function, function};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result, Scope},
    expression::Expr,
};

pub(super) const FUNCTIONS: &[Function] =
    &[function("aggregate", 1..=2, Arguments::Lambda(aggregate))];

/// `$total` is what the expression gave for the item before.
fn aggregate<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Expr],
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let [aggregator, start @ ..] = arguments else { return Ok(items) };
    let mut total = match start.first() {
        Some(start) => evaluator.eval(start, scope)?,
        None => Collection::Empty,
    };
    for (index, item) in items.iter().enumerate() {
        let inner = Scope { total: Some(&total), ..scope.item(item, index) };
        total = evaluator.eval(aggregator, &inner)?;
    }
    Ok(total)
}
