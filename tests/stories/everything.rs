//! Somebody asks for all there is about a patient or a stay, page by page and in part.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

stories!(
    pages_hold_what_was_asked_for,
    pages_bring_what_they_refer_to,
    a_page_of_one_is_the_patient,
    types_are_all_that_may_come,
    what_is_older_does_not_come,
    a_stay_has_pages_too,
    what_is_not_understood_is_refused,
);

/// Who it is about, and a word that is in every id.
struct Record {
    word: String,
}

impl Record {
    /// A patient of a doctor.
    fn new(house: &House) -> Self {
        let record = Self { word: unique("all") };
        record.put(house, "Practitioner", "doctor", json!({}));
        let doctor = record.name("Practitioner", "doctor");
        record.put(house, "Patient", "me", json!({"generalPractitioner": [{"reference": doctor}]}));
        record
    }

    fn id(&self, id: &str) -> String {
        format!("{}-{id}", self.word)
    }

    fn name(&self, ty: &str, id: &str) -> String {
        format!("{ty}/{}", self.id(id))
    }

    fn put(&self, house: &House, ty: &str, id: &str, more: Value) {
        let mut body = more;
        body["resourceType"] = json!(ty);
        body["id"] = json!(self.id(id));
        house.put(&format!("/{}", self.name(ty, id)), &body).expect(201);
    }

    /// An observation of a day, or of none, made by somebody of its own.
    fn observe(&self, house: &House, id: &str, day: Option<&str>) {
        let performer = format!("by-{id}");
        self.put(house, "Practitioner", &performer, json!({}));
        let mut observation = json!({"status": "final", "code": {"text": "x"},
            "subject": {"reference": self.name("Patient", "me")},
            "performer": [{"reference": self.name("Practitioner", &performer)}]});
        if let Some(day) = day {
            observation["effectiveDateTime"] = json!(day);
        }
        self.put(house, "Observation", id, observation);
    }

    fn observed(house: &House) -> Self {
        let record = Self::new(house);
        let days = ["2020-01-01", "2021-01-01", "2020-05-31", "2020-06-01", "2019-01-01"];
        for (n, day) in days.iter().enumerate() {
            record.observe(house, &format!("ob{n}"), Some(day));
        }
        record.observe(house, "ob5", None);
        record
    }

    fn everything(&self, query: &str) -> String {
        format!("/{}/$everything{query}", self.name("Patient", "me"))
    }

    /// The names that an answer shows, those that it includes apart, without the word.
    fn shown(&self, reply: &Reply) -> [Vec<String>; 2] {
        let entries = reply.json()["entry"].as_array().cloned().unwrap_or_default();
        ["match", "include"].map(|mode| {
            let of_mode = entries.iter().filter(|it| it["search"]["mode"] == mode);
            let names = of_mode.map(|it| {
                let id = it["resource"]["id"].as_str().unwrap();
                let own = id.strip_prefix(&format!("{}-", self.word)).unwrap();
                own.to_owned()
            });
            let mut names: Vec<String> = names.collect();
            names.sort();
            names
        })
    }

    /// All pages: no page holds more than it may, what is included belongs to its page, nothing comes twice.
    fn pages(&self, house: &House, query: &str, count: usize) -> (Vec<String>, BTreeSet<String>) {
        let (mut matches, mut included) = (Vec::new(), BTreeSet::new());
        let mut page = house.get(&self.everything(query)).expect(200);
        for _ in 0..50 {
            let [found, around] = self.shown(&page);
            assert!(found.len() <= count, "{query}: {found:?}");
            for one in found.iter().filter(|one| one.starts_with("ob")) {
                assert!(around.contains(&format!("by-{one}")), "{query}: {one} in {around:?}");
            }
            matches.extend(found);
            included.extend(around);
            let Some(next) = page.link("next") else {
                let all = matches.len();
                matches.sort();
                matches.dedup();
                assert_eq!(matches.len(), all, "{query}: something came twice");
                return (matches, included);
            };
            assert!(next.contains("/$everything?"), "{next}");
            page = house.get(&next).expect(200);
            assert_eq!(page.link("self"), Some(next));
            let first = page.link("first").unwrap();
            assert_eq!(first, format!("{}{}", house.base(), self.everything(query)));
        }
        panic!("{query}: there is no last page");
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn pages_hold_what_was_asked_for(house: &House) {
    let record = Record::observed(house);
    for (query, expected) in [
        ("?", "me ob0 ob1 ob2 ob3 ob4 ob5"),
        ("?start=2020-06-01&", "me ob1 ob3 ob5"),
        ("?end=2020-05-31&", "me ob0 ob2 ob4 ob5"),
        ("?end=2020-02-01&", "me ob0 ob4 ob5"),
        ("?start=2020-01-02&end=2020-05-31&", "me ob2 ob5"),
        ("?start=2030-01-01&", "me ob5"),
        ("?_type=Observation&", "ob0 ob1 ob2 ob3 ob4 ob5"),
        ("?start=2020-06-01&_type=Practitioner,Observation&", "ob1 ob3 ob5"),
    ] {
        let whole = house.get(&record.everything(query.trim_end_matches(['?', '&']))).expect(200);
        assert_eq!(record.shown(&whole)[0], words(expected), "{query}");
        if query.contains("_type=Observation") {
            continue;
        }
        // in links types stand in their order
        let query = query.replace("Practitioner,Observation", "Observation,Practitioner");
        let [_, around] = record.shown(&whole);
        for count in [1, 2, 3, 4, 7, 1000] {
            let (found, included) = record.pages(house, &format!("{query}_count={count}"), count);
            assert_eq!(found, words(expected), "{query} by {count}");
            assert_eq!(included, around.iter().cloned().collect(), "{query} by {count}");
        }
    }
}

fn pages_bring_what_they_refer_to(house: &House) {
    let record = Record::new(house);
    for (ty, id, more) in [
        ("Organization", "org", json!({"name": "o"})),
        ("Location", "ward", json!({"name": "w"})),
        ("Medication", "drug", json!({"code": {"text": "m"}})),
    ] {
        record.put(house, ty, id, more);
    }
    let me = record.name("Patient", "me");
    let stay = json!({"status": "finished", "class": {"code": "IMP"}, "subject": {"reference": me},
        "serviceProvider": {"reference": record.name("Organization", "org")},
        "location": [{"location": {"reference": record.name("Location", "ward")}}]});
    record.put(house, "Encounter", "stay", stay);
    record.observe(house, "ob", None);
    let order = json!({"status": "active", "intent": "order", "subject": {"reference": me},
        "medicationReference": {"reference": record.name("Medication", "drug")}});
    record.put(house, "MedicationRequest", "order", order);
    let first = house.get(&record.everything("?_count=2")).expect(200);
    assert_eq!(record.shown(&first), [words("me stay"), words("doctor org ward")]);
    assert!(first.json()["total"].is_null());
    let second = house.get(&first.link("next").unwrap()).expect(200);
    assert_eq!(record.shown(&second), [words("ob order"), words("by-ob drug")]);
    assert_eq!(second.link("next"), None);
    // an altered link is no link
    let next = first.link("next").unwrap();
    house.get(&next.replace("_count=2", "_count=3")).expect(400);
    house.get(&next.replace("_count=2", "start=2020-01-01&_count=2")).expect(400);
    // nothing more is promised than there is
    let all = house.get(&record.everything("?_count=4")).expect(200);
    assert_eq!((all.link("next"), all.json()["total"].clone()), (None, json!(4)));
}

fn a_page_of_one_is_the_patient(house: &House) {
    let record = Record::observed(house);
    let first = house.get(&record.everything("?_count=1")).expect(200);
    assert_eq!(record.shown(&first), [words("me"), words("doctor")]);
    let second = house.get(&first.link("next").unwrap()).expect(200);
    assert_eq!(record.shown(&second), [words("ob0"), words("by-ob0")]);
    let alone = Record::new(house);
    let only = house.get(&alone.everything("?_count=1")).expect(200);
    assert_eq!((alone.shown(&only)[0].clone(), only.link("next")), (words("me"), None));
}

fn types_are_all_that_may_come(house: &House) {
    let record = Record::observed(house);
    let of = |query: &str| record.shown(&house.get(&record.everything(query)).expect(200));
    let makers = words("by-ob0 by-ob1 by-ob2 by-ob3 by-ob4 by-ob5 doctor");
    assert_eq!(of("?_type=Practitioner"), [vec![], makers.clone()]);
    assert_eq!(of("?_type=Practitioner,Patient"), [words("me"), makers.clone()]);
    assert_eq!(of("?_type=Patient&_type=Practitioner"), [words("me"), makers.clone()]);
    assert_eq!(of("?_type=Patient"), [words("me"), vec![]]);
    assert_eq!(of("?_type=Organization&_type=Binary"), [words(""), words("")]);
    let (found, around) = record.pages(house, "?_type=Patient,Practitioner&_count=2", 2);
    assert_eq!((found, around), (words("me"), makers.into_iter().collect()));
    // as Parameters
    let parameter = |ty: &str| json!({"name": "_type", "valueCode": ty});
    let mut asked = vec![parameter("Observation"), parameter("Patient")];
    asked.push(json!({"name": "_count", "valueInteger": 3}));
    asked.push(json!({"name": "end", "valueDate": "2020-05-31"}));
    let body = json!({"resourceType": "Parameters", "parameter": asked});
    let first = house.post(&record.everything(""), &body).expect(200);
    let mut found = record.shown(&first)[0].clone();
    let second = house.get(&first.link("next").unwrap()).expect(200);
    found.extend(record.shown(&second)[0].clone());
    found.sort();
    assert_eq!((found, second.link("next")), (words("me ob0 ob2 ob4 ob5"), None));
    for wrong in ["Nonsense", "Observation,Nonsense", "CapabilityStatement"] {
        house.get(&record.everything(&format!("?_type={wrong}"))).expect(400);
    }
}

fn what_is_older_does_not_come(house: &House) {
    let record = Record::observed(house);
    let since = |when: &str, more: &str| {
        let query = format!("?_since={}{more}", when.replace('+', "%2B"));
        record.shown(&house.get(&record.everything(&query)).expect(200))
    };
    assert_eq!(since("2030-01-01T00:00:00Z", ""), [words(""), words("")]);
    assert_eq!(since("2000-01-01T00:00:00Z", "")[0].len(), 7);
    // what was changed last, and its maker, whom nothing new refers to
    let maker = record.name("Practitioner", "by-ob1");
    let changed =
        json!({"resourceType": "Practitioner", "id": record.id("by-ob1"), "active": true});
    let written = house.put(&format!("/{maker}"), &changed).expect(200).json();
    let when = written["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    record.observe(house, "ob6", Some("2022-01-01"));
    assert_eq!(since(&when, ""), [words("ob6"), words("by-ob1 by-ob6")]);
    assert_eq!(since(&when, "&_type=Observation,Patient"), [words("ob6"), vec![]]);
    assert_eq!(since(&when, "&_type=Practitioner"), [vec![], words("by-ob1 by-ob6")]);
    assert_eq!(since(&when, "&end=2021-12-31"), [vec![], words("by-ob1")]);
    assert_eq!(since(&when, "&_count=1"), [words("ob6"), words("by-ob1 by-ob6")]);
}

fn a_stay_has_pages_too(house: &House) {
    let record = Record::new(house);
    let stay = json!({"status": "finished", "class": {"code": "IMP"},
        "subject": {"reference": record.name("Patient", "me")}});
    record.put(house, "Encounter", "stay", stay);
    for id in ["c1", "c2"] {
        let condition = json!({"subject": {"reference": record.name("Patient", "me")},
            "encounter": {"reference": record.name("Encounter", "stay")},
            "recorder": {"reference": record.name("Practitioner", "doctor")}});
        record.put(house, "Condition", id, condition);
    }
    let path = format!("/{}/$everything", record.name("Encounter", "stay"));
    let first = house.get(&format!("{path}?_count=2")).expect(200);
    assert_eq!(record.shown(&first), [words("c1 stay"), words("doctor")]);
    let second = house.get(&first.link("next").unwrap()).expect(200);
    assert_eq!(record.shown(&second), [words("c2"), words("doctor")]);
    // dates are for patients
    house.get(&format!("{path}?start=2020-01-01")).expect(400);
}

fn what_is_not_understood_is_refused(house: &House) {
    let record = Record::new(house);
    for query in [
        "?_summary=count",
        "?_elements=id",
        "?_sort=_id",
        "?_include=Observation:performer",
        "?code=x",
        "?nonsense=1",
        "?_count=-1",
        "?_count=0",
        "?_count=x",
        "?_cursor=x",
        "?start=yesterday",
        "?_since=tomorrow",
        "?start=2020&start=2021",
    ] {
        let refused = house.get(&record.everything(query)).expect(400).json();
        assert_eq!(refused["resourceType"], "OperationOutcome", "{query}");
    }
    // nobody in particular has no record of their own
    house.get("/Patient/$everything").expect(404);
    house.get("/Encounter/$everything").expect(404);
}
