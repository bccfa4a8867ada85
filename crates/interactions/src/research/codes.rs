//! Which codes of a system are shown and may be asked: those that it has, or that look as its codes do. Anybody's words under
//! the name of a system are not.

use std::collections::BTreeSet;

use fhirpath::ucum;
use rust_decimal::Decimal;

use crate::verhoeff;

/// How SNOMED International ends the identifier of a concept, before its check digit.
const CONCEPTS: [&str; 2] = ["00", "10"];

/// The codes of a system; the file says what each means.
#[derive(Debug)]
pub(super) enum Codes {
    Is(BTreeSet<&'static str>),
    Like(Vec<&'static str>),
    Sctid,
    Unit,
}

impl Codes {
    /// As the table says it: `is A B`, `like 9-9`.
    pub(super) fn parse(text: &'static str) -> Option<Self> {
        match text.split_once(' ') {
            Some(("is", codes)) => Some(Self::Is(codes.split(' ').collect())),
            Some(("like", forms)) => Some(Self::Like(forms.split(' ').collect())),
            None if text == "sctid" => Some(Self::Sctid),
            None if text == "unit" => Some(Self::Unit),
            Some(_) | None => None,
        }
    }

    pub(super) fn has(&self, code: &str) -> bool {
        match self {
            Self::Is(codes) => codes.contains(code),
            Self::Like(forms) => forms.iter().any(|form| is_like(code, form)),
            Self::Sctid => is_sctid(code),
            Self::Unit => {
                let is_short = code.len() <= 32 && !code.contains('{');
                is_short && ucum::canonical(Decimal::ONE, code).is_some()
            }
        }
    }
}

/// `9` stands for a digit, `A` for a capital letter, `X` for either, all else for itself.
fn is_like(code: &str, form: &str) -> bool {
    let is_one = |(one, form): (u8, u8)| match form {
        b'9' => one.is_ascii_digit(),
        b'A' => one.is_ascii_uppercase(),
        b'X' => one.is_ascii_digit() || one.is_ascii_uppercase(),
        literal => one == literal,
    };
    code.len() == form.len() && code.bytes().zip(form.bytes()).all(is_one)
}

/// Whether digits are the identifier of a concept, with Verhoeff's check digit: few other numbers are.
fn is_sctid(code: &str) -> bool {
    let digit = |one: u8| one.checked_sub(b'0').filter(|digit| *digit <= 9);
    let digits: Option<Vec<u8>> = code.bytes().map(digit).collect();
    let ends = code.len().checked_sub(3).and_then(|at| code.get(at..at + 2));
    (6..=18).contains(&code.len())
        && !code.starts_with('0')
        && ends.is_some_and(|ends| CONCEPTS.contains(&ends))
        && digits.is_some_and(|digits| verhoeff::passes(&digits))
}

#[cfg(test)]
mod tests {
    use super::{super::table::Table, *};

    #[test]
    fn codes_are_those_of_their_system() {
        let cases = [
            ("http://loinc.org", "29463-7 8302-2 1-8 LA28405-1 LP14885-5 100000-9", true),
            ("http://loinc.org", "IRANI-ANJALI VIP 482113907 98-20481-5 29463 1-a", false),
            ("http://snomed.info/sct", "73211009 44054006 26604007 397669002 5251000175109", true),
            // another check digit; what is no concept; an identity card
            ("http://snomed.info/sct", "73211008 123456789 482113907 499118665246 1 VIP", false),
            ("http://hl7.org/fhir/sid/icd-10", "E11 E11.9 B20 U07.1 C4A.0", true),
            ("http://hl7.org/fhir/sid/icd-10", "IRANI 482 E11.98765 e11 482113907", false),
            ("http://hl7.org/fhir/sid/icd-9-cm", "250 250.00 V10.1 E812.0 36.1", true),
            ("http://hl7.org/fhir/sid/ndc", "0777-3105-02 50580-506-02", true),
            ("http://hl7.org/fhir/sid/ndc", "9820481500 98204815001", false),
            ("http://www.whocc.no/atc", "A A10 A10BA02", true),
            ("http://www.whocc.no/atc", "IRANI A10BA022", false),
            ("http://id.who.int/icd/release/11/mms", "5A11 1C62.0 XN109", true),
            ("http://unitsofmeasure.org", "kg mm[Hg] 10*3/uL", true),
            ("http://unitsofmeasure.org", "{Irani} VIP-Irani", false),
            ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active relapse", true),
            ("http://terminology.hl7.org/CodeSystem/condition-clinical", "Irani final", false),
            ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "AMB EMER IMP", true),
            ("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "H LL <", true),
            ("http://terminology.hl7.org/CodeSystem/encounter-type", "IRANI-ANJALI", false),
            ("http://own.example", "1", false),
        ];
        for (system, codes, expected) in cases {
            for code in codes.split(' ') {
                let shown = Table::vault().shows_code(system, code);
                assert_eq!(shown, expected, "{system}|{code}");
            }
        }
        assert!(Codes::parse("any").is_none() && Codes::parse("all of them").is_none());
    }
}
