//! `[code]`, `[system]|[code]`, `|[code]`, `[system]|`: <https://hl7.org/fhir/R4/search.html#token>.

use super::Asked;
use crate::{
    parse::{fault::Fault, value},
    plan::{System, Test, TokenTest},
    text,
};

const LATER: &[&str] = &["text", "in", "not-in", "above", "below", "of-type"];

pub(super) fn parse(asked: &Asked<'_>, value: &str) -> Result<Test, Fault> {
    asked.modifier_among(&["not"], LATER)?;
    token(value).map(Test::Token)
}

/// A token, whatever the parameter.
pub(super) fn token(value: &str) -> Result<TokenTest, Fault> {
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    let key = |part: &String| -> Box<str> { text::key(part).into() };
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
