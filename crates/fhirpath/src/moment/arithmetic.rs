//! Adds a time-valued quantity to a moment: <http://hl7.org/fhirpath/N1/#datetime-arithmetic>.

use super::{DAY, HOUR, MINUTE, Moment, Precision, SECOND, days_in_month};

/// A length of time in the unit it was given in; whole units only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    /// Calendar months; a year is twelve.
    Months(i64),
    /// Days; a week is seven.
    Days(i64),
    /// Clock time.
    Nanos(i128),
}

impl Moment {
    /// The date or date-time so much later; `None` outside the years 1 to 9999.
    pub(crate) fn plus(self, span: Span) -> Option<Self> {
        match span {
            Span::Months(months) if self.precision == Precision::Year => {
                self.plus_months(months / 12 * 12)
            }
            Span::Months(months) => self.plus_months(months),
            Span::Days(days) => self.plus_days(days),
            Span::Nanos(nanos) if self.precision >= Precision::Hour => self.plus_nanos(nanos),
            Span::Nanos(nanos) => self.plus_days(i64::try_from(nanos / DAY).ok()?),
        }
    }

    /// The time of day so much later, round the clock.
    pub(crate) fn plus_round_the_clock(self, span: Span) -> Option<Self> {
        let Span::Nanos(nanos) = span else { return None };
        let later = (self.local_nanos() + whole(nanos, self.precision)).rem_euclid(DAY);
        Some(Self::from_nanos(later, self))
    }

    fn plus_months(self, months: i64) -> Option<Self> {
        let count = (i64::from(self.year) * 12 + i64::from(self.month) - 1).checked_add(months)?;
        let year =
            i16::try_from(count.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
        let month = u8::try_from(count.rem_euclid(12)).ok()? + 1;
        // the 31st of a month with 30 days is the 30th
        let day = self.day.min(days_in_month(year, month));
        Some(Self { year, month, day, ..self })
    }

    fn plus_days(self, days: i64) -> Option<Self> {
        match self.precision {
            Precision::Year => self.plus_months((days / 365).checked_mul(12)?),
            Precision::Month => self.plus_months(days / 30),
            Precision::Day
            | Precision::Hour
            | Precision::Minute
            | Precision::Second
            | Precision::Fraction(_) => self.plus_nanos(i128::from(days) * DAY),
        }
    }

    fn plus_nanos(self, nanos: i128) -> Option<Self> {
        let later = self.local_nanos().checked_add(whole(nanos, self.precision))?;
        // far outside the calendar: stop before the conversion would wrap
        if later.unsigned_abs() > (10_000 * 366 * DAY).unsigned_abs() {
            return None;
        }
        let later = Self::from_nanos(later, self);
        (1..=9999).contains(&later.year).then_some(later)
    }
}

/// What the precision cannot hold is cut off.
fn whole(nanos: i128, precision: Precision) -> i128 {
    let unit = match precision {
        Precision::Year | Precision::Month | Precision::Day => DAY,
        Precision::Hour => HOUR,
        Precision::Minute => MINUTE,
        Precision::Second => SECOND,
        Precision::Fraction(_) => 1,
    };
    nanos / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_kept() {
        let cases = [
            ("2016-02-29", Span::Months(12), Some("2017-02-28")),
            ("2014-01-31", Span::Months(1), Some("2014-02-28")),
            ("2014-12-31", Span::Days(1), Some("2015-01-01")),
            ("2014", Span::Months(25), Some("2016")),
            ("2014", Span::Days(400), Some("2015")),
            ("2014-03", Span::Days(-31), Some("2014-02")),
            ("2014-03-01", Span::Nanos(25 * HOUR), Some("2014-03-02")),
            ("2014-03-01T23:59:59Z", Span::Nanos(SECOND), Some("2014-03-02T00:00:00Z")),
            ("9999-12-31", Span::Days(1), None),
            ("2014", Span::Months(i64::MAX), None),
            ("2014-01-01T00:00", Span::Nanos(i128::MAX), None),
        ];
        for (from, span, expected) in cases {
            let later = Moment::parse_date_time(from).unwrap().plus(span);
            assert_eq!(
                later.map(|m| m.to_date_time_string()).as_deref(),
                expected,
                "{from} {span:?}"
            );
        }
        let clock = Moment::parse_time("23:30").unwrap();
        let later = clock.plus_round_the_clock(Span::Nanos(HOUR)).unwrap();
        assert_eq!(later.to_time_string(), "00:30");
    }
}
