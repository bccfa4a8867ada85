//! From the pairs of a query string to a [`Plan`]: <https://hl7.org/fhir/R4/search.html>.

mod control;
mod fault;
mod filter;
mod suggest;
#[cfg(test)]
mod tests;
mod value;

use fhir_model::{Instant, Issue, IssueType, Outcome, ResourceType, Severity};

use crate::{plan::Plan, registry::Registry};
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
    if pairs.len() > PARAMETERS_MAX {
        let text =
            format!("A search takes at most {PARAMETERS_MAX} parameters; here are {}", pairs.len());
        return Err(Outcome::new(IssueType::TooCostly, text));
    }
    let mut plan = Plan::over(ty);
    let (mut faults, mut ignored) = (Vec::new(), Vec::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match one(registry, &mut plan, (name, value), reading) {
            Ok(true) => plan.understood.push((name.clone(), value.clone())),
            Ok(false) => {}
            Err(fault) if fault.may_be_ignored() && reading.handling == Handling::Lenient => {
                ignored.push(fault.issue(name, Severity::Warning));
            }
            Err(fault) => faults.push(fault.issue(name, Severity::Error)),
        }
    }
    match Outcome::from_issues(faults) {
        Some(outcome) => Err(outcome),
        None => Ok((plan, ignored)),
    }
}

/// Whether the parameter is part of the search (and not of the format of the answer).
fn one(
    registry: &Registry,
    plan: &mut Plan,
    (name, value): (&str, &str),
    reading: &Reading<'_>,
) -> Result<bool, Fault> {
    if matches!(name, "_format" | "_pretty") {
        return Ok(false);
    }
    if let Some(control) = control::named(name) {
        control(registry, plan, value)?;
    } else {
        for of_type in &mut plan.types {
            let filter = filter::parse(registry, of_type.ty, (name, value), reading)?;
            of_type.filters.push(filter);
        }
    }
    Ok(true)
}
