//! What this server can do, from what is really there: <https://hl7.org/fhir/R4/capabilitystatement.html>.

mod searching;
mod security;

use std::{borrow::Cow, sync::LazyLock};

use bytes::Bytes;
use fhir_model::{ResourceType, definitions::r4, json};
use search::{Parameter, Registry};

pub use security::TokenIssuer;

use crate::{Fhir, operation};

/// When what is stated here last changed.
const DATE: &str = "2026-11-22";

const FORMATS: &[&str] = &["application/fhir+json", "application/fhir+xml", "json", "xml"];

const PATCH_FORMATS: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/fhir+json",
    "application/fhir+xml",
];

/// `CapabilityStatement.rest.interaction`
const SYSTEM_INTERACTIONS: &[&str] = &["transaction", "batch", "search-system", "history-system"];

/// `CapabilityStatement.rest.resource.interaction`
const INTERACTIONS: &[&str] = &[
    "read",
    "vread",
    "update",
    "patch",
    "delete",
    "history-instance",
    "history-type",
    "create",
    "search-type",
];

/// What is not an interaction of FHIR's, with the canonical URL of what it is.
type Operation = (&'static str, &'static str);
const REINDEX: Operation = ("reindex", "https://medvault.example/fhir/OperationDefinition/reindex");
const REINDEX_STATUS: Operation =
    ("reindex-status", "https://medvault.example/fhir/OperationDefinition/reindex-status");

/// `CapabilityStatement.rest.operation`
const SYSTEM_OPERATIONS: &[Operation] = &[REINDEX, REINDEX_STATUS];

/// `CapabilityStatement.rest.resource.operation`
const OPERATIONS: &[Operation] = &[REINDEX];

/// What holds for every type alike. References are not made to resolve: a record may arrive before
/// what it refers to.
const FOR_EVERY_TYPE: &str = concat!(
    r#","versioning":"versioned-update","readHistory":true,"updateCreate":true,"conditionalCreate":true,"#,
    r#""conditionalRead":"full-support","conditionalUpdate":true,"conditionalDelete":"single","#,
    r#""referencePolicy":["literal","logical"]"#
);

/// The statement of this server.
pub(crate) fn statement(fhir: &Fhir) -> Bytes {
    static R4: LazyLock<Vec<u8>> = LazyLock::new(|| rest(Registry::r4()));
    let registry = fhir.vault.registry();
    let is_r4 = registry.all().len() == Registry::r4().all().len();
    let rest = if is_r4 { Cow::Borrowed(&*R4) } else { Cow::Owned(rest(&registry)) };
    let mut out = Vec::with_capacity(rest.len() + 1024);
    out.extend_from_slice(br#"{"resourceType":"CapabilityStatement","name":"#);
    json::write_string(&mut out, fhir.software.name);
    out.extend_from_slice(br#","status":"active","date":"#);
    json::write_string(&mut out, DATE);
    out.extend_from_slice(br#","kind":"instance","software":{"name":"#);
    json::write_string(&mut out, fhir.software.name);
    out.extend_from_slice(br#","version":"#);
    json::write_string(&mut out, fhir.software.version);
    out.extend_from_slice(
        br#"},"implementation":{"description":"The vault at this address","url":"#,
    );
    json::write_string(&mut out, fhir.base());
    out.extend_from_slice(br#"},"fhirVersion":"#);
    json::write_string(&mut out, r4().package().version);
    for (name, values) in [("format", FORMATS), ("patchFormat", PATCH_FORMATS)] {
        out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
        list(&mut out, values, |out, value| json::write_string(out, value));
    }
    out.extend_from_slice(br#","rest":[{"security":"#);
    security::write(&mut out, (fhir.base(), &fhir.issuer));
    out.push(b',');
    out.extend_from_slice(rest.get(1..).unwrap_or_default());
    out.extend_from_slice(b"]}");
    out.into()
}

/// `CapabilityStatement.rest`: the same wherever the server stands.
fn rest(registry: &Registry) -> Vec<u8> {
    let mut out = br#"{"mode":"server","documentation":"#.to_vec();
    json::write_string(&mut out, &searching::documentation());
    out.extend_from_slice(br#","resource":"#);
    list(&mut out, ResourceType::all(), |out, ty| resource(out, registry, *ty));
    out.extend_from_slice(br#","interaction":"#);
    list(&mut out, SYSTEM_INTERACTIONS, interaction);
    out.extend_from_slice(br#","operation":"#);
    list(&mut out, SYSTEM_OPERATIONS, stated);
    out.extend_from_slice(br#","compartment":"#);
    list(&mut out, r4().compartments(), |out, one| json::write_string(out, one.url));
    out.push(b'}');
    out
}

fn resource(out: &mut Vec<u8>, registry: &Registry, ty: ResourceType) {
    let head = format!(
        r#"{{"type":"{ty}","profile":"http://hl7.org/fhir/StructureDefinition/{ty}","interaction":"#
    );
    out.extend_from_slice(head.as_bytes());
    list(out, INTERACTIONS, interaction);
    out.extend_from_slice(FOR_EVERY_TYPE.as_bytes());
    for (name, values) in [
        ("searchInclude", searching::includes(registry, ty)),
        ("searchRevInclude", searching::reverse_includes(registry, ty)),
    ] {
        out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
        list(out, &values, |out, value| json::write_string(out, value));
    }
    let answered: Vec<&Parameter> =
        registry.of(ty).iter().filter(|parameter| searching::is_answered(parameter)).collect();
    out.extend_from_slice(br#","searchParam":"#);
    list(out, &answered, |out, parameter| search_parameter(out, parameter));
    let ours = operation::all().iter().filter(|it| it.is_for(ty));
    let ours = ours.map(|it| (it.definition.code.as_str(), it.definition.url.as_str()));
    let operations: Vec<(&str, &str)> = OPERATIONS.iter().copied().chain(ours).collect();
    out.extend_from_slice(br#","operation":"#);
    list(out, &operations, stated);
    out.push(b'}');
}

fn interaction(out: &mut Vec<u8>, code: &&str) {
    out.extend_from_slice(br#"{"code":"#);
    json::write_string(out, code);
    out.push(b'}');
}

fn stated(out: &mut Vec<u8>, (name, definition): &(&str, &str)) {
    out.extend_from_slice(br#"{"name":"#);
    json::write_string(out, name);
    out.extend_from_slice(br#","definition":"#);
    json::write_string(out, definition);
    out.push(b'}');
}

fn search_parameter(out: &mut Vec<u8>, parameter: &Parameter) {
    out.extend_from_slice(br#"{"name":"#);
    json::write_string(out, &parameter.code);
    out.extend_from_slice(br#","definition":"#);
    json::write_string(out, &parameter.url);
    out.extend_from_slice(br#","type":"#);
    json::write_string(out, parameter.kind.code());
    out.push(b'}');
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn parsed() -> json::Value {
        let text = [br#"{"resourceType":"CapabilityStatement","status":"active","date":"2026","kind":"capability","fhirVersion":"4.0.1","format":["json"],"rest":["#.as_slice(), &rest(Registry::r4()), b"]}"].concat();
        let valid = json::parse(text.into(), &json::Limits::default()).unwrap();
        json::Value::parse(valid.tree().bytes(), &json::Limits::default()).unwrap()
    }

    fn items<'a>(value: &'a json::Value, name: &str) -> &'a [json::Value] {
        match value.get(name) {
            Some(json::Value::Array(items)) => items,
            _ => panic!("no {name}"),
        }
    }

    #[test]
    fn every_type_is_stated_once_and_each_parameter_of_it_too() {
        let statement = parsed();
        let resources = items(&items(&statement, "rest")[0], "resource");
        assert_eq!(resources.len(), ResourceType::all().len());
        for (resource, ty) in resources.iter().zip(ResourceType::all()) {
            assert_eq!(resource.get("type").unwrap().as_str(), Some(ty.name()));
            let parameters = items(resource, "searchParam");
            let names: BTreeSet<&str> =
                parameters.iter().map(|one| one.get("name").unwrap().as_str().unwrap()).collect();
            assert_eq!(names.len(), parameters.len(), "{ty}");
            assert!(names.contains("_id") && names.contains("_lastUpdated"), "{ty}");
        }
    }

    #[test]
    fn operations_are_stated_where_they_can_be_called() {
        let statement = parsed();
        let resources = items(&items(&statement, "rest")[0], "resource");
        let of = |ty: &str| -> BTreeSet<String> {
            let found = resources.iter().find(|one| one.get("type").unwrap().as_str() == Some(ty));
            let names = items(found.unwrap(), "operation").iter();
            names.map(|it| it.get("name").unwrap().as_str().unwrap().to_owned()).collect()
        };
        assert!(of("Patient").contains("everything") && of("Patient").contains("meta"));
        assert!(of("ServiceRequest").contains("allocate-bed"));
        assert!(!of("Patient").contains("allocate-bed"));
        let rest = &items(&statement, "rest")[0];
        let names = |value: &json::Value| -> Vec<String> {
            let name = |one: &json::Value| one.get("name").unwrap().as_str().unwrap().to_owned();
            items(value, "operation").iter().map(name).collect()
        };
        assert_eq!(names(rest), ["reindex", "reindex-status"]);
    }

    #[test]
    fn includes_name_what_refers_and_what_is_referred_to() {
        let statement = parsed();
        let resources = items(&items(&statement, "rest")[0], "resource");
        let of = |ty: &str, name: &str| -> BTreeSet<String> {
            let found = resources.iter().find(|one| one.get("type").unwrap().as_str() == Some(ty));
            items(found.unwrap(), name).iter().map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        let cases = [
            ("Observation", "searchInclude", "Observation:subject", true),
            ("Observation", "searchInclude", "*", true),
            ("Observation", "searchInclude", "Observation:code", false),
            ("Patient", "searchRevInclude", "Observation:patient", true),
            ("Patient", "searchRevInclude", "Provenance:target", true),
            ("Patient", "searchRevInclude", "Patient:organization", false),
            ("Organization", "searchRevInclude", "Patient:organization", true),
        ];
        for (ty, name, value, expected) in cases {
            assert_eq!(of(ty, name).contains(value), expected, "{ty} {name} {value}");
        }
    }
}
