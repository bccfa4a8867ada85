//! Parameters that say which resources: name, modifier, values separated by commas.

mod ordered;
mod reference;
mod string;
mod token;

use fhir_model::ResourceType;

use super::{Reading, control, fault::Fault, suggest, value};
use crate::{
    SearchKind,
    extract::is_id,
    plan::{Filter, Test, UriTest},
    registry::{Parameter, Registry},
    text,
};

/// The most values of a parameter.
const VALUES_MAX: usize = 100;

/// Names with a colon or dot that are more than a parameter with a modifier, and names that are no
/// index rows: the grammar that is still to come.
const LATER: &[&str] = &[
    "_has",
    "_include",
    "_revinclude",
    "_filter",
    "_query",
    "_text",
    "_content",
    "_list",
    "_type",
    "_containedType",
];

/// What a parameter of a search over `ty` demands.
pub(super) fn parse(
    registry: &Registry,
    ty: ResourceType,
    (name, values): (&str, &str),
    reading: &Reading<'_>,
) -> Result<Filter, Fault> {
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if LATER.contains(&code) {
        return Err(Fault::Unsupported("is not supported yet".into()));
    }
    let parameter = registry.parameter(ty, code).filter(|_| !name.contains('.'));
    let Some(parameter) = parameter else {
        return Err(unknown(registry, ty, (code, name)));
    };
    if modifier == Some("missing") {
        return missing(parameter, values);
    }
    let values = value::split(values, ',');
    if values.len() > VALUES_MAX {
        let text = format!("takes at most {VALUES_MAX} values; here are {}", values.len());
        return Err(Fault::TooCostly(text.into()));
    }
    let asked = Asked { parameter, modifier, reading };
    match code {
        "_id" => ids(&asked, &values),
        "_lastUpdated" => Ok(Filter::Updated(asked.each(&values, ordered::date)?)),
        _ => asked.filter(&values),
    }
}

/// A parameter with its modifier, whose values are to be read.
struct Asked<'a> {
    parameter: &'a Parameter,
    modifier: Option<&'a str>,
    reading: &'a Reading<'a>,
}

impl Asked<'_> {
    fn filter(&self, values: &[&str]) -> Result<Filter, Fault> {
        let is_not = self.modifier == Some("not") && self.parameter.kind == SearchKind::Token;
        let any = match self.parameter.kind {
            SearchKind::Token => self.each(values, token::parse)?,
            SearchKind::Reference => {
                self.each(values, reference::parse)?.into_iter().flatten().collect()
            }
            SearchKind::String => self.each(values, string::parse)?,
            SearchKind::Date => {
                self.each(values, ordered::date)?.into_iter().map(Test::Date).collect()
            }
            SearchKind::Number => self.each(values, ordered::number)?,
            SearchKind::Quantity => self.each(values, ordered::quantity)?,
            SearchKind::Uri => self.each(values, uri)?,
            SearchKind::Composite => {
                return Err(Fault::Unsupported(
                    "is a composite, which is not supported yet".into(),
                ));
            }
            SearchKind::Special => {
                return Err(Fault::Unsupported("is not supported yet".into()));
            }
        };
        let filter = Filter::Value { params: self.parameter.sources.clone(), any };
        Ok(if is_not { Filter::Not(Box::new(filter)) } else { filter })
    }

    /// Reads every value that is not empty; one at least must be there.
    fn each<T>(
        &self,
        values: &[&str],
        read: fn(&Self, &str) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let tests: Vec<T> = values
            .iter()
            .filter(|value| !value.is_empty())
            .map(|value| read(self, value))
            .collect::<Result<_, _>>()?;
        if tests.is_empty() {
            Err(Fault::Value("has commas but no value".into()))
        } else {
            Ok(tests)
        }
    }

    /// There is no modifier or one of these; else a fault that says which there are.
    fn modifier_among(&self, known: &[&str], later: &[&str]) -> Result<(), Fault> {
        match self.modifier {
            Some(modifier) if !known.contains(&modifier) => {
                Err(no_modifier(modifier, known, later))
            }
            _ => Ok(()),
        }
    }
}

fn no_modifier(modifier: &str, known: &[&str], later: &[&str]) -> Fault {
    if later.contains(&modifier) {
        return Fault::Modifier(format!("does not support the modifier ':{modifier}' yet"));
    }
    let modifier: String = modifier.chars().take(100).collect();
    let known: Vec<String> =
        known.iter().chain(&["missing"]).map(|known| format!(":{known}")).collect();
    Fault::Modifier(format!("has no modifier ':{modifier}'; there is {}", known.join(", ")))
}

fn unknown(registry: &Registry, ty: ResourceType, (code, name): (&str, &str)) -> Fault {
    let first = code.split_once('.').map_or(code, |(first, _)| first);
    if name.contains('.') && registry.parameter(ty, first).is_some() {
        return Fault::Unsupported("is a chain, which is not supported yet".into());
    }
    let known = registry.of(ty).iter().map(|parameter| parameter.code).chain(control::names());
    let hint = suggest::nearest(code, known)
        .map(|name| format!("; did you mean '{name}'?"))
        .unwrap_or_default();
    Fault::Unknown(format!("does not exist for {ty}{hint}"))
}

/// `:missing=true|false`: <https://hl7.org/fhir/R4/search.html#modifiers>.
fn missing(parameter: &Parameter, value: &str) -> Result<Filter, Fault> {
    let missing = match value {
        "true" => true,
        "false" => false,
        _ => return Err(Fault::Value("takes true or false".into())),
    };
    match (parameter.code, parameter.kind) {
        // every resource has both
        ("_id" | "_lastUpdated", _) if missing => Ok(Filter::Id(Vec::new())),
        ("_id" | "_lastUpdated", _) => Ok(Filter::All(Vec::new())),
        (_, SearchKind::Composite | SearchKind::Special) => {
            Err(Fault::Modifier("does not support the modifier ':missing'".to_owned()))
        }
        (_, kind) => {
            let present = Filter::Present { params: parameter.sources.clone(), kind };
            Ok(if missing { Filter::Not(Box::new(present)) } else { present })
        }
    }
}

fn ids(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(&["not"], &[])?;
    // what is no id is nobody's id
    let any = asked.each(values, |_, value| Ok(value::unescape(value)))?;
    let any = any.into_iter().filter(|id| is_id(id)).map(Into::into).collect();
    let filter = Filter::Id(any);
    Ok(if asked.modifier.is_some() { Filter::Not(Box::new(filter)) } else { filter })
}

/// Exactly this URI: <https://hl7.org/fhir/R4/search.html#uri>.
fn uri(asked: &Asked<'_>, value: &str) -> Result<Test, Fault> {
    asked.modifier_among(&[], &["above", "below"])?;
    if value::split(value, '|').len() > 1 {
        return Err(Fault::Unsupported("does not support [url]|[version] yet".into()));
    }
    Ok(Test::Uri(UriTest::Is(text::key(&value::unescape(value)).into())))
}
