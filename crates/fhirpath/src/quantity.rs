//! Quantities with UCUM or calendar units: <http://hl7.org/fhirpath/N1/#quantity>.

mod arithmetic;
pub mod ucum;

use std::{borrow::Cow, cmp::Ordering, fmt};

use rust_decimal::Decimal;

use crate::moment::Span;
use ucum::{Canonical, Dimensions};

/// A value in a unit.
#[derive(Debug, Clone)]
pub struct Quantity<'t> {
    /// The number.
    pub value: Decimal,
    /// What it counts.
    pub unit: Unit<'t>,
}

/// A unit of measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit<'t> {
    /// A UCUM code such as `mg`; `1` for no unit.
    Ucum(Cow<'t, str>),
    /// A duration of the calendar such as `4 days`.
    Calendar(Calendar),
    /// A unit in words or of another system: equal only to the same text.
    Other(Cow<'t, str>),
}

/// The units of calendar durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Calendar {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

/// Singular, plural, unit, the UCUM code of the same length; years and months of the calendar have none.
const CALENDAR: &[(&str, &str, Calendar, Option<&str>)] = &[
    ("year", "years", Calendar::Year, None),
    ("month", "months", Calendar::Month, None),
    ("week", "weeks", Calendar::Week, Some("wk")),
    ("day", "days", Calendar::Day, Some("d")),
    ("hour", "hours", Calendar::Hour, Some("h")),
    ("minute", "minutes", Calendar::Minute, Some("min")),
    ("second", "seconds", Calendar::Second, Some("s")),
    ("millisecond", "milliseconds", Calendar::Millisecond, Some("ms")),
];

impl Calendar {
    /// `day` or `days`.
    pub(crate) fn named(word: &str) -> Option<Self> {
        CALENDAR.iter().find(|row| row.0 == word || row.1 == word).map(|row| row.2)
    }

    fn of_ucum(code: &str) -> Option<Self> {
        CALENDAR.iter().find(|row| row.3 == Some(code)).map(|row| row.2)
    }

    fn ucum(self) -> Option<&'static str> {
        CALENDAR.iter().find(|row| row.2 == self).and_then(|row| row.3)
    }

    fn word(self, is_one: impl FnOnce() -> bool) -> &'static str {
        let row = CALENDAR.iter().find(|row| row.2 == self);
        row.map_or("", |row| if is_one() { row.0 } else { row.1 })
    }
}

impl<'t> Quantity<'t> {
    /// In UCUM's unit of no unit.
    pub(crate) fn plain(value: Decimal) -> Self {
        Self { value, unit: Unit::Ucum(Cow::Borrowed("1")) }
    }

    /// In a unit written as a string literal: UCUM, or a word of the calendar.
    pub(crate) fn in_unit(value: Decimal, unit: impl Into<Cow<'t, str>>) -> Self {
        let unit = unit.into();
        let unit = Calendar::named(&unit).map_or(Unit::Ucum(unit), Unit::Calendar);
        Self { value, unit }
    }

    /// The unit as text.
    pub(crate) fn unit_text(&self) -> &str {
        match &self.unit {
            Unit::Ucum(code) => code,
            Unit::Calendar(unit) => unit.word(|| self.value == Decimal::ONE),
            Unit::Other(text) => text,
        }
    }

    /// As a length of time that can be added to a date. Years and months only of the calendar, since
    /// UCUM's are lengths of their own.
    pub(crate) fn span(&self) -> Option<Span> {
        use rust_decimal::prelude::ToPrimitive as _;
        let unit = match &self.unit {
            Unit::Calendar(unit) => *unit,
            Unit::Ucum(code) => Calendar::of_ucum(code)?,
            Unit::Other(_) => return None,
        };
        let whole = self.value.trunc().to_i64()?;
        Some(match unit {
            Calendar::Year => Span::Months(whole.checked_mul(12)?),
            Calendar::Month => Span::Months(whole),
            Calendar::Week => Span::Days(whole.checked_mul(7)?),
            Calendar::Day => Span::Days(whole),
            Calendar::Hour => Span::Nanos(i128::from(whole) * 3_600_000_000_000),
            Calendar::Minute => Span::Nanos(i128::from(whole) * 60_000_000_000),
            Calendar::Second => Span::Nanos(i128::from(whole) * 1_000_000_000),
            Calendar::Millisecond => Span::Nanos(i128::from(whole) * 1_000_000),
        })
    }

    /// The same amount in base units.
    fn canonical(&self) -> Option<(Decimal, Dimensions)> {
        let unit = match &self.unit {
            Unit::Ucum(code) => ucum::read(code)?,
            Unit::Calendar(Calendar::Year) => Canonical::calendar_months(12)?,
            Unit::Calendar(Calendar::Month) => Canonical::calendar_months(1)?,
            Unit::Calendar(unit) => ucum::read(unit.ucum()?)?,
            Unit::Other(_) => return None,
        };
        Some((unit.amount(self.value)?, unit.dimensions))
    }

    /// Whether both can be expressed in one unit.
    pub(crate) fn is_comparable(&self, other: &Quantity<'_>) -> bool {
        match (self.canonical(), other.canonical()) {
            (Some((_, left)), Some((_, right))) => left == right,
            _ => self.unit_text() == other.unit_text(),
        }
    }

    /// Their order; `None` when they measure different things.
    pub(crate) fn compare(&self, other: &Quantity<'_>) -> Option<Ordering> {
        if self.unit == other.unit {
            return Some(self.value.cmp(&other.value));
        }
        let ((left, unit), (right, other)) = (self.canonical()?, other.canonical()?);
        (unit == other).then(|| left.cmp(&right))
    }

    /// Equal in the unit and to the digits of the less precise one.
    pub(crate) fn is_equivalent(&self, other: &Quantity<'_>) -> bool {
        let (left, right) =
            if self.value.scale() <= other.value.scale() { (self, other) } else { (other, self) };
        // years and months are equivalent to UCUM's, though not equal
        let converted = right.value_in(&left.unit);
        converted.is_some_and(|value| {
            let digits = left.value.normalize().scale();
            value.round_dp(digits) == left.value.round_dp(digits)
        })
    }

    /// The same amount in another unit; `None` when it measures something else.
    pub(crate) fn in_other_unit(&self, unit: String) -> Option<Quantity<'static>> {
        let target = Quantity::in_unit(Decimal::ONE, unit);
        let value = self.value_in(&target.unit)?;
        Some(Quantity { value, unit: target.unit })
    }

    /// The value in another unit.
    fn value_in(&self, unit: &Unit<'_>) -> Option<Decimal> {
        let own_unit = Unit::loose(&self.unit);
        let unit = Unit::loose(unit);
        if own_unit == unit {
            return Some(self.value);
        }
        let (own, own_dimensions) = Quantity { value: self.value, unit: own_unit }.canonical()?;
        let (one, dimensions) = Quantity { value: Decimal::ONE, unit }.canonical()?;
        (own_dimensions == dimensions).then(|| own.checked_div(one)).flatten()
    }

    /// Equal quantities have equal keys.
    pub(crate) fn key(&self) -> (Option<Decimal>, Option<&str>) {
        match self.canonical() {
            Some((value, _)) => (Some(value.normalize()), None),
            None => (Some(self.value.normalize()), Some(self.unit_text())),
        }
    }
}

impl Unit<'_> {
    /// Calendar years and months as UCUM's.
    fn loose<'u>(unit: &'u Unit<'_>) -> Unit<'u> {
        match unit {
            Unit::Calendar(Calendar::Year) => Unit::Ucum(Cow::Borrowed("a")),
            Unit::Calendar(Calendar::Month) => Unit::Ucum(Cow::Borrowed("mo")),
            Unit::Calendar(unit) => Unit::Calendar(*unit),
            Unit::Ucum(code) => Unit::Ucum(Cow::Borrowed(code)),
            Unit::Other(text) => Unit::Other(Cow::Borrowed(text)),
        }
    }
}

/// `4 days`, `10.5 'mg'`.
impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Calendar(_) => write!(f, "{} {}", self.value, self.unit_text()),
            Unit::Ucum(text) | Unit::Other(text) => write!(f, "{} '{text}'", self.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(value: &str, unit: &'static str) -> Quantity<'static> {
        Quantity::in_unit(value.parse().unwrap(), unit)
    }

    #[test]
    fn units_of_one_dimension_are_compared() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            (("4", "g"), ("4000", "mg"), Some(Equal)),
            (("1", "wk"), ("7", "days"), Some(Equal)),
            (("1", "[in_i]"), ("2.5", "cm"), Some(Greater)),
            (("6", "day"), ("1", "week"), Some(Less)),
            (("1", "year"), ("12", "months"), Some(Equal)),
            (("1", "year"), ("1", "a"), None),
            (("1", "month"), ("1", "mo"), None),
            (("1", "cm"), ("1", "s"), None),
            (("1", "mm[Hg]"), ("133.322", "Pa"), Some(Equal)),
            (("1", "kg.m/s2"), ("1", "N"), Some(Equal)),
            (("1", "mmol/L"), ("1", "umol/mL"), Some(Equal)),
            (("1", "blorb"), ("1", "blorb"), Some(Equal)),
            (("1", "blorb"), ("1", "g"), None),
        ];
        for ((a, unit_a), (b, unit_b), expected) in cases {
            let (left, right) = (quantity(a, unit_a), quantity(b, unit_b));
            assert_eq!(left.compare(&right), expected, "{left} and {right}");
        }
        assert!(quantity("1", "year").is_equivalent(&quantity("1", "a")));
        assert!(quantity("4", "g").is_equivalent(&quantity("4040", "mg")));
        assert!(!quantity("4.0", "g").is_equivalent(&quantity("4140", "mg")));
    }
}
