//! Every other way in passes the same rule: no bed is ever given twice, whatever writes the Encounter.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::hospital::{Hospital, code, part};
use crate::house::{House, unique};

stories!(
    a_plain_encounter_takes_a_free_bed_and_no_other,
    a_location_shows_its_claim_and_does_not_change_it,
    a_bundle_is_all_or_nothing,
    a_request_is_not_made_by_hand,
    sixty_four_clients_race_for_one_bed,
);

fn stay(id: &str, patient: &str, places: &[(&str, &str)]) -> Value {
    let places: Vec<Value> = places.iter()
        .map(|(bed, status)| json!({"location": {"reference": format!("Location/{bed}")}, "status": status})).collect();
    let mut body = json!({"resourceType": "Encounter", "id": id, "status": "in-progress", "class": {"code": "IMP"},
        "subject": {"reference": format!("Patient/{patient}")}});
    if !places.is_empty() {
        body["location"] = json!(places);
    }
    body
}

fn a_plain_encounter_takes_a_free_bed_and_no_other(house: &House) {
    let hospital = Hospital::new(house);
    let (bed, other) = (hospital.bed("general"), hospital.bed("general"));
    let (a, b) = (hospital.patient(), hospital.patient());
    let (first, second) = (unique("stay"), unique("stay"));
    let put = |id: &str, body: &Value| house.put(&format!("/Encounter/{id}"), body);
    put(&first, &stay(&first, &a, &[(&bed, "active")])).expect(201);
    assert_eq!(hospital.face(&bed), "active O occupied");
    let refused = put(&second, &stay(&second, &b, &[(&bed, "active")]));
    assert_eq!((refused.status, code(&refused).as_str()), (409, "bed-taken"));
    house.get(&format!("/Encounter/{second}")).expect(404);
    let refused = house.post("/Encounter", &stay("x", &b, &[(&bed, "reserved")]));
    assert_eq!((refused.status, code(&refused).as_str()), (409, "bed-taken"));
    // one patient, one bed
    let refused = put(&second, &stay(&second, &a, &[(&other, "active")]));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "already-admitted"));
    // a patch is no way around
    put(&second, &stay(&second, &b, &[])).expect(201);
    let patch = json!([{"op": "add", "path": "/location", "value": [{"location": {"reference": format!("Location/{bed}")}, "status": "active"}]}]);
    let headers = [("Content-Type", "application/json-patch+json")];
    house.send("PATCH", &format!("/Encounter/{second}"), &headers, &patch.to_string()).expect(409);
    // what is history is history
    let mut past = stay(&second, &b, &[(&bed, "completed")]);
    past["status"] = json!("finished");
    put(&second, &past).expect(200);
    // who leaves leaves a dirty bed, and so does who is deleted
    put(&first, &stay(&first, &a, &[(&bed, "completed"), (&other, "active")])).expect(200);
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.face(&other).as_str()),
        ("active K dirty", "active O occupied")
    );
    house.delete(&format!("/Encounter/{first}")).expect(204);
    assert_eq!(hospital.face(&other), "active K dirty");
    assert_eq!(put(&first, &stay(&first, &a, &[(&other, "active")])).status, 409, "it is dirty");
}

fn a_location_shows_its_claim_and_does_not_change_it(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let put = |change: &dyn Fn(&mut Value)| {
        let mut body = house.get(&format!("/Location/{bed}")).expect(200).json();
        change(&mut body);
        house.put(&format!("/Location/{bed}"), &body)
    };
    for operational in ["O", "K", "H", "C", "I"] {
        let refused = put(&|body| body["operationalStatus"]["code"] = json!(operational));
        assert_eq!(refused.status, 422, "{operational} {}", refused.text);
    }
    put(&|body| body["name"] = json!("Bed by the window")).expect(200);
    let waiting = hospital.waiting("general");
    hospital.allocate(&waiting.order).expect(200);
    put(&|body| body["extension"] = json!([])).expect(400);
    put(&|body| {
        body["extension"].as_array_mut().unwrap().retain(|it| it["valueCode"] != "held");
    })
    .expect(422);
    put(&|body| body["status"] = json!("suspended")).expect(422);
    put(&|body| body["name"] = json!("Bed by the door")).expect(200);
    house.delete(&format!("/Location/{bed}")).expect(409);
    assert_eq!(hospital.face(&bed), "active U held");
    // a bed that arrives occupied is taken over by the stay that names it
    let arrived = unique("bed");
    let mut body = hospital.bed_body(&arrived, "general", json!([]));
    body["operationalStatus"]["code"] = json!("O");
    house.put(&format!("/Location/{arrived}"), &body).expect(201);
    let (id, patient) = (unique("stay"), hospital.patient());
    house
        .put(&format!("/Encounter/{id}"), &stay(&id, &patient, &[(&arrived, "active")]))
        .expect(201);
    let (late, other) = (unique("stay"), hospital.patient());
    house
        .put(&format!("/Encounter/{late}"), &stay(&late, &other, &[(&arrived, "active")]))
        .expect(409);
}

fn a_bundle_is_all_or_nothing(house: &House) {
    let hospital = Hospital::new(house);
    let (bed, patient, other) = (hospital.bed("general"), hospital.patient(), hospital.patient());
    let (a, b) = (unique("stay"), unique("stay"));
    let entry = |id: &str, body: Value| json!({"resource": body, "request": {"method": "PUT", "url": format!("Encounter/{id}")}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        entry(&a, stay(&a, &patient, &[(&bed, "active")])), entry(&b, stay(&b, &other, &[(&bed, "active")]))]});
    let refused = house.post("", &bundle);
    assert_eq!((refused.status, code(&refused).as_str()), (409, "bed-taken"));
    assert!(refused.text.contains("Bundle.entry[1]"), "{}", refused.text);
    assert_eq!(hospital.face(&bed), "active U -");
    let good = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        entry(&a, stay(&a, &patient, &[(&bed, "active")]))]});
    house.post("", &good).expect(200);
    assert_eq!(hospital.face(&bed), "active O occupied");
}

fn a_request_is_not_made_by_hand(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let by_hand = json!({"resourceType": "Task", "status": "requested", "intent": "order",
        "code": {"coding": [{"code": "bed-allocation"}]}});
    house.post("/Task", &by_hand).expect(422);
    let mut past = by_hand.clone();
    past["status"] = json!("completed");
    house.post("/Task", &past).expect(201);
    let waiting = hospital.waiting("general");
    hospital.allocate(&waiting.order).expect(200);
    let put = |status: &str| {
        let mut body = house.get(&format!("/Task/{}", waiting.task)).expect(200).json();
        body["status"] = json!(status);
        house.put(&format!("/Task/{}", waiting.task), &body)
    };
    put("in-progress").expect(422);
    put("cancelled").expect(200);
    assert_eq!(hospital.face(&bed), "active U ready");
    let stays = house
        .get(&format!("/Encounter?based-on=ServiceRequest/{}", waiting.order))
        .expect(200)
        .json();
    assert_eq!(stays["entry"][0]["resource"]["status"], "cancelled");
}

const CLIENTS: usize = 64;
const ROUNDS: usize = 4;

/// One bed, sixty-four clients: by name, by the policy, and by plain Encounters.
fn sixty_four_clients_race_for_one_bed(house: &House) {
    for round in 0..ROUNDS {
        let hospital = Hospital::new(house);
        let bed = hospital.bed("nicu");
        let newborn = json!({"gender": "female"});
        let waiting: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let patient = hospital.patient_with(newborn.clone());
                let order = hospital.order(&patient, "nicu");
                hospital.request(&patient, &order)
            })
            .collect();
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for (n, one) in waiting.iter().enumerate() {
                let (hospital, bed, won) = (&hospital, &bed, &won);
                scope.spawn(move || {
                    let has_it = match n % 3 {
                        0 => {
                            let id = unique("race");
                            let body = stay(&id, &one.patient, &[(bed, "active")]);
                            let answer = house.put(&format!("/Encounter/{id}"), &body);
                            assert!([201, 409].contains(&answer.status), "{}", answer.text);
                            answer.status == 201
                        }
                        1 => {
                            let named = json!([
                                {"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}},
                                {"name": "overrideReason", "valueCodeableConcept": {"text": "race"}}]);
                            let answer = hospital.call(&format!("ServiceRequest/{}/$allocate-bed", one.order), &named);
                            assert!([200, 409].contains(&answer.status), "{}", answer.text);
                            answer.status == 200
                        }
                        _ => {
                            let answer = hospital.allocate(&one.order);
                            assert!([200, 409].contains(&answer.status), "{}", answer.text);
                            answer.status == 200 && !part(&answer.json(), "allocation").is_null()
                        }
                    };
                    won.fetch_add(usize::from(has_it), Ordering::Relaxed);
                });
            }
        });
        assert_eq!(won.load(Ordering::Relaxed), 1, "round {round}");
        let held = house
            .get(&format!("/Encounter?location=Location/{bed}&status=planned,in-progress"))
            .expect(200);
        assert_eq!(held.ids().len(), 1, "{}", held.text);
        assert!(hospital.face(&bed).ends_with("held") || hospital.face(&bed).ends_with("occupied"));
    }
}
