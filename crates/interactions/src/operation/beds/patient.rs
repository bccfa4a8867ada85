//! What a bed must know of a patient: age, gender, where they live. Nothing else is read.

use beds::{AgeGroup, Code as _, Gender, Position, severity};
use fhir_model::{Instant, json::Value};
use search::Timespan;

use super::document::{extensions, items, text};

/// A patient, as far as beds are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) gender: Gender,
    /// Milliseconds since 1970.
    born: Option<i64>,
    pub(super) position: Option<Position>,
    is_pregnant: bool,
}

const DAY: i64 = 86_400_000;

pub(super) fn person(patient: &Value) -> Person {
    let gender = text(patient, "gender").and_then(Gender::parse).unwrap_or(Gender::Unknown);
    let born = text(patient, "birthDate").and_then(Timespan::parse);
    Person {
        gender,
        born: born.map(|span| span.lo.div_euclid(1000)),
        position: items(patient, "address").iter().find_map(geolocation),
        is_pregnant: extensions(patient, "pregnant")
            .any(|it| it.get("valueBoolean") == Some(&Value::Bool(true))),
    }
}

impl Person {
    fn age_years(self, now: Instant) -> Option<i32> {
        let (born, today) = (Instant::from_millis(self.born?).date(), now.date());
        let had_birthday = (today.1, today.2) >= (born.1, born.2);
        i32::try_from(today.0 - born.0 - i64::from(!had_birthday)).ok()
    }

    /// Whose bed it must be; without a date of birth an adult's.
    pub(super) fn age_group(self, now: Instant) -> AgeGroup {
        let days = self.born.map(|born| (now.millis() - born) / DAY);
        match (days, self.age_years(now)) {
            (Some(0..=28), _) => AgeGroup::Neonate,
            (_, Some(..=15)) => AgeGroup::Child,
            _ => AgeGroup::Adult,
        }
    }

    /// For the scores, which are not valid for everybody.
    pub(super) fn for_scores(self, now: Instant) -> severity::Patient {
        let age_years = self.age_years(now);
        severity::Patient { age_years, is_pregnant: self.is_pregnant }
    }
}

/// <http://hl7.org/fhir/StructureDefinition/geolocation>
fn geolocation(address: &Value) -> Option<Position> {
    let is_it = |it: &&Value| {
        text(it, "url") == Some("http://hl7.org/fhir/StructureDefinition/geolocation")
    };
    let location = items(address, "extension").iter().find(is_it)?;
    let part = |name: &str| {
        let found = items(location, "extension").iter().find(|it| text(it, "url") == Some(name))?;
        microdegrees(found.get("valueDecimal")?)
    };
    position(part("latitude")?, part("longitude")?)
}

/// `Location.position`
pub(super) fn of_location(location: &Value) -> Option<Position> {
    let of = location.get("position")?;
    position(microdegrees(of.get("latitude")?)?, microdegrees(of.get("longitude")?)?)
}

fn position(latitude_microdegrees: i32, longitude_microdegrees: i32) -> Option<Position> {
    let is_on_earth =
        latitude_microdegrees.abs() <= 90_000_000 && longitude_microdegrees.abs() <= 180_000_000;
    is_on_earth.then_some(Position { latitude_microdegrees, longitude_microdegrees })
}

fn microdegrees(value: &Value) -> Option<i32> {
    let Value::Number(digits) = value else { return None };
    degrees(digits)
}

/// Degrees as text in millionths.
fn degrees(text: &str) -> Option<i32> {
    let degrees: f64 = text.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be on the earth")]
    (degrees.abs() <= 180.0).then(|| (degrees * 1e6).round() as i32)
}

/// `lat|lon|distance|km`: where, and how far in metres.
pub(super) fn near(text: &str) -> Option<(Position, Option<u32>)> {
    let pieces: Vec<&str> = text.split('|').collect();
    let (latitude, longitude, distance) = match pieces.as_slice() {
        [latitude, longitude] => (latitude, longitude, None),
        [latitude, longitude, distance] | [latitude, longitude, distance, "" | "km"] => {
            (latitude, longitude, Some(metres(distance, 1_000.0)?))
        }
        [latitude, longitude, distance, "m"] => (latitude, longitude, Some(metres(distance, 1.0)?)),
        _ => return None,
    };
    Some((position(degrees(latitude)?, degrees(longitude)?)?, distance))
}

/// A distance as text in metres.
pub(super) fn metres(text: &str, unit: f64) -> Option<u32> {
    let metres = text.trim().parse::<f64>().ok()? * unit;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    (0.0..=21e6).contains(&metres).then(|| metres.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        let now = Instant::from_date(2026, 11, 22);
        let of = |born: &str| {
            let patient = format!(r#"{{"birthDate":"{born}"}}"#);
            let patient = super::super::document::read(patient.as_bytes()).unwrap();
            person(&patient).age_group(now)
        };
        let cases = [
            ("2026-11-01", AgeGroup::Neonate),
            ("2026-10-01", AgeGroup::Child),
            ("2010-11-23", AgeGroup::Child),
            ("2010-11-22", AgeGroup::Adult),
            ("1950", AgeGroup::Adult),
        ];
        for (born, expected) in cases {
            assert_eq!(of(born), expected, "{born}");
        }
    }

    #[test]
    fn places() {
        let cases = [
            ("12.5|77.25|30|km", Some((12_500_000, 77_250_000, Some(30_000)))),
            ("12.5|77.25|1500|m", Some((12_500_000, 77_250_000, Some(1_500)))),
            ("-12.5|77.25", Some((-12_500_000, 77_250_000, None))),
            ("12.5|77.25|30|mi", None),
            ("95|0|1|km", None),
            ("NaN|0|1|km", None),
            ("x", None),
        ];
        for (text, expected) in cases {
            let found = near(text)
                .map(|(it, metres)| (it.latitude_microdegrees, it.longitude_microdegrees, metres));
            assert_eq!(found, expected, "{text}");
        }
    }
}
