//! Emergencies: a bed first, the order within the hour.

#![expect(clippy::needless_pass_by_value, reason = "literals read better without a borrow")]

use std::time::Duration;

use serde_json::{Value, json};

use super::hospital::{Hospital, code, part, parts};
use crate::house::{House, Reply, fresh_database, fresh_directory, unique};

stories!(
    an_emergency_has_a_bed_before_the_order,
    a_bed_that_is_not_an_emergencys_needs_the_order,
    what_is_no_emergency_waits_for_the_order,
    two_emergencies_never_get_one_bed,
    a_plain_encounter_comes_through_the_same_rule,
    an_emergency_that_does_not_come_owes_no_order,
    an_order_moves_an_emergency_to_a_ward,
    only_an_order_that_approves_is_the_one_that_is_due,
);

/// A room of the emergency department with so many beds.
pub(super) fn emergency_room(hospital: &Hospital<'_>, beds: usize) -> Vec<String> {
    let room = unique("resus");
    let role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let body = json!({"resourceType": "Location", "id": room, "name": "Resus",
        "type": [{"coding": [{"system": role, "code": "ER"}]}],
        "managingOrganization": {"reference": format!("Organization/{}", hospital.organization)}});
    hospital.house.put(&format!("/Location/{room}"), &body).expect(201);
    let bed = |_| {
        let id = unique("resus-bed");
        let mut body = hospital.bed_body(&id, "icu", json!([]));
        body["partOf"] = json!({"reference": format!("Location/{room}")});
        hospital.house.put(&format!("/Location/{id}"), &body).expect(201);
        id
    };
    (0..beds).map(bed).collect()
}

pub(super) fn stay_body(hospital: &Hospital<'_>, id: &str, patient: &str) -> Value {
    json!({"resourceType": "Encounter", "id": id, "status": "arrived", "class": {"code": "EMER"},
        "subject": {"reference": format!("Patient/{patient}")},
        "serviceProvider": {"reference": format!("Organization/{}", hospital.organization)}})
}

/// Somebody who was brought in: stay and patient.
pub(super) fn brought_in(hospital: &Hospital<'_>) -> (String, String) {
    let (stay, patient) = (unique("emergency"), hospital.patient());
    let body = stay_body(hospital, &stay, &patient);
    hospital.house.put(&format!("/Encounter/{stay}"), &body).expect(201);
    (stay, patient)
}

pub(super) fn hold(hospital: &Hospital<'_>, stay: &str, parameters: Value) -> Reply {
    hospital.call(&format!("Encounter/{stay}/$allocate-bed"), &parameters)
}

pub(super) fn named(bed: &str) -> Value {
    json!([{"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}}])
}

pub(super) fn refers(of: &Value, name: &str) -> String {
    part(of, name)["valueReference"]["reference"].as_str().unwrap_or_default().to_owned()
}

/// What the order-due Task of a stay says, once it says that.
pub(super) fn order_task(house: &House, stay: &str, expected: &str) -> Value {
    let path = format!("/Task?code=bed-order-due&focus=Encounter/{stay}");
    let mut seen = String::new();
    for _ in 0..100 {
        let found = house.get(&path).expect(200).json();
        let task = found["entry"][0]["resource"].clone();
        let status = task["status"].as_str().unwrap_or("none");
        let business = task["businessStatus"]["coding"][0]["code"].as_str().unwrap_or("none");
        seen = format!("{status}/{business}");
        if seen == expected {
            assert_eq!(found["entry"].as_array().unwrap().len(), 1, "{found}");
            return task;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the Task of {stay} is {seen}, not {expected}");
}

fn millis(instant: &Value) -> i64 {
    let text = instant.as_str().unwrap();
    let (time, rest) = text.split_once('.').unwrap();
    let clock: Vec<i64> = time[11..].split(':').map(|it| it.parse().unwrap()).collect();
    let day: i64 = time[8..10].parse().unwrap();
    (((day * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2]) * 1000
        + rest[..3].parse::<i64>().unwrap()
}

#[expect(clippy::cognitive_complexity, reason = "one story, step by step")]
fn an_emergency_has_a_bed_before_the_order(house: &House) {
    let hospital = Hospital::new(house);
    hospital.bed("icu");
    let bed = emergency_room(&hospital, 1).remove(0);
    let (stay, patient) = brought_in(&hospital);
    hospital.vitals(&patient, 9);
    // nothing is held by a proposal
    let proposal = json!([{"name": "mode", "valueCode": "propose"}]);
    let proposed = part(&hold(&hospital, &stay, proposal).expect(200).json(), "allocation");
    assert_eq!(part(&proposed, "status")["valueCode"], "proposed");
    assert_eq!(hospital.face(&bed), "active U -");

    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    assert_eq!(refers(&given, "bed"), format!("Location/{bed}"));
    assert_eq!(hospital.face(&bed), "active U held");
    let why = part(&given, "explanation");
    assert_eq!(part(&why, "tier")["valueCode"], "immediate");
    assert!(part(&why, "text")["valueMarkdown"].as_str().unwrap().contains("NEWS2 9"), "{why}");
    let request = refers(&given, "task").trim_start_matches("Task/").to_owned();
    assert_eq!(hospital.task_state(&request), "accepted/held");
    let encounter = || house.get(&format!("/Encounter/{stay}")).expect(200).json();
    assert_eq!(encounter()["location"][0]["status"], "reserved");
    let due = order_task(house, &stay, "requested/order-due");
    assert_eq!(refers(&given, "orderTask"), format!("Task/{}", due["id"].as_str().unwrap()));
    assert_eq!(due["for"]["reference"], format!("Patient/{patient}"));
    assert_eq!(due["owner"]["reference"], format!("Organization/{}", hospital.organization));
    let until = &due["restriction"]["period"]["end"];
    assert_eq!(*until, part(&given, "orderDue")["valueInstant"]);
    let minutes = (millis(until) - millis(&due["authoredOn"])).rem_euclid(31 * 86_400_000) / 60_000;
    assert!(minutes == 60 || minutes > 40_000, "{due}");

    hospital.confirm(&request, "arrived").expect(200);
    assert_eq!(hospital.face(&bed), "active O occupied");
    assert_eq!(encounter()["status"], "in-progress");
    order_task(house, &stay, "requested/order-due");
    // a second bed is not given
    assert_eq!(code(&hold(&hospital, &stay, json!([]))), "already-admitted");

    let order = hospital.order(&patient, "icu");
    let done = order_task(house, &stay, "completed/order-given");
    let reference = format!("ServiceRequest/{order}");
    assert_eq!(done["output"][0]["valueReference"]["reference"], reference);
    assert_eq!(encounter()["basedOn"][0]["reference"], reference);
    let body = house.get(&format!("/Task/{request}")).expect(200).json();
    assert_eq!(body["focus"]["reference"], reference);
    assert_eq!(hospital.task_state(&request), "in-progress/arrived");
    let again = hospital.allocate(&order).expect(200).json();
    assert_eq!(part(&part(&again, "allocation"), "status")["valueCode"], "unchanged");
    let why = house.get(&format!("/Task/{request}/$explain-allocation")).expect(200).json();
    assert_eq!(part(&why, "replayed")["valueBoolean"], true, "{why}");
    let trail = house.get(&format!("/Provenance?target=Task/{request}")).expect(200);
    assert_eq!(trail.ids().len(), 1);
    hospital.call(&format!("Encounter/{stay}/$release-bed"), &json!([])).expect(200);
    assert_eq!(hospital.face(&bed), "active K dirty");
    order_task(house, &stay, "completed/order-given");
}

fn a_bed_that_is_not_an_emergencys_needs_the_order(house: &House) {
    let hospital = Hospital::new(house);
    let ward = hospital.bed("general");
    let (stay, _) = brought_in(&hospital);
    let refused = hold(&hospital, &stay, named(&ward));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    // with no bed of the emergency department none is given
    let none = hold(&hospital, &stay, json!([])).expect(200).json();
    assert_eq!(part(&part(&none, "unallocated"), "reason")["valueCode"], "no-feasible-bed");
    assert_eq!(parts(&none, "allocation").len(), 0);
    assert_eq!(hospital.face(&ward), "active U -");
    let bed = emergency_room(&hospital, 1).remove(0);
    let equipment = json!([{"name": "equipment", "valueCoding": {"code": "ventilator"}},
        named(&bed)[0].clone()]);
    let refused = hold(&hospital, &stay, equipment);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "constraint-violation"));
    assert!(refused.text.contains("equipment"), "{}", refused.text);
    let long = json!([{"name": "holdMinutes", "valuePositiveInt": 61}]);
    hold(&hospital, &stay, long).expect(400);
    let unknown = hold(&hospital, &stay, named("nowhere"));
    assert_eq!((unknown.status, code(&unknown).as_str()), (422, "constraint-violation"));
    hold(&hospital, &stay, named(&bed)).expect(200);
}

fn what_is_no_emergency_waits_for_the_order(house: &House) {
    let hospital = Hospital::new(house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let case = |change: &dyn Fn(&mut Value)| {
        let (stay, patient) = (unique("stay"), hospital.patient());
        let mut body = stay_body(&hospital, &stay, &patient);
        change(&mut body);
        house.put(&format!("/Encounter/{stay}"), &body).expect(201);
        let answer = hold(&hospital, &stay, json!([]));
        (answer.status, code(&answer))
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(case(&|it| it["class"] = json!({"code": "IMP"})), refused(422, "approval-missing"));
    let nobody = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("subject"));
    assert_eq!(case(&nobody), refused(422, "approval-missing"));
    assert_eq!(case(&|it| it["status"] = json!("finished")), refused(409, "illegal-transition"));
    let order = hospital.order(&hospital.patient(), "icu");
    let based = json!([{"reference": format!("ServiceRequest/{order}")}]);
    assert_eq!(case(&|it| it["basedOn"] = based.clone()), refused(409, "illegal-transition"));
    let nowhere = |it: &mut Value| drop(it.as_object_mut().unwrap().remove("serviceProvider"));
    assert_eq!(case(&nowhere).0, 400);
    hold(&hospital, "nobody", json!([])).expect(404);
    // who waits on an order is served on that order
    let waiting = hospital.waiting("icu");
    let stay = unique("stay");
    let body = stay_body(&hospital, &stay, &waiting.patient);
    house.put(&format!("/Encounter/{stay}"), &body).expect(201);
    let refused = hold(&hospital, &stay, json!([]));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "already-requested"));
    assert!(refused.header("Location").ends_with(&waiting.task));
    assert_eq!(hospital.face(&bed), "active U -");
}

fn two_emergencies_never_get_one_bed(house: &House) {
    let hospital = Hospital::new(house);
    let beds = emergency_room(&hospital, 2);
    let stays: Vec<String> = (0..8).map(|_| brought_in(&hospital).0).collect();
    // half of them name the bed, half take what there is
    let answers: Vec<Reply> = std::thread::scope(|scope| {
        let tries: Vec<_> = stays
            .iter()
            .enumerate()
            .map(|(n, stay)| {
                let parameters = if n % 2 == 0 { named(&beds[0]) } else { json!([]) };
                let hospital = &hospital;
                scope.spawn(move || hold(hospital, stay, parameters))
            })
            .collect();
        tries.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let mut given: Vec<String> = Vec::new();
    for answer in &answers {
        if answer.status != 200 {
            assert_eq!((answer.status, code(answer).as_str()), (409, "bed-taken"));
            continue;
        }
        given.extend(parts(&answer.json(), "allocation").iter().map(|it| refers(it, "bed")));
    }
    given.sort();
    let mut all: Vec<String> = beds.iter().map(|bed| format!("Location/{bed}")).collect();
    all.sort();
    assert_eq!(given, all);
    let owed = stays.iter().filter(|stay| {
        let path = format!("/Task?code=bed-order-due&focus=Encounter/{stay}");
        !house.get(&path).expect(200).ids().is_empty()
    });
    assert_eq!(owed.count(), 2);
}

fn a_plain_encounter_comes_through_the_same_rule(house: &House) {
    let hospital = Hospital::new(house);
    let (ward, bed) = (hospital.bed("general"), emergency_room(&hospital, 1).remove(0));
    let (stay, patient) = brought_in(&hospital);
    let in_bed = |bed: &str, order: Option<&str>| {
        let mut body = stay_body(&hospital, &stay, &patient);
        body["status"] = json!("in-progress");
        body["location"] =
            json!([{"location": {"reference": format!("Location/{bed}")}, "status": "active"}]);
        if let Some(order) = order {
            body["basedOn"] = json!([{"reference": format!("ServiceRequest/{order}")}]);
        }
        body
    };
    let path = format!("/Encounter/{stay}");
    let refused = house.put(&path, &in_bed(&ward, None));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    // a Bundle and a patch are refused alike, and nothing of them is there
    let bundle = |body: Value| {
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": body, "request": {"method": "PUT", "url": format!("Encounter/{stay}")}}]});
        house.post("", &bundle)
    };
    assert_eq!(bundle(in_bed(&ward, None)).status, 422);
    let patch =
        json!([{"op": "add", "path": "/location", "value": in_bed(&ward, None)["location"]}]);
    let json_patch = [("Content-Type", "application/json-patch+json")];
    assert_eq!(house.send("PATCH", &path, &json_patch, &patch.to_string()).status, 422);
    assert_eq!(hospital.face(&ward), "active U -");

    bundle(in_bed(&bed, None)).expect(200);
    assert_eq!(hospital.face(&bed), "active O occupied");
    order_task(house, &stay, "requested/order-due");
    // with an order the ward is open; what the order is for is checked
    let order = hospital.order(&patient, "general");
    house.put(&path, &in_bed(&ward, Some(&order))).expect(200);
    assert_eq!(hospital.face(&ward), "active O occupied");
    order_task(house, &stay, "completed/order-given");
}

fn an_emergency_that_does_not_come_owes_no_order(house: &House) {
    let hospital = Hospital::new(house);
    let bed = emergency_room(&hospital, 1).remove(0);
    for reason in [None, Some("went elsewhere")] {
        let (stay, _) = brought_in(&hospital);
        let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
        let request = refers(&given, "task");
        let mut decline = vec![json!({"name": "decision", "valueCode": "decline"})];
        decline.extend(
            reason.map(|it| json!({"name": "reason", "valueCodeableConcept": {"text": it}})),
        );
        hospital.call(&format!("{request}/$confirm-bed"), &json!(decline)).expect(200);
        let request = request.trim_start_matches("Task/").to_owned();
        assert_eq!(hospital.task_state(&request), "cancelled/not-taken");
        assert_eq!(hospital.face(&bed), "active U ready");
        order_task(house, &stay, "cancelled/not-needed");
        // the stay goes on, and nobody waits by hand without an order
        let body = house.get(&format!("/Encounter/{stay}")).expect(200).json();
        assert_eq!((body["status"].as_str(), body["location"].is_null()), (Some("arrived"), true));
        let mut task = house.get(&format!("/Task/{request}")).expect(200).json();
        task["status"] = json!("requested");
        house.put(&format!("/Task/{request}"), &task).expect(422);
    }
}

fn an_order_moves_an_emergency_to_a_ward(house: &House) {
    let hospital = Hospital::new(house);
    let (ward, bed) = (hospital.bed("general"), emergency_room(&hospital, 1).remove(0));
    let (stay, patient) = brought_in(&hospital);
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    let request = refers(&given, "task").trim_start_matches("Task/").to_owned();
    hospital.confirm(&request, "arrived").expect(200);
    let transfer =
        |parameters: Value| hospital.call(&format!("Encounter/{stay}/$transfer-bed"), &parameters);
    let refused = transfer(named(&ward));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    assert_eq!(hospital.face(&ward), "active U -");
    let order = |id: &str| json!([{"name": "order", "valueReference": {"reference": format!("ServiceRequest/{id}")}}]);
    let mut proposal = hospital.order_body(&patient, "general");
    proposal["intent"] = json!("proposal");
    let proposal = house.post("/ServiceRequest", &proposal).expect(201).id();
    let refused = transfer(order(&proposal));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    let id = hospital.order(&patient, "general");
    transfer(order(&id)).expect(200);
    transfer(json!([{"name": "decision", "valueCode": "arrived"}])).expect(200);
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.face(&ward).as_str()),
        ("active K dirty", "active O occupied")
    );
    order_task(house, &stay, "completed/order-given");
}

fn only_an_order_that_approves_is_the_one_that_is_due(house: &House) {
    let hospital = Hospital::new(house);
    emergency_room(&hospital, 1);
    let (stay, patient) = brought_in(&hospital);
    hold(&hospital, &stay, json!([])).expect(200);
    let post = |change: &dyn Fn(&mut Value)| {
        let mut body = hospital.order_body(&patient, "icu");
        change(&mut body);
        house.post("/ServiceRequest", &body).expect(201).id()
    };
    post(&|it| it["intent"] = json!("proposal"));
    post(&|it| it["occurrencePeriod"] = json!({"end": "2020-01-01"}));
    post(&|it| it["encounter"] = json!({"reference": "Encounter/another"}));
    let intern = hospital.intern_role();
    let order = post(&|it| it["requester"] = json!({"reference": intern}));
    hospital.order(&hospital.patient(), "icu");
    std::thread::sleep(Duration::from_millis(2_500));
    order_task(house, &stay, "requested/order-due");
    // the intern's order holds when a doctor verifies it
    house.post("/Provenance", &json!({"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": format!("ServiceRequest/{order}")}],
        "agent": [{"type": {"coding": [{"code": "verifier"}]}, "who": {"reference": hospital.doctor_role()}}]})).expect(201);
    let done = order_task(house, &stay, "completed/order-given");
    let given = &done["output"][0]["valueReference"]["reference"];
    assert_eq!(*given, format!("ServiceRequest/{order}"));
}

/// Arguments of a server with these settings on beds, on either database.
pub(super) fn hasty(database: &str, settings: &str) -> Vec<String> {
    let directory = fresh_directory();
    let file = directory.join("hasty.toml");
    std::fs::write(&file, format!("[beds]\n{settings}\n")).unwrap();
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let mut arguments =
        vec!["--config".to_owned(), text(&file), "--data-dir".to_owned(), text(&directory)];
    if database == "postgres" {
        arguments.extend(["--database-url".to_owned(), fresh_database("hasty")]);
    }
    arguments
}

#[test]
fn sqlite_tells_that_an_order_is_late_across_a_power_cut() {
    an_order_that_is_late_is_told_and_nobody_is_thrown_out("sqlite");
}

#[test]
fn postgres_tells_that_an_order_is_late_across_a_power_cut() {
    an_order_that_is_late_is_told_and_nobody_is_thrown_out("postgres");
}

fn an_order_that_is_late_is_told_and_nobody_is_thrown_out(database: &str) {
    let arguments = hasty(database, "order_due_seconds = 3");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut house = House::mortal(&arguments);
    let (beds, lies, awaited) = {
        let hospital = Hospital::new(&house);
        let beds = emergency_room(&hospital, 2);
        let (lies, awaited) = (brought_in(&hospital), brought_in(&hospital));
        let mut requests = Vec::new();
        for ((stay, _), bed) in [(&lies, &beds[0]), (&awaited, &beds[1])] {
            let given = part(&hold(&hospital, stay, named(bed)).expect(200).json(), "allocation");
            requests.push(refers(&given, "task").trim_start_matches("Task/").to_owned());
        }
        hospital.confirm(&requests[0], "arrived").expect(200);
        hospital.confirm(&requests[1], "accept").expect(200);
        (beds, (lies, requests.remove(0)), (awaited, requests.remove(0)))
    };
    // the power is cut before the order is due; what is owed is still known
    house.kill();
    std::thread::sleep(Duration::from_secs(2));
    let house = House::mortal(&arguments);
    let hospital = Hospital::new(&house);
    let ((stay, patient), _) = &lies;
    let late = order_task(&house, stay, "requested/order-overdue");
    assert_eq!(late["priority"], "stat");
    assert_eq!(hospital.face(&beds[0]), "active O occupied");
    let told = house.get(&format!("/Communication?subject=Patient/{patient}")).expect(200).json();
    let told = told["entry"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    let message = &told[0]["resource"];
    assert_eq!(message["category"][0]["coding"][0]["code"], "alert");
    assert!(message["recipient"][0]["reference"].as_str().unwrap().starts_with("Organization/"));
    // nobody lay in the other one: it is free again
    let ((stay, patient), request) = &awaited;
    order_task(&house, stay, "failed/order-overdue");
    assert_eq!(hospital.task_state(request), "failed/approval-expired");
    assert_eq!(hospital.face(&beds[1]), "active U ready");
    let told = house.get(&format!("/Communication?subject=Patient/{patient}")).expect(200);
    assert_eq!(told.ids().len(), 1);
    // late is better than never
    let ((stay, patient), _) = &lies;
    hospital.order(patient, "icu");
    order_task(&house, stay, "completed/order-late");
    assert_eq!(hospital.face(&beds[0]), "active O occupied");
}

#[test]
fn sqlite_ends_a_hold_for_who_does_not_come() {
    a_hold_that_is_over_ends_and_nobody_waits("sqlite");
}

#[test]
fn postgres_ends_a_hold_for_who_does_not_come() {
    a_hold_that_is_over_ends_and_nobody_waits("postgres");
}

fn a_hold_that_is_over_ends_and_nobody_waits(database: &str) {
    let arguments = hasty(database, "hold_seconds = 1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let house = House::mortal(&arguments);
    let hospital = Hospital::new(&house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let (stay, patient) = brought_in(&hospital);
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    order_task(&house, &stay, "cancelled/not-needed");
    let request = refers(&given, "task").trim_start_matches("Task/").to_owned();
    assert_eq!(hospital.task_state(&request), "cancelled/not-taken");
    assert_eq!(hospital.face(&bed), "active U ready");
    let told = house.get(&format!("/Communication?subject=Patient/{patient}")).expect(200).json();
    let words = &told["entry"][0]["resource"]["payload"][0]["contentString"];
    assert!(words.as_str().unwrap().contains("free again"), "{words}");
    // nobody waits without an order, and the same stay may have a bed again, for which an order is due again
    let waits = house.get("/ServiceRequest/$bed-waitlist?_count=1000").expect(200).json();
    assert!(parts(&waits, "entry").is_empty(), "{waits}");
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    let owed = refers(&given, "orderTask");
    let owed = house.get(&format!("/{owed}")).expect(200).json();
    assert_eq!(owed["focus"]["reference"], format!("Encounter/{stay}"));
    let late = hospital.confirm(&request, "accept");
    assert_eq!((late.status, code(&late).as_str()), (409, "hold-expired"));
}
