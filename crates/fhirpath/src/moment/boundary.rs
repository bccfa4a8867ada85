//! The least and greatest reading that a moment may stand for, to so many digits.

use super::{Moment, Precision, days_in_month};

impl Precision {
    /// How many digits of a date-time it fills: `2014` 4, `2014-05-25T10:30:00.000` 17.
    pub(crate) fn digits(self) -> u8 {
        match self {
            Self::Year => 4,
            Self::Month => 6,
            Self::Day => 8,
            Self::Hour => 10,
            Self::Minute => 12,
            Self::Second => 14,
            Self::Fraction(digits) => 14 + digits,
        }
    }

    /// The inverse of [`Self::digits`].
    pub(crate) fn from_digits(digits: i64) -> Option<Self> {
        Some(match digits {
            4 => Self::Year,
            6 => Self::Month,
            8 => Self::Day,
            10 => Self::Hour,
            12 => Self::Minute,
            14 => Self::Second,
            15..=23 => Self::Fraction(u8::try_from(digits - 14).ok()?),
            _ => return None,
        })
    }
}

impl Moment {
    /// The earliest. A zone that is not known becomes the one where the day begins first.
    pub(crate) fn low(self, precision: Precision) -> Self {
        let offset = zone(self, precision, 14 * 60);
        cut(Self { offset, precision, ..self }, precision)
    }

    /// The latest. A zone that is not known becomes the one where the day ends last.
    pub(crate) fn high(self, precision: Precision) -> Self {
        let mut last = self;
        if self.precision < Precision::Month {
            last.month = 12;
        }
        if self.precision < Precision::Day {
            last.day = days_in_month(last.year, last.month);
        }
        if self.precision < Precision::Hour {
            last.hour = 23;
        }
        if self.precision < Precision::Minute {
            last.minute = 59;
        }
        if self.precision < Precision::Second {
            last.second = 59;
        }
        let known = match self.precision {
            Precision::Fraction(digits) => u32::from(digits),
            _ => 0,
        };
        // the digits that are not known are nines
        last.nanos += 10u32.pow(9 - known.min(9)) - 1;
        let offset = zone(self, precision, -12 * 60);
        cut(Self { offset, precision, ..last }, precision)
    }
}

fn zone(moment: Moment, precision: Precision, unknown: i16) -> Option<i16> {
    (precision > Precision::Day).then(|| moment.offset.unwrap_or(unknown))
}

/// Sets everything beyond the precision to its least value.
fn cut(mut moment: Moment, precision: Precision) -> Moment {
    if precision < Precision::Month {
        moment.month = 1;
    }
    if precision < Precision::Day {
        moment.day = 1;
    }
    if precision < Precision::Hour {
        moment.hour = 0;
    }
    if precision < Precision::Minute {
        moment.minute = 0;
    }
    if precision < Precision::Second {
        moment.second = 0;
    }
    let unit = match precision {
        Precision::Fraction(digits) => 10u32.pow(9 - u32::from(digits.min(9))),
        _ => 1_000_000_000,
    };
    moment.nanos = moment.nanos / unit * unit;
    moment
}
