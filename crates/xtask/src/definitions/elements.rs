//! One row for each element that a type may have, inherited ones included, in the order of XML.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    Table,
    codes::Bindings,
    types::{Types, is_backbone, profile_names},
};
use crate::{
    Failure,
    package::{list, text, texts},
};

/// Elements by owner; the value of a primitive is the primitive itself and has no row.
pub(crate) fn table(types: &Types<'_>, bindings: &Bindings<'_>) -> Result<Table, Failure> {
    let columns = &["path", "min", "max", "types", "xml", "required value set", "summary"];
    let mut table = Table::new("elements", columns);
    let mut by_owner: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for element in types.elements() {
        if let Some((owner, _)) = text(element, "path").rsplit_once('.') {
            by_owner.entry(owner).or_default().push(element);
        }
    }
    for owner in types.names() {
        let is_primitive = owner.starts_with(char::is_lowercase);
        for element in by_owner.remove(owner).unwrap_or_default() {
            let is_value = is_primitive && text(element, "path").split('.').nth(1) == Some("value");
            if !is_value && text(element, "max") != "0" {
                table.push(row(element, bindings));
            }
        }
    }
    match by_owner.first_key_value() {
        None => Ok(table),
        Some((owner, _)) => Err(format!("{owner} has elements but is no type")),
    }
}

fn row(element: &Value, bindings: &Bindings<'_>) -> Vec<String> {
    let is_attribute = texts(element, "representation").contains(&"xmlAttr")
        || text(element.get("base").unwrap_or(&Value::Null), "path") == "Element.id";
    let is_summary = element.get("isSummary").and_then(Value::as_bool) == Some(true);
    vec![
        text(element, "path").to_owned(),
        element.get("min").and_then(Value::as_u64).unwrap_or(0).to_string(),
        text(element, "max").to_owned(),
        type_names(element).join("|"),
        if is_attribute { "attribute".to_owned() } else { String::new() },
        bindings.enumerable(element).unwrap_or_default().to_owned(),
        if is_summary { "summary".to_owned() } else { String::new() },
    ]
}

fn type_names(element: &Value) -> Vec<String> {
    if let Some(target) = element.get("contentReference").and_then(Value::as_str) {
        return vec![target.trim_start_matches('#').to_owned()];
    }
    if is_backbone(element) {
        return vec![text(element, "path").to_owned()];
    }
    list(element, "type").iter().map(|ty| type_name(element, ty)).collect()
}

/// `Reference(Patient,Group)`, `string`; no targets means any.
fn type_name(element: &Value, ty: &Value) -> String {
    let code = text(ty, "code");
    if code.starts_with("http://hl7.org/fhirpath/System.") {
        return system_type(element).to_owned();
    }
    let mut targets = profile_names(ty, "targetProfile");
    targets.sort_unstable();
    if targets.is_empty() || targets.contains(&"Resource") {
        return code.to_owned();
    }
    format!("{code}({})", targets.join(","))
}

/// The few elements that R4 types as `FHIRPath` `System.String`.
fn system_type(element: &Value) -> &'static str {
    let base = text(element.get("base").unwrap_or(&Value::Null), "path");
    match base {
        "Resource.id" => "id",
        "Extension.url" => "uri",
        _ => "string",
    }
}
