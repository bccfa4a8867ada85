//! Emergencies and the order that is owed: what nobody gets round, and what is in nobody's way.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    emergencies::{brought_in, emergency_room, hasty, hold, named, order_task, refers, stay_body},
    hospital::{Hospital, code, part, parts},
};
use crate::house::{House, unique};

stories!(
    who_lies_in_a_bed_is_in_nobodys_way_in_the_queue,
    an_order_that_is_taken_away_is_due_again,
    only_an_order_that_is_there_counts,
    what_asks_for_an_order_is_not_changed_by_hand,
    who_was_unknown_is_identified_and_the_class_changes_nothing,
);

/// A stay in which the patient lies in this bed.
pub(super) fn lying_in(hospital: &Hospital<'_>, stay: &str, patient: &str, bed: &str) -> Value {
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

fn an_order_that_is_taken_away_is_due_again(house: &House) {
    let hospital = Hospital::new(house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let (stay, patient) = brought_in(&hospital);
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    let due = part(&given, "orderDue");
    let request = refers(&given, "task").trim_start_matches("Task/").to_owned();
    // a hold more is no hour more
    hospital.confirm(&request, "decline").expect(200);
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    assert_eq!(part(&given, "orderDue")["valueInstant"], due["valueInstant"]);
    let request = refers(&given, "task").trim_start_matches("Task/").to_owned();
    hospital.confirm(&request, "arrived").expect(200);
    let owed = |expected: &str| {
        let path = format!("/Task?code=bed-order-due&focus=Encounter/{stay}&status={expected}");
        house.get(&path).expect(200).ids().len()
    };
    assert_eq!((owed("cancelled"), owed("requested")), (1, 1));
    let order = hospital.order(&patient, "icu");
    for _ in 0..100 {
        if owed("completed") == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((owed("completed"), owed("requested")), (1, 0));
    // the order is carried out and the stay goes on
    let mut done = house.get(&format!("/ServiceRequest/{order}")).expect(200).json();
    done["status"] = json!("completed");
    house.put(&format!("/ServiceRequest/{order}"), &done).expect(200);
    let path = format!("/Encounter/{stay}");
    let mut body = house.get(&path).expect(200).json();
    body["reasonCode"] = json!([{"text": "fall"}]);
    house.put(&path, &body).expect(200);
    assert_eq!(owed("requested"), 0);
    // without it the bed is owed one
    body.as_object_mut().unwrap().remove("basedOn");
    house.put(&path, &body).expect(200);
    assert_eq!((owed("requested"), hospital.face(&bed).as_str()), (1, "active O occupied"));
}

fn only_an_order_that_is_there_counts(house: &House) {
    let hospital = Hospital::new(house);
    let ward = hospital.bed("general");
    let (stay, patient) = brought_in(&hospital);
    let post = |patient: &str, status: &str, intent: &str| {
        let mut body = hospital.order_body(patient, "general");
        (body["status"], body["intent"]) = (json!(status), json!(intent));
        let id = house.post("/ServiceRequest", &body).expect(201).id();
        format!("ServiceRequest/{id}")
    };
    let order = post(&patient, "active", "order");
    let nothing = [
        "ServiceRequest/nowhere".to_owned(),
        format!("http://there.example/fhir/{order}"),
        post(&hospital.patient(), "active", "order"),
        post(&patient, "active", "proposal"),
        post(&patient, "revoked", "order"),
        post(&patient, "completed", "order"),
    ];
    let mut body = lying_in(&hospital, &stay, &patient, &ward);
    for reference in nothing {
        body["basedOn"] = json!([{"reference": reference}]);
        let refused = house.put(&format!("/Encounter/{stay}"), &body);
        let found = (refused.status, code(&refused));
        assert_eq!(found, (422, "approval-missing".to_owned()), "{reference}");
    }
    assert_eq!(hospital.face(&ward), "active U -");
    body["basedOn"] = json!([{"reference": format!("{order}/_history/1")}]);
    house.put(&format!("/Encounter/{stay}"), &body).expect(200);
    assert_eq!(hospital.face(&ward), "active O occupied");
}

fn what_asks_for_an_order_is_not_changed_by_hand(house: &House) {
    let hospital = Hospital::new(house);
    emergency_room(&hospital, 1);
    let (stay, patient) = brought_in(&hospital);
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    let owed = refers(&given, "orderTask");
    let task = house.get(&format!("/{owed}")).expect(200).json();
    let changes = [
        ("status", json!("completed")),
        ("status", json!("cancelled")),
        ("focus", json!({"reference": "Encounter/another"})),
        ("for", json!({"reference": "Patient/another"})),
        ("code", json!({"text": "another"})),
    ];
    for (name, value) in changes {
        let mut forged = task.clone();
        forged[name] = value;
        let refused = house.put(&format!("/{owed}"), &forged);
        let found = (refused.status, code(&refused));
        assert_eq!(found, (422, "illegal-transition".to_owned()), "{name}");
    }
    assert_eq!(house.delete(&format!("/{owed}")).status, 422);
    let mut noted = task;
    noted["note"] = json!([{"text": "Dr. Rao was called"}]);
    house.put(&format!("/{owed}"), &noted).expect(200);
    // the request stays an emergency's, whatever its focus says
    let request = refers(&given, "task");
    let mut body = house.get(&format!("/{request}")).expect(200).json();
    body["focus"] = json!({"reference": "ServiceRequest/nowhere"});
    house.put(&format!("/{request}"), &body).expect(200);
    let request = request.trim_start_matches("Task/");
    hospital.confirm(request, "decline").expect(200);
    assert_eq!(hospital.task_state(request), "cancelled/not-taken");
    order_task(house, &stay, "cancelled/not-needed");
    // nobody is kept from asking on an order
    let order = hospital.order(&patient, "icu");
    hospital.request(&patient, &order);
}

fn who_was_unknown_is_identified_and_the_class_changes_nothing(house: &House) {
    let hospital = Hospital::new(house);
    let (ward, beds) = (hospital.bed("general"), emergency_room(&hospital, 2));
    let (stay, patient) = (unique("unknown"), hospital.patient());
    let path = format!("/Encounter/{stay}");
    let known = lying_in(&hospital, &stay, &patient, &beds[0]);
    let mut unknown = known.clone();
    unknown.as_object_mut().unwrap().remove("subject");
    house.put(&path, &unknown).expect(201);
    let owed = order_task(house, &stay, "requested/order-due");
    assert!(owed["for"].is_null(), "{owed}");
    // who has a bed already is somebody else
    let (other, admitted) = brought_in(&hospital);
    let taken = lying_in(&hospital, &other, &admitted, &beds[1]);
    house.put(&format!("/Encounter/{other}"), &taken).expect(200);
    let refused = house.put(&path, &lying_in(&hospital, &stay, &admitted, &beds[0]));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "already-admitted"));
    house.put(&path, &known).expect(200);
    let owed = order_task(house, &stay, "requested/order-due");
    assert_eq!(owed["for"]["reference"], format!("Patient/{patient}"));
    // another class opens no ward as long as the order is due
    let mut moved = lying_in(&hospital, &stay, &patient, &ward);
    moved["class"] = json!({"code": "IMP"});
    let refused = house.put(&path, &moved);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    hospital.order(&patient, "general");
    order_task(house, &stay, "completed/order-given");
    assert_eq!(hospital.face(&beds[0]), "active O occupied");
}

/// A server on which orders are due at once.
fn impatient(database: &str) -> House {
    let arguments = hasty(database, "order_due_seconds = 1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    House::mortal(&arguments)
}

#[test]
fn sqlite_finds_the_order_behind_many_that_are_late() {
    an_order_is_found_behind_many_that_are_late("sqlite");
}

#[test]
fn postgres_finds_the_order_behind_many_that_are_late() {
    an_order_is_found_behind_many_that_are_late("postgres");
}

fn an_order_is_found_behind_many_that_are_late(database: &str) {
    let house = impatient(database);
    let hospital = Hospital::new(&house);
    let room = emergency_room(&hospital, 1).remove(0);
    let ward = house.get(&format!("/Location/{room}")).expect(200).json()["partOf"].clone();
    for _ in 0..6 {
        let (mut beds, mut stays) = (Vec::new(), Vec::new());
        let put = |of: &str, body: Value| {
            let url = format!("{of}/{}", body["id"].as_str().unwrap());
            json!({"resource": body, "request": {"method": "PUT", "url": url}})
        };
        for n in 0..85 {
            let id = unique(&format!("late-{n}"));
            let mut bed = hospital.bed_body(&id, "icu", json!([]));
            bed["partOf"] = ward.clone();
            let mut stay = lying_in(&hospital, &id, "nobody", &id);
            stay.as_object_mut().unwrap().remove("subject");
            beds.push(put("Location", bed));
            stays.push(put("Encounter", stay));
        }
        for entries in [beds, stays] {
            let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
            house.post("", &bundle).expect(200);
        }
    }
    let late = || {
        let found = house.get("/Task?code=bed-order-due&priority=stat&_summary=count");
        found.expect(200).json()["total"].as_u64().unwrap_or_default()
    };
    for _ in 0..300 {
        if late() >= 510 {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(late(), 510);
    let (stay, patient) = brought_in(&hospital);
    let body = lying_in(&hospital, &stay, &patient, &room);
    house.put(&format!("/Encounter/{stay}"), &body).expect(200);
    order_task(&house, &stay, "requested/order-overdue");
    hospital.order(&patient, "icu");
    order_task(&house, &stay, "completed/order-late");
}

#[test]
fn sqlite_holds_nothing_more_for_who_is_late() {
    nothing_more_is_held_for_who_is_late("sqlite");
}

#[test]
fn postgres_holds_nothing_more_for_who_is_late() {
    nothing_more_is_held_for_who_is_late("postgres");
}

fn nothing_more_is_held_for_who_is_late(database: &str) {
    let house = impatient(database);
    let hospital = Hospital::new(&house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let (stay, patient) = brought_in(&hospital);
    hold(&hospital, &stay, named(&bed)).expect(200);
    order_task(&house, &stay, "failed/order-overdue");
    let refused = hold(&hospital, &stay, json!([]));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    assert_eq!(hospital.face(&bed), "active U ready");
    // who comes is let in, and the order is late at once
    let body = lying_in(&hospital, &stay, &patient, &bed);
    house.put(&format!("/Encounter/{stay}"), &body).expect(200);
    let path = format!("/Task?code=bed-order-due&focus=Encounter/{stay}&priority=stat");
    for _ in 0..100 {
        if !house.get(&path).expect(200).ids().is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let late = house.get(&path).expect(200).json()["entry"][0]["resource"].clone();
    assert_eq!(late["businessStatus"]["coding"][0]["code"], "order-overdue", "{late}");
}

#[test]
fn sqlite_lets_no_stay_stop_what_is_done_for_others() {
    one_stay_is_in_nobodys_way("sqlite");
}

#[test]
fn postgres_lets_no_stay_stop_what_is_done_for_others() {
    one_stay_is_in_nobodys_way("postgres");
}

fn one_stay_is_in_nobodys_way(database: &str) {
    let arguments = hasty(database, "order_due_seconds = 3\nhold_seconds = 1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let house = House::mortal(&arguments);
    let hospital = Hospital::new(&house);
    let beds = emergency_room(&hospital, 4);
    // whoever is to be told of these stands nowhere else, or elsewhere
    let providers = [
        json!({"reference": "#here"}),
        json!({"reference": "http://there.example/fhir/Organization/o"}),
    ];
    let mut late = Vec::new();
    for (bed, provider) in beds.iter().zip(providers) {
        let (stay, patient) = (unique("stay"), hospital.patient());
        let mut body = lying_in(&hospital, &stay, &patient, bed);
        if provider["reference"] == "#here" {
            body["contained"] =
                json!([{"resourceType": "Organization", "id": "here", "name": "x"}]);
        }
        body["serviceProvider"] = provider;
        house.put(&format!("/Encounter/{stay}"), &body).expect(201);
        late.push((stay, patient));
    }
    for (stay, patient) in &late {
        order_task(&house, stay, "requested/order-overdue");
        // the hospital of the bed is told
        let told =
            house.get(&format!("/Communication?subject=Patient/{patient}")).expect(200).json();
        let recipients = &told["entry"][0]["resource"]["recipient"];
        let hospital = format!("Organization/{}", hospital.organization);
        assert_eq!(*recipients, json!([{"reference": hospital}]), "{told}");
    }
    // the patient of somebody who waits is gone
    let gone = hospital.waiting("general").patient;
    house.delete(&format!("/Patient/{gone}")).expect(204);
    // holds end, orders are found and beds are given as ever
    let (stay, _) = brought_in(&hospital);
    hold(&hospital, &stay, named(&beds[2])).expect(200);
    let (other, patient) = brought_in(&hospital);
    let body = lying_in(&hospital, &other, &patient, &beds[3]);
    house.put(&format!("/Encounter/{other}"), &body).expect(200);
    hospital.order(&patient, "icu");
    order_task(&house, &other, "completed/order-given");
    order_task(&house, &stay, "cancelled/not-needed");
    assert_eq!(hospital.face(&beds[2]), "active U ready");
    hospital.bed("general");
    hospital.batch().expect(200);
}
