//! Dates and times as ranges: <https://hl7.org/fhir/R4/search.html#date>.

use fhir_model::Instant;

/// From when until when, in microseconds since 1970-01-01T00:00:00Z. Half open: `lo` is the first
/// microsecond, `hi` the first one after. A missing bound is `i64::MIN` or `i64::MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespan {
    /// The first microsecond.
    pub lo: i64,
    /// One past the last microsecond.
    pub hi: i64,
}

/// Microseconds of a second, a minute, an hour, a day.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

impl Timespan {
    /// What a `date`, `dateTime` or `instant` covers: a year, a month, a day, a minute, a second or a
    /// fraction of one. A time without zone is UTC. `None` when it is none of these.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |n| n.map(Some))?;
        let day = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |n| n.map(Some))?;
        if parts.next().is_some() {
            return None;
        }
        match (month, day, time) {
            (None, None, None) => {
                Some(Self { lo: midnight(year, 1, 1)?, hi: midnight(year + 1, 1, 1)? })
            }
            (Some(12), None, None) => {
                Some(Self { lo: midnight(year, 12, 1)?, hi: midnight(year + 1, 1, 1)? })
            }
            (Some(month), None, None) => {
                Some(Self { lo: midnight(year, month, 1)?, hi: midnight(year, month + 1, 1)? })
            }
            (Some(month), Some(day), None) => {
                let lo = midnight(year, month, day)?;
                Some(Self { lo, hi: lo + DAY })
            }
            (Some(month), Some(day), Some(time)) => {
                let Self { lo, hi } = clock(time)?;
                let midnight = midnight(year, month, day)?;
                Some(Self { lo: midnight + lo, hi: midnight + hi })
            }
            (None, _, _) | (_, None, _) => None,
        }
    }

    /// One millisecond.
    pub fn instant(at: Instant) -> Self {
        let lo = at.millis().saturating_mul(1000);
        Self { lo, hi: lo.saturating_add(1000) }
    }

    /// From the start of the one to the end of the other; a missing bound is infinite. `None` when both
    /// are missing.
    pub fn period(start: Option<Self>, end: Option<Self>) -> Option<Self> {
        (start.is_some() || end.is_some()).then_some(Self {
            lo: start.map_or(i64::MIN, |span| span.lo),
            hi: end.map_or(i64::MAX, |span| span.hi),
        })
    }

    /// The least span around both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Wider by a tenth of the time that lies between it and `now`, on both sides: `ap`.
    #[must_use]
    pub fn approximately(self, now: Instant) -> Self {
        let now = now.millis().saturating_mul(1000);
        let distance = (self.lo.saturating_sub(now)).max(now.saturating_sub(self.hi)).max(0);
        Self {
            lo: self.lo.saturating_sub(distance / 10),
            hi: self.hi.saturating_add(distance / 10),
        }
    }
}

/// Exactly `len` ASCII digits.
fn digits(text: &str, len: usize) -> Option<u32> {
    (text.len() == len && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The first microsecond of a day of the calendar.
fn midnight(year: u32, month: u32, day: u32) -> Option<i64> {
    let days = match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days).contains(&day) {
        return None;
    }
    Some(Instant::from_date(i32::try_from(year).ok()?, month, day).millis() * 1000)
}

/// `hh:mm[:ss[.fff]]` with an optional zone, relative to midnight UTC. A leap second, 60, is one with the second
/// before it, so that it stays in its minute and its day; digits after the sixth of a fraction are dropped.
fn clock(text: &str) -> Option<Timespan> {
    let zone_at = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at_checked(zone_at)?;
    let shift = match zone {
        "" | "Z" => 0,
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
            if hours > 14 || minutes > 59 {
                return None;
            }
            let shift = i64::from(hours) * HOUR + i64::from(minutes) * MINUTE;
            if zone.starts_with('-') { -shift } else { shift }
        }
    };
    let mut parts = time.split(':');
    let hour = digits(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = digits(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let seconds = parts.next();
    if parts.next().is_some() {
        return None;
    }
    let (second, width) = seconds.map_or(Some((0, MINUTE)), second)?;
    let lo = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + second - shift;
    Some(Timespan { lo, hi: lo + width })
}

/// `ss[.fff]` in microseconds, and how long that is.
fn second(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let whole = i64::from(digits(whole, 2).filter(|second| *second <= 60)?.min(59)) * SECOND;
    let Some(fraction) = fraction else { return Some((whole, SECOND)) };
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (mut micros, mut width) = (0, SECOND);
    for digit in fraction.bytes().take(6) {
        width /= 10;
        micros += i64::from(digit - b'0') * width;
    }
    Some((whole + micros, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_covers_what_its_digits_leave_open() {
        let start = 1_363_255_200_000_000; // 2013-03-14T10:00:00Z
        let cases = [
            ("2013-03-14T10:00:00Z", start, SECOND),
            ("2013-03-14T10:00:00", start, SECOND),
            ("2013-03-14T10:00Z", start, MINUTE),
            ("2013-03-14T12:00:00+02:00", start, SECOND),
            ("2013-03-14T05:00:00-05:00", start, SECOND),
            ("2013-03-14T10:00:00.5Z", start + 500_000, 100_000),
            ("2013-03-14T10:00:00.123Z", start + 123_000, 1000),
            ("2013-03-14T10:00:00.123456789Z", start + 123_456, 1),
            ("2013-03-14T09:59:60Z", start - SECOND, SECOND),
            ("2013-03-14T09:59:60.5Z", start - SECOND / 2, SECOND / 10),
            ("2013-03-14", start - 10 * HOUR, DAY),
            ("2013-03", start - 10 * HOUR - 13 * DAY, 31 * DAY),
            ("2012-02", 1_328_054_400 * SECOND, 29 * DAY),
            ("2013-12", 1_385_856_000 * SECOND, 31 * DAY),
            ("2013", 1_356_998_400 * SECOND, 365 * DAY),
        ];
        for (text, lo, width) in cases {
            assert_eq!(Timespan::parse(text), Some(Timespan { lo, hi: lo + width }), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let cases = [
            "",
            "T",
            "notadate",
            "13",
            "2013-3-1",
            "2013-13",
            "2013-13-45",
            "2013-02-29",
            "2013-00",
            "2013-03-00",
            "2013-03-14T10",
            "2013-03T10:00",
            "2013T10:00",
            "2013-03-14T24:00:00Z",
            "2013-03-14T10:60",
            "2013-03-14T10:00:61Z",
            "2013-03-14T10:00:00.Z",
            "2013-03-14T10:00:00+5",
            "2013-03-14T10:00:00+15:00",
            "2013-03-14T10:00:00ZZ",
            "2013-03-14-15",
            "+013-03-14",
            "2013-03-14T10:00:00é",
        ];
        for text in cases {
            assert_eq!(Timespan::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_may_be_open() {
        let day = Timespan::parse("2013-03-14");
        let (lo, hi) = day.map(|span| (span.lo, span.hi)).unwrap();
        assert_eq!(Timespan::period(day, None), Some(Timespan { lo, hi: i64::MAX }));
        assert_eq!(Timespan::period(None, day), Some(Timespan { lo: i64::MIN, hi }));
        assert_eq!(Timespan::period(day, day), day);
        assert_eq!(Timespan::period(None, None), None);
    }

    #[test]
    fn the_approximate_window_grows_with_the_distance() {
        let day = Timespan::parse("2013-03-14").unwrap();
        let later = Instant::from_date(2013, 4, 24); // 40 days after the day's end
        assert_eq!(
            day.approximately(later),
            Timespan { lo: day.lo - 4 * DAY, hi: day.hi + 4 * DAY }
        );
        assert_eq!(day.approximately(Instant::from_date(2013, 3, 14)), day);
    }
}
