//! What a test says of one index row, of one parameter.

use super::World;
use crate::{
    plan::{
        Comparison, DateTest, NumberTest, ReferenceTest, StringTest, System, Test, TokenTest,
        UnitTest, UriTest, Version,
    },
    registry::ParamId,
    rows::{CompositeRow, Part, Rows, Target},
    timespan::Timespan,
};

/// Whether a row of the parameter satisfies the test.
pub(super) fn some(test: &Test, param: ParamId, rows: &Rows, world: &dyn World) -> bool {
    match test {
        Test::Token(test) => rows
            .tokens
            .iter()
            .any(|row| row.param == param && token(test, &row.code, row.system.as_deref())),
        Test::Mime(wanted) => {
            rows.tokens.iter().any(|row| row.param == param && is_mime(wanted, &row.code))
        }
        Test::Identifier(test) => rows
            .identifiers
            .iter()
            .any(|row| row.param == param && token(test, &row.code, row.system.as_deref())),
        Test::Typed(test) => rows
            .typed
            .iter()
            .any(|row| row.param == param && token(test, &row.code, row.system.as_deref())),
        Test::Text(test) => {
            // what is kept of the text of a code is folded
            rows.texts.iter().any(|row| row.param == param && string(test, &row.folded, ""))
        }
        Test::Reference(test) => rows
            .references
            .iter()
            .any(|row| row.param == param && reference(test, &row.target, world)),
        Test::String(test) => rows
            .strings
            .iter()
            .any(|row| row.param == param && string(test, &row.folded, &row.exact)),
        Test::Date(test) => {
            rows.dates.iter().any(|row| row.param == param && date_matches(test, row.span))
        }
        Test::Number(test) => {
            rows.numbers.iter().any(|row| row.param == param && number_matches(*test, row.value.0))
        }
        Test::Quantity(test, of) => rows.quantities.iter().any(|row| {
            row.param == param
                && number_matches(*test, row.value.0)
                && unit(of, row.system.as_deref(), row.code.as_deref(), row.unit.as_deref())
        }),
        Test::Canonical(test, of) => rows
            .canonical
            .iter()
            .any(|row| row.param == param && number_matches(*test, row.value.0) && row.unit == *of),
        Test::Uri(test) => rows.uris.iter().any(|row| row.param == param && uri(test, &row.uri)),
        Test::Composite { key, part } => rows.composites.iter().any(|row| {
            row.param == param
                && token(key, &row.code, row.system.as_deref())
                && other_part(part, row, world)
        }),
        // others take the place of the first before anything is compared; the second is part of a composite
        Test::Concepts(_) | Test::Numbers(..) => false,
    }
}

fn other_part(test: &Test, row: &CompositeRow, world: &dyn World) -> bool {
    match (test, &row.part) {
        (Test::Token(test), Part::Token { code, system }) => token(test, code, system.as_deref()),
        (Test::String(test), Part::String { folded, exact }) => string(test, folded, exact),
        (Test::Date(test), Part::Date(span)) => date_matches(test, *span),
        (Test::Number(test), Part::Number(value)) => number_matches(*test, value.0),
        (Test::Numbers(first, second), Part::Numbers(a, b)) => {
            number_matches(*first, a.0) && number_matches(*second, b.0)
        }
        (Test::Quantity(test, of), Part::Quantity { value, system, code, unit: named }) => {
            number_matches(*test, value.0)
                && unit(of, system.as_deref(), code.as_deref(), named.as_deref())
        }
        (Test::Canonical(test, of), Part::Canonical { value, unit }) => {
            number_matches(*test, value.0) && unit == of
        }
        (Test::Reference(test), Part::Reference(target)) => reference(test, target, world),
        _ => false,
    }
}

fn token(test: &TokenTest, code: &str, system: Option<&str>) -> bool {
    let of_system = match &test.system {
        System::Any => true,
        System::None => system.is_none(),
        System::Is(wanted) => system == Some(&**wanted),
    };
    of_system && test.code.as_ref().is_none_or(|wanted| **wanted == *code)
}

fn is_mime(wanted: &str, code: &str) -> bool {
    let rest = code.strip_prefix(wanted);
    rest.is_some_and(|rest| {
        rest.is_empty() || rest.starts_with(';') || (!wanted.contains('/') && rest.starts_with('/'))
    })
}

fn reference(test: &ReferenceTest, target: &Target, world: &dyn World) -> bool {
    match (test, target) {
        (ReferenceTest::Local { ty, id }, Target::Local { ty: t, id: i }) => ty == t && id == i,
        (ReferenceTest::Id { types, id }, Target::Local { ty, id: i }) => {
            id == i && (types.is_empty() || types.contains(ty))
        }
        (ReferenceTest::Url { url, version }, Target::Url { url: u, version: v }) => {
            url == u
                && match version {
                    Version::Any => true,
                    Version::Is(version) => v.as_ref() == Some(version),
                    Version::Of(version) => v.is_none() || v == version,
                    Version::Below(start) => v.as_ref().is_some_and(|v| is_version_below(start, v)),
                }
        }
        (ReferenceTest::Hierarchy { ty, id, part_of, way }, Target::Local { ty: t, id: i }) => {
            ty == t && world.hierarchy(*ty, id, *part_of, *way).contains(i)
        }
        (
            ReferenceTest::Local { .. }
            | ReferenceTest::Id { .. }
            | ReferenceTest::Url { .. }
            | ReferenceTest::Hierarchy { .. },
            Target::Local { .. } | Target::Contained { .. } | Target::Url { .. },
        ) => false,
    }
}

fn is_version_below(start: &str, version: &str) -> bool {
    version.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn string(test: &StringTest, folded: &str, exact: &str) -> bool {
    match test {
        StringTest::StartsWith(text) => folded.starts_with(&**text),
        StringTest::Exact(text) => exact == &**text,
        StringTest::Contains(text) => folded.contains(&**text),
        StringTest::Is(text) => folded == &**text,
        StringTest::EndsWith(text) => folded.ends_with(&**text),
    }
}

fn uri(test: &UriTest, uri: &str) -> bool {
    match test {
        UriTest::Is(wanted) => uri == &**wanted,
        UriTest::Below(start) => uri
            .strip_prefix(&**start)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || start.ends_with('/')),
    }
}

/// The table of <https://hl7.org/fhir/R4/search.html#prefix>, in its words.
pub(super) fn date_matches(test: &DateTest, target: Timespan) -> bool {
    let search = test.span;
    let contains = search.lo <= target.lo && target.hi <= search.hi;
    let above_overlaps = target.hi > search.hi;
    let below_overlaps = target.lo < search.lo;
    match test.comparison {
        Comparison::Equal => contains,
        Comparison::NotEqual => !contains,
        Comparison::Greater => above_overlaps,
        Comparison::Less => below_overlaps,
        Comparison::GreaterOrEqual => above_overlaps || contains,
        Comparison::LessOrEqual => below_overlaps || contains,
        Comparison::StartsAfter => target.lo >= search.hi,
        Comparison::EndsBefore => target.hi <= search.lo,
        Comparison::Approximate => target.lo < search.hi && target.hi > search.lo,
    }
}

fn number_matches(test: NumberTest, value: f64) -> bool {
    match test {
        NumberTest::Within(lo, hi) => lo <= value && value < hi,
        NumberTest::Outside(lo, hi) => value < lo || value >= hi,
        NumberTest::Greater(x) => value > x,
        NumberTest::GreaterOrEqual(x) => value >= x,
        NumberTest::Less(x) => value < x,
        NumberTest::LessOrEqual(x) => value <= x,
    }
}

fn unit(test: &UnitTest, system: Option<&str>, code: Option<&str>, unit: Option<&str>) -> bool {
    match test {
        UnitTest::Any => true,
        UnitTest::Coded { system: s, code: c } => system == Some(&**s) && code == Some(&**c),
        UnitTest::Named(name) => code == Some(&**name) || unit == Some(&**name),
    }
}
