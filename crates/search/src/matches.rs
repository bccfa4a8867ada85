//! What a plan means, written to be obviously right: the reference that SQL is tested against.

mod row;

use std::collections::BTreeSet;

use fhir_model::{Instant, ResourceType};

use crate::{
    SearchKind,
    plan::{Circle, Filter, TypePlan, Way, WordScope},
    registry::ParamId,
    rows::{PositionRow, Rows, Target},
    timespan::Timespan,
};

/// A resource that may be found.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Its type.
    pub ty: ResourceType,
    /// Its logical id; of a contained resource the one inside its container.
    pub id: &'a str,
    /// `meta.lastUpdated`
    pub updated: Instant,
    /// What it is found by.
    pub rows: &'a Rows,
    /// Type and id of what contains it.
    pub container: Option<(ResourceType, &'a str)>,
}

/// The other resources, for chains, `_has` and hierarchies.
pub trait World {
    /// What a reference of a resource points to, if it is here.
    fn resolve<'a>(&'a self, from: Subject<'_>, target: &Target) -> Option<Subject<'a>>;

    /// The resources of a type that are not contained in another.
    fn all<'a>(&'a self, ty: ResourceType) -> Box<dyn Iterator<Item = Subject<'a>> + 'a>;

    /// The ids of a resource and of all that it is part of, or that are part of it.
    fn hierarchy(
        &self,
        ty: ResourceType,
        id: &str,
        part_of: ParamId,
        way: Way,
    ) -> BTreeSet<Box<str>>;
}

/// A world with nothing in it.
#[derive(Debug, Clone, Copy)]
pub struct Nowhere;

impl World for Nowhere {
    fn resolve<'a>(&'a self, _: Subject<'_>, _: &Target) -> Option<Subject<'a>> {
        None
    }

    fn all<'a>(&'a self, _: ResourceType) -> Box<dyn Iterator<Item = Subject<'a>> + 'a> {
        Box::new(std::iter::empty())
    }

    fn hierarchy(&self, _: ResourceType, id: &str, _: ParamId, _: Way) -> BTreeSet<Box<str>> {
        BTreeSet::from([id.into()])
    }
}

/// Whether a resource of the plan's type satisfies all filters.
pub fn matches(filters: &[Filter], of: Subject<'_>, world: &dyn World) -> bool {
    filters.iter().all(|filter| holds(filter, of, world))
}

fn holds(filter: &Filter, of: Subject<'_>, world: &dyn World) -> bool {
    match filter {
        Filter::All(filters) => matches(filters, of, world),
        Filter::Any(filters) => filters.iter().any(|one| holds(one, of, world)),
        Filter::Not(filter) => !holds(filter, of, world),
        Filter::Id(any) => any.iter().any(|wanted| **wanted == *of.id),
        Filter::Updated(any) => {
            any.iter().any(|test| row::date_matches(test, Timespan::instant(of.updated)))
        }
        Filter::Value { params, any } => any
            .iter()
            .any(|test| params.iter().any(|param| row::some(test, *param, of.rows, world))),
        Filter::Present { params, kind } => {
            params.iter().any(|param| has_rows(*param, *kind, of.rows))
        }
        Filter::Chain { params, targets } => {
            let references = of.rows.references.iter().filter(|row| params.contains(&row.param));
            let mut found = references.filter_map(|row| world.resolve(of, &row.target));
            found.any(|target| targets.iter().any(|plan| satisfies(plan, target, world)))
        }
        Filter::Has { params, source } => {
            of.container.is_none()
                && world.all(source.ty).any(|other| {
                    let mut references = other.rows.references.iter();
                    references.any(|row| params.contains(&row.param) && points_to(&row.target, of))
                        && satisfies(source, other, world)
                })
        }
        Filter::Words { scope, any } => {
            any.iter().any(|words| words.iter().all(|word| has_word(of.rows, *scope, word)))
        }
        Filter::Near { params, any } => {
            let mut positions = of.rows.positions.iter().filter(|row| params.contains(&row.param));
            positions.any(|row| any.iter().any(|circle| is_inside(circle, row)))
        }
        Filter::During(during) => {
            let times = of.rows.dates.iter().filter(|row| row.param == during.at);
            of.container.is_none()
                && times.into_iter().any(|row| holds(&during.at(row.span), of, world))
        }
    }
}

fn satisfies(plan: &TypePlan, of: Subject<'_>, world: &dyn World) -> bool {
    plan.ty == of.ty && matches(&plan.filters, of, world)
}

fn points_to(target: &Target, of: Subject<'_>) -> bool {
    matches!(target, Target::Local { ty, id } if *ty == of.ty && **id == *of.id)
}

fn has_word(rows: &Rows, scope: WordScope, word: &str) -> bool {
    rows.words.iter().any(|row| {
        *row.word == *word && (scope == WordScope::Content || row.scope == WordScope::Narrative)
    })
}

/// Compared by squares, as a database does it.
fn is_inside(circle: &Circle, row: &PositionRow) -> bool {
    let pairs = circle.middle.iter().zip(&row.place);
    let square: f64 = pairs.map(|(a, b)| (b.0 - a) * (b.0 - a)).sum();
    square <= circle.chord * circle.chord
}

fn has_rows(param: ParamId, kind: SearchKind, rows: &Rows) -> bool {
    let typed = match kind {
        SearchKind::Token => rows.tokens.iter().any(|row| row.param == param),
        SearchKind::Reference => {
            rows.references.iter().any(|row| row.param == param)
                || rows.identifiers.iter().any(|row| row.param == param)
        }
        SearchKind::String => rows.strings.iter().any(|row| row.param == param),
        SearchKind::Date => rows.dates.iter().any(|row| row.param == param),
        SearchKind::Number => rows.numbers.iter().any(|row| row.param == param),
        SearchKind::Quantity => rows.quantities.iter().any(|row| row.param == param),
        SearchKind::Uri => rows.uris.iter().any(|row| row.param == param),
        SearchKind::Composite => rows.composites.iter().any(|row| row.param == param),
        SearchKind::Special => rows.positions.iter().any(|row| row.param == param),
    };
    typed || rows.valueless.contains(&param)
}

#[cfg(test)]
mod tests {
    use fhir_model::{ResourceType, json};

    use super::*;
    use crate::{Handling, Reading, Registry, extract, parse};

    const PATIENT: &str = r#"{"resourceType":"Patient","active":true,"gender":"female",
        "identifier":[{"system":"s","value":"1"},{"value":"2"}],"birthDate":"1974-12",
        "name":[{"family":"Müller"},{"given":["Asha"]}],
        "managingOrganization":{"reference":"Organization/o"},
        "generalPractitioner":[{"identifier":{"system":"n","value":"7"}},{"display":"x"}]}"#;

    /// What is true of the patient above with the id `p`, updated on 2026-11-22.
    const QUERIES: &[(&str, bool)] = &[
        ("", true),
        ("_id=p", true),
        ("_id=q,p", true),
        ("_id=P", false),
        ("_id:not=p", false),
        ("_id:missing=false", true),
        ("_id:missing=true", false),
        ("_lastUpdated=2026-11-22", true),
        ("_lastUpdated=lt2026-11-22", false),
        ("_lastUpdated=ge2026-11-22T00:00:00.000Z", true),
        ("gender=male", false),
        ("gender=male,female", true),
        ("gender=female&active=true", true),
        ("gender=female&active=false", false),
        ("gender:not=male", true),
        ("gender:not=male,female", false),
        ("language:not=fr", true),
        ("language:missing=true", true),
        ("gender:missing=true", false),
        ("identifier=1", true),
        ("identifier=|1", false),
        ("identifier=|2", true),
        ("identifier=s|2", false),
        ("identifier=s|", true),
        ("family=mull", true),
        ("family=uller", false),
        ("family:contains=ÜLLER", true),
        ("family:exact=Müller", true),
        ("family:exact=muller", false),
        ("family=asha", false),
        ("name=asha", true),
        ("birthdate=1974", true),
        ("birthdate=1974-12", true),
        ("birthdate=1974-12-01", false),
        ("birthdate=ne1974-12-01", true),
        ("birthdate=gt1974-12-30", true),
        ("birthdate=sa1974-12-30", false),
        ("birthdate=ap1974-12-30", true),
        ("organization=o", true),
        ("organization=Organization/o", true),
        ("organization=http://own.example/Organization/o", true),
        ("organization=http://else.example/Organization/o", false),
        ("general-practitioner:identifier=n|7", true),
        ("general-practitioner:identifier=7", true),
        ("general-practitioner=7", false),
        ("general-practitioner:missing=false", true),
        ("link:missing=true", true),
        ("deceased=false", true),
    ];

    #[test]
    fn queries_find_what_they_should() {
        let ty = ResourceType::named("Patient").unwrap();
        let now = Instant::from_date(2026, 11, 22);
        let reading = Reading { handling: Handling::Strict, base: "http://own.example", now };
        let tree = json::parse_trusted(PATIENT.as_bytes().to_vec().into());
        let rows = extract(Registry::r4(), &tree, reading.base);
        for (query, expected) in QUERIES {
            let pairs: Vec<(String, String)> = query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let (plan, _) = parse(Registry::r4(), ty, &pairs, &reading).unwrap();
            assert_eq!(
                matches(
                    &plan.types[0].filters,
                    Subject { ty, id: "p", updated: now, rows: &rows, container: None },
                    &Nowhere
                ),
                *expected,
                "{query}"
            );
        }
    }
}
