//! Numbers as they are searched for: <https://hl7.org/fhir/R4/search.html#number>.

use fhirpath::ucum;
use rust_decimal::Decimal;

use crate::plan::{Comparison, NumberTest};

/// The most digits of a [`Decimal`] that are always exact.
const DIGITS_MAX: i64 = 28;

/// A prefix applied to a number. Without prefix, and with `ne`, the number covers what rounds to it at
/// the digits given: 100 is [99.5, 100.5), 100.00 is [99.995, 100.005). `ap` is a tenth to both sides.
/// What is in the index is the nearest floating-point number, which is covered even where its neighbours are farther
/// away than that. `None` when this is no number.
pub(crate) fn test(comparison: Comparison, text: &str) -> Option<NumberTest> {
    let number = number(text)?;
    match number.searched() {
        Some(searched) => compare(comparison, &searched, real),
        None => number.compare_afar(comparison),
    }
}

/// The same for a number with a UCUM unit, in base units; with the canonical text of these. The range is
/// that of the number as it is written, in its own unit. `None` also when the unit is not known.
pub(crate) fn canonical(
    comparison: Comparison,
    text: &str,
    unit: &str,
) -> Option<(NumberTest, Box<str>)> {
    let searched = number(text)?.searched()?;
    let (_, base) = ucum::canonical(searched.value, unit)?;
    // every scale that is known rises: a lower value stays lower
    let convert = |value| real(ucum::canonical(value, unit)?.0);
    Some((compare(comparison, &searched, convert)?, base.into()))
}

/// The number alone.
pub(crate) fn value(text: &str) -> Option<Decimal> {
    let number = number(text)?;
    shift(number.mantissa.parse().ok()?, number.exponent)
}

fn compare(
    comparison: Comparison,
    Searched { value, half_unit }: &Searched,
    real: impl Fn(Decimal) -> Option<f64>,
) -> Option<NumberTest> {
    let around =
        |width: Decimal| Some((real(value.checked_sub(width)?)?, real(value.checked_add(width)?)?));
    let point = real(*value)?;
    Some(match comparison {
        Comparison::Equal => around(*half_unit).map(|(lo, hi)| within(lo, point, hi))?,
        Comparison::NotEqual => around(*half_unit).map(|(lo, hi)| outside(lo, point, hi))?,
        Comparison::Approximate => around(value.abs() / Decimal::TEN)
            .map(|(lo, hi)| NumberTest::Within(lo, hi.next_up()))?,
        Comparison::Greater
        | Comparison::StartsAfter
        | Comparison::GreaterOrEqual
        | Comparison::Less
        | Comparison::EndsBefore
        | Comparison::LessOrEqual => beside(comparison, point),
    })
}

/// From `lo` on and below `hi`, and the number itself.
fn within(lo: f64, point: f64, hi: f64) -> NumberTest {
    NumberTest::Within(lo, hi.max(point.next_up()))
}

/// The opposite.
fn outside(lo: f64, point: f64, hi: f64) -> NumberTest {
    NumberTest::Outside(lo, hi.max(point.next_up()))
}

/// The prefixes that take the number as exact.
fn beside(comparison: Comparison, point: f64) -> NumberTest {
    match comparison {
        Comparison::Greater | Comparison::StartsAfter => NumberTest::Greater(point),
        Comparison::GreaterOrEqual => NumberTest::GreaterOrEqual(point),
        Comparison::Less | Comparison::EndsBefore => NumberTest::Less(point),
        Comparison::LessOrEqual => NumberTest::LessOrEqual(point),
        Comparison::Equal | Comparison::NotEqual | Comparison::Approximate => {
            NumberTest::Within(point, point.next_up())
        }
    }
}

struct Searched {
    value: Decimal,
    half_unit: Decimal,
}

/// A number as it is written.
struct Number<'t> {
    text: &'t str,
    mantissa: &'t str,
    exponent: i32,
    /// Half a unit of the last digit is 5 at this power of ten.
    half_unit: i32,
}

/// `[+-]digits[.digits][e[+-]digits]`. With an exponent and without a fraction the specification reads
/// `1e2` as `1.0e2`: [95, 105).
fn number(text: &str) -> Option<Number<'_>> {
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
    let half_unit = exponent.checked_sub(i32::try_from(least).ok()?)?.checked_sub(1)?;
    Some(Number { text, mantissa, exponent, half_unit })
}

impl Number<'_> {
    /// Exactly, when it has no more digits than that takes.
    fn searched(&self) -> Option<Searched> {
        let digits = self.mantissa.bytes().filter(u8::is_ascii_digit).count();
        let digits = i64::try_from(digits).ok()?;
        // the digits before and behind the point, of the number and of half its unit
        if digits + i64::from(self.exponent.max(0)) > DIGITS_MAX
            || i64::from(self.half_unit) < -DIGITS_MAX
        {
            return None;
        }
        Some(Searched {
            value: shift(self.mantissa.parse().ok()?, self.exponent)?,
            half_unit: shift(Decimal::from(5), self.half_unit)?,
        })
    }

    /// As near as floating-point numbers are; `None` beyond the largest.
    fn compare_afar(&self, comparison: Comparison) -> Option<NumberTest> {
        let finite = |number: f64| Some(number + 0.0).filter(|number| number.is_finite());
        let point = finite(self.text.parse().ok()?)?;
        let half_unit: f64 = format!("5e{}", self.half_unit).parse().ok()?;
        let (lo, hi) = (point - half_unit, point + half_unit);
        Some(match comparison {
            Comparison::Equal => within(lo, point, hi),
            Comparison::NotEqual => outside(lo, point, hi),
            Comparison::Approximate => {
                let tenth = point.abs() / 10.0;
                NumberTest::Within(point - tenth, (point + tenth).next_up())
            }
            Comparison::Greater
            | Comparison::StartsAfter
            | Comparison::GreaterOrEqual
            | Comparison::Less
            | Comparison::EndsBefore
            | Comparison::LessOrEqual => beside(comparison, point),
        })
    }
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
        ];
        for (text, range) in cases {
            let expected = range.map(|(lo, hi)| NumberTest::Within(lo, hi));
            assert_eq!(test(Comparison::Equal, text), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_any_length_cover_themselves() {
        for text in [
            "0.33333333333333333",
            "0.333333333333333333333333333333333333",
            "9007199254740992",
            "9007199254740993",
            "9007199254740995",
            "-9007199254740995",
            "99999999999999999999999999999999999999",
            "1E+40",
            "1.5e-40",
            "5e-324",
            "0.0000000000000000000000000000000000000000000001",
            "-1e300",
        ] {
            let stored: f64 = text.parse().unwrap();
            let Some(NumberTest::Within(lo, hi)) = test(Comparison::Equal, text) else {
                panic!("{text}")
            };
            assert!(lo <= stored && stored < hi, "{text}: {lo} {stored} {hi}");
            let other = Some(NumberTest::Outside(lo, hi));
            assert_eq!(test(Comparison::NotEqual, text), other, "{text}");
        }
        assert_eq!(test(Comparison::Greater, "1e39"), Some(NumberTest::Greater(1e39)));
        assert_eq!(test(Comparison::Less, "1e-30"), Some(NumberTest::Less(1e-30)));
        assert_eq!(test(Comparison::Equal, "1e40"), Some(NumberTest::Within(0.95e40, 1.05e40)));
        assert_eq!(test(Comparison::Equal, "1e309"), None);
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
