//! How patients find their hospital in an app: <https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html>.

use serde_json::{Value, json};

use super::{store, with_token};
use crate::house::{House, Reply, unique};

smart_stories!(a_vault_is_found_by_its_brand, a_hospital_manages_its_brand);

const ORIGIN: (&str, &str) = ("Origin", "https://anywhere.example");

fn brands(house: &House, headers: &[(&str, &str)]) -> Reply {
    house.send("GET", &format!("{}/brands", house.issuer()), headers, "")
}

/// The resources of a type in a Bundle.
fn of<'b>(bundle: &'b Value, ty: &str) -> Vec<&'b Value> {
    let entries = bundle["entry"].as_array().unwrap();
    entries.iter().map(|it| &it["resource"]).filter(|it| it["resourceType"] == ty).collect()
}

fn a_vault_is_found_by_its_brand(house: &House) {
    let smart = house.get("/.well-known/smart-configuration").expect(200).json();
    let address = smart["user_access_brand_bundle"].as_str().unwrap();
    let identifier = &smart["user_access_brand_identifier"];
    assert_eq!(identifier["system"], "urn:ietf:rfc:3986");
    assert!(identifier["value"].as_str().unwrap().starts_with("http"));
    let reply = house.send("GET", address, &[ORIGIN], "").expect(200);
    assert_eq!(reply.header("Access-Control-Allow-Origin"), "*");
    assert!(reply.header("Content-Type").starts_with("application/fhir+json"));
    let tag = reply.header("ETag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let bundle = reply.json();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&json!("Bundle"), &json!("collection"))
    );
    assert!(bundle["timestamp"].as_str().unwrap().len() >= 20);
    let is_named = |brand: &&&Value| {
        brand["identifier"].as_array().is_some_and(|all| all.contains(identifier))
    };
    let brands = of(&bundle, "Organization");
    let primary: Vec<&&Value> = brands.iter().filter(is_named).collect();
    assert_eq!(primary.len(), 1);
    let listed: Vec<&str> = (primary[0]["endpoint"].as_array().unwrap().iter())
        .map(|it| it["reference"].as_str().unwrap())
        .collect();
    let endpoints = of(&bundle, "Endpoint");
    assert!(endpoints.iter().any(|it| it["address"] == house.base()));
    for endpoint in endpoints {
        let reference = format!("Endpoint/{}", endpoint["id"].as_str().unwrap());
        assert!(listed.contains(&reference.as_str()), "{reference} {listed:?}");
    }
    house.send("GET", address, &[("If-None-Match", "W/\"else\"")], "").expect(200);
}

fn a_hospital_manages_its_brand(house: &House) {
    let word = unique("brand");
    let profile = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/";
    let endpoint = store(
        house,
        &json!({"resourceType": "Endpoint", "status": "active", "name": word,
            "meta": {"profile": [format!("{profile}user-access-endpoint")]},
            "connectionType": {"code": "hl7-fhir-rest",
                "system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"},
            "contact": [{"system": "url", "value": "https://hospital.example/developers"}],
            "payloadType": [{"coding": [{"code": "none"}]}],
            "address": format!("https://{word}.example/fhir")}),
    );
    let parent = store(house, &json!({"resourceType": "Organization", "name": "A chain"}));
    let mut brand = json!({"resourceType": "Organization", "active": true, "name": word,
        "meta": {"profile": [format!("{profile}user-access-brand")]},
        "extension": [
            {"url": format!("{profile}organization-brand"), "extension": [
                {"url": "brandLogo", "valueUrl": "https://hospital.example/logo.svg"}]},
            {"url": format!("{profile}organization-portal"), "extension": [
                {"url": "portalName", "valueString": "My hospital"},
                {"url": "portalUrl", "valueUrl": "https://my.hospital.example"}]},
        ],
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": format!("https://{word}.example")},
            {"system": "https://registry.example/hospitals", "value": word},
        ],
        "type": [{"coding": [{"code": "prov"}]}],
        "alias": ["The other name"],
        "telecom": [{"system": "url", "value": "https://hospital.example"}],
        "address": [{"city": "Pune", "state": "MH", "postalCode": "411001"}],
        "partOf": {"reference": format!("Organization/{parent}")},
        "endpoint": [{"reference": format!("Endpoint/{endpoint}")}]});
    let id = store(house, &brand);
    let before = brands(house, &[]).expect(200);
    let bundle = before.json();
    let shown = *of(&bundle, "Organization").iter().find(|it| it["id"] == id).unwrap();
    for (name, value) in brand.as_object().unwrap().iter().filter(|(name, _)| *name != "meta") {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert!(shown["meta"]["lastUpdated"].is_string());
    assert!(of(&bundle, "Endpoint").iter().any(|it| it["id"] == endpoint));
    assert!(bundle["timestamp"].as_str() >= shown["meta"]["lastUpdated"].as_str());
    // an app that asks again gets what changed, and nothing else
    brand["id"] = json!(id);
    brand["name"] = json!("Renamed");
    let operator = house.medvault(&["token", "--scope", "system/*.cruds"]);
    with_token(house, &operator, "PUT", &format!("/Organization/{id}"), &brand.to_string())
        .expect(200);
    let known = [("If-None-Match", before.header("ETag"))];
    let after = brands(house, &known).expect(200);
    assert!(after.text.contains("Renamed"));
    with_token(house, &operator, "DELETE", &format!("/Organization/{id}"), "").expect(204);
    assert!(!brands(house, &[]).expect(200).text.contains("Renamed"));
}
