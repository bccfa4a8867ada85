//! A resource without whose it is: only what stands in the table, each value treated as it says there. Pure: the body of
//! a version in, the body that a study is shown out. <https://www.hhs.gov/hipaa/for-professionals/privacy/special-topics/de-identification/>

use std::collections::{BTreeMap, BTreeSet};

use fhir_model::{ResourceType, json::Value};

use super::{
    person::Person,
    table::{Element, Elements, Need, Table, Treatment},
    treat,
};

/// How deep elements stand in each other, at most.
const DEPTH_MAX: usize = 8;

/// Where a reference leads: type and logical id.
pub(super) type Target = (ResourceType, Box<str>);

/// What a resource is shown with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lens<'l> {
    /// Whose it is.
    pub(super) person: Person,
    /// The pseudonyms of what the study is shown.
    pub(super) shown: &'l BTreeMap<Target, String>,
    /// URLs under which absolute references are the vault's own.
    pub(super) bases: &'l [&'l str],
}

/// The resource under its pseudonym; `None` where it says something that is not understood without the rest.
pub(super) fn deidentified(
    (ty, pseudonym): (ResourceType, &str),
    body: &Value,
    lens: &Lens<'_>,
) -> Option<Value> {
    let table = Table::vault().of(ty)?;
    if is_modified(body) || body.get("implicitRules").is_some() {
        return None;
    }
    let text = |text: &str| Value::String(text.to_owned());
    let mut members = vec![
        ("resourceType".to_owned(), text(ty.name())),
        ("id".to_owned(), text(pseudonym)),
        ("meta".to_owned(), treat::label()),
    ];
    members.extend(parts(&table.elements, body, lens, 0)?);
    Some(Value::Object(members))
}

/// What changes the meaning of what stands beside it.
fn is_modified(value: &Value) -> bool {
    value.get("modifierExtension").is_some()
}

/// The members of an object that are shown; `None`: it is no object that may be shown in part.
fn parts(
    elements: &Elements,
    value: &Value,
    lens: &Lens<'_>,
    depth: usize,
) -> Option<Vec<(String, Value)>> {
    let Value::Object(members) = value else { return None };
    if depth > DEPTH_MAX || is_modified(value) {
        return None;
    }
    let code = value.get("code");
    let is_age = code.is_some_and(is_age);
    // a number of nobody knows what may be anybody's
    let is_unknown = code.is_some_and(|code| treat::concept(code).is_none());
    let mut kept = Vec::new();
    for (name, value) in members {
        let Some(element) = elements.get(name.as_str()) else { continue };
        let is_value = name.starts_with("value");
        let is_number = matches!(element, Element::Leaf(Treatment::Number, _));
        if is_value && (is_age || is_unknown && is_number) {
            continue;
        }
        let left = match element {
            Element::Leaf(Treatment::Postcode, _) => postcode(value, members),
            Element::Leaf(..) | Element::Parts(_) => shown(element, value, lens, depth),
        };
        kept.extend(left.map(|left| (name.clone(), left)));
    }
    Some(kept)
}

/// Codes of an age in years, whatever the unit of the value says.
const AGES: &[(&str, &[&str])] = &[
    (
        "http://loinc.org",
        &["21611-9", "21612-7", "29553-5", "30525-0", "35659-2", "39016-1", "63900-5"],
    ),
    ("http://snomed.info/sct", &["397669002", "424144002", "445518008", "105727008"]),
];

/// Whether one of the codings of a concept says that something is an age.
fn is_age(concept: &Value) -> bool {
    let Some(Value::Array(codings)) = concept.get("coding") else { return false };
    codings.iter().any(|coding| {
        let text = |name: &str| coding.get(name).and_then(Value::as_str);
        text("system").zip(text("code")).is_some_and(|(system, code)| is_of_ages(system, code))
    })
}

/// Whether a code says that something is an age.
pub(super) fn is_of_ages(system: &str, code: &str) -> bool {
    AGES.iter().any(|(known, codes)| *known == system && codes.contains(&code))
}

/// A postal code among the members of an address.
fn postcode(code: &Value, address: &[(String, Value)]) -> Option<Value> {
    let country = address.iter().find(|(name, _)| name == "country");
    let country = country.map(|(_, country)| country.as_str().unwrap_or_default());
    treat::postcode(code.as_str()?, country).map(Value::String)
}

/// What is left of the value of an element; `None`: nothing.
fn shown(element: &Element, value: &Value, lens: &Lens<'_>, depth: usize) -> Option<Value> {
    if let Value::Array(items) = value {
        let items = items.iter().filter_map(|item| one(element, item, lens, depth));
        let items: Vec<Value> = items.collect();
        return if items.is_empty() {
            masked(element).map(|mask| Value::Array(vec![mask]))
        } else {
            Some(Value::Array(items))
        };
    }
    one(element, value, lens, depth).or_else(|| masked(element))
}

fn one(element: &Element, value: &Value, lens: &Lens<'_>, depth: usize) -> Option<Value> {
    match element {
        Element::Parts(elements) => {
            let kept = parts(elements, value, lens, depth + 1)?;
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Element::Leaf(Treatment::Reference, _) => {
            let target = target(value, lens.bases)?;
            let pseudonym = lens.shown.get(&target)?;
            Some(treat::reference(target.0, pseudonym))
        }
        Element::Leaf(treatment, _) => treat::treated(*treatment, value, lens.person),
    }
}

fn masked(element: &Element) -> Option<Value> {
    matches!(element, Element::Leaf(_, Need::Demanded)).then(treat::masked)
}

/// Where the references of a resource lead that its view may show.
pub(super) fn targets(ty: ResourceType, body: &Value, bases: &[&str]) -> BTreeSet<Target> {
    let mut found = BTreeSet::new();
    if let Some(table) = Table::vault().of(ty) {
        collect(&table.elements, body, bases, (0, &mut found));
    }
    found
}

fn collect(
    elements: &Elements,
    value: &Value,
    bases: &[&str],
    (depth, found): (usize, &mut BTreeSet<Target>),
) {
    let Value::Object(members) = value else { return };
    if depth > DEPTH_MAX {
        return;
    }
    for (name, value) in members {
        let Some(element) = elements.get(name.as_str()) else { continue };
        let items =
            if let Value::Array(items) = value { items } else { std::slice::from_ref(value) };
        for item in items {
            match element {
                Element::Parts(parts) => collect(parts, item, bases, (depth + 1, found)),
                Element::Leaf(Treatment::Reference, _) => found.extend(target(item, bases)),
                Element::Leaf(..) => {}
            }
        }
    }
}

/// Where a reference leads to, when it leads to a type that is shown.
fn target(reference: &Value, bases: &[&str]) -> Option<Target> {
    let text = reference.get("reference")?.as_str()?;
    let below = |base: &&str| text.strip_prefix(*base)?.strip_prefix('/');
    let text = bases.iter().find_map(below).unwrap_or(text);
    let (whole, _) = text.split_once("/_history/").unwrap_or((text, ""));
    let (ty, id) = whole.split_once('/')?;
    let ty = ResourceType::named(ty).filter(|ty| Table::vault().of(*ty).is_some())?;
    (!id.contains('/')).then(|| (ty, id.into()))
}

#[cfg(test)]
mod tests;
