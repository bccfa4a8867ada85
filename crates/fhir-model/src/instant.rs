//! A point in time as FHIR's `instant` writes it: <https://hl7.org/fhir/R4/datatypes.html#instant>.

use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z, proleptic Gregorian, no leap seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

impl Instant {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The first millisecond of a day of the Gregorian calendar.
    pub fn from_date(year: i32, month: u32, day: u32) -> Self {
        Self(days_from_civil(i64::from(year), i64::from(month), i64::from(day)) * DAY_MS)
    }

    /// Year, month 1 to 12, day 1 to 31.
    pub fn date(self) -> (i64, i64, i64) {
        civil_from_days(self.0.div_euclid(DAY_MS))
    }

    /// As HTTP writes it, for example `Sun, 06 Nov 1994 08:49:37 GMT`:
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>.
    pub fn http_date(self) -> String {
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (year, month, day) = self.date();
        let second_of_day = self.0.rem_euclid(DAY_MS) / 1000;
        let name = |names: &[&'static str], n: i64| {
            usize::try_from(n).ok().and_then(|n| names.get(n).copied()).unwrap_or_default()
        };
        format!(
            "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} GMT",
            name(&DAYS, self.0.div_euclid(DAY_MS).rem_euclid(7)),
            name(&MONTHS, month - 1),
            second_of_day / 3600,
            second_of_day / 60 % 60,
            second_of_day % 60,
        )
    }

    /// Reads [`Self::http_date`] back; `None` for anything else.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace().skip(1);
        let day: u32 = parts.next()?.parse().ok()?;
        let month = match parts.next()? {
            "Jan" => 1,
            "Feb" => 2,
            "Mar" => 3,
            "Apr" => 4,
            "May" => 5,
            "Jun" => 6,
            "Jul" => 7,
            "Aug" => 8,
            "Sep" => 9,
            "Oct" => 10,
            "Nov" => 11,
            "Dec" => 12,
            _ => return None,
        };
        let year: i32 = parts.next()?.parse().ok()?;
        let mut clock = parts.next()?.split(':').map(str::parse::<i64>);
        let (hour, minute, second) =
            (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
        let seconds = hour * 3600 + minute * 60 + second;
        Some(Self(Self::from_date(year, month, day).0 + seconds * 1000))
    }
}

/// Always 24 characters for the years 0 to 9999: `2026-11-22T06:48:14.123Z`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let ms = self.0.rem_euclid(DAY_MS);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        )
    }
}

/// Days since 1970-01-01: Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html>.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days - era * 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_fhir_and_http_write_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (784_111_777_000, "1994-11-06T08:49:37.000Z", "Sun, 06 Nov 1994 08:49:37 GMT"),
            (-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"),
        ];
        for (millis, fhir, http) in cases {
            let instant = Instant::from_millis(millis);
            assert_eq!((instant.to_string().as_str(), instant.http_date().as_str()), (fhir, http));
            let whole_second = Instant::from_millis(millis.div_euclid(1000) * 1000);
            assert_eq!(Instant::parse_http_date(http), Some(whole_second));
        }
    }

    #[test]
    fn every_day_of_eight_centuries_survives_the_round_trip() {
        for days in -146_097..146_097 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }
}
