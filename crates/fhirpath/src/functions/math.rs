//! Math: <http://hl7.org/fhirpath/N1/#math-1>.

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};

use super::{Arguments, Function, argument, bare, function};
use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    quantity::Quantity,
    value::{single_integer, single_value, wrong_type},
};

/// A function to the whole numbers.
macro_rules! whole {
    ($name:literal, $rule:expr) => {
        bare($name, |_, items| {
            let rule: fn(Decimal) -> Decimal = $rule;
            let number = number(items.as_slice(), concat!($name, "()"))?;
            Ok(number.and_then(|number| rule(number).to_i64()).into())
        })
    };
}

/// A function that has no exact decimal.
macro_rules! inexact {
    ($name:literal, $rule:expr) => {
        bare($name, |_, items| {
            let rule: fn(f64) -> f64 = $rule;
            let number = number(items.as_slice(), concat!($name, "()"))?;
            Ok(number.and_then(|number| number.to_f64()).and_then(|x| decimal(rule(x))).into())
        })
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    whole!("ceiling", |number| number.ceil()),
    whole!("floor", |number| number.floor()),
    whole!("truncate", |number| number.trunc()),
    inexact!("exp", f64::exp),
    inexact!("ln", f64::ln),
    inexact!("sqrt", f64::sqrt),
    bare("abs", abs),
    function("log", 1..=1, Arguments::Values(log)),
    function("power", 1..=1, Arguments::Values(power)),
    function("round", 0..=1, Arguments::Values(round)),
];

/// A finite number; empty for the others, as the specification says of overflows.
fn decimal(number: f64) -> Option<Decimal> {
    Decimal::from_f64_retain(number).map(|number| number.round_dp(15).normalize())
}

fn number(items: &[Item<'_>], place: &'static str) -> Result<Option<Decimal>> {
    match single_value(items, place)?.as_deref() {
        None => Ok(None),
        Some(Item::Integer(number)) => Ok(Some((*number).into())),
        Some(Item::Decimal(number)) => Ok(Some(*number)),
        Some(other) => Err(wrong_type(other, place)),
    }
}

fn abs<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    let Some(value) = single_value(items.as_slice(), "abs()")? else {
        return Ok(Collection::Empty);
    };
    Ok(match &*value {
        Item::Integer(number) => number.checked_abs().map(Item::Integer),
        Item::Decimal(number) => Some(Item::Decimal(number.abs())),
        Item::Quantity(quantity) => Some(Item::Quantity(Quantity {
            value: quantity.value.abs(),
            unit: quantity.unit.clone(),
        })),
        other => return Err(wrong_type(other, "abs()")),
    }
    .into())
}

fn log<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let value = number(items.as_slice(), "log()")?.and_then(|value| value.to_f64());
    let base = number(argument(arguments, 0), "log()")?.and_then(|base| base.to_f64());
    Ok(value.zip(base).and_then(|(value, base)| decimal(value.log(base))).into())
}

/// Exact for whole exponents that fit.
fn power<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let exponent = single_value(argument(arguments, 0), "power()")?;
    let base = single_value(items.as_slice(), "power()")?;
    let (Some(base), Some(exponent)) = (base, exponent) else { return Ok(Collection::Empty) };
    if let (Item::Integer(base), Item::Integer(exponent)) = (&*base, &*exponent)
        && let Ok(exponent) = u32::try_from(*exponent)
    {
        return Ok(base.checked_pow(exponent).into());
    }
    let base = number(&[base.into_item()], "power()")?;
    let exponent = number(&[exponent.into_item()], "power()")?;
    let (Some(base), Some(exponent)) = (base, exponent) else { return Ok(Collection::Empty) };
    if exponent.is_integer() && (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&exponent) {
        let times = exponent.to_u32().unwrap_or_default();
        let product = (0..times).try_fold(Decimal::ONE, |product, _| product.checked_mul(base));
        return Ok(product.into());
    }
    let result = base.to_f64().zip(exponent.to_f64());
    Ok(result.and_then(|(base, exponent)| decimal(base.powf(exponent))).into())
}

/// Halves go away from zero.
fn round<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "round()";
    let Some(number) = number(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    let digits = single_integer(argument(arguments, 0), place)?.unwrap_or(0);
    let Ok(digits) = u32::try_from(digits) else {
        let message = "the number of digits must not be negative".to_owned();
        return Err(EvalError::WrongValue { place, message });
    };
    let rounded = number.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    Ok(Item::Decimal(rounded).into())
}
