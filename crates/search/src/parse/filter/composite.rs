//! Parts of one element: <https://hl7.org/fhir/R4/search.html#composite>.

use super::{Asked, reference, string, token};
use crate::{
    SearchKind,
    parse::{Fault, budget, filter::ordered, value},
    plan::{Filter, NumberTest, StringTest, Test, TokenTest},
    registry::Parameter,
};

/// One of the combinations. The first part that is a token is their key.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(&[])?;
    let parameters = components(asked)?;
    let tests = asked.each(values, |asked, value| combination(asked, &parameters, value))?;
    let tests: Vec<Test> = tests.into_iter().flatten().collect();
    budget::tests(tests.len())?;
    Ok(asked.any(tests))
}

/// The parameters of the parts, in their order.
fn components<'a>(asked: &Asked<'a>) -> Result<Vec<&'a Parameter>, Fault> {
    let of_type = asked.context.registry.of(asked.place.ty);
    let urls = asked.parameter.components.iter().map(|(url, _)| url);
    let parameters = urls.map(|url| of_type.iter().find(|parameter| parameter.url == *url));
    parameters
        .collect::<Option<Vec<_>>>()
        .ok_or(Fault::Unsupported("has parts that this server does not know".into()))
}

/// `[part]$[part]...`: a test for each way in which the parts can be written in the index.
fn combination(
    asked: &Asked<'_>,
    parameters: &[&Parameter],
    value: &str,
) -> Result<Vec<Test>, Fault> {
    let mut parts = value::split(value, '$');
    if parts.len() != parameters.len() || parts.iter().any(|part| part.is_empty()) {
        return Err(Fault::Value(form(parameters).into()));
    }
    if is_crosswise(parameters, &parts) {
        parts.reverse();
    }
    let mut keys: Option<Vec<TokenTest>> = None;
    let mut others = Vec::new();
    for (parameter, text) in parameters.iter().zip(parts) {
        if keys.is_none() && parameter.kind == SearchKind::Token {
            keys = Some(token::tokens(parameter, text)?);
        } else {
            others.push(part(asked, parameter, text)?);
        }
    }
    let others = match <[Vec<Test>; 1]>::try_from(others) {
        Ok([one]) => one,
        Err(others) => {
            numbers(&others).map(|(a, b)| vec![Test::Numbers(a, b)]).ok_or_else(no_such_parts)?
        }
    };
    let keys = keys.ok_or_else(no_such_parts)?;
    let test = |key: &TokenTest, part: &Test| Test::Composite {
        key: key.clone(),
        part: Box::new(part.clone()),
    };
    Ok(keys.iter().flat_map(|key| others.iter().map(move |part| test(key, part))).collect())
}

/// Whether a reference and a token stand in the order `appends$DocumentReference/1`. R4 defines the parts of
/// the relationship of a document crosswise: by the parameters the reference comes first, by the
/// expressions the token. Both orders are taken.
fn is_crosswise(parameters: &[&Parameter], parts: &[&str]) -> bool {
    let is_reference = |part: &str| part.contains('/') && !part.contains('|');
    match (parameters, parts) {
        ([first, second], [a, b]) => {
            (first.kind, second.kind) == (SearchKind::Reference, SearchKind::Token)
                && !is_reference(a)
                && is_reference(b)
        }
        _ => false,
    }
}

fn no_such_parts() -> Fault {
    Fault::Unsupported("has other parts than a token and one value or two numbers".into())
}

/// Two parts that are one number each.
fn numbers(parts: &[Vec<Test>]) -> Option<(NumberTest, NumberTest)> {
    match parts {
        [a, b] => match (a.as_slice(), b.as_slice()) {
            ([Test::Number(a)], [Test::Number(b)]) => Some((*a, *b)),
            _ => None,
        },
        _ => None,
    }
}

/// A part that is not the key.
fn part(asked: &Asked<'_>, parameter: &Parameter, text: &str) -> Result<Vec<Test>, Fault> {
    let asked = Asked { parameter, modifier: None, ..*asked };
    Ok(match parameter.kind {
        SearchKind::Token => token::tokens(parameter, text)?.into_iter().map(Test::Token).collect(),
        SearchKind::String => {
            let folded = string::fold(&value::unescape(text))?;
            vec![Test::String(StringTest::StartsWith(folded))]
        }
        SearchKind::Date => vec![Test::Date(ordered::date(&asked, text)?)],
        SearchKind::Number => vec![ordered::number(text)?],
        SearchKind::Quantity => vec![ordered::quantity(text)?],
        SearchKind::Reference => {
            let tests = reference::plain(&asked, &value::unescape(text))?;
            tests.into_iter().map(Test::Reference).collect()
        }
        SearchKind::Uri | SearchKind::Composite | SearchKind::Special => {
            return Err(no_such_parts());
        }
    })
}

/// `takes [code]$[value-quantity], a token and a quantity`
fn form(parameters: &[&Parameter]) -> String {
    let names: Vec<String> = parameters.iter().map(|one| format!("[{}]", one.code)).collect();
    let kinds: Vec<&str> = parameters.iter().map(|one| one.kind.code()).collect();
    format!(r"takes {}: {}; inside a part write '\$'", names.join("$"), kinds.join(", "))
}
