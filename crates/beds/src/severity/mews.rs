//! The Modified Early Warning Score (Subbe 2001): <https://doi.org/10.1093/qjmed/94.10.521>. For sites that
//! still use it in place of NEWS2.

use super::{
    Bands, Consciousness, NotValid, Parameter, Part, Patient, Vitals, missing, points, sum,
};

const SYSTOLIC_PRESSURE: Bands = &[(70, 3), (80, 2), (100, 1), (199, 0), (i32::MAX, 2)];
const HEART_RATE: Bands = &[(40, 2), (50, 1), (100, 0), (110, 1), (129, 2), (i32::MAX, 3)];
const RESPIRATORY_RATE: Bands = &[(8, 2), (14, 0), (20, 1), (29, 2), (i32::MAX, 3)];
const TEMPERATURE: Bands = &[(349, 2), (384, 0), (i32::MAX, 2)];

/// A MEWS, possibly of some of its values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mews {
    /// Points of each value.
    pub parts: [Part; 5],
}

/// The score of an adult. The score knows AVPU only; new confusion counts as answering to a voice.
pub fn mews(vitals: &Vitals, patient: Patient) -> Result<Mews, NotValid> {
    patient.adult()?;
    let read = |bands: Bands, value: Option<i32>| value.map(|value| points(bands, value));
    let parts = [
        (Parameter::SystolicPressure, read(SYSTOLIC_PRESSURE, vitals.systolic_pressure)),
        (Parameter::HeartRate, read(HEART_RATE, vitals.heart_rate)),
        (Parameter::RespiratoryRate, read(RESPIRATORY_RATE, vitals.respiratory_rate)),
        (Parameter::Temperature, read(TEMPERATURE, vitals.temperature_decidegrees)),
        (Parameter::Consciousness, vitals.consciousness.map(avpu)),
    ];
    if missing(&parts).count() == parts.len() {
        return Err(NotValid::NothingMeasured);
    }
    Ok(Mews { parts })
}

fn avpu(level: Consciousness) -> u8 {
    match level {
        Consciousness::Alert => 0,
        Consciousness::Confused | Consciousness::Voice => 1,
        Consciousness::Pain => 2,
        Consciousness::Unresponsive => 3,
    }
}

impl Mews {
    /// 0 to 14.
    pub fn total(&self) -> u8 {
        sum(&self.parts)
    }

    /// Values that were not measured.
    pub fn missing(&self) -> impl Iterator<Item = Parameter> {
        missing(&self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADULT: Patient = Patient { age_years: Some(40), is_pregnant: false };

    fn column(cells: &[(i32, i32, u8)], vitals: impl Fn(i32) -> Vitals) {
        for (lowest, greatest, expected) in cells {
            for value in *lowest..=*greatest {
                let score = mews(&vitals(value), ADULT).unwrap();
                assert_eq!(score.total(), *expected, "{:?}", vitals(value));
                assert_eq!(score.missing().count(), 4);
            }
        }
    }

    #[test]
    fn systolic_pressure() {
        let cells = [(0, 70, 3), (71, 80, 2), (81, 100, 1), (101, 199, 0), (200, 300, 2)];
        column(&cells, |v| Vitals { systolic_pressure: Some(v), ..Vitals::default() });
    }

    #[test]
    fn heart_rate() {
        let cells =
            [(0, 40, 2), (41, 50, 1), (51, 100, 0), (101, 110, 1), (111, 129, 2), (130, 250, 3)];
        column(&cells, |v| Vitals { heart_rate: Some(v), ..Vitals::default() });
    }

    #[test]
    fn respiratory_rate() {
        let cells = [(0, 8, 2), (9, 14, 0), (15, 20, 1), (21, 29, 2), (30, 90, 3)];
        column(&cells, |v| Vitals { respiratory_rate: Some(v), ..Vitals::default() });
    }

    #[test]
    fn temperature() {
        let cells = [(250, 349, 2), (350, 384, 0), (385, 430, 2)];
        column(&cells, |v| Vitals { temperature_decidegrees: Some(v), ..Vitals::default() });
    }

    #[test]
    fn consciousness() {
        let cells = [
            (Consciousness::Alert, 0),
            (Consciousness::Confused, 1),
            (Consciousness::Voice, 1),
            (Consciousness::Pain, 2),
            (Consciousness::Unresponsive, 3),
        ];
        for (level, expected) in cells {
            let vitals = Vitals { consciousness: Some(level), ..Vitals::default() };
            assert_eq!(mews(&vitals, ADULT).unwrap().total(), expected, "{level:?}");
        }
    }

    #[test]
    fn it_is_refused_where_it_is_not_valid() {
        let child = Patient { age_years: Some(9), is_pregnant: false };
        assert_eq!(mews(&Vitals::default(), child), Err(NotValid::Under16));
        assert_eq!(mews(&Vitals::default(), ADULT), Err(NotValid::NothingMeasured));
    }
}
