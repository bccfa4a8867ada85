//! A patient with everything that is known about them.

use fhir_model::Instant;
use serde_json::{Value, json};

use super::{
    CANONICAL, IN_BED, Nation,
    bundle::{Bundle, hl7, reference, uhid},
    calendar::{date, days_ago, later},
    care,
    clinic::{ALLERGIES, COVID, VACCINES, Vaccine},
    dice::Dice,
    hospital::{Doctor, Hospital, bed_of},
    insurer::Insurer,
    place::{REGIONS, Region, telephone},
    uhid::{Role, issue},
};

/// A patient's records in the making.
#[derive(Debug)]
pub(super) struct Chart<'n> {
    pub(super) bundle: Bundle,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_woman: bool,
    pub(super) age_years: i32,
    born: Instant,
    pub(super) hospital: &'n Hospital,
    pub(super) doctor: &'n Doctor,
    pub(super) insurer: &'n Insurer,
    count: u32,
}

/// The Bundle of the so-manieth patient.
pub(super) fn bundle(nation: &Nation<'_>, number: u32, dice: &mut Dice) -> Bundle {
    let in_bed = if number.is_multiple_of(IN_BED) {
        bed_of(nation.hospitals, usize::try_from(number / IN_BED).unwrap_or_default())
    } else {
        None
    };
    let hospital = in_bed.map_or_else(|| dice.pick(nation.hospitals), |(hospital, _)| hospital);
    let region = dice.pick(REGIONS);
    let is_woman = dice.happens(51);
    let given = dice.pick(if is_woman { region.women } else { region.men });
    let family = dice.pick(region.families);
    let (youngest, oldest) =
        *dice.pick(&[(0, 14), (15, 39), (15, 39), (40, 64), (40, 64), (65, 91)]);
    let age_years = dice.between(youngest, oldest);
    let mut chart = Chart {
        bundle: Bundle::default(),
        id: issue(Role::Patient, dice),
        name: format!("{given} {family}"),
        is_woman,
        age_years,
        born: days_ago(age_years * 365 + age_years / 4 + dice.between(1, 360)),
        hospital,
        doctor: dice.pick(&hospital.doctors),
        insurer: dice.pick(nation.insurers),
        count: 0,
    };
    chart.person(region, (given, family), dice);
    chart.coverage();
    chart.allergies(dice);
    chart.immunizations(dice);
    care::visits(&mut chart, dice);
    if let Some((_, bed)) = in_bed {
        care::admission(&mut chart, bed, dice);
    }
    chart.bundle
}

impl Chart<'_> {
    /// A fresh id that says whose record this is and of what kind.
    pub(super) fn id_of(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{}-{kind}{}", self.id, self.count)
    }

    pub(super) fn subject(&self) -> Value {
        reference("Patient", &self.id, &self.name)
    }

    pub(super) fn doctor(&self) -> Value {
        reference("Practitioner", &self.doctor.id, &self.doctor.name())
    }

    pub(super) fn hospital(&self) -> Value {
        reference("Organization", &self.hospital.id, self.hospital.name)
    }

    pub(super) fn coverage_id(&self) -> String {
        format!("{}-cov", self.id)
    }

    fn person(&mut self, region: &Region, (given, family): (&str, &str), dice: &mut Dice) {
        let (tag, language) = region.language;
        let relative = dice.pick(if self.is_woman { region.men } else { region.women });
        let resource = json!({
            "resourceType": "Patient",
            "id": self.id,
            "identifier": [
                uhid(&self.id),
                {
                    "use": "usual",
                    "type": hl7("v2-0203", "MR", "Medical record number"),
                    "system": format!("{CANONICAL}/{}/mrn", self.hospital.id),
                    "value": format!("MRN-{:06}", dice.between(1, 999_999)),
                },
            ],
            "active": true,
            "name": [{"use": "official", "text": self.name, "family": family, "given": [given]}],
            "telecom": [telephone(dice)],
            "gender": if self.is_woman { "female" } else { "male" },
            "birthDate": date(self.born),
            "address": [region.address(dice)],
            "contact": [{
                "relationship": [hl7("v2-0131", "C", "Emergency Contact")],
                "name": {"family": family, "given": [relative]},
                "telecom": [telephone(dice)],
            }],
            "communication": [{
                "language": {
                    "coding": [{"system": "urn:ietf:bcp:47", "code": tag, "display": language}],
                    "text": language,
                },
                "preferred": true,
            }],
            "generalPractitioner": [self.doctor()],
            "managingOrganization": self.hospital(),
        });
        self.bundle.put(resource);
    }

    fn coverage(&mut self) {
        let resource = json!({
            "resourceType": "Coverage",
            "id": self.coverage_id(),
            "status": "active",
            "type": hl7("v3-ActCode", "EHCPOL", "extended healthcare"),
            "subscriberId": format!("{}-{}", self.insurer.plan.to_uppercase().replace(' ', "-"), self.id),
            "beneficiary": self.subject(),
            "relationship": hl7("subscriber-relationship", "self", "Self"),
            "period": {"start": "2026-01-01", "end": "2026-12-31"},
            "payor": [reference("Organization", &self.insurer.id, self.insurer.name)],
        });
        self.bundle.put(resource);
    }

    fn allergies(&mut self, dice: &mut Dice) {
        if !dice.happens(25) {
            return;
        }
        let (code, category) = dice.pick(ALLERGIES);
        let resource = json!({
            "resourceType": "AllergyIntolerance",
            "id": self.id_of("alg"),
            "clinicalStatus": hl7("allergyintolerance-clinical", "active", "Active"),
            "verificationStatus": hl7("allergyintolerance-verification", "confirmed", "Confirmed"),
            "type": "allergy",
            "category": [category],
            "criticality": if dice.happens(30) { "high" } else { "low" },
            "code": code.concept(),
            "patient": self.subject(),
            "recorder": self.doctor(),
        });
        self.bundle.put(resource);
    }

    fn immunizations(&mut self, dice: &mut Dice) {
        if self.age_years < 15 {
            for vaccine in VACCINES {
                let given = later(self.born, (vaccine.due_days + dice.between(0, 20)) * 24 * 60);
                if given < days_ago(1) {
                    self.immunization(vaccine, given, 1);
                }
            }
        } else if self.age_years >= 24 {
            let first = dice.between(1700, 1900);
            self.immunization(&COVID, days_ago(first), 1);
            self.immunization(&COVID, days_ago(first - 84), 2);
        }
    }

    fn immunization(&mut self, vaccine: &Vaccine, given: Instant, dose: u32) {
        let resource = json!({
            "resourceType": "Immunization",
            "id": self.id_of("imm"),
            "status": "completed",
            "vaccineCode": vaccine.code.concept(),
            "patient": self.subject(),
            "occurrenceDateTime": date(given),
            "primarySource": true,
            "performer": [{"actor": self.hospital()}],
            "protocolApplied": [{"doseNumberPositiveInt": dose}],
        });
        self.bundle.put(resource);
    }
}
