//! Texts and URIs.

use search::{StringTest, UriTest};

use crate::find::{
    range::{Kind, Range},
    statement::{Sql, sql},
};

pub(super) fn condition(test: &StringTest) -> Sql {
    match test {
        StringTest::StartsWith(start) => starts_with("@.folded", start),
        StringTest::Exact(text) => {
            let folded = search::fold(text);
            // what is its own folding is not stored twice
            let exact = if *folded == **text { "" } else { text };
            sql("@.folded = ? and @.exact = ?", [(&*folded).into(), exact.into()])
        }
        StringTest::Is(text) => sql("@.folded = ?", [(&**text).into()]),
        StringTest::Contains(part) => like("@.folded", &format!("%{}%", pattern(part))),
        StringTest::EndsWith(end) => like("@.folded", &format!("%{}", pattern(end))),
    }
}

pub(super) fn ranges(test: &StringTest) -> Vec<Range> {
    let condition = condition(test);
    vec![match test {
        StringTest::StartsWith(_) => Range::spread("idx_string", "folded", Kind::Text, condition),
        StringTest::Exact(_) => Range::fixed("idx_string", "folded", Kind::Text, condition).once(),
        StringTest::Is(_) => Range::fixed("idx_string", "folded", Kind::Text, condition),
        StringTest::Contains(_) | StringTest::EndsWith(_) => {
            Range::spread("idx_string", "folded", Kind::Text, Sql::always()).but(condition)
        }
    }]
}

pub(super) fn uri(test: &UriTest) -> Sql {
    match test {
        UriTest::Is(uri) => sql("@.uri = ?", [(&**uri).into()]),
        UriTest::Below(start) if start.ends_with('/') => starts_with("@.uri", start),
        UriTest::Below(start) => Sql::any([
            sql("@.uri = ?", [(&**start).into()]),
            starts_with("@.uri", &format!("{start}/")),
        ]),
    }
}

pub(super) fn uri_ranges(test: &UriTest) -> Vec<Range> {
    let spread = |seek| Range::spread("idx_uri", "uri", Kind::Text, seek);
    let fixed = |seek| Range::fixed("idx_uri", "uri", Kind::Text, seek);
    match test {
        UriTest::Is(_) => vec![fixed(uri(test))],
        UriTest::Below(start) if start.ends_with('/') => vec![spread(uri(test))],
        UriTest::Below(start) => vec![
            fixed(sql("@.uri = ?", [(&**start).into()])),
            spread(starts_with("@.uri", &format!("{start}/"))),
        ],
    }
}

/// As a stretch of the index: from the text itself to the first one that does not start with it.
pub(super) fn starts_with(column: &str, start: &str) -> Sql {
    let end = format!("{start}{}", char::MAX);
    if start.is_empty() {
        return Sql::always();
    }
    sql(format!("{column} >= ? and {column} < ?"), [start.into(), end.into()])
}

/// A text for `like`, standing for itself.
pub(in crate::find) fn pattern(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

fn like(column: &str, pattern: &str) -> Sql {
    sql(format!("{column} like ? escape '\\'"), [pattern.into()])
}
