//! What was measured, and of whom.

use serde::{Deserialize, Serialize};

use crate::code::codes;

/// The latest values within the window, each in the unit of the chart, rounded half up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// Breaths a minute (LOINC 9279-1).
    pub respiratory_rate: Option<i32>,
    /// Percent (LOINC 2708-6, 59408-5).
    pub oxygen_saturation: Option<i32>,
    /// Whether oxygen is given (a flow, LOINC 3151-8, or an inspired fraction over 21 %, 3150-6).
    pub supplemental_oxygen: Option<bool>,
    /// mmHg (LOINC 8480-6).
    pub systolic_pressure: Option<i32>,
    /// Beats a minute (LOINC 8867-4).
    pub heart_rate: Option<i32>,
    /// Tenths of a degree Celsius (LOINC 8310-5).
    pub temperature_decidegrees: Option<i32>,
    /// ACVPU (LOINC 80288-4).
    pub consciousness: Option<Consciousness>,
    /// Glasgow coma score, 3 to 15 (LOINC 9269-2).
    pub glasgow_coma_score: Option<i32>,
}

impl Vitals {
    /// ACVPU, or what the Glasgow coma score says when only that was taken: 15 is alert, less is not.
    pub(super) fn is_alert(&self) -> Option<bool> {
        let acvpu = self.consciousness.map(|level| level == Consciousness::Alert);
        acvpu.or_else(|| self.glasgow_coma_score.map(|score| score >= 15))
    }
}

codes! {
    /// How awake somebody is.
    Consciousness {
        /// Awake and oriented.
        Alert = "alert",
        /// Newly confused.
        Confused = "confused",
        /// Answers to a voice.
        Voice = "voice",
        /// Answers to pain.
        Pain = "pain",
        /// Does not answer.
        Unresponsive = "unresponsive",
    }
}

codes! {
    /// A value that gives points.
    Parameter {
        /// Breaths a minute.
        RespiratoryRate = "respiratory-rate",
        /// Oxygen saturation.
        OxygenSaturation = "oxygen-saturation",
        /// Whether oxygen is given.
        SupplementalOxygen = "supplemental-oxygen",
        /// Systolic blood pressure.
        SystolicPressure = "systolic-pressure",
        /// Beats a minute.
        HeartRate = "heart-rate",
        /// ACVPU or Glasgow coma score.
        Consciousness = "consciousness",
        /// Body temperature.
        Temperature = "temperature",
        /// Age.
        Age = "age",
        /// Sex at birth.
        Sex = "sex",
        /// How many other diseases.
        Comorbidities = "comorbidities",
        /// Urea in blood.
        Urea = "urea",
        /// C-reactive protein.
        CReactiveProtein = "c-reactive-protein",
    }
}

/// Which table of NEWS2 oxygen saturation is read by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// Scale 1.
    #[default]
    Usual,
    /// Scale 2: hypercapnic respiratory failure, and 88 to 92 % prescribed.
    Hypercapnic,
}

/// What decides whether an adult's score may be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patient {
    /// Completed years.
    pub age_years: Option<i32>,
    /// Known to be pregnant.
    pub is_pregnant: bool,
}

impl Patient {
    pub(super) fn adult(self) -> Result<(), NotValid> {
        match self.age_years {
            None => Err(NotValid::AgeUnknown),
            Some(age) if age < 16 => Err(NotValid::Under16),
            Some(_) if self.is_pregnant => Err(NotValid::Pregnant),
            Some(_) => Ok(()),
        }
    }
}

/// Why a score is not computed (`data-absent-reason` of the score). Order by `ServiceRequest.priority` then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotValid {
    /// The score is not valid below 16 years.
    Under16,
    /// The score is not valid in pregnancy.
    Pregnant,
    /// Without an age nobody knows whether it is valid.
    AgeUnknown,
    /// Nothing was measured.
    NothingMeasured,
}

impl std::fmt::Display for NotValid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Under16 => "The score is not valid for patients under 16 years",
            Self::Pregnant => "The score is not valid in pregnancy",
            Self::AgeUnknown => {
                "The score needs the patient's age, as it is not valid under 16 years"
            }
            Self::NothingMeasured => "None of the score's values was measured",
        })
    }
}

impl std::error::Error for NotValid {}
