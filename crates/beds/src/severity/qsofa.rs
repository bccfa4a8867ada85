//! The quick Sepsis-related Organ Failure Assessment (Sepsis-3): <https://doi.org/10.1001/jama.2016.0287>.

use super::{NotValid, Parameter, Part, Patient, Vitals, missing, sum};

/// A qSOFA, possibly of some of its values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qsofa {
    /// Points of each value.
    pub parts: [Part; 3],
}

/// The score of an adult: respiratory rate of 22 and more, altered mentation, systolic pressure of 100 and
/// less.
pub fn qsofa(vitals: &Vitals, patient: Patient) -> Result<Qsofa, NotValid> {
    patient.adult()?;
    let glasgow = vitals.glasgow_coma_score.map(|score| score < 15);
    let is_altered = glasgow.or_else(|| vitals.is_alert().map(|alert| !alert));
    let parts = [
        (Parameter::RespiratoryRate, vitals.respiratory_rate.map(|rate| u8::from(rate >= 22))),
        (Parameter::Consciousness, is_altered.map(u8::from)),
        (Parameter::SystolicPressure, vitals.systolic_pressure.map(|mmhg| u8::from(mmhg <= 100))),
    ];
    if missing(&parts).count() == parts.len() {
        return Err(NotValid::NothingMeasured);
    }
    Ok(Qsofa { parts })
}

impl Qsofa {
    /// 0 to 3; 2 and more with an infection point to sepsis.
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
    use super::super::Consciousness;
    use super::*;

    #[test]
    fn every_cell() {
        let none = Vitals::default();
        let cells = [
            (Vitals { respiratory_rate: Some(21), ..none }, 0),
            (Vitals { respiratory_rate: Some(22), ..none }, 1),
            (Vitals { glasgow_coma_score: Some(15), ..none }, 0),
            (Vitals { glasgow_coma_score: Some(14), ..none }, 1),
            (Vitals { consciousness: Some(Consciousness::Alert), ..none }, 0),
            (Vitals { consciousness: Some(Consciousness::Confused), ..none }, 1),
            (Vitals { systolic_pressure: Some(101), ..none }, 0),
            (Vitals { systolic_pressure: Some(100), ..none }, 1),
        ];
        let adult = Patient { age_years: Some(70), is_pregnant: false };
        for (vitals, expected) in cells {
            let score = qsofa(&vitals, adult).unwrap();
            assert_eq!((score.total(), score.missing().count()), (expected, 2), "{vitals:?}");
        }
        assert_eq!(qsofa(&none, adult), Err(NotValid::NothingMeasured));
    }
}
