//! The 4C Mortality Score for adults in hospital with COVID-19: <https://doi.org/10.1136/bmj.m3339>.

use serde::{Deserialize, Serialize};

use super::{Bands, NotValid, Parameter, Part, Patient, Vitals, missing, points, sum};
use crate::code::codes;

const AGE: Bands = &[(49, 0), (59, 2), (69, 4), (79, 6), (i32::MAX, 7)];
const COMORBIDITIES: Bands = &[(0, 0), (1, 1), (i32::MAX, 2)];
const RESPIRATORY_RATE: Bands = &[(19, 0), (29, 1), (i32::MAX, 2)];
const SATURATION: Bands = &[(91, 2), (i32::MAX, 0)];
const GLASGOW: Bands = &[(14, 2), (i32::MAX, 0)];
/// Tenths of mmol/L.
const UREA: Bands = &[(69, 0), (140, 1), (i32::MAX, 3)];
const C_REACTIVE_PROTEIN: Bands = &[(49, 0), (99, 1), (i32::MAX, 2)];

/// What the score needs beside the vital signs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FourCInputs {
    /// Sex at birth.
    pub is_male: Option<bool>,
    /// Other chronic diseases.
    pub comorbidities: Option<i32>,
    /// Tenths of mmol/L.
    pub urea_decimoles: Option<i32>,
    /// mg/L.
    pub c_reactive_protein: Option<i32>,
}

/// A 4C score, possibly of some of its values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FourC {
    /// Points of each value.
    pub parts: [Part; 8],
}

codes! {
    /// The risk of death in hospital.
    FourCRisk {
        /// 0 to 3 points, about 1 %.
        Low = "low",
        /// 4 to 8 points, about 10 %.
        Intermediate = "intermediate",
        /// 9 to 14 points, about 31 %.
        High = "high",
        /// 15 to 21 points, about 62 %.
        VeryHigh = "very-high",
    }
}

/// The score of an adult with COVID-19. Saturation is that on air.
pub fn four_c(vitals: &Vitals, other: &FourCInputs, patient: Patient) -> Result<FourC, NotValid> {
    patient.adult()?;
    let read = |bands: Bands, value: Option<i32>| value.map(|value| points(bands, value));
    let alert = || vitals.is_alert().map(|alert| if alert { 0 } else { 2 });
    let parts = [
        (Parameter::Age, read(AGE, patient.age_years)),
        (Parameter::Sex, other.is_male.map(u8::from)),
        (Parameter::Comorbidities, read(COMORBIDITIES, other.comorbidities)),
        (Parameter::RespiratoryRate, read(RESPIRATORY_RATE, vitals.respiratory_rate)),
        (Parameter::OxygenSaturation, read(SATURATION, vitals.oxygen_saturation)),
        (Parameter::Consciousness, read(GLASGOW, vitals.glasgow_coma_score).or_else(alert)),
        (Parameter::Urea, read(UREA, other.urea_decimoles)),
        (Parameter::CReactiveProtein, read(C_REACTIVE_PROTEIN, other.c_reactive_protein)),
    ];
    Ok(FourC { parts })
}

impl FourC {
    /// 0 to 21.
    pub fn total(&self) -> u8 {
        sum(&self.parts)
    }

    /// The risk of death in hospital.
    pub fn risk(&self) -> FourCRisk {
        match self.total() {
            0..=3 => FourCRisk::Low,
            4..=8 => FourCRisk::Intermediate,
            9..=14 => FourCRisk::High,
            _ => FourCRisk::VeryHigh,
        }
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

    const YOUNG: Patient = Patient { age_years: Some(30), is_pregnant: false };

    fn total(vitals: Vitals, other: FourCInputs) -> u8 {
        four_c(&vitals, &other, YOUNG).unwrap().total()
    }

    #[test]
    fn age() {
        let cells = [(16, 49, 0), (50, 59, 2), (60, 69, 4), (70, 79, 6), (80, 110, 7)];
        for (lowest, greatest, expected) in cells {
            for age in lowest..=greatest {
                let patient = Patient { age_years: Some(age), is_pregnant: false };
                let score = four_c(&Vitals::default(), &FourCInputs::default(), patient).unwrap();
                assert_eq!((score.total(), score.missing().count()), (expected, 7), "{age}");
            }
        }
    }

    #[test]
    fn what_is_known_of_the_patient_and_the_blood() {
        let none = FourCInputs::default();
        let cells = [
            (FourCInputs { is_male: Some(false), ..none }, 0),
            (FourCInputs { is_male: Some(true), ..none }, 1),
            (FourCInputs { comorbidities: Some(0), ..none }, 0),
            (FourCInputs { comorbidities: Some(1), ..none }, 1),
            (FourCInputs { comorbidities: Some(2), ..none }, 2),
            (FourCInputs { comorbidities: Some(9), ..none }, 2),
            (FourCInputs { urea_decimoles: Some(69), ..none }, 0),
            (FourCInputs { urea_decimoles: Some(70), ..none }, 1),
            (FourCInputs { urea_decimoles: Some(140), ..none }, 1),
            (FourCInputs { urea_decimoles: Some(141), ..none }, 3),
            (FourCInputs { c_reactive_protein: Some(49), ..none }, 0),
            (FourCInputs { c_reactive_protein: Some(50), ..none }, 1),
            (FourCInputs { c_reactive_protein: Some(99), ..none }, 1),
            (FourCInputs { c_reactive_protein: Some(100), ..none }, 2),
        ];
        for (other, expected) in cells {
            assert_eq!(total(Vitals::default(), other), expected, "{other:?}");
        }
    }

    #[test]
    fn vital_signs() {
        let none = Vitals::default();
        let cells = [
            (Vitals { respiratory_rate: Some(19), ..none }, 0),
            (Vitals { respiratory_rate: Some(20), ..none }, 1),
            (Vitals { respiratory_rate: Some(29), ..none }, 1),
            (Vitals { respiratory_rate: Some(30), ..none }, 2),
            (Vitals { oxygen_saturation: Some(91), ..none }, 2),
            (Vitals { oxygen_saturation: Some(92), ..none }, 0),
            (Vitals { glasgow_coma_score: Some(14), ..none }, 2),
            (Vitals { glasgow_coma_score: Some(15), ..none }, 0),
            (Vitals { consciousness: Some(Consciousness::Alert), ..none }, 0),
            (Vitals { consciousness: Some(Consciousness::Pain), ..none }, 2),
        ];
        for (vitals, expected) in cells {
            assert_eq!(total(vitals, FourCInputs::default()), expected, "{vitals:?}");
        }
    }

    #[test]
    fn risk() {
        let of = |points: u8| {
            let mut parts = [(Parameter::Age, Some(0)); 8];
            parts[0].1 = Some(points);
            FourC { parts }.risk()
        };
        let cells = [
            (0, 3, FourCRisk::Low),
            (4, 8, FourCRisk::Intermediate),
            (9, 14, FourCRisk::High),
            (15, 21, FourCRisk::VeryHigh),
        ];
        for (lowest, greatest, risk) in cells {
            for points in lowest..=greatest {
                assert_eq!(of(points), risk, "{points}");
            }
        }
    }
}
