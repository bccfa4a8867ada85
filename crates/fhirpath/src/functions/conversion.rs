//! Conversion: <http://hl7.org/fhirpath/N1/#conversion>. Each `toX()` has its `convertsToX()`.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Arguments, Function, bare, function};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    moment::Moment,
    quantity::{Calendar, Quantity},
    value::single_value,
};

/// Two rows: the conversion and the question whether there is one.
macro_rules! conversion {
    ($rule:ident, $to:literal, $converts:literal) => {
        [
            bare($to, |_, items| Ok(converted(&items, $rule, concat!($to, "()"))?.into())),
            bare($converts, |_, items| question(&items, $rule, concat!($converts, "()"))),
        ]
    };
}

const fn rows() -> [Function; 18] {
    let [a1, a2] = conversion!(boolean, "toBoolean", "convertsToBoolean");
    let [b1, b2] = conversion!(integer, "toInteger", "convertsToInteger");
    let [c1, c2] = conversion!(decimal, "toDecimal", "convertsToDecimal");
    let [d1, d2] = conversion!(string, "toString", "convertsToString");
    let [e1, e2] = conversion!(date, "toDate", "convertsToDate");
    let [f1, f2] = conversion!(date_time, "toDateTime", "convertsToDateTime");
    let [g1, g2] = conversion!(time, "toTime", "convertsToTime");
    let [h1, h2] = conversion!(integer, "toLong", "convertsToLong");
    [
        a1,
        a2,
        b1,
        b2,
        c1,
        c2,
        d1,
        d2,
        e1,
        e2,
        f1,
        f2,
        g1,
        g2,
        h1,
        h2,
        function("toQuantity", 0..=1, Arguments::Values(to_quantity)),
        function("convertsToQuantity", 0..=1, Arguments::Values(converts_to_quantity)),
    ]
}

pub(super) const FUNCTIONS: &[Function] = &rows();

type Rule = for<'t> fn(&Item<'t>) -> Option<Item<'t>>;

fn converted<'t>(
    items: &Collection<'t>,
    rule: Rule,
    place: &'static str,
) -> Result<Option<Item<'t>>> {
    Ok(single_value(items.as_slice(), place)?.and_then(|value| rule(&value)))
}

fn question<'t>(items: &Collection<'t>, rule: Rule, place: &'static str) -> Result<Collection<'t>> {
    let value = single_value(items.as_slice(), place)?;
    Ok(value.map(|value| rule(&value).is_some()).into())
}

/// Words that are truth values, in lower case.
const TRUTHS: &[(&str, bool)] = &[
    ("true", true),
    ("t", true),
    ("yes", true),
    ("y", true),
    ("1", true),
    ("1.0", true),
    ("false", false),
    ("f", false),
    ("no", false),
    ("n", false),
    ("0", false),
    ("0.0", false),
];

fn boolean<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    let of_number =
        |number: Decimal| (number.is_zero() || number == Decimal::ONE).then(|| !number.is_zero());
    match value {
        Item::Boolean(truth) => Some(*truth),
        Item::Integer(number) => of_number((*number).into()),
        Item::Decimal(number) => of_number(*number),
        Item::String(text) => {
            TRUTHS.iter().find(|row| text.eq_ignore_ascii_case(row.0)).map(|row| row.1)
        }
        _ => None,
    }
    .map(Item::Boolean)
}

fn integer<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::Integer(number) => Some(*number),
        Item::Boolean(truth) => Some(i64::from(*truth)),
        Item::String(text) => text.parse().ok(),
        _ => None,
    }
    .map(Item::Integer)
}

fn decimal<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::Decimal(number) => Some(*number),
        Item::Integer(number) => Some((*number).into()),
        Item::Boolean(truth) => Some(i64::from(*truth).into()),
        Item::String(text) => number(text),
        _ => None,
    }
    .map(Item::Decimal)
}

/// `[+-]?\d+(\.\d+)?`
fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    is_number.then(|| text.parse().ok()).flatten()
}

fn string<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::String(_) => Some(value.clone()),
        Item::Type(_) | Item::Resolved(_) | Item::Node(_) => None,
        _ => Some(Item::from(value.to_string())),
    }
}

fn date<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::Date(moment) | Item::DateTime(moment) => Some(moment.date()),
        Item::String(text) => Moment::parse_date_time(text).map(Moment::date),
        _ => None,
    }
    .map(Item::Date)
}

fn date_time<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::Date(moment) | Item::DateTime(moment) => Some(*moment),
        Item::String(text) => Moment::parse_date_time(text),
        _ => None,
    }
    .map(Item::DateTime)
}

fn time<'t>(value: &Item<'t>) -> Option<Item<'t>> {
    match value {
        Item::Time(moment) => Some(*moment),
        Item::String(text) => Moment::parse_time(text),
        _ => None,
    }
    .map(Item::Time)
}

fn quantity<'t>(value: &Item<'t>) -> Option<Quantity<'t>> {
    match value {
        Item::Quantity(quantity) => Some(quantity.clone()),
        Item::Integer(number) => Some(Quantity::plain((*number).into())),
        Item::Decimal(number) => Some(Quantity::plain(*number)),
        Item::Boolean(truth) => Some(Quantity::plain(i64::from(*truth).into())),
        Item::String(text) => quantity_of_text(text),
        _ => None,
    }
}

/// A number, perhaps followed by a word of the calendar or a UCUM code in quotes.
fn quantity_of_text(text: &str) -> Option<Quantity<'static>> {
    let text = text.trim();
    let Some((value, unit)) = text.split_once(|c: char| c.is_ascii_whitespace()) else {
        return number(text).map(Quantity::plain);
    };
    let (value, unit) = (number(value)?, unit.trim_start());
    match unit.strip_prefix('\'').and_then(|unit| unit.strip_suffix('\'')) {
        Some(code) if !code.is_empty() && !code.contains('\'') => {
            Some(Quantity::in_unit(value, code.to_owned()))
        }
        Some(_) => None,
        None => Calendar::named(unit).map(|_| Quantity::in_unit(value, unit.to_owned())),
    }
}

/// With an argument: in that unit.
fn to_quantity<'t>(
    _: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "toQuantity()";
    let Some(value) = single_value(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    let found = quantity(&value);
    let found = match arguments.first() {
        None => found,
        Some(unit) => {
            let unit = crate::value::single_text(unit.as_slice(), place)?.map(Cow::into_owned);
            found.zip(unit).and_then(|(found, unit)| found.in_other_unit(unit))
        }
    };
    Ok(found.map(Item::Quantity).into())
}

fn converts_to_quantity<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    if items.is_empty() {
        return Ok(items);
    }
    Ok((!to_quantity(evaluator, items, arguments)?.is_empty()).into())
}
