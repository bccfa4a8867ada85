//! Who cannot wait: holds that are taken back, beds that a clinician may free, and the scores that say so.

use serde_json::{Value, json};

use super::hospital::{Hospital, Waiting, part};
use crate::house::House;

stories!(
    a_hold_gives_way_to_who_cannot_wait,
    a_bed_that_was_accepted_is_never_taken_back,
    a_clinician_is_asked_who_could_do_with_less,
    covid_is_scored_by_4c,
    a_new_disease_counts_at_once,
    a_report_tells_whether_people_wait_alike,
);

fn at_once(hospital: &Hospital<'_>) -> Waiting {
    hospital.waiting_with("icu", |order| order["priority"] = json!("stat"))
}

/// What a patient was told about a request.
fn messages(house: &House, of: &Waiting) -> Vec<String> {
    let found = house.get(&format!("/Communication?subject=Patient/{}", of.patient)).expect(200);
    let entries = found.json()["entry"].as_array().cloned().unwrap_or_default();
    let about = |it: &Value| it["resource"]["about"][0]["reference"] == format!("Task/{}", of.task);
    let words =
        |it: &Value| it["resource"]["payload"][0]["contentString"].as_str().map(str::to_owned);
    entries.iter().filter(|it| about(it)).filter_map(words).collect()
}

fn a_hold_gives_way_to_who_cannot_wait(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("icu");
    let mild = hospital.waiting("icu");
    hospital.allocate(&mild.order).expect(200);
    assert_eq!(hospital.task_state(&mild.task), "accepted/held");
    let authored =
        house.get(&format!("/Task/{}", mild.task)).expect(200).json()["authoredOn"].clone();
    let urgent = hospital.waiting_with("icu", |order| order["priority"] = json!("asap"));
    let refused = hospital.allocate(&urgent.order).expect(200).json();
    assert_eq!(
        part(&part(&refused, "unallocated"), "task")["valueReference"]["reference"],
        format!("Task/{}", urgent.task)
    );
    assert_eq!(hospital.task_state(&mild.task), "accepted/held");

    let ill = at_once(&hospital);
    let proposal = json!([{"name": "mode", "valueCode": "propose"}]);
    let order = format!("ServiceRequest/{}/$allocate-bed", ill.order);
    hospital.call(&order, &proposal).expect(200);
    assert_eq!(hospital.task_state(&mild.task), "accepted/held");
    let given = hospital.allocate(&ill.order).expect(200).json();
    let allocation = part(&given, "allocation");
    assert_eq!(part(&allocation, "bed")["valueReference"]["reference"], format!("Location/{bed}"));
    assert_eq!(hospital.task_state(&ill.task), "accepted/held");
    assert_eq!(hospital.task_state(&mild.task), "requested/queued");
    let after = house.get(&format!("/Task/{}", mild.task)).expect(200).json();
    assert_eq!(after["authoredOn"], authored);
    assert!(messages(house, &mild).iter().any(|it| it.contains("cannot wait")));
    assert!(messages(house, &ill).iter().any(|it| it.contains("being given to you")));
    let why = house.get(&format!("/Task/{}/$explain-allocation", ill.task)).expect(200).json();
    assert_eq!(part(&why, "replayed")["valueBoolean"], true, "{why}");

    // the next bed goes to the urgent one; of two who can wait, who gave way is first
    let other = hospital.waiting("icu");
    for next in [&urgent, &mild, &other] {
        let bed = hospital.bed("icu");
        let given = hospital.batch().expect(200).json();
        let to = part(&part(&given, "allocation"), "task")["valueReference"]["reference"].clone();
        assert_eq!(to, format!("Task/{}", next.task), "{bed}");
    }
}

fn a_bed_that_was_accepted_is_never_taken_back(house: &House) {
    let hospital = Hospital::new(house);
    hospital.bed("icu");
    let mild = hospital.waiting("icu");
    hospital.allocate(&mild.order).expect(200);
    hospital.confirm(&mild.task, "accept").expect(200);
    let ill = at_once(&hospital);
    hospital.allocate(&ill.order).expect(200);
    hospital.batch().expect(200);
    assert_eq!(hospital.task_state(&mild.task), "accepted/confirmed");
    assert_eq!(hospital.task_state(&ill.task), "requested/queued");
}

fn a_clinician_is_asked_who_could_do_with_less(house: &House) {
    let hospital = Hospital::new(house);
    let mut stays = Vec::new();
    for news2 in [9, 2, 6] {
        hospital.bed("icu");
        let patient = hospital.patient();
        let order = hospital.order(&patient, "icu");
        let lies = hospital.request(&patient, &order);
        hospital.allocate(&order).expect(200);
        hospital.confirm(&lies.task, "accept").expect(200);
        let arrived = hospital.confirm(&lies.task, "arrived").expect(200).json();
        let stay = part(&arrived, "encounter")["resource"]["id"].as_str().unwrap().to_owned();
        hospital.vitals(&patient, news2);
        stays.push(format!("Encounter/{stay}"));
    }
    let ill = at_once(&hospital);
    let refused = hospital.allocate(&ill.order).expect(200).json();
    let refusal = part(&refused, "unallocated");
    let review = part(&refusal, "stepDownReview")["valueReference"]["reference"]
        .as_str()
        .unwrap()
        .to_owned();
    let body = house.get(&format!("/{review}")).expect(200).json();
    assert_eq!(body["code"]["coding"][0]["code"], "step-down-review");
    assert_eq!(body["focus"]["reference"], format!("Task/{}", ill.task));
    assert_eq!(body["for"], Value::Null);
    let listed: Vec<&str> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["valueReference"]["reference"].as_str().unwrap())
        .collect();
    assert_eq!(listed, [stays[1].as_str(), &stays[2], &stays[0]]);
    // it is asked once, and nobody was moved
    let again = hospital.allocate(&ill.order).expect(200).json();
    let same = part(&part(&again, "unallocated"), "stepDownReview");
    assert_eq!(same["valueReference"]["reference"], review.as_str());
    for stay in &stays {
        let stay = house.get(&format!("/{stay}")).expect(200).json();
        assert_eq!(stay["location"][0]["status"], "active");
    }
}

/// An Observation of now.
fn observe(house: &House, patient: &str, (code, value, unit): (&str, f64, &str)) {
    let now =
        house.get(&format!("/Patient/{patient}")).expect(200).json()["meta"]["lastUpdated"].clone();
    let body = json!({"resourceType": "Observation", "status": "final", "effectiveDateTime": now,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": format!("Patient/{patient}")},
        "valueQuantity": {"value": value, "unit": unit}});
    house.post("/Observation", &body).expect(201);
}

fn covid_is_scored_by_4c(house: &House) {
    let hospital = Hospital::new(house);
    let ill = |code: &str, has_covid: bool| {
        let patient = hospital.patient_with(json!({"gender": "male", "birthDate": "1940-01-01"}));
        for code in ["E11", "I10", "E11", code].iter().filter(|it| has_covid || **it != code) {
            let body = json!({"resourceType": "Condition", "subject": {"reference": format!("Patient/{patient}")},
                "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}, "code": {"coding": [{"code": code}]}});
            house.post("/Condition", &body).expect(201);
        }
        for measured in [
            ("9279-1", 20.0, "/min"),
            ("2708-6", 96.0, "%"),
            ("22664-7", 15.0, "mmol/L"),
            ("1988-5", 120.0, "mg/L"),
        ] {
            observe(house, &patient, measured);
        }
        let order = hospital.order(&patient, "general");
        let asked = hospital.request(&patient, &order);
        let found =
            house.get(&format!("/RiskAssessment?subject=Patient/{patient}")).expect(200).json();
        let risk = found["entry"][0]["resource"].clone();
        drop(asked);
        risk
    };
    // 80 years 7, male 1, two other diseases 2, breathing 1, urea 3, CRP 2: 16
    let risk = ill("U07.1", true);
    assert_eq!(risk["method"]["coding"][0]["code"], "4c");
    assert_eq!(risk["prediction"][0]["qualitativeRisk"]["coding"][0]["code"], "immediate");
    let words = risk["prediction"][0]["rationale"].as_str().unwrap();
    assert!(words.contains("4C 16 (very-high risk)"), "{words}");
    assert_eq!(risk["basis"].as_array().unwrap().len(), 4);
    let without = ill("U07.1", false);
    assert_eq!(without["prediction"][0]["qualitativeRisk"]["coding"][0]["code"], "routine");
    assert_eq!(without["basis"].as_array().unwrap().len(), 2);
}

fn a_new_disease_counts_at_once(house: &House) {
    let hospital = Hospital::new(house);
    hospital.bed("general");
    let patient = hospital.patient_with(json!({"gender": "male", "birthDate": "1940-01-01"}));
    for measured in [
        ("9279-1", 20.0, "/min"),
        ("2708-6", 96.0, "%"),
        ("22664-7", 15.0, "mmol/L"),
        ("1988-5", 120.0, "mg/L"),
    ] {
        observe(house, &patient, measured);
    }
    let order = hospital.order(&patient, "general");
    let mild = hospital.request(&patient, &order);
    let urgent = hospital.waiting_with("general", |order| order["priority"] = json!("asap"));
    // who would get the one bed now, and by which score
    let next = || {
        let proposal = json!([{"name": "mode", "valueCode": "propose"},
            {"name": "scope", "valueReference": {"reference": format!("Organization/{}", hospital.organization)}}]);
        let answer = loop {
            let answer = hospital.call("ServiceRequest/$allocate-bed", &proposal);
            if answer.status != 409 {
                break answer.expect(200).json();
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let allocation = part(&answer, "allocation");
        let method = part(&part(&allocation, "explanation"), "severityMethod");
        let task = part(&allocation, "task")["valueReference"]["reference"].clone();
        (
            task.as_str().unwrap().to_owned(),
            method["valueCoding"]["code"].as_str().unwrap().to_owned(),
        )
    };
    let of = |waiting: &Waiting| format!("Task/{}", waiting.task);
    assert_eq!(next().0, of(&urgent));
    let body = |verified: &str| {
        json!({"resourceType": "Condition", "subject": {"reference": format!("Patient/{patient}")},
            "verificationStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": verified}]},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
            "code": {"coding": [{"code": "U07.1"}]}})
    };
    let id = house.post("/Condition", &body("confirmed")).expect(201).id();
    assert_eq!(next(), (of(&mild), "4c".to_owned()));
    // refuted, and it counts no more
    let mut refuted = body("refuted");
    refuted["id"] = json!(id);
    house.put(&format!("/Condition/{id}"), &refuted).expect(200);
    assert_eq!(next().0, of(&urgent));
    let second = house.post("/Condition", &body("confirmed")).expect(201).id();
    assert_eq!(next().0, of(&mild));
    house.delete(&format!("/Condition/{second}")).expect(204);
    assert_eq!(next().0, of(&urgent));
    // and age, when it was wrong: 4C is for adults
    house.post("/Condition", &body("confirmed")).expect(201);
    assert_eq!(next().0, of(&mild));
    let child = json!({"resourceType": "Patient", "id": patient, "gender": "male", "birthDate": "1985-01-01"});
    house.put(&format!("/Patient/{patient}"), &child).expect(200);
    assert_eq!(next().0, of(&urgent));
}

fn a_report_tells_whether_people_wait_alike(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("burns");
    let district = crate::house::unique("district");
    let mut orders = Vec::new();
    for _ in 0..12 {
        let patient = hospital.patient_with(json!({"gender": "female", "birthDate": "1970-05-05",
            "address": [{"district": district}]}));
        let order = hospital.order(&patient, "burns");
        hospital.request(&patient, &order);
        orders.push(order);
    }
    let path =
        format!("/Location/$bed-availability?organization=Organization/{}", hospital.organization);
    let found = house.get(&path).expect(200).json();
    assert_eq!(part(&part(&found, "facility"), "waitlist")["valueUnsignedInt"], 12, "{found}");
    hospital.allocate(&orders[0]).expect(200);
    assert_eq!(hospital.face(&bed), "active U held");
    let found = house.get(&path).expect(200).json();
    assert_eq!(part(&part(&found, "facility"), "waitlist")["valueUnsignedInt"], 11, "{found}");
    let report = house
        .get("/Measure/bed-equity/$evaluate-measure?periodStart=2020-01-01&periodEnd=2999-12-31")
        .expect(200)
        .json();
    assert_eq!(report["resourceType"], "MeasureReport");
    let tiers = report["group"].as_array().unwrap();
    let tier = tiers.iter().find(|it| it["code"]["coding"][0]["code"] == "routine").unwrap();
    let by = |code: &str| {
        let all = tier["stratifier"].as_array().unwrap().iter();
        all.clone().find(|it| it["code"][0]["coding"][0]["code"] == code).unwrap().clone()
    };
    let own = by("district")["stratum"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["value"]["text"] == district.as_str())
        .cloned()
        .unwrap();
    let counts: Vec<u64> = own["population"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [12, 1]);
    assert!(
        by("sex")["stratum"].as_array().unwrap().iter().any(|it| it["value"]["text"] == "female")
    );
    house
        .get("/Measure/another/$evaluate-measure?periodStart=2020-01-01&periodEnd=2999-12-31")
        .expect(404);
}
