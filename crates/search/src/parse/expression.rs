//! `_filter`: <https://hl7.org/fhir/R4/search_filter.html>. A filter is read once into an [`Expression`],
//! which then means something on a type.

mod comparison;
mod syntax;

use super::{
    Context,
    chain::{self, Place},
    fault::Fault,
    filter::negated,
};
use crate::plan::Filter;
use comparison::Operator;

/// A filter as it is written.
#[derive(Debug, PartialEq, Eq)]
enum Expression<'t> {
    /// Each holds.
    All(Vec<Expression<'t>>),
    /// One at least holds.
    Any(Vec<Expression<'t>>),
    /// It does not hold.
    Not(Box<Expression<'t>>),
    /// A path compared with a value.
    Comparison(Comparison<'t>),
}

/// `[path] [operator] [value]`
#[derive(Debug, PartialEq, Eq)]
struct Comparison<'t> {
    /// Which character of the filter it begins at, from 1.
    at: usize,
    /// What is followed before the last name.
    steps: Vec<Step<'t>>,
    /// The parameter whose values are compared.
    code: &'t str,
    operator: Operator,
    value: String,
}

/// A part of a path before the last.
#[derive(Debug, PartialEq, Eq)]
enum Step<'t> {
    /// `[reference].`, `[reference]:[type].`, `[reference][[filter]].`
    Reference {
        /// With the type, if one is named.
        head: &'t str,
        /// What must hold of the target.
        filter: Option<Expression<'t>>,
    },
    /// `_has:[type]:[reference]:`
    Has {
        /// The type.
        ty: &'t str,
        /// Its reference parameter.
        reference: &'t str,
    },
}

/// What `_filter` demands of the resources at a place.
pub(super) fn filter(
    context: &Context<'_>,
    place: Place,
    (modifier, text): (Option<&str>, &str),
) -> Result<Filter, Fault> {
    if modifier.is_some() {
        return Err(Fault::Modifier("has no modifiers".to_owned()));
    }
    meaning(context, place, &syntax::parse(text)?)
}

fn meaning(
    context: &Context<'_>,
    place: Place,
    expression: &Expression<'_>,
) -> Result<Filter, Fault> {
    let each = |expressions: &[Expression<'_>]| {
        expressions.iter().map(|one| meaning(context, place, one)).collect::<Result<_, _>>()
    };
    match expression {
        Expression::All(expressions) => each(expressions).map(Filter::All),
        Expression::Any(expressions) => each(expressions).map(Filter::Any),
        Expression::Not(expression) => meaning(context, place, expression).map(negated),
        Expression::Comparison(comparison) => {
            follow(context, place, (comparison, &comparison.steps))
                .map_err(|fault| fault.inside(context.registry, comparison.at))
        }
    }
}

/// Through the steps of a path to the comparison.
fn follow(
    context: &Context<'_>,
    place: Place,
    (comparison, steps): (&Comparison<'_>, &[Step<'_>]),
) -> Result<Filter, Fault> {
    match steps {
        [] => comparison::filter(context, place, comparison),
        [Step::Has { ty, reference }, rest @ ..] => {
            let rest = |place| Ok(vec![follow(context, place, (comparison, rest))?]);
            chain::has(context, place, (ty, reference), &rest)
        }
        [Step::Reference { head, filter }, rest @ ..] => {
            let rest = |place| {
                let mut filters = Vec::with_capacity(2);
                if let Some(filter) = filter {
                    filters.push(meaning(context, place, filter)?);
                }
                filters.push(follow(context, place, (comparison, rest))?);
                Ok(filters)
            };
            chain::through(context, place, head, &rest)
        }
    }
}
