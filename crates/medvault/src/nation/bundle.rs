//! A transaction Bundle in the making, and the small shapes that FHIR repeats everywhere.

use serde_json::{Value, json};

use super::CANONICAL;

/// A transaction of updates: what is stored twice changes nothing the second time.
#[derive(Debug, Default)]
pub(super) struct Bundle(Vec<Value>);

impl Bundle {
    /// Adds a resource under its id.
    pub(super) fn put(&mut self, resource: Value) {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let url = format!("{}/{}", text("resourceType"), text("id"));
        let mut entry = serde_json::Map::new();
        entry.insert("fullUrl".to_owned(), json!(format!("{CANONICAL}/{url}")));
        entry.insert("request".to_owned(), json!({"method": "PUT", "url": url}));
        entry.insert("resource".to_owned(), resource);
        self.0.push(Value::Object(entry));
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": self.0});
        bundle.to_string().into_bytes()
    }
}

/// A code with its system.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code {
    pub(super) system: &'static str,
    pub(super) value: &'static str,
    pub(super) display: &'static str,
}

pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
pub(super) const ATC: &str = "http://www.whocc.no/atc";
pub(super) const CVX: &str = "http://hl7.org/fhir/sid/cvx";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

impl Code {
    pub(super) const fn new(
        system: &'static str,
        value: &'static str,
        display: &'static str,
    ) -> Self {
        Self { system, value, display }
    }

    pub(super) fn coding(self) -> Value {
        json!({"system": self.system, "code": self.value, "display": self.display})
    }

    pub(super) fn concept(self) -> Value {
        json!({"coding": [self.coding()], "text": self.display})
    }
}

/// A code of one of HL7's own systems, by the end of its URL.
pub(super) fn hl7(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [{
        "system": format!("http://terminology.hl7.org/CodeSystem/{system}"),
        "code": code,
        "display": display,
    }]})
}

pub(super) fn reference(ty: &str, id: &str, display: &str) -> Value {
    json!({"reference": format!("{ty}/{id}"), "display": display})
}

/// A quantity in UCUM; the number in tenths, so that it is exact.
pub(super) fn tenths(tenths: i32, unit: &str, ucum: &str) -> Value {
    let value = if tenths % 10 == 0 { json!(tenths / 10) } else { json!(f64::from(tenths) / 10.0) };
    json!({"value": value, "unit": unit, "system": UCUM, "code": ucum})
}

pub(super) fn uhid(id: &str) -> Value {
    json!({"use": "official", "system": format!("{CANONICAL}/uhid"), "value": id})
}
