//! Values with a prefix: <https://hl7.org/fhir/R4/search.html#prefix>.

use super::Asked;
use crate::{
    parse::{Context, Fault, value},
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

/// The system of UCUM's units.
const UCUM: &str = "http://unitsofmeasure.org";

pub(super) fn date(asked: &Asked<'_>, value: &str) -> Result<DateTest, Fault> {
    let (comparison, text) = prefix(value);
    date_test(asked.context, comparison, text)
}

pub(super) fn number(value: &str) -> Result<Test, Fault> {
    let (comparison, text) = prefix(value);
    number_test(comparison, text).map(Test::Number)
}

pub(super) fn quantity(value: &str) -> Result<Test, Fault> {
    let (comparison, text) = prefix(value);
    quantity_test(comparison, text)
}

/// A date, compared.
pub(in crate::parse) fn date_test(
    context: &Context<'_>,
    comparison: Comparison,
    text: &str,
) -> Result<DateTest, Fault> {
    // a + that nobody encoded arrives as a space
    let span = if text.contains(' ') {
        Timespan::parse(&text.replace(' ', "+"))
    } else {
        Timespan::parse(text)
    };
    let span = span.ok_or(Fault::Value(
        "takes dates such as 2026, 2026-11, 2026-11-22 or 2026-11-22T06:48:14Z, \
         after eq, ne, gt, lt, ge, le, sa, eb, ap or nothing"
            .into(),
    ))?;
    let span = if comparison == Comparison::Approximate {
        span.approximately(context.reading.now)
    } else {
        span
    };
    Ok(DateTest { comparison, span })
}

/// A number, compared.
pub(in crate::parse) fn number_test(
    comparison: Comparison,
    text: &str,
) -> Result<NumberTest, Fault> {
    quantity::test(comparison, text).ok_or(Fault::Value(
        "takes numbers such as 5, -0.25 or 1.0e3, after eq, ne, gt, lt, ge, le, sa, eb, ap or nothing"
            .into(),
    ))
}

/// `[number]`, `[number]|[system]|[code]`, `[number]||[code]`, compared. A UCUM unit that is known is
/// compared in base units, every other one as it is written.
pub(in crate::parse) fn quantity_test(comparison: Comparison, value: &str) -> Result<Test, Fault> {
    let parts: Vec<String> = value::split(value, '|').into_iter().map(value::unescape).collect();
    let key = |part: &String| -> Box<str> { text::key(part).into() };
    let (number, unit) = match parts.as_slice() {
        [number] => (number, UnitTest::Any),
        [number, system, code] => match (system.is_empty(), code.is_empty()) {
            (true, true) => (number, UnitTest::Any),
            (true, false) => (number, UnitTest::Named(key(code))),
            (false, false) if system == UCUM => match quantity::canonical(comparison, number, code)
            {
                Some((test, unit)) => return Ok(Test::Canonical(test, unit)),
                None => (number, UnitTest::Coded { system: key(system), code: key(code) }),
            },
            (false, false) => (number, UnitTest::Coded { system: key(system), code: key(code) }),
            (false, true) => return Err(Fault::Value(UNIT.into())),
        },
        _ => return Err(Fault::Value(UNIT.into())),
    };
    Ok(Test::Quantity(number_test(comparison, number)?, unit))
}

const UNIT: &str = "takes [number], [number]|[system]|[code] or [number]||[code]";

/// The prefix (`eq` when there is none) and what follows it.
fn prefix(value: &str) -> (Comparison, &str) {
    PREFIXES
        .iter()
        .find_map(|(prefix, comparison)| Some((*comparison, value.strip_prefix(prefix)?)))
        .unwrap_or((Comparison::Equal, value))
}

/// The comparison with this name.
pub(in crate::parse) fn comparison(name: &str) -> Option<Comparison> {
    PREFIXES.iter().find(|(known, _)| *known == name).map(|(_, comparison)| *comparison)
}
