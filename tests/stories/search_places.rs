//! A nurse looks in different places: the whole vault, a patient's compartment, inside Bundles.

use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

stories!(
    the_whole_vault,
    what_has_to_do_with_a_patient,
    everything_about_a_patient,
    places_that_there_are_not,
    more_than_can_be_asked_at_once,
    forms_and_addresses_both_hold,
    searches_inside_bundles,
    only_the_head,
);

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A patient, an observation of theirs, one of somebody else, all with a tag.
struct Ward {
    tag: String,
    patient: String,
    own: String,
    other: String,
}

impl Ward {
    fn new(house: &House) -> Self {
        let tag = unique("ward");
        let meta = json!({"tag": [{"system": "urn:ward", "code": tag}]});
        let post = |resource: Value| {
            let ty = resource["resourceType"].as_str().unwrap().to_owned();
            house.post(&format!("/{ty}"), &resource).expect(201).id()
        };
        let patient = post(json!({"resourceType": "Patient", "meta": meta, "gender": "female"}));
        let observation = |subject: Value| {
            post(json!({
                "resourceType": "Observation", "meta": meta, "status": "final",
                "code": {"text": "x"}, "subject": subject,
            }))
        };
        let own = observation(json!({"reference": format!("Patient/{patient}")}));
        let other = observation(json!({"display": "somebody else"}));
        Self { tag, patient, own, other }
    }
}

fn found(reply: Reply) -> Vec<String> {
    let mut ids = reply.expect(200).ids();
    ids.sort();
    ids
}

fn sorted<const N: usize>(ids: [&String; N]) -> Vec<String> {
    let mut ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.sort();
    ids
}

fn the_whole_vault(house: &House) {
    let Ward { tag, patient, own, other } = Ward::new(house);
    let all = house.get(&format!("?_tag=urn:ward|{tag}"));
    assert!(all.link("self").unwrap().starts_with(&format!("{}?_tag=", house.base())));
    assert_eq!(found(all), sorted([&patient, &own, &other]));
    let some = house.get(&format!("?_type=Patient,Practitioner&_tag={tag}"));
    assert!(some.link("self").unwrap().contains("_type=Patient,Practitioner"));
    assert_eq!(found(some), std::slice::from_ref(&patient));
    let by_form = house.send("POST", "/_search", &[FORM], &format!("_type=Observation&_tag={tag}"));
    assert_eq!(found(by_form), sorted([&own, &other]));
    let mut page = house.get(&format!("?_tag={tag}&_count=1")).expect(200);
    let mut seen = page.ids();
    while let Some(next) = page.link("next") {
        page = house.get(&next).expect(200);
        seen.extend(page.ids());
    }
    seen.sort();
    assert_eq!(seen, sorted([&patient, &own, &other]));
    house.get("?_type=Nonsense").expect(400);
    house.get("?_type=Patient,Observation&birthdate=1974").expect(400);
    house.get("?birthdate=1974").expect(400);
}

fn what_has_to_do_with_a_patient(house: &House) {
    let Ward { tag, patient, own, .. } = Ward::new(house);
    for path in [
        format!("/Patient/{patient}/Observation"),
        format!("/Patient/{patient}/Observation?_tag={tag}"),
        format!("/Patient/{patient}/Observation?_tag={tag}&_sort=-_lastUpdated&_count=1"),
    ] {
        assert_eq!(found(house.get(&path)), std::slice::from_ref(&own), "{path}");
    }
    assert!(house.get(&format!("/Patient/{patient}/Observation?_tag=no")).ids().is_empty());
    assert!(house.get("/Patient/nobody-at-all/Observation").expect(200).ids().is_empty());
    let by_form = format!("/Patient/{patient}/Observation/_search");
    assert_eq!(found(house.send("POST", &by_form, &[FORM], &format!("_tag={tag}"))), [own]);
    let itself = house.get(&format!("/Patient/{patient}/Patient"));
    assert_eq!(found(itself), std::slice::from_ref(&patient));
    let own_link = house.get(&format!("/Patient/{patient}/Observation")).link("self").unwrap();
    assert_eq!(own_link, format!("{}/Patient/{patient}/Observation", house.base()));
}

fn everything_about_a_patient(house: &House) {
    let Ward { patient, own, .. } = Ward::new(house);
    let all = house.get(&format!("/Patient/{patient}/*"));
    assert_eq!(found(all), sorted([&patient, &own]));
    let some = house.get(&format!("/Patient/{patient}/*?_type=Observation,Encounter"));
    assert_eq!(found(some), std::slice::from_ref(&own));
    let by_form =
        house.send("POST", &format!("/Patient/{patient}/*/_search"), &[FORM], "_type=Observation");
    assert_eq!(found(by_form), [own]);
    let mut page = house.get(&format!("/Patient/{patient}/*?_count=1")).expect(200);
    assert_eq!(page.ids().len(), 1);
    page = house.get(&page.link("next").unwrap()).expect(200);
    assert_eq!((page.ids().len(), page.link("next")), (1, None));
    house.get(&format!("/Patient/{patient}/*?_type=Organization")).expect(400);
}

fn places_that_there_are_not(house: &House) {
    for path in [
        "/Nonsense?x=y",
        "/Patient/1/Nonsense",
        "/Patient/1/Organization",
        "/Organization/1/Patient",
        "/Organization/1/*",
        "/Patient/1/Observation/2",
        "/Patient/1/$everything/x",
    ] {
        let refused = house.get(path).expect(404).json();
        assert_eq!(refused["issue"][0]["code"], "not-found", "{path}");
    }
    let refused = house.send("PUT", "/Patient/1/Observation", &[], "{}");
    assert!([400, 405].contains(&refused.status), "{}", refused.text);
    assert_eq!(
        house.send("OPTIONS", "/_search", &[], "").header("Allow"),
        "GET, HEAD, POST, OPTIONS"
    );
    assert_eq!(house.send("OPTIONS", "", &[], "").header("Allow"), "GET, HEAD, POST, OPTIONS");
}

fn forms_and_addresses_both_hold(house: &House) {
    let Ward { tag, patient, own, .. } = Ward::new(house);
    let path = format!("/Observation/_search?_tag={tag}&_count=1");
    let reply = house.send("POST", &path, &[FORM], &format!("subject=Patient/{patient}"));
    let own_link = reply.link("self").unwrap();
    assert!(
        own_link.starts_with(&format!("{}/Observation?_tag={tag}", house.base())),
        "{own_link}"
    );
    assert_eq!(found(reply), [own]);
    house.post("/Observation/_search", &json!({"resourceType": "Observation"})).expect(415);
}

fn searches_inside_bundles(house: &House) {
    let Ward { tag, patient, own, other } = Ward::new(house);
    let get = |url: String| json!({"request": {"method": "GET", "url": url}});
    let urls = [
        format!("?_type=Patient&_tag={tag}"),
        format!("Patient/{patient}/Observation?_tag={tag}"),
        format!("Patient/{patient}/*?_type=Observation"),
        format!("Observation?_tag={tag}&_sort=_lastUpdated"),
    ];
    let expected = [vec![patient], vec![own.clone()], vec![own.clone()], vec![own, other]];
    for kind in ["batch", "transaction"] {
        let entries: Vec<Value> = urls.iter().cloned().map(get).collect();
        let sent = json!({"resourceType": "Bundle", "type": kind, "entry": entries});
        let answer = house.post("", &sent).expect(200).json();
        for (n, ids) in expected.iter().enumerate() {
            let answer = &answer["entry"][n];
            assert_eq!(answer["response"]["status"], "200 OK", "{kind} {n}");
            let entries = answer["resource"]["entry"].as_array().unwrap();
            let found: Vec<&str> =
                entries.iter().map(|it| it["resource"]["id"].as_str().unwrap()).collect();
            assert_eq!(found, *ids, "{kind} {n}");
            assert!(entries.iter().all(|it| it["search"]["mode"] == "match"));
        }
    }
}

fn only_the_head(house: &House) {
    let Ward { tag, patient, .. } = Ward::new(house);
    for path in [
        format!("?_tag={tag}"),
        format!("/Patient?_tag={tag}"),
        format!("/Patient/{patient}/Observation"),
        format!("/Patient/{patient}/*"),
    ] {
        let head = house.send("HEAD", &path, &[], "").expect(200);
        assert!(head.text.is_empty());
        assert!(head.header("Content-Type").starts_with("application/fhir+json"), "{path}");
    }
}

fn more_than_can_be_asked_at_once(house: &House) {
    let tags = |count: usize| (0..count).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
    // many branches of one statement
    assert!(found(house.get(&format!("?_tag={}", tags(12)))).is_empty());
    assert!(found(house.get(&format!("/Patient/nobody/*?_tag={}", tags(20)))).is_empty());
    assert!(found(house.get(&format!("/Patient?_tag={}", tags(100)))).is_empty());
    for path in [
        format!("?_tag={}", tags(20)),
        format!("/Patient?_tag={}", tags(101)),
        format!("/Patient?{}", "gender=male&".repeat(33)),
    ] {
        let refused = house.get(&path).expect(422).json();
        assert_eq!(refused["issue"][0]["code"], "too-costly", "{path}");
    }
}
