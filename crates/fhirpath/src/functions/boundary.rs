//! What a value may stand for at a greater precision: `lowBoundary()`, `highBoundary()`,
//! `precision()`, and `comparable()`: <http://hl7.org/fhirpath/#lowboundaryprecision-integer-decimal--date--datetime--time>.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Arguments, Function, argument, bare, function};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    moment::{Moment, Precision},
    quantity::Quantity,
    value::{single_integer, single_value, wrong_type},
};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "lowBoundary",
        0..=1,
        Arguments::Values(|_, items, arguments| boundary(&items, arguments, End::Low)),
    ),
    function(
        "highBoundary",
        0..=1,
        Arguments::Values(|_, items, arguments| boundary(&items, arguments, End::High)),
    ),
    bare("precision", precision),
    function("comparable", 1..=1, Arguments::Values(comparable)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

/// Digits when none are asked for: of decimals, dates, date-times, times.
const DECIMAL: i64 = 8;
const DATE: i64 = 8;
const DATE_TIME: i64 = 17;
const TIME: i64 = 9;

fn boundary<'t>(
    items: &Collection<'t>,
    arguments: &[Operand<'_, 't>],
    end: End,
) -> Result<Collection<'t>> {
    let place = if end == End::Low { "lowBoundary()" } else { "highBoundary()" };
    let digits = single_integer(argument(arguments, 0), place)?;
    let Some(value) = single_value(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    Ok(match &*value {
        Item::Integer(number) => decimal((*number).into(), digits, end).map(Item::Decimal),
        Item::Decimal(number) => decimal(*number, digits, end).map(Item::Decimal),
        Item::Quantity(quantity) => decimal(quantity.value, digits, end)
            .map(|value| Item::Quantity(Quantity { value, unit: quantity.unit.clone() })),
        Item::Date(moment) => of_moment(*moment, digits.unwrap_or(DATE), end)
            .filter(|moment| moment.precision <= Precision::Day)
            .map(Item::Date),
        Item::DateTime(moment) => {
            of_moment(*moment, digits.unwrap_or(DATE_TIME), end).map(Item::DateTime)
        }
        // a time of day has the digits of a date-time without the date
        Item::Time(moment) => of_moment(*moment, digits.unwrap_or(TIME).saturating_add(DATE), end)
            .filter(|moment| moment.precision > Precision::Day)
            .map(|moment| Item::Time(Moment { offset: None, ..moment })),
        other => return Err(wrong_type(other, place)),
    }
    .into())
}

/// Half a unit of the last digit down or up, cut outwards to so many digits.
fn decimal(number: Decimal, digits: Option<i64>, end: End) -> Option<Decimal> {
    let digits = u32::try_from(digits.unwrap_or(DECIMAL)).ok().filter(|digits| *digits <= 28)?;
    // a number without a digit of this size is zero at this precision
    if digits < number.scale() && number.abs() < Decimal::new(1, digits) && !number.is_integer() {
        return Some(Decimal::new(0, digits));
    }
    let half = Decimal::try_new(5, number.scale() + 1).ok()?;
    let (exact, strategy) = match end {
        End::Low => (number.checked_sub(half)?, RoundingStrategy::ToNegativeInfinity),
        End::High => (number.checked_add(half)?, RoundingStrategy::ToPositiveInfinity),
    };
    let mut cut = exact.round_dp_with_strategy(digits, strategy);
    cut.rescale(digits);
    Some(cut)
}

fn of_moment(moment: Moment, digits: i64, end: End) -> Option<Moment> {
    let precision = Precision::from_digits(digits)?;
    Some(match end {
        End::Low => moment.low(precision),
        End::High => moment.high(precision),
    })
}

/// Digits after the point of a number; digits of a date or time.
fn precision<'t>(_: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    let place = "precision()";
    let Some(value) = single_value(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    let digits = match &*value {
        Item::Integer(_) => 0,
        Item::Decimal(number) => i64::from(number.scale()),
        Item::Date(moment) | Item::DateTime(moment) => moment.precision.digits().into(),
        Item::Time(moment) => i64::from(moment.precision.digits()) - DATE,
        other => return Err(wrong_type(other, place)),
    };
    Ok(Item::Integer(digits).into())
}

fn comparable<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "comparable()";
    let left = single_value(items.as_slice(), place)?;
    let right = single_value(argument(arguments, 0), place)?;
    match (left.as_deref(), right.as_deref()) {
        (Some(Item::Quantity(left)), Some(Item::Quantity(right))) => {
            Ok(left.is_comparable(right).into())
        }
        (Some(Item::Quantity(_)), Some(other)) | (Some(other), Some(_)) => {
            Err(wrong_type(other, place))
        }
        _ => Ok(Collection::Empty),
    }
}
