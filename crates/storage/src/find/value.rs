//! Tests on values: as a condition on one index row, and as the stretches of an index where such rows lie.

mod date;
mod number;
mod reference;
mod text;
mod token;

use search::Test;

use super::{
    names::Names,
    range::Range,
    statement::{Sql, sql},
};

pub(super) use date::{updated, updated_ranges};
pub(super) use text::pattern;

/// Codes that are each walked on their own, as long as they are not more.
const LIST_MIN: usize = 100;

/// What all index rows of a test have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) table: &'static str,
    /// Whether `p` is the negative of the parameter.
    pub(super) is_negative: bool,
}

impl Place {
    pub(super) fn of(test: &Test) -> Self {
        let (table, is_negative) = match test {
            Test::Token(_) | Test::Mime(_) | Test::Concepts(_) => ("idx_token", false),
            Test::Identifier(_) | Test::Typed(_) => ("idx_token", true),
            Test::Text(_) => ("idx_string", true),
            Test::Reference(search::ReferenceTest::Url { .. }) | Test::Uri(_) => ("idx_uri", false),
            Test::Reference(_) => ("idx_reference", false),
            Test::String(_) => ("idx_string", false),
            Test::Date(_) => ("idx_date", false),
            Test::Number(_) => ("idx_number", false),
            Test::Quantity(..) | Test::Numbers(..) => ("idx_quantity", false),
            Test::Canonical(..) => ("idx_quantity", true),
            Test::Composite { part, .. } => return Self::of(part),
        };
        Self { table, is_negative }
    }

    /// The column `p` of these parameters' rows.
    pub(super) fn numbers(self, ps: &[i64]) -> Vec<i64> {
        ps.iter().map(|p| if self.is_negative { -p } else { *p }).collect()
    }
}

/// What a row of one of the parameters must be, a condition for each table that has such rows.
pub(super) fn rows(ps: &[i64], any: &[Test], names: &Names) -> Vec<(&'static str, Sql)> {
    let mut tables: Vec<&'static str> = any.iter().map(|test| Place::of(test).table).collect();
    tables.sort_unstable();
    tables.dedup();
    let rows = |table: &'static str| {
        let here = any.iter().filter(|test| Place::of(test).table == table);
        let mut plain = Vec::new();
        let mut own = Vec::new();
        let mut at = Vec::new();
        for test in here {
            if let Test::Composite { key, part } = test {
                let ks: Vec<i64> =
                    ps.iter().flat_map(|p| names.composites(*p, key)).copied().collect();
                let p = Sql::one_of("@.p", &Place::of(part).numbers(&ks));
                own.push(Sql::all([p, condition(part, names)]));
            } else {
                at = Place::of(test).numbers(ps);
                plain.push(condition(test, names));
            }
        }
        let plain = match token::by_system(any) {
            Some(codes) if table == "idx_token" => token::one_of(&codes, names),
            _ => Sql::any(plain),
        };
        own.push(Sql::all([Sql::one_of("@.p", &at), plain]));
        (table, Sql::any(own))
    };
    tables.into_iter().map(rows).filter(|(_, condition)| !condition.is_never()).collect()
}

/// What a row must be, but for its parameter; exactly what the test says.
fn condition(test: &Test, names: &Names) -> Sql {
    match test {
        Test::Token(token) | Test::Identifier(token) | Test::Typed(token) => {
            token::condition(token, names)
        }
        Test::Mime(code) => Sql::any(token::mime(code)),
        Test::Text(test) | Test::String(test) => text::condition(test),
        Test::Reference(test) => reference::condition(test),
        Test::Uri(test) => text::uri(test),
        Test::Date(test) => date::condition(test),
        Test::Number(test) => number::condition(*test, "@.value"),
        Test::Quantity(test, unit) => {
            Sql::all([number::condition(*test, "@.value"), number::unit(unit, names)])
        }
        Test::Canonical(test, unit) => {
            Sql::all([number::condition(*test, "@.value"), sql("@.code = ?", [(&**unit).into()])])
        }
        Test::Numbers(first, second) => Sql::all([
            number::condition(*first, "@.value"),
            number::condition(*second, "cast(@.unit as double precision)"),
        ]),
        Test::Composite { .. } | Test::Concepts(_) => Sql::never(),
    }
}

/// A long list of codes, those of a value set perhaps, as a stretch for each system; `None` for all else.
pub(super) fn lists(p: i64, any: &[Test], names: &Names) -> Option<Vec<Range>> {
    if any.len() <= LIST_MIN {
        return None;
    }
    let p = any.first().map(Place::of).map_or(p, |place| if place.is_negative { -p } else { p });
    Some(token::list_ranges(p, &token::by_system(any)?, names))
}

/// The stretches of the index with the rows of one parameter that satisfy the test.
pub(super) fn ranges(p: i64, test: &Test, names: &Names) -> Vec<Range> {
    if let Test::Composite { key, part } = test {
        let ks = names.composites(p, key);
        let ranges = ks.iter().flat_map(|k| ranges(*k, part, names));
        // one code in two systems is two keys
        return ranges.map(|range| Range { is_once: false, ..range }).collect();
    }
    let p = if Place::of(test).is_negative { -p } else { p };
    let ranges = match test {
        Test::Token(token) | Test::Identifier(token) | Test::Typed(token) => {
            token::ranges(token, names)
        }
        Test::Mime(code) => token::mime_ranges(code),
        Test::Text(test) | Test::String(test) => text::ranges(p, test, names),
        Test::Reference(test) => reference::ranges(test),
        Test::Uri(test) => text::uri_ranges(test),
        Test::Date(test) => date::ranges(test),
        Test::Number(test) => number::ranges(*test, "idx_number"),
        Test::Quantity(test, unit) => {
            let unit = number::unit(unit, names);
            let ranges = number::ranges(*test, "idx_quantity").into_iter();
            ranges.map(|range| range.but(unit.clone())).collect()
        }
        Test::Canonical(test, unit) => {
            let unit = sql("@.code = ?", [(&**unit).into()]);
            let ranges = number::ranges(*test, "idx_quantity").into_iter();
            ranges.map(|range| range.but(unit.clone())).collect()
        }
        Test::Numbers(first, second) => {
            let second = number::condition(*second, "cast(@.unit as double precision)");
            let ranges = number::ranges(*first, "idx_quantity").into_iter();
            ranges.map(|range| range.but(second.clone())).collect()
        }
        Test::Composite { .. } | Test::Concepts(_) => Vec::new(),
    };
    let of_p = |condition: Sql| Sql::all([sql("@.p = ?", [p.into()]), condition]);
    let at = |range: Range| Range {
        seek: of_p(range.seek),
        among_own: range.among_own.map(of_p),
        ..range
    };
    ranges.into_iter().filter(|range| !range.condition().is_never()).map(at).collect()
}
