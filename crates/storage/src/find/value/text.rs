//! Texts and URIs.

use search::{ParamId, SUFFIX_LETTERS, SUFFIX_LETTERS_MIN, StringTest, UriTest};

use crate::{
    find::{
        names::Names,
        range::{Kind, Range},
        statement::{Sql, sql},
    },
    index::{COMPOSITE_KEY_MIN, CONTAINED},
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

/// The rows of a parameter (a negative one: of a token's texts).
pub(super) fn ranges(p: i64, test: &StringTest, names: &Names) -> Vec<Range> {
    let condition = condition(test);
    match test {
        StringTest::StartsWith(_) => {
            vec![Range::spread("idx_string", "folded", Kind::Text, condition)]
        }
        StringTest::Exact(_) => {
            vec![Range::fixed("idx_string", "folded", Kind::Text, condition).once()]
        }
        StringTest::Is(_) => vec![Range::fixed("idx_string", "folded", Kind::Text, condition)],
        StringTest::Contains(text) | StringTest::EndsWith(text) => {
            by_suffix(p, test, (text, names)).unwrap_or_else(|| {
                vec![
                    Range::spread("idx_string", "folded", Kind::Text, Sql::always()).but(condition),
                ]
            })
        }
    }
}

/// What has a suffix that begins with the text, and what may contain anything; `None` where there are no such suffixes.
fn by_suffix(p: i64, test: &StringTest, (text, names): (&str, &Names)) -> Option<Vec<Range>> {
    let param = u32::try_from(p % i64::from(CONTAINED))
        .ok()
        .filter(|_| p < i64::from(COMPOSITE_KEY_MIN))?;
    text.chars().nth(SUFFIX_LETTERS_MIN - 1).filter(|_| search::has_suffixes(ParamId(param)))?;
    let rows = |seek| Range::spread("idx_suffix", "suffix", Kind::Text, seek);
    let own = names.dialect.by_resource("idx_string", "s");
    let is_so =
        sql(format!("exists (select 1 from {own} where s.res = @.res and s.p = @.p and "), [])
            .with(condition(test).on("s"))
            .then(names.end);
    let kept: String = text.chars().take(SUFFIX_LETTERS).collect();
    // a suffix with as many letters as are kept may go on
    let is_full = text.chars().nth(SUFFIX_LETTERS - 1).is_some();
    let is_end = matches!(test, StringTest::EndsWith(_));
    let found = match (is_end, is_full, kept == text) {
        (true, false, _) => rows(sql("@.suffix = ?", [text.into()])),
        (false, _, true) => rows(starts_with("@.suffix", text)),
        _ => rows(sql("@.suffix = ?", [kept.as_str().into()])).but(is_so.clone()),
    };
    Some(vec![found, rows(sql("@.suffix = ''", [])).but(is_so)])
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
