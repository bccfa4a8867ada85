//! Numbers as they are searched for: <https://hl7.org/fhir/R4/search.html#number>.

use fhirpath::ucum;
use rust_decimal::Decimal;

use crate::plan::{Comparison, NumberTest};

/// A prefix applied to a number. Without prefix, and with `ne`, the number covers what rounds to it at
/// the digits given: 100 is [99.5, 100.5), 100.00 is [99.995, 100.005). `ap` is a tenth to both sides.
/// `None` when this is no number.
pub(crate) fn test(comparison: Comparison, text: &str) -> Option<NumberTest> {
    compare(comparison, &searched(text)?, real)
}

/// The same for a number with a UCUM unit, in base units; with the canonical text of these. The range is
/// that of the number as it is written, in its own unit. `None` also when the unit is not known.
pub(crate) fn canonical(
    comparison: Comparison,
    text: &str,
    unit: &str,
) -> Option<(NumberTest, Box<str>)> {
    let searched = searched(text)?;
    let (_, base) = ucum::canonical(searched.value, unit)?;
    // every scale that is known rises: a lower value stays lower
    let convert = |value| real(ucum::canonical(value, unit)?.0);
    Some((compare(comparison, &searched, convert)?, base.into()))
}

/// The number alone.
pub(crate) fn value(text: &str) -> Option<Decimal> {
    searched(text).map(|searched| searched.value)
}

fn compare(
    comparison: Comparison,
    Searched { value, half_unit }: &Searched,
    real: impl Fn(Decimal) -> Option<f64>,
) -> Option<NumberTest> {
    let around =
        |width: Decimal| Some((real(value.checked_sub(width)?)?, real(value.checked_add(width)?)?));
    Some(match comparison {
        Comparison::Equal => around(*half_unit).map(|(lo, hi)| NumberTest::Within(lo, hi))?,
        Comparison::NotEqual => around(*half_unit).map(|(lo, hi)| NumberTest::Outside(lo, hi))?,
        Comparison::Approximate => around(value.abs() / Decimal::TEN)
            .map(|(lo, hi)| NumberTest::Within(lo, hi.next_up()))?,
        Comparison::Greater | Comparison::StartsAfter => NumberTest::Greater(real(*value)?),
        Comparison::GreaterOrEqual => NumberTest::GreaterOrEqual(real(*value)?),
        Comparison::Less | Comparison::EndsBefore => NumberTest::Less(real(*value)?),
        Comparison::LessOrEqual => NumberTest::LessOrEqual(real(*value)?),
    })
}

struct Searched {
    value: Decimal,
    half_unit: Decimal,
}

/// `[+-]digits[.digits][e[+-]digits]`. With an exponent and without a fraction the specification reads
/// `1e2` as `1.0e2`: [95, 105).
fn searched(text: &str) -> Option<Searched> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(integer(exponent)?)),
        None => (text, None),
    };
    let digits = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_number = !whole.is_empty() && all_digits(whole) && all_digits(fraction);
    if !is_number || (fraction.is_empty() && digits.contains('.')) {
        return None;
    }
    let least = match exponent {
        Some(_) => fraction.len().max(1),
        None => fraction.len(),
    };
    let exponent = exponent.unwrap_or(0);
    let scale = i32::try_from(least).ok()?.checked_sub(exponent)?.checked_add(1)?;
    Some(Searched {
        value: shift(mantissa.parse().ok()?, exponent)?,
        half_unit: shift(Decimal::from(5), scale.checked_neg()?)?,
    })
}

fn integer(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    (digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `value * 10^exponent` as far as 28 digits go.
fn shift(value: Decimal, exponent: i32) -> Option<Decimal> {
    let steps = Some(exponent.unsigned_abs()).filter(|steps| *steps <= 56)?;
    let factor = if exponent < 0 { Decimal::new(1, 1) } else { Decimal::TEN };
    (0..steps).try_fold(value, |value, _| value.checked_mul(factor))
}

/// The nearest floating-point number, as for the values in the index: by way of the decimal text.
pub(crate) fn real(value: Decimal) -> Option<f64> {
    value.normalize().to_string().parse::<f64>().ok().map(|value| value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_given_are_the_precision() {
        let cases = [
            ("100", Some((99.5, 100.5))),
            ("100.00", Some((99.995, 100.005))),
            ("1e2", Some((95.0, 105.0))),
            ("8.0e-1", Some((0.795, 0.805))),
            ("0.8", Some((0.75, 0.85))),
            ("-2.5", Some((-2.55, -2.45))),
            ("+5", Some((4.5, 5.5))),
            ("5.4e-3", Some((0.00535, 0.00545))),
            ("0", Some((-0.5, 0.5))),
            ("", None),
            ("-", None),
            ("1.", None),
            (".5", None),
            ("high", None),
            ("1e", None),
            ("1e999", None),
            ("1e99999999999", None),
            ("0x10", None),
            ("1_000", None),
            ("NaN", None),
            ("99999999999999999999999999999999999999", None),
        ];
        for (text, range) in cases {
            let expected = range.map(|(lo, hi)| NumberTest::Within(lo, hi));
            assert_eq!(test(Comparison::Equal, text), expected, "{text}");
        }
    }

    #[test]
    fn prefixes_take_the_number_as_exact() {
        let cases = [
            (Comparison::NotEqual, NumberTest::Outside(0.75, 0.85)),
            (Comparison::Approximate, NumberTest::Within(0.72, 0.88_f64.next_up())),
            (Comparison::Greater, NumberTest::Greater(0.8)),
            (Comparison::StartsAfter, NumberTest::Greater(0.8)),
            (Comparison::GreaterOrEqual, NumberTest::GreaterOrEqual(0.8)),
            (Comparison::Less, NumberTest::Less(0.8)),
            (Comparison::EndsBefore, NumberTest::Less(0.8)),
            (Comparison::LessOrEqual, NumberTest::LessOrEqual(0.8)),
        ];
        for (comparison, expected) in cases {
            assert_eq!(test(comparison, "0.8"), Some(expected));
        }
    }
}
