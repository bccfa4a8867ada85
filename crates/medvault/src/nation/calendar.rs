//! Dates of the nation. Its today is fixed, so that its records are the same on every day.

use fhir_model::Instant;

use super::dice::Dice;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// India's time is five and a half hours ahead of UTC.
const INDIA_MS: i64 = 330 * MINUTE_MS;

/// The nation's today.
pub(super) fn today() -> Instant {
    Instant::from_date(2026, 6, 30)
}

/// The day so many days before today.
pub(super) fn days_ago(days: i32) -> Instant {
    Instant::from_millis(today().millis() - i64::from(days) * DAY_MS)
}

/// Some minute of the working hours of a day.
pub(super) fn at_work(day: Instant, dice: &mut Dice) -> Instant {
    later(day, dice.between(3 * 60, 12 * 60))
}

/// So many minutes later.
pub(super) fn later(instant: Instant, minutes: i32) -> Instant {
    Instant::from_millis(instant.millis() + i64::from(minutes) * MINUTE_MS)
}

/// A FHIR `date`.
pub(super) fn date(day: Instant) -> String {
    let (year, month, day) = day.date();
    format!("{year:04}-{month:02}-{day:02}")
}

/// A FHIR `dateTime` or `instant` as clocks in India show it.
pub(super) fn date_time(instant: Instant) -> String {
    let shown = Instant::from_millis(instant.millis() + INDIA_MS).to_string();
    let to_the_second = shown.get(..19).unwrap_or_default();
    format!("{to_the_second}+05:30")
}
