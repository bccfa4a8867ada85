//! Dates moved by whole days, so that what lies between two of them stays: <https://hl7.org/fhir/R4/datatypes.html#dateTime>.

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
pub(super) struct Date<'t> {
    /// Its day; of a month or a year the one in its middle.
    pub(super) day: Day,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`: how many characters of the date are there.
    letters: usize,
    /// From the `T` on.
    time: &'t str,
}

impl<'t> Date<'t> {
    /// `None` for what is neither a date nor a time.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let (date, time) = match text.find('T') {
            Some(at) => text.split_at_checked(at)?,
            None => (text, ""),
        };
        let is_time = |time: &str| {
            time.len() <= 40
                && time.chars().all(|one| one.is_ascii_digit() || "T:.+-Z".contains(one))
        };
        let mut parts = date.split('-');
        let number = |part: Option<&str>, letters: usize| {
            let part = part.filter(|part| part.len() == letters)?;
            part.bytes().all(|one| one.is_ascii_digit()).then(|| part.parse::<u32>().ok())?
        };
        let year = i32::try_from(number(parts.next(), 4)?).ok()?;
        let (month, day) = match date.len() {
            4 => (7, 1),
            7 => (number(parts.next(), 2)?, 15),
            10 => (number(parts.next(), 2)?, number(parts.next(), 2)?),
            _ => return None,
        };
        let is_date = (1..=12).contains(&month) && (1..=31).contains(&day) && year > 0;
        let is_whole = time.is_empty() || (date.len() == 10 && is_time(time));
        (is_date && is_whole).then(|| Self {
            day: Day::of(year, month, day),
            letters: date.len(),
            time,
        })
    }

    /// The same so many days later, as precise as it was; `None` when there is no such year.
    pub(super) fn moved(self, days: i64) -> Option<String> {
        let (year, month, day) = Day(self.day.0 + days).date();
        if !(1..=9999).contains(&year) {
            return None;
        }
        let mut text = format!("{year:04}-{month:02}-{day:02}");
        text.truncate(self.letters);
        text.push_str(self.time);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_by_whole_days_and_keep_their_precision() {
        let cases = [
            ("2020-02-29", 1, Some("2020-03-01")),
            ("2020-02-29", -366, Some("2019-02-28")),
            ("2020-12-31T23:59:59.120+05:30", 1, Some("2021-01-01T23:59:59.120+05:30")),
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
        for text in ["", "20", "2020-1", "2020-13-01", "rao", "2020-01-01Trao", "2020T10:00:00Z"] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
