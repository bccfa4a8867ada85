//! `[code]`, `[system]|[code]`, `|[code]`, `[system]|`: <https://hl7.org/fhir/R4/search.html#token>.

use super::{Asked, negated, string};
use crate::{
    parse::{Fault, value},
    plan::{Concepts, Filter, StringTest, System, Test, TokenTest},
    registry::Parameter,
    text,
};

const MODIFIERS: &[&str] = &["not", "text", "in", "not-in", "above", "below", "of-type"];

/// One of the codes; with `:not` and `:not-in` none of them.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    asked.modifier_among(MODIFIERS)?;
    let tests = asked.each(values, |asked, value| match asked.modifier {
        Some("text") => {
            Ok(Test::Text(StringTest::StartsWith(string::fold(&value::unescape(value))?)))
        }
        Some("in" | "not-in") => Ok(value_set(&value::unescape(value))),
        Some("below") => below(asked.parameter, value),
        Some("above") => above(value),
        Some("of-type") => of_type(value).map(Test::Typed),
        _ => token(value).map(Test::Token),
    })?;
    let filter = asked.any(tests);
    Ok(if matches!(asked.modifier, Some("not" | "not-in")) { negated(filter) } else { filter })
}

/// A token, whatever the parameter.
pub(in crate::parse) fn token(value: &str) -> Result<TokenTest, Fault> {
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    match parts.as_slice() {
        [code] => Ok(TokenTest { system: System::Any, code: Some(key(code)) }),
        [system, code] => match (system.is_empty(), code.is_empty()) {
            (true, true) => Err(Fault::Value("has a value with neither system nor code".into())),
            (true, false) => Ok(TokenTest { system: System::None, code: Some(key(code)) }),
            (false, true) => Ok(TokenTest { system: System::Is(key(system)), code: None }),
            (false, false) => {
                Ok(TokenTest { system: System::Is(key(system)), code: Some(key(code)) })
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
