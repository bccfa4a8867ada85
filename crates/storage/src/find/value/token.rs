//! Codes with their systems.

use search::{System, Test, TokenTest};

use super::text;
use crate::find::{
    names::Names,
    range::{Kind, Range},
    statement::{Sql, sql},
};

pub(super) fn condition(test: &TokenTest, names: &Names) -> Sql {
    let code = match &test.code {
        Some(code) => sql("@.code = ?", [(&**code).into()]),
        None => Sql::always(),
    };
    Sql::all([code, of_system(&test.system, names)])
}

/// The sign of `sys` only says which of a resource's rows comes first.
fn of_system(system: &System, names: &Names) -> Sql {
    match system {
        System::Any => Sql::always(),
        System::None => sql("@.sys = 0", []),
        System::Is(uri) => match names.system(uri) {
            Some(sys) => sql("abs(@.sys) = ?", [sys.into()]),
            None => Sql::never(),
        },
    }
}

pub(super) fn ranges(test: &TokenTest, names: &Names) -> Vec<Range> {
    let of_system = of_system(&test.system, names);
    let range = match &test.code {
        Some(code) => {
            let code = sql("@.code = ?", [(&**code).into()]);
            let range = Range::fixed("idx_token", "code", Kind::Text, code).once();
            match test.system {
                // a code in two systems is one resource
                System::Any => range.but(sql("@.sys >= 0", [])),
                System::None | System::Is(_) => range.but(of_system),
            }
        }
        None => Range::spread("idx_token", "code", Kind::Text, Sql::always()).but(of_system),
    };
    vec![range]
}

/// Codes by their systems, when all tests name a code.
pub(super) fn by_system(any: &[Test]) -> Option<Vec<(&System, Vec<&str>)>> {
    let mut lists: Vec<(&System, Vec<&str>)> = Vec::new();
    for test in any {
        let (Test::Token(token) | Test::Identifier(token) | Test::Typed(token)) = test else {
            return None;
        };
        let code = token.code.as_deref()?;
        match lists.iter_mut().find(|(system, _)| **system == token.system) {
            Some((_, codes)) => codes.push(code),
            None => lists.push((&token.system, vec![code])),
        }
    }
    Some(lists)
}

/// That a row has one of these codes: short for long lists.
pub(super) fn one_of(lists: &[(&System, Vec<&str>)], names: &Names) -> Sql {
    Sql::any(
        lists.iter().map(|(system, codes)| {
            Sql::all([Sql::one_of("@.code", codes), of_system(system, names)])
        }),
    )
}

/// The stretches with one of these codes, from the first to the last code of a system.
pub(super) fn list_ranges(p: i64, lists: &[(&System, Vec<&str>)], names: &Names) -> Vec<Range> {
    let range = |(system, codes): &(&System, Vec<&str>)| {
        let seek = Sql::all([sql("@.p = ?", [p.into()]), Sql::one_of("@.code", codes)]);
        Range::spread("idx_token", "code", Kind::Text, seek).but(of_system(system, names))
    };
    lists.iter().map(range).filter(|range| !range.condition().is_never()).collect()
}

/// `text/xml`, `text/xml; ...`; `text` also `text/...`.
pub(super) fn mime(code: &str) -> Vec<Sql> {
    let mut any =
        vec![sql("@.code = ?", [code.into()]), text::starts_with("@.code", &format!("{code};"))];
    if !code.contains('/') {
        any.push(text::starts_with("@.code", &format!("{code}/")));
    }
    any
}

pub(super) fn mime_ranges(code: &str) -> Vec<Range> {
    mime(code)
        .into_iter()
        .map(|seek| Range::spread("idx_token", "code", Kind::Text, seek))
        .collect()
}
