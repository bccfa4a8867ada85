//! Parameters that say which resources: name, modifier, values separated by commas.

mod composite;
mod list;
mod near;
pub(super) mod ordered;
pub(super) mod reference;
pub(super) mod string;
pub(super) mod token;
pub(super) mod uri;
mod words;

use std::mem::discriminant;

use super::{
    Context, budget,
    chain::{self, Place},
    expression,
    fault::Fault,
    value,
};
use crate::{
    SearchKind,
    extract::is_id,
    plan::{Filter, Test},
    registry::{ParamId, Parameter},
};

/// What a parameter with this modifier and these values demands.
type Special = fn(&Context<'_>, Place, (Option<&str>, &str)) -> Result<Filter, Fault>;

/// Parameters that are no index rows of their own.
const SPECIALS: &[(&str, Special)] = &[
    ("_content", words::content),
    ("_filter", expression::filter),
    ("_list", list::list),
    ("_query", query),
    ("_text", words::narrative),
];

/// The names of these.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SPECIALS.iter().map(|(name, _)| *name)
}

/// What a parameter demands of the resources at a place.
pub(super) fn parse(
    context: &Context<'_>,
    place: Place,
    (name, values): (&str, &str),
) -> Result<Filter, Fault> {
    if name == "_has" || name.starts_with("_has:") {
        return has(context, place, (name, values));
    }
    if let Some((head, rest)) = name.split_once('.') {
        let rest = |place| Ok(vec![parse(context, place, (rest, values))?]);
        return chain::through(context, place, head, &rest);
    }
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    if code.starts_with('_')
        && let Some((_, special)) = SPECIALS.iter().find(|(known, _)| *known == code)
    {
        return special(context, place, (modifier, values));
    }
    let parameter = context.parameter(place.ty, code)?;
    if modifier == Some("missing") {
        return missing(parameter, values);
    }
    let asked = Asked { context, place, parameter, modifier };
    asked.filter(&context.values(values)?)
}

/// `_has:[type]:[reference]:[parameter]`
fn has(context: &Context<'_>, place: Place, (name, values): (&str, &str)) -> Result<Filter, Fault> {
    let mut parts = name.splitn(4, ':').skip(1);
    let (Some(ty), Some(reference), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Fault::Value("is written _has:[type]:[reference]:[parameter]".into()));
    };
    let rest = |place| Ok(vec![parse(context, place, (rest, values))?]);
    chain::has(context, place, (ty, reference), &rest)
}

/// A named query; this server has none. That SHALL be an error, however the query is handled.
fn query(_: &Context<'_>, _: Place, _: (Option<&str>, &str)) -> Result<Filter, Fault> {
    Err(Fault::Modifier("names a query; this server has none".to_owned()))
}

impl Context<'_> {
    /// Splits at commas; within the limits.
    fn values<'v>(&self, values: &'v str) -> Result<Vec<&'v str>, Fault> {
        let values = value::split(values, ',');
        self.budget.values(values.len())?;
        Ok(values)
    }
}

/// A parameter with its modifier, whose values are to be read.
pub(super) struct Asked<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) place: Place,
    pub(super) parameter: &'a Parameter,
    pub(super) modifier: Option<&'a str>,
}

impl Asked<'_> {
    /// What the values demand.
    pub(super) fn filter(&self, values: &[&str]) -> Result<Filter, Fault> {
        match (&*self.parameter.code, self.parameter.kind) {
            ("_id", _) => ids(self, values),
            ("_lastUpdated", _) => {
                self.modifier_among(&[])?;
                self.each(values, ordered::date).map(Filter::Updated)
            }
            (_, SearchKind::Token) => token::filter(self, values),
            (_, SearchKind::Uri) => uri::filter(self, values),
            (_, SearchKind::Special) => near::filter(self, values),
            (_, SearchKind::Composite) => composite::filter(self, values),
            (_, SearchKind::Reference) => reference::filter(self, values),
            (_, SearchKind::String) => self.several(values, string::parse),
            (_, SearchKind::Date) => {
                self.modifier_among(&[])?;
                self.several(values, |asked, value| {
                    Ok(vec![Test::Date(ordered::date(asked, value)?)])
                })
            }
            (_, SearchKind::Number) => {
                self.modifier_among(&[])?;
                self.several(values, |_, value| Ok(vec![ordered::number(value)?]))
            }
            (_, SearchKind::Quantity) => {
                self.modifier_among(&[])?;
                self.several(values, |_, value| Ok(vec![ordered::quantity(value)?]))
            }
        }
    }

    /// Values that are tests of index rows, each of one or more.
    fn several(
        &self,
        values: &[&str],
        read: fn(&Self, &str) -> Result<Vec<Test>, Fault>,
    ) -> Result<Filter, Fault> {
        let tests: Vec<Test> = self.each(values, read)?.into_iter().flatten().collect();
        budget::tests(tests.len())?;
        Ok(self.any(tests))
    }

    /// Reads every value that is not empty; one at least must be there.
    fn each<T>(
        &self,
        values: &[&str],
        read: impl Fn(&Self, &str) -> Result<T, Fault>,
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

    /// One of the tests holds for a value of the parameter.
    pub(super) fn any(&self, tests: Vec<Test>) -> Filter {
        any_of(&self.parameter.sources, tests)
    }

    /// There is no modifier or one of these; else a fault that says which there are.
    fn modifier_among(&self, known: &[&str]) -> Result<(), Fault> {
        match self.modifier {
            Some(modifier) if !known.contains(&modifier) => {
                Err(no_modifier(self.parameter, modifier, known))
            }
            _ => Ok(()),
        }
    }
}

/// One of the tests holds. Those of one sort share a filter.
fn any_of(params: &[ParamId], tests: Vec<Test>) -> Filter {
    let sort = |test: &Test| {
        let part = if let Test::Composite { part, .. } = test { Some(&**part) } else { None };
        (discriminant(test), part.map(discriminant))
    };
    let mut groups: Vec<(_, Vec<Test>)> = Vec::with_capacity(1);
    for test in tests {
        let sort = sort(&test);
        match groups.iter_mut().find(|(other, _)| *other == sort) {
            Some((_, group)) => group.push(test),
            None => groups.push((sort, vec![test])),
        }
    }
    let mut filters: Vec<Filter> =
        groups.into_iter().map(|(_, any)| Filter::Value { params: params.to_vec(), any }).collect();
    match filters.pop() {
        Some(one) if filters.is_empty() => one,
        Some(last) => {
            filters.push(last);
            Filter::Any(filters)
        }
        None => Filter::Id(Vec::new()),
    }
}

fn no_modifier(parameter: &Parameter, modifier: &str, known: &[&str]) -> Fault {
    let modifier: String = modifier.chars().take(100).collect();
    if parameter.kind == SearchKind::Composite {
        return Fault::Modifier(format!("is a composite, which has no modifier ':{modifier}'"));
    }
    let known: Vec<String> =
        known.iter().chain(&["missing"]).map(|known| format!(":{known}")).collect();
    Fault::Modifier(format!("has no modifier ':{modifier}'; there is {}", known.join(", ")))
}

/// `:missing=true|false`: <https://hl7.org/fhir/R4/search.html#modifiers>.
pub(super) fn missing(parameter: &Parameter, value: &str) -> Result<Filter, Fault> {
    let missing = match value {
        "true" => true,
        "false" => false,
        _ => return Err(Fault::Value("takes true or false".into())),
    };
    match (&*parameter.code, parameter.kind) {
        // every resource has both
        ("_id" | "_lastUpdated", _) if missing => Ok(Filter::Id(Vec::new())),
        ("_id" | "_lastUpdated", _) => Ok(Filter::All(Vec::new())),
        (_, SearchKind::Composite) => Err(no_modifier(parameter, "missing", &[])),
        (_, kind) => {
            let present = Filter::Present { params: parameter.sources.clone(), kind };
            Ok(if missing { negated(present) } else { present })
        }
    }
}

/// It does not hold.
pub(super) fn negated(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn ids(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(&["not"])?;
    // what is no id is nobody's id
    let any = asked.each(values, |_, value| Ok(value::unescape(value)))?;
    let any = any.into_iter().filter(|id| is_id(id)).map(Into::into).collect();
    let filter = Filter::Id(any);
    Ok(if asked.modifier.is_some() { negated(filter) } else { filter })
}
