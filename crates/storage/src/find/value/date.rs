//! Times: <https://hl7.org/fhir/R4/search.html#prefix>. A row's `lo` is below its `hi`.

use search::{Comparison, DateTest};

use crate::find::{
    range::{Kind, Range},
    statement::{Bind, Sql, sql},
};

/// The table of [`DateTest`] over the columns `lo` and `hi`.
pub(super) fn condition(test: &DateTest) -> Sql {
    let (a, b) = (Bind::Integer(test.span.lo), Bind::Integer(test.span.hi));
    match test.comparison {
        Comparison::Equal => sql("@.lo >= ? and @.hi <= ?", [a, b]),
        Comparison::NotEqual => sql("(@.lo < ? or @.hi > ?)", [a, b]),
        Comparison::Greater => sql("@.hi > ?", [b]),
        Comparison::Less => sql("@.lo < ?", [a]),
        Comparison::GreaterOrEqual => sql("(@.lo >= ? or @.hi > ?)", [a, b]),
        Comparison::LessOrEqual => sql("(@.lo < ? or @.hi <= ?)", [a, b]),
        Comparison::StartsAfter => sql("@.lo >= ?", [b]),
        Comparison::EndsBefore => sql("@.hi <= ?", [a]),
        Comparison::Approximate => sql("@.lo < ? and @.hi > ?", [b, a]),
    }
}

/// The same as stretches of the index by `lo` or of that by `hi`, whichever holds the fewest other rows.
pub(super) fn ranges(test: &DateTest) -> Vec<Range> {
    let (a, b) = (test.span.lo, test.span.hi);
    let by =
        |column: &'static str, seek: Sql| Range::spread("idx_date", column, Kind::Integer, seek);
    let at = |text: &str, value: i64| sql(text, [value.into()]);
    match test.comparison {
        Comparison::Equal => {
            let within = sql("@.lo >= ? and @.lo <= ?", [a.into(), b.into()]);
            vec![by("lo", within).but(at("@.hi <= ?", b))]
        }
        Comparison::NotEqual => {
            let within = sql("@.lo >= ? and @.lo <= ?", [a.into(), b.into()]);
            vec![
                by("lo", at("@.lo < ?", a)),
                by("lo", within).but(at("@.hi > ?", b)),
                by("lo", at("@.lo > ?", b)),
            ]
        }
        Comparison::Greater => vec![by("hi", at("@.hi > ?", b))],
        Comparison::Less => vec![by("lo", at("@.lo < ?", a))],
        // but for those that end inside and began before, all that end after the beginning
        Comparison::GreaterOrEqual => vec![by("hi", at("@.hi >= ?", a)).but(condition(test))],
        Comparison::LessOrEqual => vec![by("lo", at("@.lo <= ?", b)).but(condition(test))],
        Comparison::StartsAfter => vec![by("lo", at("@.lo >= ?", b))],
        Comparison::EndsBefore => vec![by("hi", at("@.hi <= ?", a))],
        // those that end inside all overlap; those that end later may begin later too
        Comparison::Approximate => vec![
            by("hi", sql("@.hi > ? and @.hi <= ?", [a.into(), b.into()])).but(at("@.lo < ?", b)),
            by("hi", at("@.hi > ?", b)).but(at("@.lo < ?", b)),
        ],
    }
}

/// The same over `updated` of a resource, which covers one millisecond: `lo` is its first microsecond.
pub(in crate::find) fn updated(test: &DateTest) -> Sql {
    let ceil = |micros: i64| {
        Bind::Integer(micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) > 0))
    };
    let floor = |micros: i64| Bind::Integer(micros.div_euclid(1000));
    let (a, b) = (test.span.lo, test.span.hi);
    match test.comparison {
        Comparison::Equal => sql("@.updated >= ? and @.updated < ?", [ceil(a), floor(b)]),
        Comparison::NotEqual => sql("(@.updated < ? or @.updated >= ?)", [ceil(a), floor(b)]),
        Comparison::Greater => sql("@.updated >= ?", [floor(b)]),
        Comparison::Less => sql("@.updated < ?", [ceil(a)]),
        Comparison::GreaterOrEqual => {
            sql("(@.updated >= ? or @.updated >= ?)", [ceil(a), floor(b)])
        }
        Comparison::LessOrEqual => sql("(@.updated < ? or @.updated < ?)", [ceil(a), floor(b)]),
        Comparison::StartsAfter => sql("@.updated >= ?", [ceil(b)]),
        Comparison::EndsBefore => sql("@.updated < ?", [floor(a)]),
        Comparison::Approximate => sql("@.updated < ? and @.updated >= ?", [ceil(b), floor(a)]),
    }
}

/// The same as stretches of the resources of a type by `updated`.
pub(in crate::find) fn updated_ranges(ty: i64, test: &DateTest) -> Vec<Range> {
    let ceil = |micros: i64| micros.div_euclid(1000) + i64::from(micros.rem_euclid(1000) > 0);
    let floor = |micros: i64| micros.div_euclid(1000);
    let (a, b) = (test.span.lo, test.span.hi);
    let from = |value: i64| sql("@.updated >= ?", [value.into()]);
    let until = |value: i64| sql("@.updated < ?", [value.into()]);
    let stretches = match test.comparison {
        Comparison::NotEqual => vec![until(ceil(a)), from(floor(b))],
        Comparison::GreaterOrEqual => vec![from(ceil(a).min(floor(b)))],
        Comparison::LessOrEqual => vec![until(ceil(a).max(floor(b)))],
        Comparison::Equal
        | Comparison::Greater
        | Comparison::Less
        | Comparison::StartsAfter
        | Comparison::EndsBefore
        | Comparison::Approximate => vec![updated(test)],
    };
    let of_type = sql("@.type = ? and @.version > 0", [ty.into()]);
    let range = |seek| {
        Range::spread("resource", "updated", Kind::Integer, Sql::all([of_type.clone(), seek]))
            .once()
            .but(sql("@.body is not null", []))
    };
    stretches.into_iter().map(range).collect()
}
