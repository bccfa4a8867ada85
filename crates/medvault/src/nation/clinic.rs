//! What people of the nation fall ill with, and what they get for it. Tables only.

use super::bundle::{ATC, CVX, Code, ICD10, LOINC, SNOMED};

/// An illness.
#[derive(Debug)]
pub(super) struct Illness {
    pub(super) snomed: Code,
    pub(super) icd10: Code,
    /// Ages in years at which it is met, both included.
    pub(super) ages: (i32, i32),
    pub(super) course: Course,
    /// What is prescribed: rows of [`MEDICINES`] by ATC code.
    pub(super) medicines: &'static [&'static str],
}

/// How long an illness stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// For life.
    Chronic,
    /// A week or two.
    Acute,
}

/// A medicine with how it is taken.
#[derive(Debug)]
pub(super) struct Medicine {
    pub(super) code: Code,
    pub(super) dose: &'static str,
    pub(super) times_a_day: u32,
    pub(super) days: u32,
}

/// A laboratory panel.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) code: Code,
    pub(super) analytes: &'static [Analyte],
}

/// Something a laboratory measures; numbers in tenths.
#[derive(Debug)]
pub(super) struct Analyte {
    pub(super) code: Code,
    pub(super) unit: &'static str,
    pub(super) ucum: &'static str,
    /// Reference range.
    pub(super) usual: (i32, i32),
    /// What is found in the nation.
    pub(super) found: (i32, i32),
}

/// A vaccine and the age in days at which it is due.
#[derive(Debug)]
pub(super) struct Vaccine {
    pub(super) code: Code,
    pub(super) due_days: i32,
}

const fn illness(
    snomed: (&'static str, &'static str),
    icd10: (&'static str, &'static str),
    ages: (i32, i32),
    course: Course,
    medicines: &'static [&'static str],
) -> Illness {
    Illness {
        snomed: Code::new(SNOMED, snomed.0, snomed.1),
        icd10: Code::new(ICD10, icd10.0, icd10.1),
        ages,
        course,
        medicines,
    }
}

use Course::{Acute, Chronic};

#[rustfmt::skip]
pub(super) const ILLNESSES: &[Illness] = &[
    illness(("44054006", "Diabetes mellitus type 2"), ("E11.9", "Type 2 diabetes mellitus without complications"), (35, 99), Chronic, &["A10BA02", "A10BH01"]),
    illness(("38341003", "Hypertensive disorder"), ("I10", "Essential (primary) hypertension"), (35, 99), Chronic, &["C08CA01", "C09CA07"]),
    illness(("195967001", "Asthma"), ("J45.9", "Asthma, unspecified"), (5, 60), Chronic, &["R03AC02"]),
    illness(("13645005", "Chronic obstructive lung disease"), ("J44.9", "Chronic obstructive pulmonary disease, unspecified"), (45, 99), Chronic, &["R03BB04"]),
    illness(("53741008", "Coronary arteriosclerosis"), ("I25.1", "Atherosclerotic heart disease"), (45, 99), Chronic, &["B01AC06", "C10AA05"]),
    illness(("40930008", "Hypothyroidism"), ("E03.9", "Hypothyroidism, unspecified"), (20, 80), Chronic, &["H03AA01"]),
    illness(("84757009", "Epilepsy"), ("G40.9", "Epilepsy, unspecified"), (5, 60), Chronic, &["N03AX14"]),
    illness(("87522002", "Iron deficiency anemia"), ("D50.9", "Iron deficiency anaemia, unspecified"), (10, 60), Acute, &["B03AA07"]),
    illness(("38362002", "Dengue"), ("A97.9", "Dengue, unspecified"), (2, 80), Acute, &["N02BE01"]),
    illness(("61462000", "Malaria"), ("B54", "Unspecified malaria"), (2, 80), Acute, &["P01BF01", "N02BE01"]),
    illness(("4834000", "Typhoid fever"), ("A01.0", "Typhoid fever"), (3, 60), Acute, &["J01DD04", "N02BE01"]),
    illness(("233604007", "Pneumonia"), ("J18.9", "Pneumonia, unspecified"), (0, 99), Acute, &["J01CA04", "N02BE01"]),
    illness(("54150009", "Upper respiratory infection"), ("J06.9", "Acute upper respiratory infection, unspecified"), (0, 99), Acute, &["N02BE01"]),
    illness(("25374005", "Gastroenteritis"), ("A09.9", "Gastroenteritis and colitis of unspecified origin"), (0, 99), Acute, &["A07CA"]),
    illness(("396275006", "Osteoarthritis"), ("M19.9", "Arthrosis, unspecified"), (50, 99), Chronic, &["M01AE01"]),
];

const fn medicine(
    atc: &'static str,
    name: &'static str,
    dose: &'static str,
    times_a_day: u32,
    days: u32,
) -> Medicine {
    Medicine { code: Code::new(ATC, atc, name), dose, times_a_day, days }
}

#[rustfmt::skip]
pub(super) const MEDICINES: &[Medicine] = &[
    medicine("A10BA02", "metformin", "500 mg tablet", 2, 90),
    medicine("A10BH01", "sitagliptin", "100 mg tablet", 1, 90),
    medicine("C08CA01", "amlodipine", "5 mg tablet", 1, 90),
    medicine("C09CA07", "telmisartan", "40 mg tablet", 1, 90),
    medicine("R03AC02", "salbutamol", "100 microgram puff", 2, 30),
    medicine("R03BB04", "tiotropium bromide", "18 microgram capsule, inhaled", 1, 30),
    medicine("B01AC06", "acetylsalicylic acid", "75 mg tablet", 1, 90),
    medicine("C10AA05", "atorvastatin", "20 mg tablet", 1, 90),
    medicine("H03AA01", "levothyroxine sodium", "50 microgram tablet", 1, 90),
    medicine("N03AX14", "levetiracetam", "500 mg tablet", 2, 90),
    medicine("B03AA07", "ferrous sulfate", "200 mg tablet", 2, 60),
    medicine("N02BE01", "paracetamol", "500 mg tablet", 3, 5),
    medicine("P01BF01", "artemether and lumefantrine", "80/480 mg tablet", 2, 3),
    medicine("J01DD04", "ceftriaxone", "1 g injection", 1, 7),
    medicine("J01CA04", "amoxicillin", "500 mg capsule", 3, 7),
    medicine("A07CA", "oral rehydration salt formulations", "1 sachet in a litre of water", 4, 3),
    medicine("M01AE01", "ibuprofen", "400 mg tablet", 2, 10),
];

const fn analyte(
    loinc: &'static str,
    name: &'static str,
    units: (&'static str, &'static str),
    usual: (i32, i32),
    found: (i32, i32),
) -> Analyte {
    let (unit, ucum) = units;
    Analyte { code: Code::new(LOINC, loinc, name), unit, ucum, usual, found }
}

const MG_DL: (&str, &str) = ("mg/dL", "mg/dL");

#[rustfmt::skip]
pub(super) const PANELS: &[Panel] = &[
    Panel {
        code: Code::new(LOINC, "58410-2", "CBC panel - Blood by Automated count"),
        analytes: &[
            analyte("718-7", "Hemoglobin [Mass/volume] in Blood", ("g/dL", "g/dL"), (120, 160), (82, 168)),
            analyte("6690-2", "Leukocytes [#/volume] in Blood by Automated count", ("10*3/uL", "10*3/uL"), (40, 110), (31, 164)),
            analyte("777-3", "Platelets [#/volume] in Blood by Automated count", ("10*3/uL", "10*3/uL"), (1500, 4500), (620, 4700)),
        ],
    },
    Panel {
        code: Code::new(LOINC, "24331-1", "Lipid 1996 panel - Serum or Plasma"),
        analytes: &[
            analyte("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma", MG_DL, (1250, 2000), (1280, 2710)),
            analyte("2571-8", "Triglyceride [Mass/volume] in Serum or Plasma", MG_DL, (400, 1500), (610, 3120)),
            analyte("2085-9", "Cholesterol in HDL [Mass/volume] in Serum or Plasma", MG_DL, (400, 600), (290, 640)),
        ],
    },
    Panel {
        code: Code::new(LOINC, "51990-0", "Basic metabolic panel - Blood"),
        analytes: &[
            analyte("2345-7", "Glucose [Mass/volume] in Serum or Plasma", MG_DL, (700, 1000), (710, 2480)),
            analyte("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", MG_DL, (6, 13), (5, 24)),
            analyte("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", ("%", "%"), (40, 57), (45, 112)),
        ],
    },
];

const fn vaccine(cvx: &'static str, name: &'static str, due_days: i32) -> Vaccine {
    Vaccine { code: Code::new(CVX, cvx, name), due_days }
}

#[rustfmt::skip]
pub(super) const VACCINES: &[Vaccine] = &[
    vaccine("19", "BCG", 1),
    vaccine("08", "Hep B, adolescent or pediatric", 1),
    vaccine("10", "IPV", 45),
    vaccine("119", "rotavirus, monovalent", 45),
    vaccine("133", "Pneumococcal conjugate PCV 13", 75),
    vaccine("04", "M/R", 275),
];

/// Given to adults in the pandemic.
pub(super) const COVID: Vaccine =
    vaccine("210", "COVID-19 vaccine, vector-nr, rS-ChAdOx1, PF, 0.5 mL", 0);

#[rustfmt::skip]
pub(super) const ALLERGIES: &[(Code, &str)] = &[
    (Code::new(SNOMED, "91936005", "Allergy to penicillin"), "medication"),
    (Code::new(SNOMED, "293586001", "Allergy to aspirin"), "medication"),
    (Code::new(SNOMED, "91935009", "Allergy to peanut"), "food"),
    (Code::new(SNOMED, "300913006", "Allergy to shellfish"), "food"),
    (Code::new(SNOMED, "232350006", "House dust mite allergy"), "environment"),
];
