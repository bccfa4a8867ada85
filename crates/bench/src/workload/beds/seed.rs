//! What is there before: hospitals with their beds, patients with a doctor's order each. All random, by the seed.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Options;
use crate::dice::Dice;

const CANONICAL: &str = "https://medvault.example/fhir";
/// Entries of a Bundle.
const TOGETHER: usize = 500;

/// Transactions that store everything, in an order in which references resolve.
pub(super) fn bundles(options: &Options, seed: u64) -> Vec<Bytes> {
    let mut dice = Dice::new(seed);
    let mut entries: Vec<Value> = vec![put(&json!({
        "resourceType": "PractitionerRole", "id": format!("{}-doctor", options.name), "active": true,
        "code": [{"coding": [{"system": format!("{CANONICAL}/CodeSystem/role"), "code": "doctor"}]}],
    }))];
    for n in 0..options.hospitals.max(1) {
        let (latitude, longitude) = place(&mut dice);
        let id = format!("{}-h{n}", options.name);
        entries.push(put(
            &json!({"resourceType": "Organization", "id": id, "name": format!("Hospital {n}")}),
        ));
        entries.push(put(&json!({
            "resourceType": "Location", "id": format!("{id}-site"), "name": format!("Hospital {n}"),
            "position": {"latitude": latitude, "longitude": longitude},
            "managingOrganization": {"reference": format!("Organization/{id}")},
        })));
    }
    entries.extend((0..options.beds).map(|n| put(&bed(options, n, &mut dice))));
    for n in 0..options.requests {
        let (latitude, longitude) = place(&mut dice);
        entries.push(put(&patient(options, n, (latitude, longitude), &mut dice)));
        entries.push(put(&order(options, n, &mut dice)));
    }
    let bundle = |some: &[Value]| {
        json!({"resourceType": "Bundle", "type": "transaction", "entry": some}).to_string().into()
    };
    entries.chunks(TOGETHER).map(bundle).collect()
}

/// Somewhere in a country.
pub(super) fn place(dice: &mut Dice) -> (f64, f64) {
    let mut degrees = |from: u32, extent: usize| {
        let thousandths = u32::try_from(dice.below(extent * 1000)).unwrap_or_default();
        f64::from(from) + f64::from(thousandths) / 1000.0
    };
    (degrees(10, 18), degrees(72, 16))
}

pub(super) fn order_id(options: &Options, n: usize) -> String {
    format!("{}-o{n}", options.name)
}

fn put(resource: &Value) -> Value {
    let text =
        |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let url = format!("{}/{}", text("resourceType"), text("id"));
    json!({"resource": resource, "request": {"method": "PUT", "url": url}})
}

const KINDS: &[(usize, &str)] = &[(60, "general"), (20, "hdu"), (20, "icu")];
const BAYS: &[(usize, &str)] = &[(50, "any"), (25, "female"), (25, "male")];
const EQUIPMENT: &[(usize, &str)] = &[(50, ""), (35, "oxygen"), (15, "ventilator")];
const ISOLATION: &[(usize, &str)] = &[(80, ""), (20, "contact")];

fn bed(options: &Options, n: usize, dice: &mut Dice) -> Value {
    let hospital = format!("{}-h{}", options.name, n % options.hospitals.max(1));
    let mut extensions = vec![
        extension("bed-type", "valueCode", &json!(one(dice, KINDS))),
        extension("gender-policy", "valueCode", &json!(one(dice, BAYS))),
        extension("staffed", "valueBoolean", &json!(true)),
    ];
    match one(dice, EQUIPMENT) {
        "" => {}
        code => extensions.push(extension("bed-equipment", "valueCoding", &json!({"code": code}))),
    }
    match one(dice, ISOLATION) {
        "" => {}
        code => extensions.push(extension("isolation-capability", "valueCode", &json!(code))),
    }
    json!({
        "resourceType": "Location", "id": format!("{}-b{n}", options.name), "status": "active",
        "name": format!("Bed {n}"), "mode": "instance", "extension": extensions,
        "operationalStatus": {"system": "http://terminology.hl7.org/CodeSystem/v2-0116", "code": "U"},
        "physicalType": {"coding": [{"code": "bd"}]},
        "managingOrganization": {"reference": format!("Organization/{hospital}")},
        "partOf": {"reference": format!("Location/{hospital}-site")},
    })
}

fn patient(
    options: &Options,
    n: usize,
    (latitude, longitude): (f64, f64),
    dice: &mut Dice,
) -> Value {
    json!({
        "resourceType": "Patient", "id": format!("{}-p{n}", options.name),
        "gender": if dice.below(2) == 0 { "female" } else { "male" }, "birthDate": "1970-05-05",
        "address": [{"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/geolocation", "extension": [
            {"url": "latitude", "valueDecimal": latitude}, {"url": "longitude", "valueDecimal": longitude}]}]}],
    })
}

const PRIORITIES: &[(usize, &str)] = &[(10, "stat"), (25, "asap"), (35, "urgent"), (30, "routine")];
const DETAILS: &[(usize, &str)] = &[(75, ""), (15, "oxygen"), (5, "ventilator"), (5, "contact")];

fn order(options: &Options, n: usize, dice: &mut Dice) -> Value {
    let mut order = json!({
        "resourceType": "ServiceRequest", "id": order_id(options, n), "status": "active", "intent": "order",
        "priority": one(dice, PRIORITIES),
        "category": [{"coding": [{"system": format!("{CANONICAL}/CodeSystem/order-category"), "code": "admission"}]}],
        "subject": {"reference": format!("Patient/{}-p{n}", options.name)},
        "requester": {"reference": format!("PractitionerRole/{}-doctor", options.name)},
        "occurrencePeriod": {"start": "2020-01-01", "end": "2999-01-01"},
        "locationCode": [{"coding": [{"code": one(dice, KINDS)}]}],
    });
    match (one(dice, DETAILS), order.as_object_mut()) {
        ("", _) | (_, None) => {}
        (code, Some(members)) => {
            members.insert("orderDetail".to_owned(), json!([{"coding": [{"code": code}]}]));
        }
    }
    order
}

fn extension(name: &str, value_name: &str, value: &Value) -> Value {
    json!({"url": format!("{CANONICAL}/{name}"), value_name: value})
}

fn one(dice: &mut Dice, rows: &[(usize, &'static str)]) -> &'static str {
    dice.weighted(rows).copied().unwrap_or_default()
}
