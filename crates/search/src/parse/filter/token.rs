//! `[code]`, `[system]|[code]`, `|[code]`, `[system]|`: <https://hl7.org/fhir/R4/search.html#token>.

use super::{Asked, negated, string};
use crate::{
    parse::{Fault, budget, value},
    plan::{Concepts, Filter, StringTest, System, Test, TokenTest},
    registry::{Elements, Parameter},
    text,
};

const MODIFIERS: &[&str] = &["not", "text", "in", "not-in", "above", "below", "of-type"];

/// One of the codes; with `:not` and `:not-in` none of them.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(MODIFIERS)?;
    let tests = asked.each(values, |asked, value| {
        let one = match asked.modifier {
            Some("text") => {
                Test::Text(StringTest::StartsWith(string::fold(&value::unescape(value))?))
            }
            Some("in" | "not-in") => value_set(&value::unescape(value)),
            Some("below") => below(asked.parameter, value)?,
            Some("above") => above(value)?,
            Some("of-type") => Test::Typed(of_type(value)?),
            _ => {
                let tokens = tokens(asked.parameter, value)?;
                return Ok(tokens.into_iter().map(Test::Token).collect());
            }
        };
        Ok(vec![one])
    })?;
    let tests: Vec<Test> = tests.into_iter().flatten().collect();
    budget::tests(tests.len())?;
    let filter = asked.any(tests);
    Ok(if matches!(asked.modifier, Some("not" | "not-in")) { negated(filter) } else { filter })
}

/// A token of a parameter, as the index has it: a text without case, a code as it is; both where the elements may be
/// either.
pub(in crate::parse) fn tokens(
    parameter: &Parameter,
    value: &str,
) -> Result<Vec<TokenTest>, Fault> {
    let (as_given, as_text) = (|| read(value, key), || read(value, text::caseless));
    Ok(match parameter.elements {
        Elements::Texts => vec![as_text()?],
        Elements::SomeTexts => {
            let mut both = vec![as_given()?, as_text()?];
            both.dedup();
            both
        }
        Elements::Plain | Elements::Canonicals | Elements::Resources => vec![as_given()?],
    })
}

/// A token as it is given, whatever the parameter.
pub(in crate::parse) fn token(value: &str) -> Result<TokenTest, Fault> {
    read(value, key)
}

/// A token with its code as it is to be compared.
fn read(value: &str, code_of: fn(&str) -> Box<str>) -> Result<TokenTest, Fault> {
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    match parts.as_slice() {
        [code] => Ok(TokenTest { system: System::Any, code: Some(code_of(code)) }),
        [system, code] => match (system.is_empty(), code.is_empty()) {
            (true, true) => Err(Fault::Value("has a value with neither system nor code".into())),
            (true, false) => Ok(TokenTest { system: System::None, code: Some(code_of(code)) }),
            (false, true) => Ok(TokenTest { system: System::Is(key(system)), code: None }),
            (false, false) => {
                Ok(TokenTest { system: System::Is(key(system)), code: Some(code_of(code)) })
            }
        },
        _ => Err(Fault::Value(
            r"has a value with more than one '|'; inside a code or system write '\|'".into(),
        )),
    }
}

/// The codes of a value set.
pub(in crate::parse) fn value_set(url: &str) -> Test {
    Test::Concepts(Concepts::ValueSet(url.into()))
}

/// What a code subsumes; of mime types those with parameters.
pub(in crate::parse) fn below(parameter: &Parameter, value: &str) -> Result<Test, Fault> {
    let test = with_code(value)?;
    match test.code {
        Some(code) if is_mime(parameter) => Ok(Test::Mime(code)),
        code => Ok(Test::Concepts(Concepts::Below(TokenTest { code, ..test }))),
    }
}

/// What subsumes a code.
pub(in crate::parse) fn above(value: &str) -> Result<Test, Fault> {
    with_code(value).map(|test| Test::Concepts(Concepts::Above(test)))
}

fn with_code(value: &str) -> Result<TokenTest, Fault> {
    let test = token(value)?;
    if test.code.as_ref().is_none_or(|code| code.is_empty()) {
        return Err(Fault::Value("takes [code] or [system]|[code] for a hierarchy".into()));
    }
    Ok(test)
}

/// Whether the codes are those of <https://www.iana.org/assignments/media-types>.
fn is_mime(parameter: &Parameter) -> bool {
    parameter.expression.contains("contentType")
}

/// `[system]|[code]|[value]`, the first two of the identifier's type.
fn of_type(value: &str) -> Result<TokenTest, Fault> {
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    match parts.as_slice() {
        [system, code, value] if !(system.is_empty() || code.is_empty() || value.is_empty()) => {
            let code = Some(text::joined(code, value));
            Ok(TokenTest { system: System::Is(key(system)), code })
        }
        _ => Err(Fault::Value("with ':of-type' takes [system]|[code]|[value], all three".into())),
    }
}

fn key(part: &str) -> Box<str> {
    text::key(part).into()
}
