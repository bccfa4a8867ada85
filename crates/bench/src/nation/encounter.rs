//! A visit to a hospital, and the Encounter resource.

use serde_json::{Value, json};

use super::{
    PRACTITIONERS_PER_HOSPITAL,
    day::{Day, PRESENT_YEAR},
    encounter_id, location_id, organization_id,
    patient::Person,
    practitioner_id,
    terms::{self, SNOMED, Term, hl7, reference},
};
use crate::dice::Dice;

/// What the resources of one visit share.
#[derive(Debug)]
pub(super) struct Visit<'p> {
    pub(super) person: &'p Person,
    /// 0 for the first.
    pub(super) at: usize,
    pub(super) day: Day,
    /// Minutes after midnight.
    pub(super) begin: usize,
    hospital: usize,
    practitioner: usize,
    class: Term,
    status: &'static str,
}

const CLASSES: [(usize, Term); 5] = [
    (70, ("AMB", "ambulatory")),
    (12, ("EMER", "emergency")),
    (10, ("IMP", "inpatient encounter")),
    (5, ("VR", "virtual")),
    (3, ("HH", "home health")),
];

const STATUSES: [(usize, &str); 4] =
    [(88, "finished"), (6, "in-progress"), (4, "cancelled"), (2, "planned")];

/// Every code of the classes.
pub(crate) fn some_class(dice: &mut Dice) -> &'static str {
    dice.pick(&CLASSES).map(|(_, (code, _))| *code).unwrap_or_default()
}

pub(crate) fn some_status(dice: &mut Dice) -> &'static str {
    dice.pick(&STATUSES).map(|(_, status)| *status).unwrap_or_default()
}

impl<'p> Visit<'p> {
    pub(super) fn of(person: &'p Person, at: usize, dice: &mut Dice) -> Self {
        Self {
            person,
            at,
            day: Day::between(PRESENT_YEAR - 10, PRESENT_YEAR, dice),
            begin: 480 + dice.below(540),
            hospital: person.some_hospital(dice),
            practitioner: dice.below(PRACTITIONERS_PER_HOSPITAL),
            class: dice.weighted(&CLASSES).copied().unwrap_or_default(),
            status: dice.weighted(&STATUSES).copied().unwrap_or_default(),
        }
    }

    pub(super) fn reference(&self) -> Value {
        reference("Encounter", &encounter_id(self.person.number, self.at))
    }

    pub(super) fn practitioner(&self) -> Value {
        reference("Practitioner", &practitioner_id(self.hospital, self.practitioner))
    }

    /// An id for something that was found or done.
    pub(super) fn id_of(&self, letter: char, number: usize) -> String {
        format!("{}-{letter}{}{number}", self.person.id, self.at)
    }

    pub(super) fn resource(&self) -> Value {
        let (class, class_name) = self.class;
        json!({
            "resourceType": "Encounter",
            "id": encounter_id(self.person.number, self.at),
            "status": self.status,
            "class": {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                "code": class,
                "display": class_name,
            },
            "type": [terms::concept(SNOMED, ("185349003", "Encounter for check up"))],
            "subject": self.person.subject(),
            "participant": [{
                "type": [hl7("v3-ParticipationType", ("PPRF", "primary performer"))],
                "individual": self.practitioner(),
            }],
            "period": {"start": self.day.at(self.begin), "end": self.day.at(self.begin + 45)},
            "location": [{"location": reference("Location", &location_id(self.hospital))}],
            "serviceProvider": reference("Organization", &organization_id(self.hospital)),
        })
    }
}
