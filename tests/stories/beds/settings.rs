//! What a region and a hospital decide for themselves, and what is told from what was.

use base64::Engine as _;
use serde_json::{Value, json};

use super::hospital::{Hospital, OURS, Waiting, code, part, parts};
use crate::house::{House, fresh_database, fresh_directory, unique};

/// Makes of each function on a database a test on SQLite and one on PostgreSQL; each has servers of its own.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::Place::new(None)); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(&super::Place::new(Some("settings"))); })+
        }
    };
}

on_both!(
    thirty_stays_tell_what_to_expect,
    beds_are_cleaned_elsewhere,
    decisions_are_kept_for_so_many_days,
    a_region_scores_by_mews,
    a_region_may_require_vital_signs,
);

/// Runs a statement on the file in a directory.
const BY_HAND: &str = "import sqlite3, sys
there = sqlite3.connect(sys.argv[1] + '/medvault.sqlite')
there.execute(sys.argv[2])
there.commit()";

/// Where a server's data is, across its restarts.
struct Place {
    directory: String,
    url: Option<String>,
}

impl Place {
    fn new(database: Option<&str>) -> Self {
        let directory = fresh_directory().to_str().unwrap().to_owned();
        Self { directory, url: database.map(fresh_database) }
    }

    /// A server there, with these settings.
    fn house(&self, settings: &str) -> House {
        let file = format!("{}/{}.toml", self.directory, unique("settings"));
        std::fs::write(&file, settings).unwrap();
        let mut arguments = vec!["--data-dir", &self.directory, "--config", &file];
        if let Some(url) = &self.url {
            arguments.extend(["--database-url", url]);
        }
        House::mortal(&arguments)
    }

    /// Runs a statement while no server does.
    fn sql(&self, sql: &str) {
        let (program, arguments) = match &self.url {
            Some(url) => ("psql", vec![url.as_str(), "-qc", sql]),
            None => ("python3", vec!["-c", BY_HAND, &self.directory, sql]),
        };
        let mut command = std::process::Command::new(program);
        command.args(arguments);
        assert!(command.status().unwrap().success(), "{sql}");
    }
}

/// Somebody who waits, gets a bed and lies in it: the stay.
fn lies_down(hospital: &Hospital<'_>) -> (Waiting, String) {
    let waiting = hospital.waiting("burns");
    let held = hospital.allocate(&waiting.order).expect(200).json();
    let allocation = part(&held, "allocation");
    let stay = part(&allocation, "encounter")["valueReference"]["reference"].clone();
    hospital.confirm(&waiting.task, "arrived").expect(200);
    (waiting, stay.as_str().unwrap().to_owned())
}

fn release(hospital: &Hospital<'_>, stay: &str, cleaning: Option<&str>) {
    let how: Vec<Value> =
        cleaning.map(|it| json!({"name": "needsCleaning", "valueCode": it})).into_iter().collect();
    hospital.call(&format!("{stay}/$release-bed"), &json!(how)).expect(200);
}

/// What is expected of a kind of bed in which somebody lies: wait, number of beds, time.
fn expected(house: &House) -> (Value, Value, Value) {
    let hospital = Hospital::new(house);
    hospital.bed("burns");
    lies_down(&hospital);
    let patient = hospital.patient();
    let order = hospital.order(&patient, "burns");
    let asked = format!("ServiceRequest/{order}/$request-bed");
    let asked = hospital.call(&asked, &json!([])).expect(200).json();
    let path =
        format!("/Location/$bed-availability?organization=Organization/{}", hospital.organization);
    let facility = part(&house.get(&path).expect(200).json(), "facility");
    let waits = house.get("/ServiceRequest/$bed-waitlist?_count=1000").expect(200).json();
    let task = format!("Task/{}", part(&asked, "task")["resource"]["id"].as_str().unwrap());
    let entry = parts(&waits, "entry")
        .into_iter()
        .find(|it| part(it, "task")["valueReference"]["reference"] == task.as_str())
        .unwrap();
    (
        part(&asked, "estimatedWait")["valueRange"].clone(),
        part(&facility, "expectedFree24h")["valueUnsignedInt"].clone(),
        part(&entry, "nextExpectedFree")["valueInstant"].clone(),
    )
}

fn thirty_stays_tell_what_to_expect(place: &Place) {
    {
        let house = place.house("");
        let hospital = Hospital::new(&house);
        hospital.bed("burns");
        for _ in 0..28 {
            let (_, stay) = lies_down(&hospital);
            release(&hospital, &stay, Some("none"));
        }
    }
    // 28 requests were served; the one that is served here is the 29th, and the wait of 29 says nothing
    let house = place.house("");
    let (wait, free, next) = expected(&house);
    assert_eq!((&wait, &free, &next), (&Value::Null, &Value::Null, &Value::Null));
    {
        let hospital = Hospital::new(&house);
        hospital.bed("burns");
        for _ in 0..2 {
            let (_, stay) = lies_down(&hospital);
            release(&hospital, &stay, Some("none"));
        }
    }
    drop(house);
    let house = place.house("");
    let (wait, free, next) = expected(&house);
    assert_eq!(wait["low"]["unit"], "min");
    let minutes = |end: &str| wait[end]["value"].as_f64().unwrap();
    assert!(minutes("low") <= minutes("high"), "{wait}");
    assert_eq!(free, 1);
    assert!(next.as_str().unwrap().starts_with("20"), "{next}");
}

fn beds_are_cleaned_elsewhere(place: &Place) {
    let house = place.house("[beds]\ncleaning = \"elsewhere\"\n");
    let hospital = Hospital::new(&house);
    let bed = hospital.bed("burns");
    // whoever goes home by a plain PUT leaves a bed that is ready
    let (_, stay) = lies_down(&hospital);
    let mut body = house.get(&format!("/{stay}")).expect(200).json();
    body["status"] = json!("finished");
    house.put(&format!("/{stay}"), &body).expect(200);
    assert_eq!(hospital.face(&bed), "active U ready");
    let (_, stay) = lies_down(&hospital);
    release(&hospital, &stay, None);
    assert_eq!(hospital.face(&bed), "active U ready");
    // unless somebody says that it is to be cleaned here
    let (_, stay) = lies_down(&hospital);
    release(&hospital, &stay, Some("standard"));
    assert_eq!(hospital.face(&bed), "active K dirty");
    drop(house);
    let house = place.house("[beds]\ncleaning = \"here\"\n");
    let hospital = Hospital::new(&house);
    let bed = hospital.bed("burns");
    let (_, stay) = lies_down(&hospital);
    release(&hospital, &stay, None);
    assert_eq!(hospital.face(&bed), "active K dirty");
}

fn decisions_are_kept_for_so_many_days(place: &Place) {
    let allocate = |house: &House| {
        let hospital = Hospital::new(house);
        hospital.bed("burns");
        lies_down(&hospital).0.task
    };
    let house = place.house("");
    let old = allocate(&house);
    drop(house);
    place.sql("update bed_decision set decided = decided - 3 * 86400000");
    let explain = |house: &House, task: &str| {
        let answer = house.get(&format!("/Task/{task}/$explain-allocation"));
        (answer.status, part(&answer.json(), "replayed")["valueBoolean"] == true)
    };
    let house = place.house("[beds]\ndecision_days = 4\n");
    let young = allocate(&house);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!((explain(&house, &old), explain(&house, &young)), ((200, true), (200, true)));
    drop(house);
    let house = place.house("[beds]\ndecision_days = 2\n");
    let mut tries = 0;
    while explain(&house, &old).0 == 200 && tries < 100 {
        std::thread::sleep(std::time::Duration::from_millis(100));
        tries += 1;
    }
    assert_eq!((explain(&house, &old), explain(&house, &young)), ((404, false), (200, true)));
    // what the bed is, and who has it, is not forgotten
    let task = house.get(&format!("/Task/{old}")).expect(200).json();
    assert_eq!(task["status"], "in-progress");
}

/// The policy of a region.
fn policy(parameters: &Value) -> Value {
    let data = base64::engine::general_purpose::STANDARD.encode(parameters.to_string());
    json!({"resourceType": "Library", "status": "active", "url": format!("{OURS}/Library/bed-policy"),
        "version": "2.0.0", "type": {"coding": [{"code": "logic-library"}]},
        "content": [{"contentType": "application/json", "data": data}]})
}

fn a_region_may_require_vital_signs(place: &Place) {
    let house = place.house("");
    house.post("/Library", &policy(&json!({"vitals": "required"}))).expect(201);
    let hospital = Hospital::new(&house);
    let bed = hospital.bed("burns");
    let waiting = hospital.waiting("burns");
    let refused = hospital.allocate(&waiting.order).expect(200).json();
    assert_eq!(part(&part(&refused, "unallocated"), "reason")["valueCode"], "vitals-stale");
    let named =
        json!([{"name": "bed", "valueReference": {"reference": format!("Location/{bed}")}}]);
    let path = format!("ServiceRequest/{}/$allocate-bed", waiting.order);
    let refused = hospital.call(&path, &named);
    assert_eq!((refused.status, code(&refused).as_str()), (422, "vitals-stale"));
    assert_eq!(refused.json()["issue"][0]["code"], "incomplete");
    hospital.vitals(&waiting.patient, 2);
    let given = hospital.allocate(&waiting.order).expect(200).json();
    assert_eq!(part(&part(&given, "allocation"), "status")["valueCode"], "held");
}

fn a_region_scores_by_mews(place: &Place) {
    let house = place.house("");
    let hospital = Hospital::new(&house);
    let scored = |news2: u32| {
        let patient = hospital.patient();
        hospital.vitals(&patient, news2);
        let order = hospital.order(&patient, "burns");
        hospital.request(&patient, &order);
        let path = format!("/RiskAssessment?subject=Patient/{patient}");
        let risk = house.get(&path).expect(200).json()["entry"][0]["resource"].clone();
        let prediction = &risk["prediction"][0];
        let method = risk["method"]["coding"][0]["code"].as_str().unwrap().to_owned();
        let tier = prediction["qualitativeRisk"]["coding"][0]["code"].as_str().unwrap().to_owned();
        (method, tier, prediction["rationale"].as_str().unwrap().to_owned(), order)
    };
    let (method, tier, words, _) = scored(8);
    assert_eq!((method.as_str(), tier.as_str()), ("news2", "immediate"), "{words}");
    let mews = policy(&json!({"early_warning": "mews"}));
    let library = house.post("/Library", &mews).expect(201).id();
    // breathing 22: 2; pulse 120: 2; pressure 95: 1
    let (method, tier, words, order) = scored(8);
    assert_eq!((method.as_str(), tier.as_str()), ("mews", "immediate"), "{words}");
    assert!(words.contains("MEWS 5"), "{words}");
    let (method, tier, words, _) = scored(0);
    assert_eq!((method.as_str(), tier.as_str()), ("mews", "soon"), "{words}");
    assert!(words.contains("MEWS 1"), "{words}");
    // one for who waits before
    (0..2).for_each(|_| drop(hospital.bed("burns")));
    let given = part(&hospital.allocate(&order).expect(200).json(), "allocation");
    let why = part(&given, "explanation");
    assert_eq!(part(&why, "severityMethod")["valueCoding"]["code"], "mews");
    assert_eq!(part(&why, "severity")["valueDecimal"].to_string(), "7", "as a NEWS2 of 7");
    let task = part(&given, "task")["valueReference"]["reference"].as_str().unwrap().to_owned();
    let again = house.get(&format!("/{task}/$explain-allocation")).expect(200).json();
    assert_eq!(part(&again, "replayed")["valueBoolean"], true);
    assert!(part(&again, "policy")["valueString"].as_str().unwrap().contains("|2.0.0|"));
    // one that cannot be understood is told, and nothing is decided by it
    let mut sofa = policy(&json!({"early_warning": "sofa"}));
    sofa["id"] = json!(library);
    house.put(&format!("/Library/{library}"), &sofa).expect(200);
    let patient = hospital.patient();
    let order = hospital.order(&patient, "burns");
    let refused = hospital.call(&format!("ServiceRequest/{order}/$request-bed"), &json!([]));
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert!(refused.text.contains("policy"), "{}", refused.text);
}
