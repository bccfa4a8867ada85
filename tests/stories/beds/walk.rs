//! The happy path, and what stands at the door of it.

use serde_json::{Value, json};

use super::hospital::{Hospital, code, part};
use crate::house::House;

stories!(
    from_the_order_to_a_clean_bed,
    only_a_doctors_order_approves,
    a_patient_waits_once,
    a_declined_bed_goes_back_and_the_place_is_kept,
    a_transfer_never_leaves_a_patient_without_a_bed,
    a_repeat_under_the_same_key_is_the_same,
    a_call_for_another_version_is_refused,
    a_revoked_order_ends_what_stands_on_it,
    a_bed_goes_round,
);

#[expect(clippy::too_many_lines, clippy::cognitive_complexity, reason = "one story, step by step")]
fn from_the_order_to_a_clean_bed(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("icu");
    let patient = hospital.patient();
    let order = hospital.order(&patient, "icu");
    let asked = hospital
        .call(&format!("ServiceRequest/{order}/$request-bed"), &json!([]))
        .expect(200)
        .json();
    let task = part(&asked, "task")["resource"].clone();
    assert_eq!(
        (task["status"].as_str(), task["code"]["coding"][0]["code"].as_str()),
        (Some("requested"), Some("bed-allocation"))
    );
    assert!(part(&asked, "position")["valuePositiveInt"].as_u64().unwrap() >= 1);
    let task = task["id"].as_str().unwrap().to_owned();
    assert_eq!(hospital.task_state(&task), "requested/queued");

    let held = hospital.allocate(&order).expect(200).json();
    let allocation = part(&held, "allocation");
    assert_eq!(part(&allocation, "status")["valueCode"], "held");
    assert_eq!(
        part(&allocation, "bed")["valueReference"]["reference"],
        format!("Location/{bed}").as_str()
    );
    let text = part(&part(&allocation, "explanation"), "text")["valueMarkdown"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(text.contains("City Hospital") || text.contains(&bed), "{text}");
    assert_eq!(hospital.face(&bed), "active U held");
    assert_eq!(hospital.task_state(&task), "accepted/held");
    let encounter =
        part(&allocation, "encounter")["valueReference"]["reference"].as_str().unwrap().to_owned();
    let stay = || house.get(&format!("/{encounter}")).expect(200).json();
    assert_eq!(stay()["location"][0]["status"], "reserved");
    let trail = house.get(&format!("/Provenance?target=Task/{task}")).expect(200);
    assert_eq!(trail.ids().len(), 1);

    hospital.confirm(&task, "accept").expect(200);
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&task).as_str()),
        ("active U planned", "accepted/confirmed")
    );
    assert_eq!(stay()["location"][0]["status"], "planned");
    let arrived = hospital.confirm(&task, "arrived").expect(200).json();
    assert_eq!(part(&arrived, "encounter")["resource"]["status"], "in-progress");
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&task).as_str()),
        ("active O occupied", "in-progress/arrived")
    );
    assert_eq!(stay()["location"][0]["status"], "active");

    let home =
        json!([{"name": "disposition", "valueCodeableConcept": {"coding": [{"code": "home"}]}}]);
    let left = hospital.call(&format!("{encounter}/$release-bed"), &home).expect(200).json();
    assert_eq!(part(&left, "encounter")["resource"]["status"], "finished");
    assert_eq!(
        part(&left, "encounter")["resource"]["hospitalization"]["dischargeDisposition"]["coding"]
            [0]["code"],
        "home"
    );
    assert_eq!(
        part(&left, "cleaningTask")["resource"]["code"]["coding"][0]["code"],
        "bed-cleaning"
    );
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&task).as_str()),
        ("active K dirty", "completed/occupied")
    );
    for (to, face) in [("cleaning", "active H cleaning"), ("ready", "active U ready")] {
        hospital
            .call(
                &format!("Location/{bed}/$bed-turnover"),
                &json!([{"name": "to", "valueCode": to}]),
            )
            .expect(200);
        assert_eq!(hospital.face(&bed), face);
    }
    assert_eq!(house.get(&format!("/Location/{bed}/_history")).expect(200).ids().len(), 7);
    let why = house.get(&format!("/Task/{task}/$explain-allocation")).expect(200).json();
    assert_eq!(part(&why, "replayed")["valueBoolean"], true);
    let again =
        part(&part(&part(&why, "allocation"), "explanation"), "text")["valueMarkdown"].clone();
    assert!(again.as_str().unwrap().contains(&bed), "{again}");
}

fn only_a_doctors_order_approves(house: &House) {
    let hospital = Hospital::new(house);
    let patient = hospital.patient();
    let ask = |change: &dyn Fn(&mut Value)| {
        let mut body = hospital.order_body(&patient, "general");
        change(&mut body);
        let order = house.post("/ServiceRequest", &body).expect(201).id();
        (hospital.call(&format!("ServiceRequest/{order}/$request-bed"), &json!([])), order)
    };
    let (refused, _) = ask(&|order| order["intent"] = json!("proposal"));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    let (refused, _) = ask(&|order| order["occurrencePeriod"] = json!({"end": "2020-01-01"}));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-expired"));
    let intern = hospital.intern_role();
    let (refused, order) = ask(&|order| order["requester"] = json!({"reference": intern}));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "approval-missing"));
    // until a doctor verifies it
    house.post("/Provenance", &json!({"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z",
        "target": [{"reference": format!("ServiceRequest/{order}")}],
        "agent": [{"type": {"coding": [{"code": "verifier"}]}, "who": {"reference": hospital.doctor_role()}}]})).expect(201);
    hospital.call(&format!("ServiceRequest/{order}/$request-bed"), &json!([])).expect(200);
    hospital.call("ServiceRequest/nobody/$request-bed", &json!([])).expect(404);
}

fn a_patient_waits_once(house: &House) {
    let hospital = Hospital::new(house);
    let waiting = hospital.waiting("general");
    let again = hospital.request(&waiting.patient, &waiting.order);
    assert_eq!(again.task, waiting.task);
    let other = hospital.order(&waiting.patient, "general");
    let refused = hospital.call(&format!("ServiceRequest/{other}/$request-bed"), &json!([]));
    assert_eq!((refused.status, code(&refused).as_str()), (422, "already-requested"));
    assert!(
        refused.header("Location").ends_with(&format!("Task/{}", waiting.task)),
        "{}",
        refused.header("Location")
    );
    hospital.bed("general");
    hospital.allocate(&waiting.order).expect(200);
    hospital.confirm(&waiting.task, "arrived").expect(200);
    let refused = hospital.call(&format!("ServiceRequest/{other}/$request-bed"), &json!([]));
    assert_eq!(refused.status, 422, "{}", refused.text);
}

fn a_declined_bed_goes_back_and_the_place_is_kept(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let waiting = hospital.waiting("general");
    let authored =
        || house.get(&format!("/Task/{}", waiting.task)).expect(200).json()["authoredOn"].clone();
    let before = authored();
    hospital.allocate(&waiting.order).expect(200);
    hospital.confirm(&waiting.task, "decline").expect(200);
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&waiting.task).as_str()),
        ("active U ready", "requested/queued")
    );
    assert_eq!(authored(), before);
    let stays = house
        .get(&format!("/Encounter?based-on=ServiceRequest/{}", waiting.order))
        .expect(200)
        .json();
    assert_eq!(stays["entry"][0]["resource"]["status"], "cancelled");
    // declined twice: a doctor is asked
    hospital.allocate(&waiting.order).expect(200);
    hospital.confirm(&waiting.task, "decline").expect(200);
    assert_eq!(hospital.task_state(&waiting.task), "on-hold/declined-twice");
    let paused = hospital.allocate(&waiting.order).expect(200).json();
    assert_eq!(part(&part(&paused, "unallocated"), "reason")["valueCode"], "paused");
    let illegal = hospital.confirm(&waiting.task, "arrived");
    assert_eq!(illegal.status, 409, "{}", illegal.text);
}

fn a_transfer_never_leaves_a_patient_without_a_bed(house: &House) {
    let hospital = Hospital::new(house);
    let (first, second) = (hospital.bed("general"), hospital.bed("icu"));
    let waiting = hospital.waiting("general");
    let held = hospital.allocate(&waiting.order).expect(200).json();
    assert_eq!(
        part(&part(&held, "allocation"), "bed")["valueReference"]["reference"],
        format!("Location/{first}").as_str()
    );
    let encounter = part(&part(&held, "allocation"), "encounter")["valueReference"]["reference"]
        .as_str()
        .unwrap()
        .to_owned();
    let transfer =
        |parameters: Value| hospital.call(&format!("{encounter}/$transfer-bed"), &parameters);
    let order = hospital.order(&waiting.patient, "icu");
    let to = json!([{"name": "order", "valueReference": {"reference": format!("ServiceRequest/{order}")}}]);
    assert_eq!(transfer(to.clone()).status, 409, "nobody lies there yet");
    hospital.confirm(&waiting.task, "accept").expect(200);
    hospital.confirm(&waiting.task, "arrived").expect(200);
    transfer(to.clone()).expect(200);
    assert_eq!(
        (hospital.face(&first).as_str(), hospital.face(&second).as_str()),
        ("active O occupied", "active U planned")
    );
    assert_eq!(transfer(to).status, 409);
    let moved = transfer(json!([{"name": "decision", "valueCode": "arrived"}])).expect(200).json();
    assert_eq!(
        (hospital.face(&first).as_str(), hospital.face(&second).as_str()),
        ("active K dirty", "active O occupied")
    );
    let places = part(&moved, "encounter")["resource"]["location"].as_array().unwrap().clone();
    let statuses: Vec<&str> = places.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["completed", "active"]);
    hospital
        .call(
            &format!("{encounter}/$release-bed"),
            &json!([{"name": "needsCleaning", "valueCode": "none"}]),
        )
        .expect(200);
    assert_eq!(hospital.face(&second), "active U ready");
}

fn a_repeat_under_the_same_key_is_the_same(house: &House) {
    let hospital = Hospital::new(house);
    hospital.bed("general");
    hospital.bed("general");
    let waiting = hospital.waiting("general");
    let path = format!("/ServiceRequest/{}/$allocate-bed", waiting.order);
    let send = |key: &str, body: &Value| {
        house.send("POST", &path, &[("Idempotency-Key", key)], &body.to_string())
    };
    let key = crate::house::unique("key");
    let body = json!({"resourceType": "Parameters"});
    let first = send(&key, &body).expect(200);
    assert_eq!(send(&key, &body).expect(200).text, first.text);
    let other = json!({"resourceType": "Parameters", "parameter": [{"name": "holdMinutes", "valuePositiveInt": 5}]});
    send(&key, &other).expect(422);
    let fresh = send(&crate::house::unique("key"), &body).expect(200).json();
    assert_eq!(part(&part(&fresh, "allocation"), "status")["valueCode"], "unchanged");
}

fn a_call_for_another_version_is_refused(house: &House) {
    let hospital = Hospital::new(house);
    hospital.bed("general");
    let waiting = hospital.waiting("general");
    hospital.allocate(&waiting.order).expect(200);
    let accept = json!({"resourceType": "Parameters",
        "parameter": [{"name": "decision", "valueCode": "accept"}]});
    let path = format!("/Task/{}/$confirm-bed", waiting.task);
    let send =
        |version: &str| house.send("POST", &path, &[("If-Match", version)], &accept.to_string());
    let refused = send("W/\"1\"");
    assert_eq!((refused.status, code(&refused).as_str()), (412, "version"));
    assert_eq!(hospital.task_state(&waiting.task), "accepted/held");
    send("W/\"2\"").expect(200);
}

fn a_revoked_order_ends_what_stands_on_it(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let revoke = |order: &str| {
        let mut body = house.get(&format!("/ServiceRequest/{order}")).expect(200).json();
        body["status"] = json!("revoked");
        house.put(&format!("/ServiceRequest/{order}"), &body).expect(200);
    };
    let queued = hospital.waiting("general");
    revoke(&queued.order);
    assert_eq!(hospital.task_state(&queued.task), "failed/approval-expired");
    let held = hospital.waiting("general");
    hospital.allocate(&held.order).expect(200);
    assert_eq!(hospital.face(&bed), "active U held");
    revoke(&held.order);
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&held.task).as_str()),
        ("active U ready", "failed/approval-expired")
    );
    let there = hospital.waiting("general");
    hospital.allocate(&there.order).expect(200);
    hospital.confirm(&there.task, "arrived").expect(200);
    revoke(&there.order);
    assert_eq!(hospital.face(&bed), "active O occupied");
}

fn a_bed_goes_round(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let turn = |to: &str| {
        hospital.call(
            &format!("Location/{bed}/$bed-turnover"),
            &json!([{"name": "to", "valueCode": to}]),
        )
    };
    for (to, face) in [
        ("blocked", "suspended C blocked"),
        ("unblocked", "active U ready"),
        ("dirty", "active K dirty"),
        ("blocked", "suspended C blocked"),
        ("unblocked", "active U ready"),
        ("cleaning", "active H cleaning"),
        ("ready", "active U ready"),
    ] {
        turn(to).expect(200);
        assert_eq!(hospital.face(&bed), face, "{to}");
    }
    turn("blocked").expect(200);
    let waiting = hospital.waiting("general");
    let none = hospital.allocate(&waiting.order).expect(200).json();
    assert_eq!(part(&part(&none, "unallocated"), "reason")["valueCode"], "no-feasible-bed");
    turn("ready").expect(409);
    turn("unblocked").expect(200);
    hospital.allocate(&waiting.order).expect(200);
    assert_eq!(code(&turn("blocked")), "illegal-transition");
    turn("sofa").expect(400);
    hospital
        .call(
            &format!("Location/{bed}-x/$bed-turnover"),
            &json!([{"name": "to", "valueCode": "dirty"}]),
        )
        .expect(404);
}
