//! The National Early Warning Score 2 of the Royal College of Physicians (2017):
//! <https://www.rcp.ac.uk/improving-care/resources/national-early-warning-score-news-2/>.

use super::{Bands, NotValid, Parameter, Part, Patient, Scale, Vitals, missing, points, sum};
use crate::code::codes;

const RESPIRATORY_RATE: Bands = &[(8, 3), (11, 1), (20, 0), (24, 2), (i32::MAX, 3)];
const SATURATION: Bands = &[(91, 3), (93, 2), (95, 1), (i32::MAX, 0)];
const SATURATION_HYPERCAPNIC_AIR: Bands = &[(83, 3), (85, 2), (87, 1), (i32::MAX, 0)];
const SATURATION_HYPERCAPNIC_OXYGEN: Bands =
    &[(83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (i32::MAX, 3)];
const SYSTOLIC_PRESSURE: Bands = &[(90, 3), (100, 2), (110, 1), (219, 0), (i32::MAX, 3)];
const HEART_RATE: Bands = &[(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (i32::MAX, 3)];
const TEMPERATURE: Bands = &[(350, 3), (360, 1), (380, 0), (390, 1), (i32::MAX, 2)];

const OXYGEN_GIVEN: u8 = 2;
const NOT_ALERT: u8 = 3;

/// A NEWS2, possibly of some of its values only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News2 {
    /// Points of each value.
    pub parts: [Part; 7],
}

codes! {
    /// The clinical risk that a NEWS2 stands for.
    NewsBand {
        /// 0 to 4, no value alone gives 3.
        Low = "low",
        /// 0 to 4, a single value gives 3.
        LowMedium = "low-medium",
        /// 5 or 6.
        Medium = "medium",
        /// 7 and more.
        High = "high",
    }
}

/// The score of an adult who is not pregnant.
pub fn news2(vitals: &Vitals, scale: Scale, patient: Patient) -> Result<News2, NotValid> {
    patient.adult()?;
    let read = |bands: Bands, value: Option<i32>| value.map(|value| points(bands, value));
    let parts = [
        (Parameter::RespiratoryRate, read(RESPIRATORY_RATE, vitals.respiratory_rate)),
        (Parameter::OxygenSaturation, saturation(vitals, scale)),
        (
            Parameter::SupplementalOxygen,
            vitals.supplemental_oxygen.map(|given| if given { OXYGEN_GIVEN } else { 0 }),
        ),
        (Parameter::SystolicPressure, read(SYSTOLIC_PRESSURE, vitals.systolic_pressure)),
        (Parameter::HeartRate, read(HEART_RATE, vitals.heart_rate)),
        (
            Parameter::Consciousness,
            vitals.is_alert().map(|alert| if alert { 0 } else { NOT_ALERT }),
        ),
        (Parameter::Temperature, read(TEMPERATURE, vitals.temperature_decidegrees)),
    ];
    if missing(&parts).count() == parts.len() {
        return Err(NotValid::NothingMeasured);
    }
    Ok(News2 { parts })
}

/// On scale 2 whether oxygen is given decides from 93 % up; if nobody noted it, the value gives none.
fn saturation(vitals: &Vitals, scale: Scale) -> Option<u8> {
    let value = vitals.oxygen_saturation?;
    match (scale, vitals.supplemental_oxygen) {
        (Scale::Usual, _) => Some(points(SATURATION, value)),
        (Scale::Hypercapnic, Some(true)) => Some(points(SATURATION_HYPERCAPNIC_OXYGEN, value)),
        (Scale::Hypercapnic, None) if value > 92 => None,
        (Scale::Hypercapnic, _) => Some(points(SATURATION_HYPERCAPNIC_AIR, value)),
    }
}

impl News2 {
    /// 0 to 20.
    pub fn total(&self) -> u8 {
        sum(&self.parts)
    }

    /// Whether a value alone gives 3.
    pub fn has_single_three(&self) -> bool {
        self.parts.iter().any(|(_, points)| *points == Some(3))
    }

    /// The clinical risk.
    pub fn band(&self) -> NewsBand {
        match self.total() {
            0..=4 if self.has_single_three() => NewsBand::LowMedium,
            0..=4 => NewsBand::Low,
            5..=6 => NewsBand::Medium,
            _ => NewsBand::High,
        }
    }

    /// Values that were not measured (`score-completeness`).
    pub fn missing(&self) -> impl Iterator<Item = Parameter> {
        missing(&self.parts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Consciousness;
    use super::*;

    const ADULT: Patient = Patient { age_years: Some(40), is_pregnant: false };

    /// Of one value alone.
    fn of(vitals: Vitals, scale: Scale) -> u8 {
        news2(&vitals, scale, ADULT).unwrap().total()
    }

    /// Every cell of a column by its lowest and greatest value.
    fn column(cells: &[(i32, i32, u8)], vitals: impl Fn(i32) -> Vitals, scale: Scale) {
        for (lowest, greatest, expected) in cells {
            for value in *lowest..=*greatest {
                assert_eq!(of(vitals(value), scale), *expected, "{:?}", vitals(value));
            }
        }
    }

    #[test]
    fn respiratory_rate() {
        let cells = [(0, 8, 3), (9, 11, 1), (12, 20, 0), (21, 24, 2), (25, 90, 3)];
        let vitals = |v| Vitals { respiratory_rate: Some(v), ..Vitals::default() };
        column(&cells, vitals, Scale::Usual);
    }

    #[test]
    fn saturation_on_scale_1() {
        let cells = [(0, 91, 3), (92, 93, 2), (94, 95, 1), (96, 100, 0)];
        let vitals = |v| Vitals { oxygen_saturation: Some(v), ..Vitals::default() };
        column(&cells, vitals, Scale::Usual);
    }

    #[test]
    fn saturation_on_scale_2() {
        let vitals = |given| {
            move |v| Vitals {
                oxygen_saturation: Some(v),
                supplemental_oxygen: Some(given),
                ..Vitals::default()
            }
        };
        let air = [(0, 83, 3), (84, 85, 2), (86, 87, 1), (88, 92, 0), (93, 100, 0)];
        column(&air, vitals(false), Scale::Hypercapnic);
        // and two points for the oxygen
        let oxygen = [(0, 83, 5), (84, 85, 4), (86, 87, 3), (88, 92, 2), (93, 94, 3), (95, 96, 4)];
        column(&oxygen, vitals(true), Scale::Hypercapnic);
        column(&[(97, 100, 5)], vitals(true), Scale::Hypercapnic);
    }

    #[test]
    fn saturation_on_scale_2_when_nobody_noted_the_oxygen() {
        let vitals = |v| Vitals { oxygen_saturation: Some(v), ..Vitals::default() };
        column(&[(84, 85, 2), (88, 92, 0)], vitals, Scale::Hypercapnic);
        let unknown = news2(&vitals(97), Scale::Hypercapnic, ADULT);
        assert_eq!(unknown, Err(NotValid::NothingMeasured));
    }

    #[test]
    fn supplemental_oxygen() {
        let vitals = |given| Vitals { supplemental_oxygen: Some(given), ..Vitals::default() };
        assert_eq!(of(vitals(true), Scale::Usual), 2);
        assert_eq!(of(vitals(false), Scale::Usual), 0);
    }

    #[test]
    fn systolic_pressure() {
        let cells = [(0, 90, 3), (91, 100, 2), (101, 110, 1), (111, 219, 0), (220, 300, 3)];
        let vitals = |v| Vitals { systolic_pressure: Some(v), ..Vitals::default() };
        column(&cells, vitals, Scale::Usual);
    }

    #[test]
    fn heart_rate() {
        let cells = [(0, 40, 3), (41, 50, 1), (51, 90, 0), (91, 110, 1), (111, 130, 2)];
        let vitals = |v| Vitals { heart_rate: Some(v), ..Vitals::default() };
        column(&cells, vitals, Scale::Usual);
        column(&[(131, 250, 3)], vitals, Scale::Usual);
    }

    #[test]
    fn temperature() {
        let cells = [(250, 350, 3), (351, 360, 1), (361, 380, 0), (381, 390, 1), (391, 430, 2)];
        let vitals = |v| Vitals { temperature_decidegrees: Some(v), ..Vitals::default() };
        column(&cells, vitals, Scale::Usual);
    }

    #[test]
    fn consciousness() {
        let cells = [
            (Consciousness::Alert, 0),
            (Consciousness::Confused, 3),
            (Consciousness::Voice, 3),
            (Consciousness::Pain, 3),
            (Consciousness::Unresponsive, 3),
        ];
        for (level, expected) in cells {
            let vitals = Vitals { consciousness: Some(level), ..Vitals::default() };
            assert_eq!(of(vitals, Scale::Usual), expected, "{level:?}");
        }
        let glasgow = |v| Vitals { glasgow_coma_score: Some(v), ..Vitals::default() };
        column(&[(3, 14, 3), (15, 15, 0)], glasgow, Scale::Usual);
    }

    #[test]
    fn bands() {
        let single = |points: u8| {
            let mut parts = Parameter::RESPIRATION_FIRST.map(|parameter| (parameter, Some(0)));
            parts[0].1 = Some(points.min(3));
            parts[1].1 = Some(points.saturating_sub(3).min(3));
            parts[2].1 = Some(points.saturating_sub(6));
            News2 { parts }.band()
        };
        let cells = [
            (0, NewsBand::Low),
            (2, NewsBand::Low),
            (3, NewsBand::LowMedium),
            (4, NewsBand::LowMedium),
            (5, NewsBand::Medium),
            (6, NewsBand::Medium),
            (7, NewsBand::High),
            (8, NewsBand::High),
        ];
        for (total, band) in cells {
            assert_eq!(single(total), band, "{total}");
        }
    }

    impl Parameter {
        const RESPIRATION_FIRST: [Self; 7] = [
            Self::RespiratoryRate,
            Self::OxygenSaturation,
            Self::SupplementalOxygen,
            Self::SystolicPressure,
            Self::HeartRate,
            Self::Consciousness,
            Self::Temperature,
        ];
    }

    #[test]
    fn a_whole_chart() {
        let chart = Vitals {
            respiratory_rate: Some(26),
            oxygen_saturation: Some(93),
            supplemental_oxygen: Some(true),
            systolic_pressure: Some(118),
            heart_rate: Some(112),
            temperature_decidegrees: Some(372),
            consciousness: Some(Consciousness::Alert),
            glasgow_coma_score: None,
        };
        let score = news2(&chart, Scale::Usual, ADULT).unwrap();
        assert_eq!((score.total(), score.band()), (9, NewsBand::High));
        assert_eq!(score.missing().count(), 0);
    }

    #[test]
    fn it_is_refused_where_it_is_not_valid() {
        let measured = Vitals { heart_rate: Some(80), ..Vitals::default() };
        let cases = [
            (Patient { age_years: Some(15), is_pregnant: false }, Err(NotValid::Under16)),
            (Patient { age_years: Some(16), is_pregnant: false }, Ok(0)),
            (Patient { age_years: Some(30), is_pregnant: true }, Err(NotValid::Pregnant)),
            (Patient { age_years: None, is_pregnant: false }, Err(NotValid::AgeUnknown)),
        ];
        for (patient, expected) in cases {
            let total = news2(&measured, Scale::Usual, patient).map(|score| score.total());
            assert_eq!(total, expected, "{patient:?}");
        }
        let nothing = news2(&Vitals::default(), Scale::Usual, ADULT);
        assert_eq!(nothing, Err(NotValid::NothingMeasured));
    }

    #[test]
    fn what_was_not_measured_is_named() {
        let vitals = Vitals { heart_rate: Some(135), ..Vitals::default() };
        let score = news2(&vitals, Scale::Usual, ADULT).unwrap();
        assert_eq!((score.total(), score.missing().count()), (3, 6));
    }
}
