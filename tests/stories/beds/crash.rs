//! A power cut in the middle of a race: afterwards no bed is given twice, and everything shows what the claims say.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};

use super::hospital::Hospital;
use crate::house::{House, fresh_database, fresh_directory, unique};

const ROUNDS: usize = 3;
const CLIENTS: usize = 12;
const BEDS: usize = 4;

#[test]
fn sqlite_survives_a_power_cut() {
    survives(None);
}

#[test]
fn postgres_survives_a_power_cut() {
    survives(Some(&fresh_database("crash")));
}

fn survives(url: Option<&str>) {
    let directory = fresh_directory();
    let mut arguments = vec!["--data-dir", directory.to_str().unwrap()];
    if let Some(url) = url {
        arguments.extend(["--database-url", url]);
    }
    let mut beds: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let mut house = House::mortal(&arguments);
        check(&house, &beds);
        beds = race_until_killed(&mut house, round);
    }
    check(&House::mortal(&arguments), &beds);
}

/// Clients take and leave beds until the server is gone.
fn race_until_killed(house: &mut House, round: usize) -> Vec<String> {
    let (beds, stays) = {
        let hospital = Hospital::new(house);
        let beds: Vec<String> = (0..BEDS).map(|_| hospital.bed("general")).collect();
        let stays: Vec<(String, String, String)> = (0..CLIENTS)
            .map(|_| {
                let waiting = hospital.waiting("general");
                (waiting.order, waiting.task, waiting.patient)
            })
            .collect();
        (beds, stays)
    };
    let is_over = AtomicBool::new(false);
    let base = house.base().to_owned();
    std::thread::scope(|scope| {
        for (n, one) in stays.iter().enumerate() {
            let (beds, base, is_over) = (&beds, &base, &is_over);
            scope.spawn(move || {
                let mut turn = n;
                while !is_over.load(Ordering::Relaxed) {
                    turn += 1;
                    // an answer that does not come any more ends it
                    if step(base, one, &beds[turn % BEDS], turn).is_none() {
                        break;
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(300 + 170 * round as u64));
        house.kill();
        is_over.store(true, Ordering::Relaxed);
    });
    beds
}

/// A client's next try; `None` when the server is gone.
fn step(
    base: &str,
    (order, task, patient): &(String, String, String),
    bed: &str,
    turn: usize,
) -> Option<()> {
    let send = |method: &str, path: &str, body: &Value| -> Option<()> {
        let request = ureq::http::Request::builder().method(method).uri(format!("{base}/{path}"));
        let request = request.header("Content-Type", "application/fhir+json");
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .new_agent();
        let mut answer = agent.run(request.body(body.to_string()).ok()?).ok()?;
        assert!(answer.status().as_u16() != 500, "{:?}", answer.body_mut().read_to_string());
        Some(())
    };
    let parameters = |name: &str, code: &str| json!({"resourceType": "Parameters", "parameter": [{"name": name, "valueCode": code}]});
    match turn % 5 {
        0 => send(
            "POST",
            &format!("ServiceRequest/{order}/$allocate-bed"),
            &json!({"resourceType": "Parameters"}),
        ),
        1 => send("POST", &format!("Task/{task}/$confirm-bed"), &parameters("decision", "accept")),
        2 => send("POST", &format!("Task/{task}/$confirm-bed"), &parameters("decision", "decline")),
        3 => send("POST", &format!("Location/{bed}/$bed-turnover"), &parameters("to", "ready")),
        _ => {
            let id = unique("stay");
            let stay = json!({"resourceType": "Encounter", "id": id, "status": "in-progress", "class": {"code": "IMP"},
                "subject": {"reference": format!("Patient/{patient}")},
                "location": [{"location": {"reference": format!("Location/{bed}")}, "status": "active"}]});
            send("PUT", &format!("Encounter/{id}"), &stay)
        }
    }
}

/// Each bed has one live stay or none, and says which.
fn check(house: &House, beds: &[String]) {
    let mut patients: BTreeMap<String, usize> = BTreeMap::new();
    for bed in beds {
        let stays = house
            .get(&format!("/Encounter?location=Location/{bed}&status=planned,in-progress"))
            .expect(200)
            .json();
        let live: Vec<(String, String)> = stays["entry"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .iter()
            .map(|entry| &entry["resource"])
            .flat_map(|stay| {
                let patient = stay["subject"]["reference"].as_str().unwrap().to_owned();
                let places = stay["location"].as_array().cloned().unwrap_or_default();
                places
                    .into_iter()
                    .filter(|place| {
                        place["location"]["reference"] == format!("Location/{bed}").as_str()
                    })
                    .map(move |place| {
                        (place["status"].as_str().unwrap().to_owned(), patient.clone())
                    })
                    .collect::<Vec<_>>()
            })
            .filter(|(status, _)| status != "completed")
            .collect();
        assert!(live.len() <= 1, "{bed}: {live:?}");
        let shown = house.get(&format!("/Location/{bed}")).expect(200).text;
        let expected = match live.first().map(|(status, _)| status.as_str()) {
            Some("active") => "\"occupied\"",
            Some("planned") => "\"planned\"",
            Some("reserved") => "\"held\"",
            _ => "",
        };
        assert!(shown.contains(expected), "{bed} {live:?} {shown}");
        if live.is_empty() {
            assert!(
                !["\"occupied\"", "\"planned\"", "\"held\""].iter().any(|it| shown.contains(it)),
                "{shown}"
            );
        }
        for (_, patient) in live {
            *patients.entry(patient).or_default() += 1;
        }
    }
    assert!(patients.values().all(|count| *count == 1), "{patients:?}");
}
