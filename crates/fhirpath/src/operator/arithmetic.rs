//! `+ - * / div mod &` and the sign: <http://hl7.org/fhirpath/N1/#math>. What overflows or divides by
//! zero is empty.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::equality::number;
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Result},
    item::Item,
    moment::Moment,
    quantity::Quantity,
    value::{single_text, single_value, wrong_type},
};

/// An operator on two single values: its function, its symbol, the rule.
macro_rules! arithmetic {
    ($name:ident, $symbol:literal, $rule:expr) => {
        pub(super) fn $name<'t>(
            evaluator: &mut Evaluator<'_, 't>,
            left: &[Item<'t>],
            right: &[Item<'t>],
        ) -> Result<Collection<'t>> {
            let (Some(left), Some(right)) =
                (single_value(left, $symbol)?, single_value(right, $symbol)?)
            else {
                return Ok(Collection::Empty);
            };
            let rule: fn(&mut Evaluator<'_, 't>, &Item<'t>, &Item<'t>) -> Outcome<'t> = $rule;
            match rule(evaluator, &left, &right) {
                Some(result) => Ok(result?.into()),
                None => Err(not_defined(&left, &right, $symbol)),
            }
        }
    };
}

/// `None` when the rule does not cover the types; an inner `None` for the empty collection.
type Outcome<'t> = Option<Result<Option<Item<'t>>>>;

arithmetic!(add, "+", |evaluator, left, right| Some(Ok(match (left, right) {
    (Item::Integer(left), Item::Integer(right)) => left.checked_add(*right).map(Item::Integer),
    (Item::String(left), Item::String(right)) => {
        if let Err(error) = evaluator.charge((left.len() + right.len()) / 32) {
            return Some(Err(error));
        }
        Some(Item::from(format!("{left}{right}")))
    }
    (Item::Quantity(left), Item::Quantity(right)) => left.plus(right).map(Item::Quantity),
    (moment, Item::Quantity(quantity)) => return shift(moment, quantity, "+"),
    _ => number(left)?.checked_add(number(right)?).map(Item::Decimal),
})));

arithmetic!(subtract, "-", |_, left, right| Some(Ok(match (left, right) {
    (Item::Integer(left), Item::Integer(right)) => left.checked_sub(*right).map(Item::Integer),
    (Item::Quantity(left), Item::Quantity(right)) => {
        left.plus(&right.clone().negated()).map(Item::Quantity)
    }
    (moment, Item::Quantity(quantity)) => return shift(moment, &quantity.clone().negated(), "-"),
    _ => number(left)?.checked_sub(number(right)?).map(Item::Decimal),
})));

arithmetic!(multiply, "*", |_, left, right| Some(Ok(match (left, right) {
    (Item::Integer(left), Item::Integer(right)) => left.checked_mul(*right).map(Item::Integer),
    (Item::Quantity(_), _) | (_, Item::Quantity(_)) => {
        quantity(left)?.times(&quantity(right)?).map(Item::Quantity)
    }
    _ => number(left)?.checked_mul(number(right)?).map(Item::Decimal),
})));

arithmetic!(divide, "/", |_, left, right| Some(Ok(match (left, right) {
    (Item::Quantity(_), _) | (_, Item::Quantity(_)) => {
        quantity(left)?.divided_by(&quantity(right)?).map(Item::Quantity)
    }
    _ => number(left)?.checked_div(number(right)?).map(Item::Decimal),
})));

arithmetic!(divide_whole, "div", |_, left, right| Some(Ok(match (left, right) {
    (Item::Integer(left), Item::Integer(right)) => left.checked_div(*right).map(Item::Integer),
    _ => whole(number(left)?.checked_div(number(right)?)),
})));

arithmetic!(remainder, "mod", |_, left, right| Some(Ok(match (left, right) {
    (Item::Integer(left), Item::Integer(right)) => left.checked_rem(*right).map(Item::Integer),
    _ => number(left)?.checked_rem(number(right)?).map(Item::Decimal),
})));

/// Without what is behind the point.
fn whole<'t>(quotient: Option<Decimal>) -> Option<Item<'t>> {
    quotient.and_then(|quotient| quotient.trunc().to_i64()).map(Item::Integer)
}

/// A date or time moved by a length of time.
fn shift<'t>(moment: &Item<'t>, quantity: &Quantity<'_>, place: &'static str) -> Outcome<'t> {
    let (moment, make): (&Moment, fn(Moment) -> Item<'t>) = match moment {
        Item::Date(moment) => (moment, Item::Date),
        Item::DateTime(moment) => (moment, Item::DateTime),
        Item::Time(moment) => (moment, Item::Time),
        _ => return None,
    };
    let Some(span) = quantity.span() else {
        let message = format!("'{}' is not a length of time to count in", quantity.unit_text());
        return Some(Err(EvalError::WrongValue { place, message }));
    };
    let moved = if let Item::Time(_) = make(*moment) {
        moment.plus_round_the_clock(span)
    } else {
        moment.plus(span)
    };
    Some(Ok(moved.map(make)))
}

/// A quantity, or a number as one without unit.
fn quantity<'t>(item: &Item<'t>) -> Option<Quantity<'t>> {
    if let Item::Quantity(quantity) = item {
        return Some(quantity.clone());
    }
    number(item).map(Quantity::plain)
}

/// `&`: an empty operand is an empty string.
pub(super) fn concatenate<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    let left = single_text(left, "&")?.unwrap_or_default();
    let right = single_text(right, "&")?.unwrap_or_default();
    evaluator.charge((left.len() + right.len()) / 32)?;
    Ok(Item::from(format!("{left}{right}")).into())
}

/// The sign turned.
pub(crate) fn negate<'t>(operand: &Collection<'t>) -> Result<Collection<'t>> {
    let Some(value) = single_value(operand.as_slice(), "-")? else { return Ok(Collection::Empty) };
    Ok(match &*value {
        Item::Integer(number) => number.checked_neg().map(Item::Integer).into(),
        Item::Decimal(number) => Item::Decimal(Decimal::ZERO - number).into(),
        Item::Quantity(quantity) => Item::Quantity(quantity.clone().negated()).into(),
        other => return Err(wrong_type(other, "-")),
    })
}

fn not_defined(left: &Item<'_>, right: &Item<'_>, place: &'static str) -> EvalError {
    let found = format!("{} and {}", left.type_info(), right.type_info());
    EvalError::WrongType { place, found }
}
