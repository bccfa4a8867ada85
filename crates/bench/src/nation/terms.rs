//! Codes with their names, as the records use them.

use serde_json::{Value, json};

use crate::dice::Dice;

pub(crate) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

/// A code and what it is called.
pub(crate) type Term = (&'static str, &'static str);

/// How many of a hundred, and what.
type Shares = &'static [(usize, Term)];

pub(super) const DISORDERS: Shares = &[
    (12, ("59621000", "Essential hypertension")),
    (8, ("38341003", "Hypertensive disorder, systemic arterial")),
    (10, ("44054006", "Diabetes mellitus type 2")),
    (8, ("195662009", "Acute viral pharyngitis")),
    (8, ("10509002", "Acute bronchitis")),
    (8, ("444814009", "Viral sinusitis")),
    (6, ("162864005", "Body mass index 30+ - obesity")),
    (5, ("195967001", "Asthma")),
    (5, ("271737000", "Anemia")),
    (5, ("396275006", "Osteoarthritis")),
    (4, ("53741008", "Coronary arteriosclerosis")),
    (4, ("35489007", "Depressive disorder")),
    (4, ("37796009", "Migraine")),
    (3, ("40930008", "Hypothyroidism")),
    (3, ("13645005", "Chronic obstructive lung disease")),
    (2, ("64859006", "Osteoporosis")),
    (2, ("23986001", "Glaucoma")),
    (1, ("431855005", "Chronic kidney disease stage 1")),
    (1, ("22298006", "Myocardial infarction")),
    (1, ("84757009", "Epilepsy")),
];

pub(super) const PROCEDURES: Shares = &[
    (20, ("430193006", "Medication reconciliation")),
    (15, ("171207006", "Depression screening")),
    (15, ("29303009", "Electrocardiographic procedure")),
    (12, ("399208008", "Plain X-ray of chest")),
    (10, ("76601001", "Intramuscular injection")),
    (8, ("23426006", "Measurement of respiratory function")),
    (6, ("73761001", "Colonoscopy")),
    (5, ("40701008", "Echocardiography")),
    (4, ("274474001", "Bone immobilization")),
    (2, ("80146002", "Excision of appendix")),
    (2, ("265764009", "Renal dialysis")),
    (1, ("18286008", "Catheterization of left heart")),
];

pub(super) const MEDICATIONS: Shares = &[
    (20, ("314076", "lisinopril 10 MG Oral Tablet")),
    (15, ("860975", "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet")),
    (15, ("197361", "amlodipine 5 MG Oral Tablet")),
    (10, ("313782", "acetaminophen 325 MG Oral Tablet")),
    (10, ("310965", "ibuprofen 200 MG Oral Tablet")),
    (10, ("310798", "hydrochlorothiazide 25 MG Oral Tablet")),
    (10, ("312961", "simvastatin 20 MG Oral Tablet")),
    (6, ("849574", "naproxen sodium 220 MG Oral Tablet")),
    (4, ("308136", "amlodipine 2.5 MG Oral Tablet")),
];

/// A disorder's code, as often as records have it.
pub(crate) fn some_disorder(dice: &mut Dice) -> &'static str {
    one_of(DISORDERS, dice).0
}

/// A procedure's code, as often as records have it.
pub(crate) fn some_procedure(dice: &mut Dice) -> &'static str {
    one_of(PROCEDURES, dice).0
}

pub(super) fn one_of(shares: Shares, dice: &mut Dice) -> Term {
    dice.weighted(shares).copied().unwrap_or_default()
}

/// The `CodeableConcept` of a term; the text is the name.
pub(super) fn concept(system: &str, (code, display): Term) -> Value {
    json!({
        "coding": [{"system": system, "code": code, "display": display}],
        "text": display,
    })
}

pub(super) fn medication(term: Term) -> Value {
    concept(RXNORM, term)
}

/// A coded concept of HL7's own code systems.
pub(super) fn hl7(system: &str, (code, display): Term) -> Value {
    let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
    json!({"coding": [{"system": system, "code": code, "display": display}]})
}

/// The narrative of a resource. The words are the nation's own and need no escaping.
pub(super) fn narrative(words: &str) -> Value {
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{words}</p></div>");
    json!({"status": "generated", "div": div})
}

/// A reference to `Type/id`.
pub(super) fn reference(resource_type: &str, id: &str) -> Value {
    json!({"reference": format!("{resource_type}/{id}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_a_hundred() {
        for shares in [DISORDERS, PROCEDURES, MEDICATIONS] {
            assert_eq!(shares.iter().map(|(share, _)| share).sum::<usize>(), 100, "{shares:?}");
        }
    }
}
