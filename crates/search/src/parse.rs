//! From the pairs of a query string to a [`Plan`]: <https://hl7.org/fhir/R4/search.html>.

mod budget;
mod chain;
mod compartment;
mod control;
mod expression;
mod fault;
mod filter;
mod include;
mod sort;
mod suggest;
#[cfg(test)]
mod tests;
mod types;
mod value;

use fhir_model::{Instant, Issue, IssueType, Outcome, ResourceType, Severity};

pub use compartment::{compartment_types, within_compartment};

use crate::{
    plan::{Filter, Plan, TypePlan},
    registry::{Elements, Parameter, Registry},
};
use budget::Budget;
use chain::Place;
use fault::Fault;

/// The most parameters of a query.
const PARAMETERS_MAX: usize = 32;

/// `Prefer: handling=`: <https://hl7.org/fhir/R4/search.html#errors>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// What is not known refuses the query.
    Strict,
    /// What is not known is left out, with a remark.
    Lenient,
}

/// How a query is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// What becomes of parameters that are not known.
    pub handling: Handling,
    /// The server's own URL, without a slash at the end; references under it are local.
    pub base: &'a str,
    /// The time, for `ap`.
    pub now: Instant,
}

/// Understands a query over one type. The pairs are decoded names and values in their order; a parameter
/// without a value asks for nothing. With [`Handling::Lenient`] the issues say what was left out.
pub fn parse(
    registry: &Registry,
    ty: ResourceType,
    pairs: &[(String, String)],
    reading: &Reading<'_>,
) -> Result<(Plan, Vec<Issue>), Outcome> {
    read(&Context::new(registry, reading, Scope::Type), &[ty], pairs)
}

/// Understands a query over the whole system: `[base]?_type=Patient,Practitioner&...`. A parameter has to
/// exist for every type that `_type` names; without `_type` all types are searched, by the parameters that
/// are common to all. Otherwise like [`parse`].
pub fn parse_system(
    registry: &Registry,
    pairs: &[(String, String)],
    reading: &Reading<'_>,
) -> Result<(Plan, Vec<Issue>), Outcome> {
    read(&Context::new(registry, reading, Scope::System), ResourceType::all(), pairs)
}

/// Understands a query over some types, which `_type` may narrow. A parameter has to exist for each.
/// Otherwise like [`parse`]; without types nothing is searched.
pub fn parse_types(
    registry: &Registry,
    types: &[ResourceType],
    pairs: &[(String, String)],
    reading: &Reading<'_>,
) -> Result<(Plan, Vec<Issue>), Outcome> {
    read(&Context::new(registry, reading, Scope::Types), types, pairs)
}

/// Over what a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// One type, as the address says.
    Type,
    /// Types that are named, by the address or by `_type`.
    Types,
    /// Everything.
    System,
}

/// What the parts of a query share while it is read.
struct Context<'a> {
    registry: &'a Registry,
    reading: &'a Reading<'a>,
    scope: Scope,
    budget: Budget,
}

impl<'a> Context<'a> {
    fn new(registry: &'a Registry, reading: &'a Reading<'a>, scope: Scope) -> Self {
        Self { registry, reading, scope, budget: Budget::default() }
    }

    /// The parameter of this name.
    fn parameter(&self, ty: ResourceType, code: &str) -> Result<&'a Parameter, Fault> {
        match self.registry.parameter(ty, code) {
            None => Err(Fault::unknown(code, ty)),
            Some(one) if one.elements == Elements::Resources => Err(Fault::Unsupported(
                "looks into a resource inside the resource, which this server does not index"
                    .into(),
            )),
            Some(one) => Ok(one),
        }
    }
}

fn read(
    context: &Context<'_>,
    types: &[ResourceType],
    pairs: &[(String, String)],
) -> Result<(Plan, Vec<Issue>), Outcome> {
    if pairs.len() > PARAMETERS_MAX {
        let text =
            format!("A search takes at most {PARAMETERS_MAX} parameters; here are {}", pairs.len());
        return Err(Outcome::new(IssueType::TooCostly, text));
    }
    let refuse = |fault: Fault, name: &str, severity| fault.issue(context.registry, name, severity);
    let named = types::named(context.scope, types, pairs);
    let named = named.map_err(|fault| {
        Outcome::from_issues(vec![refuse(fault, types::NAME, Severity::Error)])
            .unwrap_or_else(|| Outcome::new(IssueType::Value, "The types are not understood"))
    })?;
    let scope = if named.is_some() { Scope::Types } else { context.scope };
    let context = &Context::new(context.registry, context.reading, scope);
    let mut plan = empty(named.as_deref().unwrap_or(types));
    let (mut faults, mut ignored) = (Vec::new(), Vec::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match one(context, &mut plan, (name, value)) {
            Ok(true) => plan.understood.push((name.clone(), value.clone())),
            Ok(false) => {}
            Err(fault)
                if fault.may_be_ignored() && context.reading.handling == Handling::Lenient =>
            {
                ignored.push(refuse(fault, name, Severity::Warning));
            }
            Err(fault) => faults.push(refuse(fault, name, Severity::Error)),
        }
    }
    match Outcome::from_issues(faults) {
        Some(outcome) => Err(outcome),
        None => Ok((finish(plan, pairs), ignored)),
    }
}

fn empty(types: &[ResourceType]) -> Plan {
    let types = types.iter().map(|ty| TypePlan { ty: *ty, filters: Vec::new() }).collect();
    Plan {
        types,
        sort: Vec::new(),
        count: None,
        total: None,
        summary: crate::Summary::default(),
        elements: Vec::new(),
        includes: Vec::new(),
        contained: crate::Contained::default(),
        understood: Vec::new(),
    }
}

/// Whether the parameter is part of the search (and not of the format of the answer).
fn one(context: &Context<'_>, plan: &mut Plan, (name, value): (&str, &str)) -> Result<bool, Fault> {
    if matches!(name, "_format" | "_pretty") {
        return Ok(false);
    }
    if name == types::NAME && context.scope != Scope::Type {
        return Ok(true);
    }
    if let Some(control) = control::named(name) {
        control(context, plan, value)?;
        return Ok(true);
    }
    if let Some(way) = include::way(name) {
        plan.includes.push(include::parse(context, (plan, way), (name, value))?);
        return Ok(true);
    }
    if context.scope == Scope::System && !name.starts_with('_') {
        return Err(Fault::Unsupported(
            "does not exist for every type; name the types that are meant with _type".into(),
        ));
    }
    // all types first, so that a parameter that is left out is left out everywhere
    let read = |one: &TypePlan| filter::parse(context, Place::of(one.ty), (name, value));
    let filters: Vec<Filter> = plan.types.iter().map(read).collect::<Result<_, _>>()?;
    for (of_type, filter) in plan.types.iter_mut().zip(filters) {
        // what always holds is no condition
        if filter != Filter::All(Vec::new()) {
            of_type.filters.push(filter);
        }
    }
    Ok(true)
}

/// Leaves out types of which nothing can be found, as long as there is another.
fn finish(mut plan: Plan, pairs: &[(String, String)]) -> Plan {
    plan.contained = control::contained_of(pairs);
    let is_possible =
        |one: &TypePlan| !one.filters.iter().any(|filter| *filter == Filter::Id(Vec::new()));
    if plan.types.iter().any(is_possible) {
        plan.types.retain(is_possible);
    } else {
        plan.types.truncate(1);
    }
    plan
}
