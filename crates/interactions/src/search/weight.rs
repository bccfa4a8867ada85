//! What a search may ask for, known before a database is asked.

use fhir_model::{IssueType, Outcome};
use search::{Contained, Filter, Plan, TypePlan};

/// The most look-ups of a search: a parameter of one type for one value is one.
const WEIGHT_MAX: usize = 2_000;

/// Codes beyond this many are looked up as a list, so many of them at the price of one.
const LIST_MIN: usize = 100;
const LIST_STEP: usize = 20;

/// # Errors
/// `too-costly` when the plan asks for more.
pub(crate) fn check(plan: &Plan) -> Result<(), Outcome> {
    let once = plan.types.iter().map(of_type).fold(0, usize::saturating_add);
    let weight = match plan.contained {
        Contained::No | Contained::Only(_) => once,
        Contained::Both(_) => once.saturating_mul(2),
    };
    if weight <= WEIGHT_MAX {
        return Ok(());
    }
    let text = format!(
        "This search takes {weight} look-ups, the most are {WEIGHT_MAX}; name fewer values, or with _type \
         fewer types"
    );
    Err(Outcome::new(IssueType::TooCostly, text))
}

fn of_type(plan: &TypePlan) -> usize {
    all(&plan.filters).saturating_add(1)
}

fn all(filters: &[Filter]) -> usize {
    filters.iter().map(of).fold(0, usize::saturating_add)
}

fn of(filter: &Filter) -> usize {
    match filter {
        Filter::All(inner) | Filter::Any(inner) => all(inner),
        Filter::Not(inner) => of(inner),
        Filter::Value { params, any } if any.len() > LIST_MIN => {
            params.len().saturating_mul(LIST_MIN + any.len() / LIST_STEP)
        }
        Filter::Value { params, any } => params.len().saturating_mul(any.len()),
        Filter::Chain { params, targets } => {
            let targets = targets.iter().map(of_type).fold(0, usize::saturating_add);
            params.len().saturating_mul(targets)
        }
        Filter::Has { params, source } => params.len().saturating_mul(of_type(source)),
        Filter::Updated(any) => any.len(),
        Filter::Words { any, .. } => any.len(),
        Filter::Near { params, any } => params.len().saturating_mul(any.len()),
        Filter::During(during) => of_type(&during.other).saturating_add(1),
        Filter::Id(_) | Filter::Present { .. } => 1,
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::ResourceType;
    use search::{ContainedType, ParamId, System, Test, TokenTest};

    use super::*;

    fn values(params: u32, values: usize) -> Filter {
        let test = Test::Token(TokenTest { system: System::None, code: None });
        Filter::Value { params: (1..=params).map(ParamId).collect(), any: vec![test; values] }
    }

    fn plan(types: usize, filter: &Filter) -> Plan {
        let all = ResourceType::all();
        let types = all.iter().cycle().take(types);
        let types = types.map(|ty| TypePlan { ty: *ty, filters: vec![filter.clone()] }).collect();
        Plan { types, ..Plan::over(all[0]) }
    }

    #[test]
    fn a_search_weighs_types_times_parameters_times_values() {
        let chain = |params: u32| Filter::Chain {
            params: (1..=params).map(ParamId).collect(),
            targets: plan(20, &values(1, 20)).types,
        };
        let cases = [
            (plan(146, &values(1, 5)), true),
            (plan(146, &values(1, 20)), false),
            (plan(1, &values(4, 100)), true),
            (plan(1, &values(1, 5_000)), true),
            (plan(10, &values(1, 5_000)), false),
            (plan(1, &chain(4)), true),
            (plan(1, &chain(5)), false),
            (
                Plan {
                    contained: Contained::Both(ContainedType::Contained),
                    ..plan(100, &values(2, 5))
                },
                false,
            ),
            (plan(100, &values(2, 5)), true),
        ];
        for (n, (plan, expected)) in cases.into_iter().enumerate() {
            assert_eq!(check(&plan).is_ok(), expected, "{n}: {:?}", check(&plan));
        }
    }
}
