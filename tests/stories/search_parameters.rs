//! A researcher wants to find what R4 has no search parameter for, and the operator keeps the index in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::house::{House, On, Reply, fresh_database, fresh_directory, unique};

stories!(
    a_parameter_is_born_and_goes,
    a_chain_goes_through_a_new_parameter,
    a_parameter_changes_its_mind,
    what_is_wrong_with_a_definition_is_said,
    a_transaction_defines_and_uses_a_parameter,
    a_draft_is_only_kept,
    everything_is_indexed_again_on_request,
);

/// Stories about a vault of one's own: nobody else may be disturbed.
macro_rules! own_stories {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { super::$name(crate::house::On::Sqlite); })+
        }
        mod on_postgres {
            $(#[test] fn $name() { super::$name(crate::house::On::Postgres); })+
        }
    };
}

own_stories!(
    indexing_goes_on_after_a_crash,
    rows_that_were_lost_come_back,
    an_upgrade_indexes_everything_again,
    no_write_is_missed,
);

fn definition(code: &str, ty: &str, kind: &str, expression: &str) -> Value {
    json!({
        "resourceType": "SearchParameter",
        "url": format!("http://example.org/SearchParameter/{code}"),
        "name": "Story",
        "status": "active",
        "description": "For a story",
        "code": code,
        "base": [ty],
        "type": kind,
        "expression": expression,
    })
}

fn observation(site: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "reflex"},
        "bodySite": {"coding": [{"system": "http://example.org/site", "code": site}]},
    })
}

/// Asks until a query is understood.
fn wait_for(house: &House, query: &str) -> Reply {
    until(|| {
        let reply = house.send("GET", query, &[("Prefer", "handling=strict")], "");
        if reply.status != 200 {
            assert!(
                reply.text.contains("is being indexed")
                    || reply.text.contains("not-supported")
                    || reply.status == 503,
                "{query}: {}",
                reply.text
            );
        }
        (reply.status == 200).then_some(reply)
    })
}

fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the statement of capabilities names a parameter.
fn is_stated(house: &House, ty: &str, code: &str) -> bool {
    let statement = house.get("/metadata").expect(200).json();
    let resources = statement["rest"][0]["resource"].as_array().unwrap().clone();
    let found = resources.iter().find(|one| one["type"] == ty).unwrap();
    found["searchParam"].as_array().unwrap().iter().any(|one| one["name"] == code)
}

fn a_parameter_is_born_and_goes(house: &House) {
    let code = unique("site");
    let before = house.post("/Observation", &observation("left-knee")).expect(201).id();
    let body = definition(&code, "Observation", "token", "Observation.bodySite");
    let id = house.post("/SearchParameter", &body).expect(201).id();
    let after = house.post("/Observation", &observation("right-knee")).expect(201).id();

    let query = |value: &str| format!("/Observation?{code}={value}&_sort=_lastUpdated&_count=1000");
    let all = wait_for(house, &query("left-knee,right-knee")).ids();
    assert!(all.contains(&before) && all.contains(&after));
    assert!(is_stated(house, "Observation", &code));
    let narrow =
        format!("/Observation?{code}=http://example.org/site|right-knee&_id={after},{before}");
    assert_eq!(house.get(&narrow).expect(200).ids(), std::slice::from_ref(&after));
    let sorted = format!("/Observation?_id={after},{before}&_sort=-{code}");
    assert_eq!(house.get(&sorted).expect(200).ids(), [after.clone(), before.clone()]);

    // what changes is found by what it is
    let mut changed = observation("elbow");
    changed["id"] = json!(before);
    house.put(&format!("/Observation/{before}"), &changed).expect(200);
    house.delete(&format!("/Observation/{after}")).expect(204);
    let of_these = |value: &str| format!("/Observation?{code}={value}&_id={after},{before}");
    assert_eq!(house.get(&of_these("elbow")).expect(200).ids(), std::slice::from_ref(&before));
    assert!(house.get(&of_these("left-knee,right-knee")).expect(200).ids().is_empty());

    house.delete(&format!("/SearchParameter/{id}")).expect(204);
    let strict = house.send("GET", &of_these("elbow"), &[("Prefer", "handling=strict")], "");
    assert!(strict.expect(400).text.contains(&code));
    assert!(!is_stated(house, "Observation", &code));
}

fn a_chain_goes_through_a_new_parameter(house: &House) {
    let (code, family) = (unique("watched"), unique("Ek"));
    let patient = json!({"resourceType": "Patient", "name": [{"family": family}]});
    let patient = house.post("/Patient", &patient).expect(201).id();
    let mut seen = observation("eye");
    seen["focus"] = json!([{"reference": format!("Patient/{patient}")}]);
    let seen = house.post("/Observation", &seen).expect(201).id();
    let mut body = definition(&code, "Observation", "reference", "Observation.focus");
    body["target"] = json!(["Patient", "Device"]);
    house.post("/SearchParameter", &body).expect(201);

    let found = wait_for(house, &format!("/Observation?{code}:Patient.family={family}"));
    assert_eq!(found.ids(), std::slice::from_ref(&seen));
    let reverse = format!("/Patient?_has:Observation:{code}:_id={seen}");
    assert_eq!(house.get(&reverse).expect(200).ids(), std::slice::from_ref(&patient));
    let include = format!("/Observation?_id={seen}&_include=Observation:{code}");
    assert_eq!(house.get(&include).expect(200).ids(), [seen, patient]);
}

fn a_parameter_changes_its_mind(house: &House) {
    let code = unique("mind");
    let word = unique("word");
    let mut resource = observation("ear");
    resource["note"] = json!([{"text": format!("note {word}")}]);
    resource["code"]["text"] = json!(format!("code {word}"));
    house.post("/Observation", &resource).expect(201);
    let mut body = definition(&code, "Observation", "string", "Observation.note.text");
    body["id"] = json!(code);
    let address = format!("/SearchParameter/{code}");
    house.put(&address, &body).expect(201);
    let count = |value: &str| {
        let query = format!("/Observation?{code}={value}%20{word}&_summary=count");
        wait_for(house, &query).json()["total"].as_u64().unwrap()
    };
    assert_eq!((count("note"), count("code")), (1, 0));

    body["expression"] = json!("Observation.code.text");
    house.put(&address, &body).expect(200);
    assert_eq!((count("note"), count("code")), (0, 1));

    let patch = json!([{"op": "replace", "path": "/status", "value": "retired"}]);
    let patched = house.send(
        "PATCH",
        &address,
        &[("Content-Type", "application/json-patch+json")],
        &patch.to_string(),
    );
    patched.expect(200);
    let query = format!("/Observation?{code}=x");
    house.send("GET", &query, &[("Prefer", "handling=strict")], "").expect(400);
}

fn what_is_wrong_with_a_definition_is_said(house: &House) {
    let code = unique("wrong");
    let good = definition(&code, "Observation", "token", "Observation.bodySite");
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    let cases = [
        (with("expression", json!("Observation.bodySite.where(")), "SearchParameter.expression"),
        (with("expression", json!("Observation.bodySeit")), "SearchParameter.expression"),
        (with("expression", json!("Patient.name")), "SearchParameter.expression"),
        (with("type", json!("date")), "SearchParameter.expression"),
        (with("type", json!("special")), "SearchParameter.type"),
        (with("base", json!(["Observtion"])), "SearchParameter.base[0]"),
        (with("code", json!("a,b")), "SearchParameter.code"),
        // R4 has it
        (with("code", json!("status")), "SearchParameter.code"),
    ];
    for (body, place) in cases {
        let reply = house.post("/SearchParameter", &body);
        assert!((400..500).contains(&reply.status), "{place}: {}", reply.text);
        let outcome = reply.json();
        assert_eq!(outcome["issue"][0]["expression"][0], place, "{}", reply.text);
        // inside a Bundle it is said where
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": observation("toe"), "request": {"method": "POST", "url": "Observation"}},
            {"resource": body, "request": {"method": "POST", "url": "SearchParameter"}},
        ]});
        let outcome = house.post("/", &bundle).json();
        let inside = place.replace("SearchParameter.", "Bundle.entry[1].resource.");
        assert_eq!(outcome["issue"][0]["expression"][0], inside, "{outcome}");
    }
    // nobody takes another's name
    house.post("/SearchParameter", &good).expect(201);
    let second = house.post("/SearchParameter", &good).expect(422);
    assert!(second.text.contains("already"), "{}", second.text);
    wait_for(house, &format!("/Observation?{code}=x"));
}

fn a_transaction_defines_and_uses_a_parameter(house: &House) {
    let code = unique("both");
    let body = definition(&code, "Observation", "token", "Observation.bodySite");
    let entry = |resource: Value, url: &str| json!({"resource": resource, "request": {"method": "POST", "url": url}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        entry(observation(&code), "Observation"),
        entry(body, "SearchParameter"),
        entry(observation(&code), "Observation"),
    ]});
    house.post("/", &bundle).expect(200);
    let query = format!("/Observation?{code}={code}&_summary=count");
    assert_eq!(wait_for(house, &query).json()["total"], 2);
}

fn a_draft_is_only_kept(house: &House) {
    let code = unique("draft");
    let mut body = definition(&code, "Observation", "token", "no expression at all (");
    body["status"] = json!("draft");
    house.post("/SearchParameter", &body).expect(201);
    let query = format!("/Observation?{code}=x");
    house.send("GET", &query, &[("Prefer", "handling=strict")], "").expect(400);
}

fn everything_is_indexed_again_on_request(house: &House) {
    let started = house.send("POST", "/Observation/$reindex", &[], "").expect(202);
    let address = started.header("Content-Location").to_owned();
    assert!(address.starts_with(house.base()), "{address}");
    let done = until(|| {
        let reply = house.get(&address);
        match reply.status {
            202 => {
                assert!(reply.header("X-Progress").contains("resources"));
                None
            }
            _ => Some(reply.expect(200)),
        }
    });
    let parameters = done.json();
    let state =
        parameters["parameter"].as_array().unwrap().iter().find(|one| one["name"] == "state");
    assert_eq!(state.unwrap()["valueCode"], "completed");
    house.get("/$reindex-status").expect(200);
    house.get("/$reindex-status?job=999999").expect(404);
    house.get("/$reindex").expect(405);
    house.send("POST", "/Nonsense/$reindex", &[], "").expect(404);
}

/// A vault whose server can be killed and started again.
struct Own {
    arguments: Vec<String>,
    database: String,
}

impl Own {
    fn new(database: On) -> Self {
        let directory = fresh_directory().to_str().unwrap().to_owned();
        let mut arguments = vec!["--data-dir".to_owned(), directory.clone()];
        let database = match database {
            On::Sqlite => format!("{directory}/medvault.sqlite"),
            On::Postgres => {
                let url = fresh_database("parameters");
                arguments.extend(["--database-url".to_owned(), url.clone()]);
                url
            }
        };
        Self { arguments, database }
    }

    fn start(&self) -> House {
        House::mortal(&self.arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What a database administrator does by hand.
    fn by_hand(&self, sql: &str) {
        let done = if self.database.starts_with("postgres") {
            Command::new("psql").args([&self.database, "-qc", sql]).status().unwrap()
        } else {
            let script = "import sqlite3, sys\n\
                          db = sqlite3.connect(sys.argv[1], timeout=30)\n\
                          db.execute(sys.argv[2])\n\
                          db.commit()";
            Command::new("python3").args(["-c", script, &self.database, sql]).status().unwrap()
        };
        assert!(done.success(), "{sql}");
    }
}

fn fill(house: &House, bundles: usize) {
    for n in 0..bundles {
        let entries: Vec<Value> = (0..500)
            .map(|m| {
                let resource = observation(if m % 5 == 0 { "wrist" } else { "ankle" });
                json!({"fullUrl": format!("urn:x:{n}:{m}"), "resource": resource,
                       "request": {"method": "POST", "url": "Observation"}})
            })
            .collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        house.post("/", &bundle).expect(200);
    }
}

fn total(house: &House, query: &str) -> u64 {
    wait_for(house, query).json()["total"].as_u64().unwrap()
}

fn indexing_goes_on_after_a_crash(database: On) {
    let own = Own::new(database);
    let mut house = own.start();
    fill(&house, 20);
    let body = definition("site", "Observation", "token", "Observation.bodySite");
    house.post("/SearchParameter", &body).expect(201);
    let done = until(|| {
        let status = house.get("/$reindex-status").expect(200).json();
        let parts = status["parameter"][0]["part"].as_array()?.clone();
        let done = parts.iter().find(|part| part["name"] == "done")?["valueDecimal"].as_u64()?;
        (done > 0).then_some(done)
    });
    house.kill();
    assert!(done < 10_000, "it was done before it could be killed");
    let house = own.start();
    assert_eq!(total(&house, "/Observation?site=wrist&_summary=count"), 2000);
    assert_eq!(total(&house, "/Observation?site=ankle&_summary=count"), 8000);
}

fn rows_that_were_lost_come_back(database: On) {
    let own = Own::new(database);
    let house = own.start();
    let id = house.post("/Observation", &observation("hip")).expect(201).id();
    let stale = house.post("/Observation", &observation("hip")).expect(201).id();
    let body = definition("site", "Observation", "token", "Observation.bodySite");
    house.post("/SearchParameter", &body).expect(201);
    wait_for(&house, "/Observation?site=hip");
    own.by_hand(&format!(
        "delete from idx_token where res = (select res from resource where id = '{id}')"
    ));
    own.by_hand(&format!(
        "update idx_token set code = 'neck' where code = 'hip' and res = (select res from resource where id = '{stale}')"
    ));
    assert_eq!(house.get("/Observation?site=hip").expect(200).ids().len(), 0);
    let started = house.send("POST", "/$reindex", &[], "").expect(202);
    let address = started.header("Content-Location").to_owned();
    until(|| (house.get(&address).status == 200).then_some(()));
    assert_eq!(house.get("/Observation?site=hip").expect(200).ids(), [id.clone(), stale.clone()]);
    assert_eq!(house.get("/Observation?site=neck").expect(200).ids().len(), 0);
    assert_eq!(house.get("/Observation?status=final").expect(200).ids(), [id, stale]);
}

/// Wards create, change and delete while parameters come; on PostgreSQL at two servers, of which only one is told.
fn no_write_is_missed(database: On) {
    const SITES: [&str; 3] = ["wrist", "ankle", "hip"];
    let own = Own::new(database);
    let first = own.start();
    let second = matches!(database, On::Postgres).then(|| own.start());
    let houses = [&first, second.as_ref().unwrap_or(&first)];
    let is_over = AtomicBool::new(false);
    let ward = |house: &House, ward: usize| {
        let mut n = 0;
        while !is_over.load(Ordering::Relaxed) {
            let id = format!("w{ward}-{}", n % 60);
            let mut resource = observation(SITES[(n / 7) % 3]);
            resource["id"] = json!(id);
            let address = format!("/Observation/{id}");
            if n % 11 == 10 {
                house.delete(&address);
            } else {
                match house.put(&address, &resource).status {
                    200 | 201 => {}
                    // others were in the way for too long: once more
                    503 => continue,
                    status => panic!("{status}"),
                }
            }
            n += 1;
        }
    };
    std::thread::scope(|scope| {
        for number in 0..4 {
            let house = houses[number % 2];
            let ward = &ward;
            scope.spawn(move || ward(house, number));
        }
        for n in 0..4 {
            std::thread::sleep(Duration::from_millis(200));
            let code = format!("site-{n}");
            let body = definition(&code, "Observation", "token", "Observation.bodySite");
            first.post("/SearchParameter", &body).expect(201);
        }
        for n in 0..4 {
            wait_for(&first, &format!("/Observation?site-{n}=x"));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let bundle = first.get("/Observation?_count=1000").expect(200).json();
    for entry in bundle["entry"].as_array().unwrap() {
        let resource = &entry["resource"];
        let site = resource["bodySite"]["coding"][0]["code"].as_str().unwrap().to_owned();
        let id = resource["id"].as_str().unwrap().to_owned();
        expected.entry(site).or_default().insert(id);
    }
    assert_eq!(expected.len(), 3);
    for house in houses {
        for (n, site) in (0..4).flat_map(|n| SITES.map(|site| (n, site))) {
            let query = format!("/Observation?site-{n}={site}&_count=1000");
            let found: BTreeSet<String> = wait_for(house, &query).ids().into_iter().collect();
            assert_eq!(found, expected[site], "{query}");
        }
    }
}

fn an_upgrade_indexes_everything_again(database: On) {
    let own = Own::new(database);
    let mut house = own.start();
    fill(&house, 2);
    house.kill();
    own.by_hand("delete from idx_token");
    own.by_hand("update setting set value = '1' where name = 'index_generation'");
    let house = own.start();
    let early = house.get("/Observation?status=final&_summary=count");
    if early.status != 503 {
        assert_eq!(early.expect(200).json()["total"], 1000);
    }
    // reads and plain lists go on, writes too
    assert_eq!(house.get("/Observation?_count=1").expect(200).ids().len(), 1);
    house.post("/Observation", &observation("hip")).expect(201);
    assert_eq!(total(&house, "/Observation?status=final&_summary=count"), 1001);
}
