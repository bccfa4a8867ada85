//! Emergencies and the order that is owed: what nobody gets round, and what is in nobody's way.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    emergencies::{brought_in, emergency_room, hasty, hold, named, order_task, refers, stay_body},
    hospital::{Hospital, code, part, parts},
};
use crate::house::{House, unique};

stories!(who_lies_in_a_bed_is_in_nobodys_way_in_the_queue,);

/// A stay in which the patient lies in this bed.
fn lying_in(hospital: &Hospital<'_>, stay: &str, patient: &str, bed: &str) -> Value {
    let mut body = stay_body(hospital, stay, patient);
    body["status"] = json!("in-progress");
    body["location"] =
        json!([{"location": {"reference": format!("Location/{bed}")}, "status": "active"}]);
    body
}

fn who_lies_in_a_bed_is_in_nobodys_way_in_the_queue(house: &House) {
    let hospital = Hospital::new(house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let first = hospital.waiting("general");
    // the patient is brought in before a ward has a bed, and waits still
    let stay = unique("stay");
    let body = lying_in(&hospital, &stay, &first.patient, &bed);
    house.put(&format!("/Encounter/{stay}"), &body).expect(201);
    let ward = hospital.bed("general");
    let second = hospital.waiting("general");
    let answer = hospital.batch().expect(200).json();
    let given = parts(&answer, "allocation");
    assert_eq!(given.len(), 1, "{answer}");
    assert_eq!(refers(&given[0], "bed"), format!("Location/{ward}"));
    assert_eq!(hospital.task_state(&second.task), "accepted/held");
    assert_eq!(hospital.task_state(&first.task), "requested/queued");
}
