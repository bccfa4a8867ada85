//! Parameters on their way in: <https://hl7.org/fhir/R4/operations.html#request>. They come as a Parameters
//! resource, in the query, or, when the operation takes one resource, as that resource.

use fhir_model::{
    IssueType, NodeRef, Outcome, Valid,
    json::{Limits, Value},
};
use search::Timespan;
use storage::Key;

use super::definition::{Definition, Parameter};
use crate::{Body, Query, cursor, interaction};

/// What was given, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Input {
    given: Vec<(String, Given)>,
}

#[derive(Debug, Clone)]
enum Given {
    Value(Value),
    Resource(Box<Valid>),
}

impl Input {
    /// Reads parameters and checks them against the definition. What the query says besides comes back when the
    /// operation searches.
    pub(super) fn read(
        definition: &Definition,
        query: &Query,
        body: Body,
    ) -> Result<(Self, Query), Outcome> {
        let mut input = Self::default();
        let mut rest = Query::default();
        // $lastn searches, and what is no parameter of its own is one of the search; $everything has pages
        let passes = |name: &str| match definition.code.as_str() {
            "lastn" => true,
            "everything" => name == cursor::PARAMETER,
            _ => false,
        };
        for (name, text) in query.pairs() {
            match definition.inputs.iter().find(|it| it.name == *name) {
                Some(parameter) => {
                    let value = of_text(parameter, text)?;
                    input.given.push((name.clone(), Given::Value(value)));
                }
                None if passes(name) => rest.push(name, text.as_str()),
                None => return Err(unknown(definition, name)),
            }
        }
        match body {
            Body::None => {}
            Body::Resource(resource) if resource.resource_type().name() == "Parameters" => {
                input.read_resource(definition, &resource)?;
            }
            Body::Resource(resource) => input.take_resource(definition, resource)?,
            Body::Batch(..) | Body::Patch(..) | Body::Form(_) => {
                let text = "An operation takes a Parameters resource";
                return Err(Outcome::new(IssueType::Required, text));
            }
        }
        input.check_counts(definition)?;
        Ok((input, rest))
    }

    fn take_resource(
        &mut self,
        definition: &Definition,
        resource: Box<Valid>,
    ) -> Result<(), Outcome> {
        let parameter = definition.inputs.iter().find(|it| is_resource(it)).ok_or_else(|| {
            let text = format!("${} takes a Parameters resource", definition.code);
            Outcome::new(IssueType::Invalid, text).at("resourceType")
        })?;
        self.given.push((parameter.name.clone(), Given::Resource(resource)));
        Ok(())
    }

    fn read_resource(&mut self, definition: &Definition, resource: &Valid) -> Result<(), Outcome> {
        for node in resource.tree().root().named("parameter") {
            let name = node.child_text("name").unwrap_or_default().into_owned();
            let Some(parameter) = definition.inputs.iter().find(|it| it.name == name) else {
                return Err(unknown(definition, &name).at(node.path()));
            };
            self.given.push((name, given(parameter, node)?));
        }
        Ok(())
    }

    fn check_counts(&self, definition: &Definition) -> Result<(), Outcome> {
        for Parameter { name, min, max, .. } in &definition.inputs {
            let count = self.given.iter().filter(|(it, _)| it == name).count();
            if count < usize::from(*min) {
                let text = format!("${} needs the parameter {name}", definition.code);
                return Err(Outcome::new(IssueType::Required, text).at("Parameters.parameter"));
            }
            if *max != u16::MAX && count > usize::from(*max) {
                let text =
                    format!("${} takes the parameter {name} {max} times at most", definition.code);
                return Err(Outcome::new(IssueType::Invalid, text).at("Parameters.parameter"));
            }
        }
        Ok(())
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.given.iter().filter(move |(it, _)| it == name).filter_map(|(_, given)| match given {
            Given::Value(value) => Some(value),
            Given::Resource(_) => None,
        })
    }

    /// The value of a parameter.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.given.iter().find(|(it, _)| it == name).and_then(|(_, given)| match given {
            Given::Value(value) => Some(value),
            Given::Resource(_) => None,
        })
    }

    /// The text of a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str)
    }

    /// Whether it is true, as it is when nobody says otherwise.
    pub(crate) fn accepts(&self, name: &str) -> bool {
        self.value(name).is_none_or(|value| *value == Value::Bool(true))
    }

    /// A number.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        let Some(Value::Number(digits)) = self.value(name) else { return None };
        digits.parse().ok()
    }

    /// The codes of Codings or codes, whatever their systems.
    pub(crate) fn codes(&self, name: &str) -> Vec<&str> {
        self.given
            .iter()
            .filter(|(it, _)| it == name)
            .filter_map(|(_, given)| match given {
                Given::Value(value) => {
                    value.as_str().or_else(|| value.get("code").and_then(Value::as_str))
                }
                Given::Resource(_) => None,
            })
            .collect()
    }

    /// What references point to, of these types.
    ///
    /// # Errors
    /// `value` when one is no reference to such a resource in this vault.
    pub(crate) fn references(
        &self,
        name: &str,
        base: &str,
        types: &[&str],
    ) -> Result<Vec<Key>, Outcome> {
        let key = |value: &Value| {
            let text = value.get("reference").and_then(Value::as_str).unwrap_or_default();
            let local = text.strip_prefix(base).map_or(text, |rest| rest.trim_start_matches('/'));
            let pieces: Vec<&str> = local.split('/').collect();
            match pieces.as_slice() {
                [ty, id] | [ty, id, "_history", _] if types.contains(ty) => {
                    interaction::key(ty, id)
                }
                _ => {
                    let text = format!(
                        "{name} is a reference such as {}/1",
                        types.first().unwrap_or(&"Patient")
                    );
                    Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"))
                }
            }
        };
        self.values(name).map(key).collect()
    }

    /// The resource that was given.
    pub(crate) fn resource(&self) -> Option<&Valid> {
        self.given.iter().find_map(|(_, given)| match given {
            Given::Resource(resource) => Some(&**resource),
            Given::Value(_) => None,
        })
    }

    /// All that was given, as text that is the same for the same input.
    pub(super) fn digest_text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, given) in &self.given {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            match given {
                Given::Value(value) => value.write(&mut out),
                Given::Resource(resource) => out.extend_from_slice(resource.tree().bytes()),
            }
            out.push(b'\n');
        }
        out
    }
}

fn is_resource(parameter: &Parameter) -> bool {
    fhir_model::ResourceType::named(&parameter.ty).is_some()
        || ["Resource", "Any"].contains(&parameter.ty.as_str())
}

/// Types that are written alike: one may stand for the other.
const ALIKE: &[&[&str]] = &[
    &["code", "string", "id", "uri", "url", "canonical", "markdown"],
    &["integer", "positiveInt", "unsignedInt"],
    &["date", "dateTime", "instant"],
    &["decimal", "integer", "positiveInt", "unsignedInt"],
];

fn given(parameter: &Parameter, node: NodeRef<'_>) -> Result<Given, Outcome> {
    let wrong = || {
        let text = format!("The parameter {} has the type {}", parameter.name, parameter.ty);
        Outcome::new(IssueType::Value, text).at(node.path())
    };
    if is_resource(parameter) {
        let resource = node.child("resource").and_then(Valid::from_node).ok_or_else(wrong)?;
        return Ok(Given::Resource(Box::new(resource)));
    }
    let value = node.child("value").ok_or_else(wrong)?;
    let ty = value.ty().name();
    let fits = ty == parameter.ty
        || ALIKE.iter().any(|types| types.contains(&ty) && types.contains(&parameter.ty.as_str()))
        || parameter.ty == "Coding" && ["code", "string"].contains(&ty);
    if !fits {
        return Err(wrong());
    }
    let read = Value::parse(value.raw(), &Limits::default())?;
    within(parameter, &read)?;
    Ok(Given::Value(read))
}

/// What a type asks of a value beyond its shape.
fn within(parameter: &Parameter, value: &Value) -> Result<(), Outcome> {
    let least = match parameter.ty.as_str() {
        "positiveInt" => 1,
        "unsignedInt" => 0,
        _ => return Ok(()),
    };
    if let Value::Number(digits) = value
        && digits.parse::<i64>().is_ok_and(|number| number >= least)
    {
        return Ok(());
    }
    let text = format!("{} is a whole number of {least} or more", parameter.name);
    Err(Outcome::new(IssueType::Value, text).at("Parameters.parameter"))
}

/// A parameter of a query.
fn of_text(parameter: &Parameter, text: &str) -> Result<Value, Outcome> {
    let wrong = |what: &str| {
        let text = format!("The parameter {} is {what}", parameter.name);
        Err(Outcome::new(IssueType::Value, text))
    };
    let object = |members: Vec<(&str, &str)>| {
        let member =
            |(name, value): (&str, &str)| (name.to_owned(), Value::String(value.to_owned()));
        Value::Object(members.into_iter().map(member).collect())
    };
    let value = match parameter.ty.as_str() {
        "boolean" => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return wrong("true or false"),
        },
        "integer" | "positiveInt" | "unsignedInt" if text.parse::<i64>().is_ok() => {
            Value::Number(text.to_owned())
        }
        "integer" | "positiveInt" | "unsignedInt" => return wrong("a whole number"),
        "decimal" if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            Value::Number(text.to_owned())
        }
        "decimal" => return wrong("a number"),
        "date" | "dateTime" | "instant" if Timespan::parse(text).is_some() => {
            Value::String(text.to_owned())
        }
        "date" | "dateTime" | "instant" => return wrong("a date or a time"),
        "Reference" => object(vec![("reference", text)]),
        "Coding" => match text.split_once('|') {
            Some((system, code)) => object(vec![("system", system), ("code", code)]),
            None => object(vec![("code", text)]),
        },
        "" | "Resource" | "Any" => return wrong("not for the query; send a Parameters resource"),
        _ => Value::String(text.to_owned()),
    };
    within(parameter, &value)?;
    Ok(value)
}

fn unknown(definition: &Definition, name: &str) -> Outcome {
    let name: String = name.chars().take(64).collect();
    let known: Vec<&str> = definition.inputs.iter().map(|it| it.name.as_str()).collect();
    let text =
        format!("${} has no parameter {name}; it takes {}", definition.code, known.join(", "));
    Outcome::new(IssueType::Invalid, text)
}
