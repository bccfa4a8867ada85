//! Emergencies and their orders: one that is withdrawn, one behind many others, and what is none.

use serde_json::{Value, json};

use super::{
    duties::lying_in,
    emergencies::{brought_in, emergency_room, hold, named, order_task, refers},
    hospital::{Hospital, code, part},
};
use crate::house::{House, unique};

stories!(
    an_order_that_is_withdrawn_is_due_again,
    no_order_is_hidden_behind_others,
    of_very_many_the_last_ones_count,
    what_asks_for_an_order_is_not_written_with_the_stay,
    places_of_other_servers_are_not_here,
    what_is_no_admission_is_no_order,
);

/// Somebody who lies in a bed of a ward on an order that holds: stay, patient, bed, order.
fn on_a_ward(hospital: &Hospital<'_>) -> (String, String, String, String) {
    let (stay, patient, bed) = (unique("stay"), hospital.patient(), hospital.bed("general"));
    let order = hospital.order(&patient, "general");
    let mut body = lying_in(hospital, &stay, &patient, &bed);
    body["basedOn"] = json!([{"reference": format!("ServiceRequest/{order}")}]);
    hospital.house.put(&format!("/Encounter/{stay}"), &body).expect(201);
    (stay, patient, bed, order)
}

fn owed(house: &House, stay: &str) -> usize {
    let path = format!("/Task?code=bed-order-due&focus=Encounter/{stay}&status=requested");
    house.get(&path).expect(200).ids().len()
}

fn an_order_that_is_withdrawn_is_due_again(house: &House) {
    let hospital = Hospital::new(house);
    let changes: [(&str, Value); 7] = [
        ("status", json!("revoked")),
        ("status", json!("entered-in-error")),
        ("status", json!("on-hold")),
        ("intent", json!("proposal")),
        ("category", json!([{"coding": [{"code": "imaging"}]}])),
        ("subject", json!({"reference": format!("Patient/{}", hospital.patient())})),
        ("deleted", json!(null)),
    ];
    for (member, value) in changes {
        let (stay, patient, bed, order) = on_a_ward(&hospital);
        let path = format!("/ServiceRequest/{order}");
        let mut body = house.get(&path).expect(200).json();
        // what changes nothing and what is carried out take nothing away
        body["status"] = json!("completed");
        house.put(&path, &body).expect(200);
        assert_eq!(owed(house, &stay), 0);
        body["status"] = json!("active");
        body[member] = value;
        if member == "deleted" {
            house.delete(&path).expect(204);
        } else {
            house.put(&path, &body).expect(200);
        }
        let task = order_task(house, &stay, "requested/order-due");
        assert_eq!(task["for"]["reference"], format!("Patient/{patient}"), "{member}");
        assert_eq!(task["owner"]["reference"], format!("Organization/{}", hospital.organization));
        assert_eq!(hospital.face(&bed), "active O occupied");
        hospital.order(&patient, "general");
        order_task(house, &stay, "completed/order-given");
    }
    // together with the stay, and of a stay that ends
    for (status, expected) in [("in-progress", 1), ("finished", 0)] {
        let (stay, _, _, order) = on_a_ward(&hospital);
        let read = |of: &str| house.get(&format!("/{of}")).expect(200).json();
        let (stay_at, order_at) = (format!("Encounter/{stay}"), format!("ServiceRequest/{order}"));
        let (mut encounter, mut request) = (read(&stay_at), read(&order_at));
        encounter["status"] = json!(status);
        request["status"] = json!("revoked");
        let entry = |body: Value, url: &str| json!({"resource": body, "request": {"method": "PUT", "url": url}});
        let entries = json!([entry(encounter, &stay_at), entry(request, &order_at)]);
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        house.post("", &bundle).expect(200);
        assert_eq!(owed(house, &stay), expected, "{status}");
    }
}

fn no_order_is_hidden_behind_others(house: &House) {
    let hospital = Hospital::new(house);
    emergency_room(&hospital, 2);
    let (stay, patient) = brought_in(&hospital);
    hold(&hospital, &stay, json!([])).expect(200);
    let post = |change: &dyn Fn(&mut Value)| {
        let mut body = hospital.order_body(&patient, "icu");
        change(&mut body);
        house.post("/ServiceRequest", &body).expect(201).id()
    };
    for _ in 0..25 {
        post(&|it| it["intent"] = json!("proposal"));
        post(&|it| it["encounter"] = json!({"reference": "Encounter/another"}));
    }
    let intern = hospital.intern_role();
    let order = post(&|it| it["requester"] = json!({"reference": intern}));
    for _ in 0..25 {
        post(&|it| it["encounter"] = json!({"reference": "Encounter/another"}));
    }
    let about = |kind: &str, who: String| {
        let agent = json!({"type": {"coding": [{"code": kind}]}, "who": {"reference": who}});
        let body = json!({"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
            "target": [{"reference": format!("ServiceRequest/{order}")}], "agent": [agent]});
        house.post("/Provenance", &body).expect(201);
    };
    for _ in 0..25 {
        about("author", hospital.intern_role());
        about("verifier", hospital.intern_role());
    }
    assert_eq!(owed(house, &stay), 1);
    about("verifier", hospital.doctor_role());
    let done = order_task(house, &stay, "completed/order-given");
    let given = &done["output"][0]["valueReference"]["reference"];
    assert_eq!(*given, format!("ServiceRequest/{order}"));
}

fn what_asks_for_an_order_is_not_written_with_the_stay(house: &House) {
    let hospital = Hospital::new(house);
    let bed = emergency_room(&hospital, 1).remove(0);
    let (stay, patient) = (unique("stay"), hospital.patient());
    let known = lying_in(&hospital, &stay, &patient, &bed);
    let mut unknown = known.clone();
    unknown.as_object_mut().unwrap().remove("subject");
    let path = format!("/Encounter/{stay}");
    house.put(&path, &unknown).expect(201);
    let together = |encounter: &Value| {
        let mut task = order_task(house, &stay, "requested/order-due");
        task["note"] = json!([{"text": "asked by telephone"}]);
        let task_url = format!("Task/{}", task["id"].as_str().unwrap());
        let entry = |body: &Value, url: &str| json!({"resource": body, "request": {"method": "PUT", "url": url}});
        let entries = json!([entry(encounter, &path[1..]), entry(&task, &task_url)]);
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        (house.post("", &bundle), task)
    };
    let mut over = known.clone();
    over["status"] = json!("finished");
    for body in [&known, &over] {
        let (refused, _) = together(body);
        assert_eq!((refused.status, code(&refused).as_str()), (409, "illegal-transition"));
        assert_eq!(hospital.face(&bed), "active O occupied");
    }
    // a note goes with a stay that changes nothing for the Task, and by itself
    let (noted, mut task) = together(&unknown);
    noted.expect(200);
    house.put(&path, &known).expect(200);
    let at = format!("/Task/{}", task["id"].as_str().unwrap());
    task = house.get(&at).expect(200).json();
    assert_eq!(task["for"]["reference"], format!("Patient/{patient}"));
    task["note"] = json!([{"text": "again"}]);
    house.put(&at, &task).expect(200);
    house.put(&path, &over).expect(200);
    order_task(house, &stay, "cancelled/not-needed");
}

fn places_of_other_servers_are_not_here(house: &House) {
    let hospital = Hospital::new(house);
    let near = emergency_room(&hospital, 1).remove(0);
    let room = house.get(&format!("/Location/{near}")).expect(200).json()["partOf"].clone();
    let room = room["reference"].as_str().unwrap().to_owned();
    let bed_in = |place: String| {
        let id = unique("bed");
        let mut body = hospital.bed_body(&id, "icu", json!([]));
        body["partOf"] = json!({"reference": place});
        house.put(&format!("/Location/{id}"), &body).expect(201);
        id
    };
    let far = bed_in(format!("https://there.example/fhir/{room}"));
    let here = bed_in(format!("{}/{room}", house.base()));
    for (bed, is_ours) in [(far, false), (here, true)] {
        let (stay, patient) = brought_in(&hospital);
        let held = hold(&hospital, &stay, named(&bed));
        let body = lying_in(&hospital, &stay, &patient, &bed);
        let written = house.put(&format!("/Encounter/{stay}"), &body);
        if is_ours {
            held.expect(200);
            written.expect(200);
        } else {
            assert_eq!((held.status, code(&held).as_str()), (422, "approval-missing"));
            assert_eq!((written.status, code(&written).as_str()), (422, "approval-missing"));
        }
    }
    // nor is somebody of another server the one who is to give the order
    let (stay, patient) = brought_in(&hospital);
    let mut body = lying_in(&hospital, &stay, &patient, &near);
    let doctor = format!("https://there.example/fhir/{}", hospital.doctor_role());
    body["participant"] = json!([{"individual": {"reference": doctor}}]);
    house.put(&format!("/Encounter/{stay}"), &body).expect(200);
    let task = order_task(house, &stay, "requested/order-due");
    assert_eq!(task["owner"]["reference"], format!("Organization/{}", hospital.organization));
}

fn what_is_no_admission_is_no_order(house: &House) {
    let hospital = Hospital::new(house);
    let (ward, bed) = (hospital.bed("general"), emergency_room(&hospital, 1).remove(0));
    let (stay, patient) = brought_in(&hospital);
    let mut transport = hospital.order_body(&patient, "general");
    transport["category"] = json!([{"coding": [{"code": "transport"}]}]);
    let transport = house.post("/ServiceRequest", &transport).expect(201).id();
    let path = format!("/Encounter/{stay}");
    let based = json!([{"reference": format!("ServiceRequest/{transport}")}]);
    let mut body = house.get(&path).expect(200).json();
    body["basedOn"] = based.clone();
    house.put(&path, &body).expect(200);
    let mut on_the_ward = lying_in(&hospital, &stay, &patient, &ward);
    on_the_ward["basedOn"] = based;
    let refused = house.put(&path, &on_the_ward);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    let given = part(&hold(&hospital, &stay, json!([])).expect(200).json(), "allocation");
    assert_eq!(refers(&given, "bed"), format!("Location/{bed}"));
    order_task(house, &stay, "requested/order-due");
    let order = hospital.order(&patient, "general");
    order_task(house, &stay, "completed/order-given");
    let orders = house.get(&path).expect(200).json()["basedOn"].clone();
    assert_eq!(orders[1]["reference"], format!("ServiceRequest/{order}"));
}

fn of_very_many_the_last_ones_count(house: &House) {
    let hospital = Hospital::new(house);
    let (stay, patient, bed) = (unique("stay"), hospital.patient(), hospital.bed("general"));
    let order = format!("ServiceRequest/{}", hospital.order(&patient, "general"));
    let others = |n: usize| (0..n).map(|n| format!("ServiceRequest/{}", unique(&format!("no{n}"))));
    let mut body = lying_in(&hospital, &stay, &patient, &bed);
    let mut put = |orders: Vec<String>| {
        let orders = orders.into_iter().map(|it| json!({"reference": it}));
        body["basedOn"] = Value::Array(orders.collect());
        let answer = house.put(&format!("/Encounter/{stay}"), &body);
        (answer.status, code(&answer))
    };
    let first = |n| std::iter::once(order.clone()).chain(others(n)).collect();
    let last = |n| others(n).chain([order.clone()]).collect();
    assert_eq!(put(first(200)), (422, "approval-missing".to_owned()));
    let began = std::time::Instant::now();
    assert_eq!(put(last(20_000)).0, 201);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    assert_eq!(hospital.face(&bed), "active O occupied");
    assert_eq!(put(first(199)).0, 200);
    assert_eq!(owed(house, &stay), 0);
    // hidden behind too much it is due, and comes to the end by itself
    assert_eq!(put(first(200)).0, 200);
    let began = std::time::Instant::now();
    while began.elapsed().as_secs() < 40 {
        let now = house.get(&format!("/Encounter/{stay}")).expect(200).json();
        let orders = now["basedOn"].as_array().unwrap();
        if orders.last().unwrap()["reference"] == order.as_str() {
            assert_eq!((orders.len(), owed(house, &stay)), (201, 0));
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("the order did not come; owed: {}", owed(house, &stay));
}
