//! Dates, times and date-times of stated precision: <http://hl7.org/fhirpath/N1/#date>.

mod arithmetic;
mod boundary;
mod text;

use std::cmp::Ordering;

use fhir_model::Instant;

pub(crate) use arithmetic::Span;

/// How far a reading goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `2014`
    Year,
    /// `2014-05`
    Month,
    /// `2014-05-25`
    Day,
    /// `T14`
    Hour,
    /// `T14:30`
    Minute,
    /// `T14:30:15`
    Second,
    /// `T14:30:15.123`: so many digits of the second, 1 to 9.
    Fraction(u8),
}

impl Precision {
    /// Seconds and their fractions are one precision: `15` and `15.0` can be compared.
    fn class(self) -> Self {
        if let Self::Fraction(_) = self { Self::Second } else { self }
    }
}

/// A reading of a calendar, a clock, or both. What the precision does not reach is at its least value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub(crate) year: i16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) nanos: u32,
    /// Minutes east of UTC; `None` when the zone is not known.
    pub(crate) offset: Option<i16>,
    pub(crate) precision: Precision,
}

/// The instant that a time of day without a date is counted from.
const NO_DAY: Moment = Moment {
    year: 1970,
    month: 1,
    day: 1,
    hour: 0,
    minute: 0,
    second: 0,
    nanos: 0,
    offset: None,
    precision: Precision::Day,
};

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;

/// The zones of the earth: from UTC-12 to UTC+14.
const WEST: i128 = 12 * HOUR;
const EAST: i128 = 14 * HOUR;

impl Moment {
    /// The moment of an instant, in UTC, to the millisecond.
    pub fn from_instant(instant: Instant) -> Self {
        Self::from_nanos(
            i128::from(instant.millis()) * 1_000_000,
            Self { offset: Some(0), precision: Precision::Fraction(3), ..NO_DAY },
        )
    }

    /// How far the reading goes.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Only the date of it.
    pub(crate) fn date(self) -> Self {
        Self {
            precision: self.precision.min(Precision::Day),
            offset: None,
            hour: 0,
            minute: 0,
            second: 0,
            nanos: 0,
            ..self
        }
    }

    /// Nanoseconds since 1970-01-01 in the moment's own zone, of the first instant of the reading.
    fn local_nanos(self) -> i128 {
        let day = Instant::from_date(i32::from(self.year), self.month.into(), self.day.into());
        i128::from(day.millis()) * 1_000_000
            + i128::from(self.hour) * HOUR
            + i128::from(self.minute) * MINUTE
            + i128::from(self.second) * SECOND
            + i128::from(self.nanos)
    }

    /// The reading of these local nanoseconds with the zone and precision of `like`.
    fn from_nanos(nanos: i128, like: Self) -> Self {
        let millis = i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or_default();
        let (year, month, day) = Instant::from_millis(millis).date();
        let rest = nanos.rem_euclid(DAY);
        let part = |unit: i128, size: i128| u8::try_from(rest / unit % size).unwrap_or_default();
        Self {
            year: i16::try_from(year).unwrap_or(i16::MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
            hour: part(HOUR, 24),
            minute: part(MINUTE, 60),
            second: part(SECOND, 60),
            nanos: u32::try_from(rest % SECOND).unwrap_or_default(),
            ..like
        }
    }

    /// The last instant of the reading, in the same scale as [`Self::local_nanos`].
    fn local_nanos_last(self) -> i128 {
        let first = self.local_nanos();
        let length = match self.precision {
            Precision::Year => {
                if is_leap(self.year) {
                    366 * DAY
                } else {
                    365 * DAY
                }
            }
            Precision::Month => i128::from(days_in_month(self.year, self.month)) * DAY,
            Precision::Day => DAY,
            Precision::Hour => HOUR,
            Precision::Minute => MINUTE,
            Precision::Second | Precision::Fraction(_) => 1,
        };
        first + length - 1
    }

    /// First and last instant in UTC, where an unknown zone is any of the earth's.
    fn range(self, other_offset: Option<i16>) -> (i128, i128) {
        let (first, last) = (self.local_nanos(), self.local_nanos_last());
        match self.offset {
            Some(offset) => {
                let shift = i128::from(offset) * MINUTE;
                (first - shift, last - shift)
            }
            None if other_offset.is_some() => (first - EAST, last + WEST),
            None => (first, last),
        }
    }

    /// The order of two readings; `None` when their precisions or zones leave it open.
    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        let (first, last) = self.range(other.offset);
        let (other_first, other_last) = other.range(self.offset);
        if last < other_first {
            Some(Ordering::Less)
        } else if first > other_last {
            Some(Ordering::Greater)
        } else if self.precision.class() == other.precision.class()
            && self.offset.is_some() == other.offset.is_some()
            && first == other_first
        {
            Some(Ordering::Equal)
        } else {
            None
        }
    }

    /// Equal readings have equal keys.
    pub(crate) fn key(self) -> i128 {
        self.range(None).0
    }
}

/// Whether a year of the Gregorian calendar has 366 days.
pub(crate) fn is_leap(year: i16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// 28 to 31.
pub(crate) fn days_in_month(year: i16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_ordered_as_far_as_they_go() {
        use Ordering::{Equal, Greater, Less};
        let cases = [
            ("2012", "2013", Some(Less)),
            ("2012", "2012-05", None),
            ("2012-04-15", "2012-04-15", Some(Equal)),
            ("2012-04-15", "2012-04-15T10:00:00", None),
            ("2012-04-16", "2012-04-15T10:00:00", Some(Greater)),
            ("2018-03-01T10:30", "2018-03-01T10:30:00", None),
            ("2018-03-01T10:30:00", "2018-03-01T10:30:00.0", Some(Equal)),
            ("2012-04-15T15:00:00+02:00", "2012-04-15T16:00:00+03:00", Some(Equal)),
            ("2012-04-15T15:00:00Z", "2012-04-15T10:00:00", None),
            ("2012-04-17T15:00:00Z", "2012-04-15T10:00:00", Some(Greater)),
        ];
        for (left, right, expected) in cases {
            let read = |text| Moment::parse_date_time(text).unwrap();
            assert_eq!(read(left).compare(read(right)), expected, "{left} and {right}");
        }
    }
}
