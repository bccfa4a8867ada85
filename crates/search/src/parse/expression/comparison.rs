//! The operators of `_filter` on the values of a parameter.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a kind of parameter names its operators; every other one is refused"
)]

use super::Comparison;
use crate::{
    SearchKind,
    parse::{
        Context,
        chain::Place,
        fault::Fault,
        filter::{self, Asked, negated, ordered, reference, string, token, uri},
    },
    plan::{self, Comparison as Prefix, DateTest, Filter, StringTest, Test},
};

/// How a value is compared: <https://hl7.org/fhir/R4/search_filter.html#ops>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `eq ne gt lt ge le sa eb ap`
    Prefix(Prefix),
    /// `co`
    Contains,
    /// `sw`
    StartsWith,
    /// `ew`
    EndsWith,
    /// `pr`
    Present,
    /// `po`
    Overlaps,
    /// `ss`: the value subsumes one of the resource's.
    Subsumes,
    /// `sb`: the value is subsumed by one of the resource's.
    SubsumedBy,
    /// `in`
    In,
    /// `ni`
    NotIn,
    /// `re`
    References,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("co", Operator::Contains),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("pr", Operator::Present),
    ("po", Operator::Overlaps),
    ("ss", Operator::Subsumes),
    ("sb", Operator::SubsumedBy),
    ("in", Operator::In),
    ("ni", Operator::NotIn),
    ("re", Operator::References),
];

const EQ: Operator = Operator::Prefix(Prefix::Equal);
const NE: Operator = Operator::Prefix(Prefix::NotEqual);

impl Operator {
    /// The length of every name.
    pub(super) const LEN: usize = 2;

    /// The operator of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let operator = OPERATORS.iter().find(|(known, _)| *known == name);
        let operator = operator.map(|(_, operator)| *operator);
        operator.or_else(|| ordered::comparison(name).map(Self::Prefix))
    }
}

/// What a comparison demands of the resources at the end of its path.
pub(super) fn filter(
    context: &Context<'_>,
    place: Place,
    Comparison { code, operator, value, .. }: &Comparison<'_>,
) -> Result<Filter, Fault> {
    if filter::names().any(|special| special == *code) {
        return special(context, place, (code, *operator, value));
    }
    let parameter = context.parameter(place.ty, code)?;
    context.budget.values(1)?;
    if *operator == Operator::Present {
        return match value.as_str() {
            "true" => filter::missing(parameter, "false"),
            "false" => filter::missing(parameter, "true"),
            _ => Err(Fault::Value("takes true or false after 'pr'".into())),
        };
    }
    let asked = Asked { context, place, parameter, modifier: None };
    let compared = match (&*parameter.code, parameter.kind) {
        ("_id", _) => id(&asked, *operator, value)?,
        (_, SearchKind::Date) => date(&asked, *operator, value)?,
        (_, SearchKind::Number) => match operator {
            Operator::Prefix(prefix) => {
                let test = ordered::number_test(*prefix, value)?;
                Some(asked.any(vec![Test::Number(test)]))
            }
            _ => None,
        },
        (_, SearchKind::Quantity) => match operator {
            Operator::Prefix(prefix) => {
                Some(asked.any(vec![ordered::quantity_test(*prefix, value)?]))
            }
            _ => None,
        },
        (_, SearchKind::String) => text_of(&asked, *operator, value)?,
        (_, SearchKind::Token) => code_of(&asked, *operator, value)?,
        (_, SearchKind::Reference) => reference(&asked, *operator, value)?,
        (_, SearchKind::Uri) => url(&asked, *operator, value)?,
        (_, SearchKind::Composite | SearchKind::Special) => match *operator {
            EQ => Some(asked.filter(&[value.as_str()])?),
            _ => None,
        },
    };
    compared.ok_or_else(|| {
        Fault::Modifier(format!(
            "compares '{}' by an operator that is not for a {}",
            parameter.code,
            parameter.kind.code()
        ))
    })
}

/// `_text co word`, `_list eq id`
fn special(
    context: &Context<'_>,
    place: Place,
    (code, operator, value): (&str, Operator, &str),
) -> Result<Filter, Fault> {
    let is_known = match code {
        "_text" | "_content" => matches!(operator, EQ | Operator::Contains),
        "_list" => matches!(operator, EQ | Operator::In),
        _ => false,
    };
    if !is_known {
        return Err(Fault::Modifier(format!("compares '{code}', which is not done so here")));
    }
    filter::parse(context, place, (code, value))
}

fn id(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let equal = || asked.filter(&[value]);
    Ok(match operator {
        EQ => Some(equal()?),
        NE => Some(negated(equal()?)),
        _ => None,
    })
}

fn date(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let test = match operator {
        Operator::Prefix(prefix) => ordered::date_test(asked.context, prefix, value)?,
        // overlaps, and nothing is widened
        Operator::Overlaps => DateTest {
            comparison: Prefix::Approximate,
            ..ordered::date_test(asked.context, Prefix::Equal, value)?
        },
        _ => return Ok(None),
    };
    Ok(Some(match &*asked.parameter.code {
        "_lastUpdated" => Filter::Updated(vec![test]),
        _ => asked.any(vec![Test::Date(test)]),
    }))
}

fn text_of(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let one = |test| asked.any(vec![Test::String(test)]);
    Ok(match operator {
        EQ => Some(one(StringTest::Is(string::fold(value)?))),
        NE => Some(other_than(asked, one(StringTest::Is(string::fold(value)?)))),
        Operator::Contains => Some(one(string::contains(value)?)),
        Operator::StartsWith => Some(one(StringTest::StartsWith(string::fold(value)?))),
        Operator::EndsWith => Some(one(string::ends_with(value)?)),
        _ => None,
    })
}

/// Codes; `co`, `sw` and `ew` look at their texts.
fn code_of(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let one = |test| Some(asked.any(vec![test]));
    let equal = || -> Result<Filter, Fault> {
        let tests = token::tokens(asked.parameter, value)?;
        Ok(asked.any(tests.into_iter().map(Test::Token).collect()))
    };
    Ok(match operator {
        EQ => Some(equal()?),
        NE => Some(other_than(asked, equal()?)),
        Operator::Contains => one(Test::Text(string::contains(value)?)),
        Operator::StartsWith => one(Test::Text(StringTest::StartsWith(string::fold(value)?))),
        Operator::EndsWith => one(Test::Text(string::ends_with(value)?)),
        Operator::Subsumes => one(token::below(asked.parameter, value)?),
        Operator::SubsumedBy => one(token::above(value)?),
        Operator::In => one(token::value_set(value)),
        Operator::NotIn => one(token::value_set(value)).map(negated),
        _ => None,
    })
}

fn reference(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let equal = || -> Result<Filter, Fault> {
        let tests = reference::plain(asked, value)?;
        Ok(asked.any(tests.into_iter().map(Test::Reference).collect()))
    };
    Ok(match operator {
        EQ | Operator::References => Some(equal()?),
        NE => Some(other_than(asked, equal()?)),
        _ => None,
    })
}

fn url(asked: &Asked<'_>, operator: Operator, value: &str) -> Result<Option<Filter>, Fault> {
    let any = |tests: Vec<plan::UriTest>| asked.any(tests.into_iter().map(Test::Uri).collect());
    Ok(match operator {
        EQ => Some(asked.filter(&[value])?),
        NE => Some(other_than(asked, asked.filter(&[value])?)),
        Operator::Subsumes => Some(any(vec![uri::below(value)?])),
        Operator::SubsumedBy => Some(any(uri::above(value)?)),
        _ => None,
    })
}

/// There is a value, and it is another.
fn other_than(asked: &Asked<'_>, filter: Filter) -> Filter {
    let (params, kind) = (asked.parameter.sources.clone(), asked.parameter.kind);
    Filter::All(vec![Filter::Present { params, kind }, negated(filter)])
}
