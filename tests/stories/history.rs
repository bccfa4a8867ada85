//! Somebody asks what a record said, and when: histories of a resource, a type and everything.

use serde_json::{Value, json};

use crate::house::{House, unique};

stories!(
    every_version_is_there_newest_first,
    pages_lead_forwards_and_back,
    a_type_and_the_whole_vault_have_histories,
    what_was_true_at_a_time,
);

/// A Basic with so many versions; its id.
fn basic(house: &House, versions: u32) -> String {
    let id = unique("basic");
    for n in 1..=versions {
        let body = json!({"resourceType": "Basic", "id": id, "code": {"text": format!("v{n}")}});
        house.put(&format!("/Basic/{id}"), &body);
    }
    id
}

fn versions(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let etag = |entry: &Value| entry["response"]["etag"].as_str().unwrap().to_owned();
    entries.iter().map(etag).collect()
}

fn every_version_is_there_newest_first(house: &House) {
    let id = basic(house, 3);
    house.delete(&format!("/Basic/{id}")).expect(204);
    let history = house.get(&format!("/Basic/{id}/_history")).expect(200).json();
    assert_eq!(history["type"], "history");
    assert_eq!(history["total"], 4);
    assert_eq!(versions(&history), ["W/\"4\"", "W/\"3\"", "W/\"2\"", "W/\"1\""]);
    assert_eq!(history["entry"][0]["request"]["method"], "DELETE");
    assert_eq!(history["entry"][0].get("resource"), None);
    assert_eq!(history["entry"][3]["request"]["method"], "PUT");
    assert_eq!(history["entry"][3]["resource"]["code"]["text"], "v1");
    house.get("/Basic/never-heard-of/_history").expect(404);
}

fn pages_lead_forwards_and_back(house: &House) {
    let id = basic(house, 7);
    let mut page = house.get(&format!("/Basic/{id}/_history?_count=3")).expect(200);
    let mut pages = vec![versions(&page.json())];
    while let Some(next) = page.link("next") {
        page = house.get(&next).expect(200);
        pages.push(versions(&page.json()));
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    let mut back = vec![versions(&page.json())];
    while let Some(previous) = page.link("previous") {
        page = house.get(&previous).expect(200);
        back.push(versions(&page.json()));
    }
    back.reverse();
    assert_eq!(back, pages);
    let next =
        house.get(&format!("/Basic/{id}/_history?_count=3")).expect(200).link("next").unwrap();
    house.get(&next.replace("_count=3", "_count=4")).expect(400);
}

fn a_type_and_the_whole_vault_have_histories(house: &House) {
    let id = basic(house, 2);
    for address in ["/Basic/_history?_count=1000", "/_history?_count=1000"] {
        let history = house.get(address).expect(200).json();
        let ours = history["entry"].as_array().unwrap().iter();
        let ours = ours.filter(|entry| entry["fullUrl"].as_str().unwrap().ends_with(&id));
        assert_eq!(ours.count(), 2, "{address}");
    }
    house.get("/Basic/_history?_foo=1").expect(400);
}

fn what_was_true_at_a_time(house: &House) {
    let id = basic(house, 1);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let second = json!({"resourceType": "Basic", "id": id, "code": {"text": "later"}});
    let second = house.put(&format!("/Basic/{id}"), &second).expect(200).json();
    let time = second["meta"]["lastUpdated"].as_str().unwrap();
    let since = house.get(&format!("/Basic/{id}/_history?_since={time}")).expect(200).json();
    assert_eq!(versions(&since), ["W/\"2\""]);
    let first = house.get(&format!("/Basic/{id}/_history/1")).expect(200).json();
    let before = first["meta"]["lastUpdated"].as_str().unwrap();
    let at = house.get(&format!("/Basic/{id}/_history?_at={before}")).expect(200).json();
    assert_eq!(versions(&at), ["W/\"1\""]);
    house.get(&format!("/Basic/{id}/_history?_since=yesterday")).expect(400);
}
