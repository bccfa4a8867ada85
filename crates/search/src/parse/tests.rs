//! What queries mean and why they are refused, as tables.

mod conditions;
mod faults;
mod filters;
mod hostile;
mod shape;
mod values;

use fhir_model::{Instant, Outcome, ResourceType};

use super::{Handling, Reading, parse, parse_system};
use crate::{Filter, ParamId, Plan, Registry, System, Test, Timespan, TokenTest, TypePlan};

const STRICT: Reading<'_> = Reading {
    handling: Handling::Strict,
    base: "http://own.example/fhir",
    now: Instant::from_millis(1_795_305_600_000),
};

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    query.split('&').filter(|query| !query.is_empty()).map(pair).collect()
}

fn ty(name: &str) -> ResourceType {
    ResourceType::named(name).unwrap()
}

/// Of `Type?query` or `?query`.
fn plan(query: &str) -> Result<Plan, Outcome> {
    let (name, query) = query.split_once('?').unwrap();
    let found = match name {
        "" => parse_system(Registry::r4(), &pairs(query), &STRICT),
        name => parse(Registry::r4(), ty(name), &pairs(query), &STRICT),
    };
    found.map(|(plan, _)| plan)
}

/// The one filter that a query has.
fn filter(query: &str) -> Filter {
    match plan(query).map_err(|outcome| outcome.to_string()) {
        Ok(plan) if plan.filters().len() == 1 => plan.filters()[0].clone(),
        other => panic!("{query}: {other:?}"),
    }
}

/// The tests of the one filter that a query has.
fn tests(query: &str) -> Vec<Test> {
    let Filter::Value { any, .. } = filter(query) else { panic!("{query}") };
    any
}

/// `Type.code`
fn params(name: &str) -> Vec<ParamId> {
    let (name, code) = name.split_once('.').unwrap();
    Registry::r4().parameter(ty(name), code).unwrap().sources.clone()
}

fn value(param: &str, any: Vec<Test>) -> Filter {
    Filter::Value { params: params(param), any }
}

fn on(name: &str, filter: Filter) -> TypePlan {
    TypePlan { ty: ty(name), filters: vec![filter] }
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

fn day(text: &str) -> Timespan {
    Timespan::parse(text).unwrap()
}

/// `code`, `system|code`
fn token(text: &str) -> TokenTest {
    match text.split_once('|') {
        Some((system, code)) => {
            TokenTest { system: System::Is(system.into()), code: Some(code.into()) }
        }
        None => TokenTest { system: System::Any, code: Some(text.into()) },
    }
}

/// A test that the code is this.
fn code(text: &str) -> Test {
    Test::Token(token(text))
}
