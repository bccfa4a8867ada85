//! `%name`: <https://hl7.org/fhir/R4/fhirpath.html#vars>.

use std::borrow::Cow;

use crate::{
    collection::Collection,
    error::EvalError,
    evaluator::{Definition, Evaluator, Result, Scope},
    functions::container,
    item::Item,
};

/// Names that stand for a text.
const TEXTS: &[(&str, &str)] = &[
    ("sct", "http://snomed.info/sct"),
    ("loinc", "http://loinc.org"),
    ("ucum", "http://unitsofmeasure.org"),
];

/// Beginnings of names that stand for a URL.
const PREFIXES: &[(&str, &str)] = &[
    ("vs-", "http://hl7.org/fhir/ValueSet/"),
    ("ext-", "http://hl7.org/fhir/StructureDefinition/"),
];

/// Names that stand for an element.
const ELEMENTS: &[&str] = &["context", "resource", "rootResource"];

/// The value of a variable.
pub(crate) fn value<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    name: &str,
    scope: &Scope<'_, 't>,
) -> Result<Collection<'t>> {
    let resource = evaluator.context.resource;
    let item = match name {
        "context" => Item::Node(evaluator.focus),
        "resource" => Item::Node(resource),
        "rootResource" => Item::Node(container(evaluator, resource)?),
        _ => match text(name) {
            Some(text) => Item::String(text),
            None => {
                return definition(name, scope)
                    .map(|definition| definition.value.clone())
                    .ok_or_else(|| EvalError::UnknownVariable(name.to_owned()));
            }
        },
    };
    Ok(item.into())
}

/// Whether the name has a meaning at this place.
pub(crate) fn is_known(name: &str, scope: &Scope<'_, '_>) -> bool {
    ELEMENTS.contains(&name) || text(name).is_some() || definition(name, scope).is_some()
}

fn definition<'s, 't>(name: &str, scope: &Scope<'s, 't>) -> Option<&'s Definition<'s, 't>> {
    let mut next = scope.variables;
    while let Some(definition) = next {
        if definition.name == name {
            return Some(definition);
        }
        next = definition.outer;
    }
    None
}

fn text(name: &str) -> Option<Cow<'static, str>> {
    if let Some((_, text)) = TEXTS.iter().find(|row| row.0 == name) {
        return Some(Cow::Borrowed(text));
    }
    PREFIXES
        .iter()
        .find_map(|(prefix, url)| Some(Cow::Owned(format!("{url}{}", name.strip_prefix(prefix)?))))
}
