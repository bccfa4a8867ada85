//! Values with a prefix: <https://hl7.org/fhir/R4/search.html#prefix>.

use super::Asked;
use crate::{
    parse::{fault::Fault, value},
    plan::{Comparison, DateTest, NumberTest, Test, UnitTest},
    quantity, text,
    timespan::Timespan,
};

const PREFIXES: &[(&str, Comparison)] = &[
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("lt", Comparison::Less),
    ("ge", Comparison::GreaterOrEqual),
    ("le", Comparison::LessOrEqual),
    ("sa", Comparison::StartsAfter),
    ("eb", Comparison::EndsBefore),
    ("ap", Comparison::Approximate),
];

pub(super) fn date(asked: &Asked<'_>, value: &str) -> Result<DateTest, Fault> {
    asked.modifier_among(&[], &[])?;
    let (comparison, text) = prefix(value);
    // a + that nobody encoded arrives as a space
    let span = Timespan::parse(&text.replace(' ', "+")).ok_or(Fault::Value(
        "takes dates such as 2026, 2026-11, 2026-11-22 or 2026-11-22T06:48:14Z, \
         after eq, ne, gt, lt, ge, le, sa, eb, ap or nothing"
            .into(),
    ))?;
    let span = if comparison == Comparison::Approximate {
        span.approximately(asked.reading.now)
    } else {
        span
    };
    Ok(DateTest { comparison, span })
}

pub(super) fn number(asked: &Asked<'_>, value: &str) -> Result<Test, Fault> {
    asked.modifier_among(&[], &[])?;
    prefixed_number(value).map(Test::Number)
}

/// `[number]`, `[number]|[system]|[code]`, `[number]||[code]`
pub(super) fn quantity(asked: &Asked<'_>, value: &str) -> Result<Test, Fault> {
    asked.modifier_among(&[], &[])?;
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    let key = |part: &String| -> Box<str> { text::key(part).into() };
    let (number, unit) = match parts.as_slice() {
        [number] => (number, UnitTest::Any),
        [number, system, code] => match (system.is_empty(), code.is_empty()) {
            (true, true) => (number, UnitTest::Any),
            (true, false) => (number, UnitTest::Named(key(code))),
            (false, false) => (number, UnitTest::Coded { system: key(system), code: key(code) }),
            (false, true) => return Err(Fault::Value(UNIT.into())),
        },
        _ => return Err(Fault::Value(UNIT.into())),
    };
    Ok(Test::Quantity(prefixed_number(number)?, unit))
}

const UNIT: &str = "takes [number], [number]|[system]|[code] or [number]||[code]";

fn prefixed_number(value: &str) -> Result<NumberTest, Fault> {
    let (comparison, text) = prefix(value);
    quantity::test(comparison, text).ok_or(Fault::Value(
        "takes numbers such as 5, -0.25 or 1.0e3, after eq, ne, gt, lt, ge, le, sa, eb, ap or nothing"
            .into(),
    ))
}

/// The prefix (`eq` when there is none) and what follows it.
fn prefix(value: &str) -> (Comparison, &str) {
    PREFIXES
        .iter()
        .find_map(|(prefix, comparison)| Some((*comparison, value.strip_prefix(prefix)?)))
        .unwrap_or((Comparison::Equal, value))
}
