//! Dates moved by whole days, so that what lies between two of them stays: <https://hl7.org/fhir/R4/datatypes.html#dateTime>.
//! Of a time its hour is left, in UTC: whoever knows one to the second would know whose it is.

use fhir_model::Instant;

const DAY_MS: i64 = 86_400_000;

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) i64);

impl Day {
    /// Of a year, month and day.
    pub(super) fn of(year: i32, month: u32, day: u32) -> Self {
        Self(Instant::from_date(year, month, day).millis().div_euclid(DAY_MS))
    }

    /// On which an instant lies, in UTC.
    pub(super) fn on(instant: Instant) -> Self {
        Self(instant.millis().div_euclid(DAY_MS))
    }

    /// Year, month 1 to 12, day 1 to 31.
    pub(super) fn date(self) -> (i64, i64, i64) {
        Instant::from_millis(self.0 * DAY_MS).date()
    }
}

/// What a date or a time says, and how precisely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    /// Its day; of a month or a year the one in its middle.
    pub(super) day: Day,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: how many characters of the date are there.
    letters: usize,
    /// The hour, 0 to 23, where it says a time.
    hour: Option<i64>,
}

impl Date {
    /// `None` for what is neither a date nor a time.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split('-');
        let mut part = |letters| number(parts.next()?, letters);
        let year = i32::try_from(part(4)?).ok()?;
        let (month, day) = match date.len() {
            4 => (7, 1),
            7 => (part(2)?, 15),
            10 => (part(2)?, part(2)?),
            _ => return None,
        };
        let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
        let day = is_date.then(|| Day::of(year, month, day))?;
        let Some(time) = time else { return Some(Self { day, letters: date.len(), hour: None }) };
        let minutes = (date.len() == 10).then(|| minutes(time))??;
        let hour = minutes.div_euclid(60);
        let day = Day(day.0 + hour.div_euclid(24));
        Some(Self { day, letters: date.len(), hour: Some(hour.rem_euclid(24)) })
    }

    /// The same so many days later, as precise as it was; `None` when there is no such year.
    pub(super) fn moved(self, days: i64) -> Option<String> {
        let (year, month, day) = Day(self.day.0 + days).date();
        if !(1..=9999).contains(&year) {
            return None;
        }
        let mut text = format!("{year:04}-{month:02}-{day:02}");
        text.truncate(self.letters);
        // without minutes and an offset it would be no time
        text.extend(self.hour.map(|hour| format!("T{hour:02}:00:00Z")));
        Some(text)
    }
}

/// Of so many digits and nothing else.
fn number(text: &str, letters: usize) -> Option<u32> {
    let is_number = text.len() == letters && text.bytes().all(|one| one.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// How far into its day a time is in UTC: below 0 it lies in the day before. `13:28:17.239+02:00`
fn minutes(time: &str) -> Option<i64> {
    let at = time.find(['Z', '+', '-'])?;
    let (time, offset) = time.split_at_checked(at)?;
    let of_clock = |text: &str, hours_max: u32| {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
        (hours <= hours_max && minutes <= 59).then(|| i64::from(hours * 60 + minutes))
    };
    let (clock, rest) = time.split_at_checked(5)?;
    let is_rest = |rest: &str| rest.chars().all(|one| one.is_ascii_digit() || ":.".contains(one));
    let local = of_clock(clock, 24).filter(|_| rest.len() <= 32 && is_rest(rest))?;
    let offset = match offset.split_at_checked(1)? {
        ("Z", "") => 0,
        ("+", offset) => of_clock(offset, 14)?,
        ("-", offset) => -of_clock(offset, 14)?,
        _ => return None,
    };
    Some(local - offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_by_whole_days_and_keep_their_precision() {
        let cases = [
            ("2020-02-29", 1, Some("2020-03-01")),
            ("2020-02-29", -366, Some("2019-02-28")),
            ("2020-12-31T23:59:59.120Z", 1, Some("2021-01-01T23:00:00Z")),
            ("2020-12-31T23:59:59.120+05:30", 1, Some("2021-01-01T18:00:00Z")),
            ("2020-02-02T02:13:27.123+05:30", 1, Some("2020-02-02T20:00:00Z")),
            ("2020-02-29T22:13:27-05:00", 0, Some("2020-03-01T03:00:00Z")),
            ("2020-02-29T24:00:00Z", 0, Some("2020-03-01T00:00:00Z")),
            ("2020-02-29T08:13Z", 0, Some("2020-02-29T08:00:00Z")),
            ("2020-01", 20, Some("2020-02")),
            ("2020", 182, Some("2020")),
            ("2020", -182, Some("2020")),
            ("0001-01-02", -5, None),
            ("9999-12-31", 1, None),
        ];
        for (text, days, expected) in cases {
            let moved = Date::parse(text).unwrap().moved(days);
            assert_eq!(moved.as_deref(), expected, "{text} {days}");
        }
        for text in [
            "",
            "20",
            "2020-1",
            "2020-13-01",
            "2020-01-01-01",
            "rao",
            "2020-01-01Trao",
            "2020-01-01T",
            "2020-01-01TZ",
            "2020-01-01T10:00:00",
            "2020-01-01T25:00:00Z",
            "2020-01-01T10:00:00+99:00",
            "2020-01-01T10:00:00Zrao",
            "2020-01-01T10:é0:00Z",
            "2020T10:00:00Z",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
