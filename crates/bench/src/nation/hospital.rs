//! A hospital: Organization, Location, Practitioners.

use serde_json::{Value, json};

use super::{
    PRACTITIONERS_PER_HOSPITAL, location_id, names, organization_id, practitioner_id,
    terms::{hl7, narrative, reference},
};
use crate::dice::Dice;

pub(super) fn resources(number: usize, dice: &mut Dice) -> Vec<Value> {
    let (city, state, postal_code) = dice.pick(&names::CITIES).copied().unwrap_or_default();
    let kind = dice.pick(&names::HOSPITALS).copied().unwrap_or_default();
    let name = format!("{city} {kind}");
    let street = dice.pick(&names::STREETS).copied().unwrap_or_default();
    let address = json!({
        "line": [format!("{} {street}", 1 + dice.below(200))],
        "city": city,
        "state": state,
        "postalCode": postal_code,
        "country": "US",
    });
    let mut resources =
        vec![organization(number, &name, &address), location(number, &name, &address, dice)];
    resources.extend((0..PRACTITIONERS_PER_HOSPITAL).map(|at| practitioner(number, at, dice)));
    resources
}

fn organization(number: usize, name: &str, address: &Value) -> Value {
    json!({
        "resourceType": "Organization",
        "id": organization_id(number),
        "text": narrative(name),
        "identifier": [{
            "system": "http://bench.example.org/nation/hospital",
            "value": format!("H{number:05}"),
        }],
        "active": true,
        "type": [hl7("organization-type", ("prov", "Healthcare Provider"))],
        "name": name,
        "telecom": [{"system": "phone", "value": format!("555-01{:02}-{number:04}", number % 100)}],
        "address": [address],
    })
}

fn location(number: usize, name: &str, address: &Value, dice: &mut Dice) -> Value {
    // within the north-east of the United States, in ten-thousandths of a degree
    let degrees = |from: i32, spread: usize, dice: &mut Dice| {
        let offset = i32::try_from(dice.below(spread)).unwrap_or_default();
        f64::from(from + offset) / 10_000.0
    };
    json!({
        "resourceType": "Location",
        "id": location_id(number),
        "status": "active",
        "name": format!("{name}, ward"),
        "mode": "instance",
        "address": address,
        "position": {
            "longitude": degrees(-759_000, 70_000, dice),
            "latitude": degrees(399_000, 50_000, dice),
        },
        "managingOrganization": reference("Organization", &organization_id(number)),
    })
}

fn practitioner(number: usize, at: usize, dice: &mut Dice) -> Value {
    let (gender, givens) =
        if dice.below(2) == 0 { ("female", &names::FEMALE) } else { ("male", &names::MALE) };
    let family = dice.pick(&names::FAMILIES).copied().unwrap_or_default();
    let given = dice.pick(givens).copied().unwrap_or_default();
    json!({
        "resourceType": "Practitioner",
        "id": practitioner_id(number, at),
        "identifier": [{
            "system": "http://bench.example.org/nation/practitioner",
            "value": format!("D{number:05}{at}"),
        }],
        "active": true,
        "name": [{"family": family, "given": [given], "prefix": ["Dr."]}],
        "telecom": [{
            "system": "email",
            "value": format!("{}.{}@hospital{number}.example.org", given.to_lowercase(), family.to_lowercase()),
            "use": "work",
        }],
        "gender": gender,
    })
}
