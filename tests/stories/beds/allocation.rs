//! Who is next, which bed, and why: by severity, in the open.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::hospital::{Hospital, OURS, call, code, part, parts};
use crate::house::House;

stories!(
    scarce_beds_go_to_the_most_ill,
    whoever_came_first_each_gets_a_bed_that_fits,
    the_nearer_bed_is_given_and_the_far_one_refused,
    twenty_pairs_of_a_patient_and_a_bed,
    a_named_bed_needs_a_reason_when_others_are_before,
    a_hold_that_is_over_goes_to_the_next,
    availability_counts_what_there_is,
    the_waitlist_is_in_the_order_of_service,
    a_proposal_changes_nothing,
);

/// The reference of a part.
fn refers(of: &Value, name: &str) -> String {
    part(of, name)["valueReference"]["reference"].as_str().unwrap_or_default().to_owned()
}

fn scarce_beds_go_to_the_most_ill(house: &House) {
    let hospital = Hospital::new(house);
    (0..3).for_each(|_| drop(hospital.bed("icu")));
    let mut tasks = BTreeMap::new();
    for news2 in [9, 3, 8, 12, 5] {
        let patient = hospital.patient();
        hospital.vitals(&patient, news2);
        let order = hospital.order(&patient, "icu");
        tasks.insert(format!("Task/{}", hospital.request(&patient, &order).task), news2);
    }
    let answer = hospital.batch().expect(200).json();
    let served: Vec<u32> = parts(&answer, "allocation")
        .iter()
        .filter_map(|it| tasks.get(&refers(it, "task")).copied())
        .collect();
    assert_eq!(served, [12, 9, 8]);
    let left: Vec<(u32, String)> = parts(&answer, "unallocated")
        .iter()
        .filter_map(|it| {
            Some((
                *tasks.get(&refers(it, "task"))?,
                part(it, "reason")["valueCode"].as_str()?.to_owned(),
            ))
        })
        .collect();
    assert_eq!(left, [(5, "outranked".to_owned()), (3, "outranked".to_owned())]);
    let positions: Vec<u64> = parts(&answer, "unallocated")
        .iter()
        .filter(|it| tasks.contains_key(&refers(it, "task")))
        .map(|it| part(it, "position")["valuePositiveInt"].as_u64().unwrap())
        .collect();
    assert!(positions.windows(2).all(|two| two[0] < two[1]), "{positions:?}");
    let first = &parts(&answer, "allocation")[0];
    let explanation = part(first, "explanation");
    assert_eq!(part(&explanation, "tier")["valueCode"], "immediate");
    assert_eq!(part(&explanation, "severityMethod")["valueCoding"]["code"], "news2");
    assert!(part(&explanation, "text")["valueMarkdown"].as_str().unwrap().contains("NEWS2 12"));
    for (task, _) in tasks.iter().filter(|(_, news2)| **news2 > 5) {
        let why = house.get(&format!("/{task}/$explain-allocation")).expect(200).json();
        assert_eq!(part(&why, "replayed")["valueBoolean"], true, "{why}");
    }
}

fn whoever_came_first_each_gets_a_bed_that_fits(house: &House) {
    for plain_first in [true, false] {
        let hospital = Hospital::new(house);
        let ventilator = json!([{"url": format!("{OURS}/bed-equipment"), "valueCoding": {"code": "ventilator"}}]);
        let (special, plain) = (hospital.bed_with("icu", ventilator), hospital.bed("icu"));
        let anyone = || hospital.waiting("icu");
        let breathless = || {
            hospital.waiting_with("icu", |order| {
                order["orderDetail"] = json!([{"coding": [{"code": "ventilator"}]}]);
            })
        };
        let (a, b) = if plain_first {
            (anyone(), breathless())
        } else {
            let b = breathless();
            (anyone(), b)
        };
        let answer = hospital.batch().expect(200).json();
        let given: BTreeMap<String, String> = parts(&answer, "allocation")
            .iter()
            .map(|it| (refers(it, "task"), refers(it, "bed")))
            .collect();
        assert_eq!(given.get(&format!("Task/{}", a.task)), Some(&format!("Location/{plain}")));
        assert_eq!(given.get(&format!("Task/{}", b.task)), Some(&format!("Location/{special}")));
    }
}

fn the_nearer_bed_is_given_and_the_far_one_refused(house: &House) {
    let near = Hospital::at(house, 10.0, 70.0);
    let middle = Hospital::at(house, 10.2, 70.0);
    let far = Hospital::at(house, 11.0, 70.0);
    let beds = [near.bed("burns"), middle.bed("burns"), far.bed("burns")];
    let request = |max: f64| {
        let patient = near.patient();
        let mut body = near.order_body(&patient, "burns");
        body["performer"] = json!(
            [&near, &middle, &far]
                .map(|it| json!({"reference": format!("Organization/{}", it.organization)}))
        );
        let order = house.post("/ServiceRequest", &body).expect(201).id();
        near.call(
            &format!("ServiceRequest/{order}/$request-bed"),
            &json!([
                {"name": "near", "valueString": "10.05|70.0|500|km"},
                {"name": "maxDistanceKm", "valueDecimal": max},
            ]),
        )
        .expect(200);
        order
    };
    let bed_of = |order: &str| {
        let answer = near.allocate(order).expect(200).json();
        refers(&part(&answer, "allocation"), "bed")
    };
    assert_eq!(bed_of(&request(50.0)), format!("Location/{}", beds[0]));
    assert_eq!(bed_of(&request(50.0)), format!("Location/{}", beds[1]));
    let refused = request(50.0);
    let answer = near.allocate(&refused).expect(200).json();
    let unallocated = part(&answer, "unallocated");
    assert_eq!(part(&unallocated, "reason")["valueCode"], "no-feasible-bed");
    assert_eq!(part(&unallocated, "blocking")["valueCoding"]["code"], "distance");
    assert_eq!(bed_of(&request(200.0)), format!("Location/{}", beds[2]));
}

/// The order's bed and details, the patient, the bed's extensions, and the constraint that is broken.
type Pair =
    (&'static str, &'static [&'static str], Value, &'static str, Value, Option<&'static str>);

#[expect(clippy::too_many_lines, reason = "a table")]
fn pairs() -> Vec<Pair> {
    let woman = || json!({"gender": "female", "birthDate": "1970-01-01"});
    let man = || json!({"gender": "male", "birthDate": "1970-01-01"});
    let child = || json!({"gender": "male", "birthDate": "2020-01-01"});
    let of = |name: &str, code: &str| json!({"url": format!("{OURS}/{name}"), "valueCode": code});
    let with =
        |code: &str| json!({"url": format!("{OURS}/bed-equipment"), "valueCoding": {"code": code}});
    vec![
        ("general", &[], woman(), "general", json!([]), None),
        ("general", &[], woman(), "hdu", json!([]), None),
        ("general", &[], woman(), "icu", json!([]), Some("level-of-care")),
        ("icu", &[], woman(), "general", json!([]), Some("bed-type")),
        ("maternity", &[], woman(), "general", json!([]), Some("bed-type")),
        ("general", &[], woman(), "general", json!([of("gender-policy", "female")]), None),
        (
            "general",
            &[],
            man(),
            "general",
            json!([of("gender-policy", "female")]),
            Some("gender-policy"),
        ),
        ("general", &[], man(), "general", json!([of("gender-policy", "male")]), None),
        ("general", &[], woman(), "general", json!([of("gender-policy", "mixed")]), None),
        ("general", &[], child(), "general", json!([of("age-group", "adult")]), Some("age-group")),
        ("general", &[], child(), "general", json!([of("age-group", "child")]), None),
        ("general", &[], woman(), "general", json!([of("age-group", "child")]), Some("age-group")),
        ("general", &["contact"], woman(), "general", json!([]), Some("isolation")),
        (
            "general",
            &["contact"],
            woman(),
            "general",
            json!([of("isolation-capability", "contact")]),
            None,
        ),
        (
            "general",
            &["airborne"],
            woman(),
            "general",
            json!([of("isolation-capability", "airborne"), of("gender-policy", "mixed")]),
            Some("cohort"),
        ),
        (
            "general",
            &["airborne"],
            woman(),
            "general",
            json!([of("isolation-capability", "airborne")]),
            None,
        ),
        ("general", &["oxygen"], woman(), "general", json!([]), Some("equipment")),
        (
            "general",
            &["oxygen"],
            woman(),
            "general",
            json!([with("oxygen"), with("monitor")]),
            None,
        ),
        (
            "general",
            &["oxygen", "dialysis"],
            woman(),
            "general",
            json!([with("oxygen")]),
            Some("equipment"),
        ),
        (
            "general",
            &[],
            woman(),
            "general",
            json!([{"url": format!("{OURS}/staffed"), "valueBoolean": false}]),
            Some("staffed"),
        ),
    ]
}

fn twenty_pairs_of_a_patient_and_a_bed(house: &House) {
    for (wanted, details, person, kind, extensions, expected) in pairs() {
        let hospital = Hospital::new(house);
        let bed = hospital.bed_with(kind, extensions.clone());
        let patient = hospital.patient_with(person.clone());
        let mut body = hospital.order_body(&patient, wanted);
        if !details.is_empty() {
            body["orderDetail"] =
                details.iter().map(|code| json!({"coding": [{"code": code}]})).collect();
        }
        let order = house.post("/ServiceRequest", &body).expect(201).id();
        hospital.request(&patient, &order);
        let named = json!([{"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}},
            {"name": "mode", "valueCode": "propose"}]);
        let answer = hospital.call(&format!("ServiceRequest/{order}/$allocate-bed"), &named);
        let automatic = hospital.allocate(&order).expect(200).json();
        match expected {
            None => {
                answer.expect(200);
                assert_eq!(
                    refers(&part(&automatic, "allocation"), "bed"),
                    format!("Location/{bed}"),
                    "{wanted} {extensions}"
                );
            }
            Some(constraint) => {
                assert_eq!(
                    (answer.status, code(&answer).as_str()),
                    (422, "constraint-violation"),
                    "{constraint}"
                );
                assert!(answer.text.contains(constraint), "{constraint}: {}", answer.text);
                let unallocated = part(&automatic, "unallocated");
                assert_eq!(part(&unallocated, "reason")["valueCode"], "no-feasible-bed");
            }
        }
    }
}

fn a_named_bed_needs_a_reason_when_others_are_before(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("psychiatric");
    let urgent = hospital.waiting_with("psychiatric", |order| order["priority"] = json!("stat"));
    let patient = hospital.waiting("psychiatric");
    let name = |rest: Option<&str>| {
        let mut parameters = vec![
            json!({"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}}),
        ];
        parameters.extend(
            rest.map(
                |text| json!({"name": "overrideReason", "valueCodeableConcept": {"text": text}}),
            ),
        );
        hospital
            .call(&format!("ServiceRequest/{}/$allocate-bed", patient.order), &json!(parameters))
    };
    let refused = name(None);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "override-reason-required"));
    name(Some("in labour next door")).expect(200);
    let trail = house.get(&format!("/Provenance?target=Task/{}", patient.task)).expect(200).json();
    assert_eq!(trail["entry"][0]["resource"]["reason"][0]["text"], "in labour next door");
    let late = hospital.call(
        &format!("ServiceRequest/{}/$allocate-bed", urgent.order),
        &json!([
        {"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}}]),
    );
    assert_eq!((late.status, code(&late).as_str()), (409, "bed-taken"));
    assert!(!late.text.contains(&patient.patient));
}

fn a_hold_that_is_over_goes_to_the_next(_: &House) {
    for database in ["sqlite", "postgres"] {
        let url = if database == "postgres" {
            crate::house::fresh_database("hold")
        } else {
            String::new()
        };
        let file = crate::house::fresh_directory().join("hold.toml");
        std::fs::write(&file, "[beds]\nhold_seconds = 2\n").unwrap();
        let mut arguments = vec!["--config", file.to_str().unwrap()];
        if !url.is_empty() {
            arguments.extend(["--database-url", &url]);
        }
        let house = House::start(&arguments);
        let hospital = Hospital::new(&house);
        let bed = hospital.bed("general");
        let first = hospital.waiting_with("general", |order| order["priority"] = json!("asap"));
        let second = hospital.waiting("general");
        let authored =
            house.get(&format!("/Task/{}", first.task)).expect(200).json()["authoredOn"].clone();
        hospital.allocate(&first.order).expect(200);
        assert_eq!(hospital.task_state(&first.task), "accepted/held");
        let mut tries = 0;
        while hospital.task_state(&second.task) != "accepted/held" && tries < 80 {
            std::thread::sleep(Duration::from_millis(100));
            tries += 1;
        }
        assert_eq!(hospital.task_state(&second.task), "accepted/held");
        assert_eq!(hospital.task_state(&first.task), "requested/queued");
        assert_eq!(
            house.get(&format!("/Task/{}", first.task)).expect(200).json()["authoredOn"],
            authored
        );
        assert_eq!(hospital.face(&bed), "active U held");
        let late = hospital.confirm(&first.task, "accept");
        assert_eq!((late.status, code(&late).as_str()), (409, "hold-expired"));
        for waiting in [&first, &second] {
            let told = house
                .get(&format!("/Communication?subject=Patient/{}", waiting.patient))
                .expect(200);
            assert_eq!(told.ids().len(), 1, "{}", told.text);
        }
    }
}

fn availability_counts_what_there_is(house: &House) {
    let hospital = Hospital::at(house, -40.0, -120.0);
    let beds: Vec<String> = (0..4).map(|_| hospital.bed("icu")).collect();
    hospital.bed("general");
    let turn = |bed: &str, to: &str| {
        hospital
            .call(
                &format!("Location/{bed}/$bed-turnover"),
                &json!([{"name": "to", "valueCode": to}]),
            )
            .expect(200);
    };
    turn(&beds[0], "blocked");
    turn(&beds[1], "dirty");
    let waiting = hospital.waiting("icu");
    hospital.allocate(&waiting.order).expect(200);
    let answer = house
        .get("/Location/$bed-availability?near=-40.01|-120|5|km&bedType=icu")
        .expect(200)
        .json();
    let facilities = parts(&answer, "facility");
    assert_eq!(facilities.len(), 1);
    let numbers = ["total", "staffed", "available", "held", "occupied", "turnover", "blocked"]
        .map(|name| part(&facilities[0], name)["valueUnsignedInt"].as_u64().unwrap());
    assert_eq!(numbers, [4, 4, 1, 1, 0, 1, 1]);
    assert_eq!(part(&facilities[0], "distanceKm")["valueDecimal"].to_string(), "1.1");
    let none = house.get("/Location/$bed-availability?near=-40.01|-120|1|km").expect(200).json();
    assert!(parts(&none, "facility").is_empty());
    let organization = format!("organization=Organization/{}", hospital.organization);
    let detailed = house
        .get(&format!("/Location/$bed-availability?{organization}&detail=bed"))
        .expect(200)
        .json();
    let told: usize = parts(&detailed, "facility").iter().map(|it| parts(it, "bed").len()).sum();
    assert_eq!(told, 5);
    let report = house
        .get(&format!("/Location/$bed-availability?{organization}&format=measure-report"))
        .expect(200)
        .json();
    let report = part(&report, "measureReport")["resource"].clone();
    let count = |code: &str| {
        let groups = report["group"].as_array().unwrap();
        let group = groups.iter().find(|it| it["code"]["coding"][0]["code"] == code).unwrap();
        group["population"][0]["count"].as_u64().unwrap()
    };
    let found = house
        .get(&format!("/Location?{organization}&operational-status=O&_summary=count"))
        .expect(200)
        .json();
    assert_eq!(count("112579-8"), found["total"].as_u64().unwrap());
    // those of the search that are neither occupied nor closed
    let free = house
        .get(&format!("/Location?{organization}&operational-status=U,K,H,I&_summary=count"))
        .expect(200)
        .json();
    assert_eq!(count("112578-0"), free["total"].as_u64().unwrap());
    assert_eq!((count("112574-9"), count("112567-3")), (3, 1));
    house.post("/MeasureReport/$validate", &report).expect(200);
}

fn the_waitlist_is_in_the_order_of_service(house: &House) {
    let hospital = Hospital::new(house);
    let routine = hospital.waiting("general");
    let stat = hospital.waiting_with("general", |order| order["priority"] = json!("stat"));
    let answer = house.get("/ServiceRequest/$bed-waitlist?_count=10000").expect(200).json();
    let place = |task: &str| {
        let entry = parts(&answer, "entry")
            .into_iter()
            .find(|it| refers(it, "task") == format!("Task/{task}"))
            .unwrap();
        assert_eq!(part(&entry, "feasibleFreeBeds")["valueUnsignedInt"], 0);
        part(&entry, "position")["valuePositiveInt"].as_u64().unwrap()
    };
    assert!(place(&stat.task) < place(&routine.task));
    let only =
        house.get("/ServiceRequest/$bed-waitlist?tier=immediate&_count=10000").expect(200).json();
    assert!(parts(&only, "entry").iter().all(|it| part(it, "tier")["valueCode"] == "immediate"));
}

fn a_proposal_changes_nothing(house: &House) {
    let hospital = Hospital::new(house);
    let bed = hospital.bed("general");
    let waiting = hospital.waiting("general");
    let propose = json!([{"name": "mode", "valueCode": "propose"}]);
    let answer = call(house, &format!("ServiceRequest/{}/$allocate-bed", waiting.order), &propose)
        .expect(200)
        .json();
    assert_eq!(part(&part(&answer, "allocation"), "status")["valueCode"], "proposed");
    assert_eq!(
        (hospital.face(&bed).as_str(), hospital.task_state(&waiting.task).as_str()),
        ("active U -", "requested/queued")
    );
}
