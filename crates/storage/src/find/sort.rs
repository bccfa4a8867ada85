//! Sort keys: as a value of a resource, and as an index that is walked.

use search::{ContainedType, Direction, Plan, SearchKind, Sort, SortKey};

use super::{
    ask::Dialect,
    names::Names,
    part::{Domain, Part, shown},
    range::{Kind, Range},
    statement::{Sql, sql},
};

/// The index of a first sort key.
#[derive(Debug)]
pub(super) struct Track {
    /// Its stretches, and whose resources each holds.
    pub(super) ranges: Vec<(Range, Of)>,
    /// That `@` is a smaller row than `d` of the same resource, or a greater one when sorted downwards; nothing
    /// where each resource has one row only.
    pub(super) sooner: Option<Sql>,
    /// That a resource has no row.
    pub(super) missing: Option<Sql>,
}

/// Whose resources a stretch of a sort key's index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// Those of this part.
    Part(usize),
    /// Those of parts in this domain.
    Domain(Domain),
}

/// The index table, its columns to sort up and down by, and what these hold.
fn table(kind: SearchKind) -> Option<(&'static str, &'static str, &'static str, Kind)> {
    match kind {
        SearchKind::Token => Some(("idx_token", "code", "code", Kind::Text)),
        SearchKind::String => Some(("idx_string", "folded", "folded", Kind::Text)),
        SearchKind::Uri => Some(("idx_uri", "uri", "uri", Kind::Text)),
        SearchKind::Date => Some(("idx_date", "lo", "hi", Kind::Integer)),
        SearchKind::Number => Some(("idx_number", "value", "value", Kind::Real)),
        SearchKind::Quantity => Some(("idx_quantity", "value", "value", Kind::Real)),
        SearchKind::Reference | SearchKind::Composite | SearchKind::Special => None,
    }
}

fn column(kind: SearchKind, direction: Direction) -> Option<(&'static str, &'static str, Kind)> {
    let (table, up, down, kind) = table(kind)?;
    Some((table, if direction == Direction::Ascending { up } else { down }, kind))
}

/// The columns of an index table besides the parameter, the resource and those that are sorted by.
fn others(table: &str) -> &'static [&'static str] {
    match table {
        "idx_token" => &["sys"],
        "idx_string" => &["exact"],
        "idx_uri" => &["version"],
        "idx_date" => &["lo", "hi"],
        "idx_quantity" => &["code", "sys", "unit"],
        _ => &[],
    }
}

/// Whether the first sort key has an index that can be walked. Containers stand in the order of their own values, which
/// the rows of what they contain do not tell: they are collected.
pub(super) fn can_be_walked(plan: &Plan) -> bool {
    if shown(plan) == Some(ContainedType::Container) {
        return false;
    }
    let is_own = plan.contained == search::Contained::No;
    match plan.sort.first().map(|sort| &sort.key) {
        Some(SortKey::Id | SortKey::Updated) => is_own,
        Some(SortKey::Value { kind, .. }) => table(*kind).is_some(),
        None => false,
    }
}

/// The value of a resource: a scalar over the column `res`. The numbers of parameters are part of its text.
pub(super) fn value(sort: &Sort, res: &str, domain: Domain, dialect: Dialect) -> String {
    let pick = if sort.direction == Direction::Ascending { "min" } else { "max" };
    match &sort.key {
        SortKey::Id if domain == Domain::Own => {
            format!("(select s.id from resource s where s.res = {res})")
        }
        // the id inside the container stands behind that of the container
        SortKey::Id => {
            let find = match dialect {
                Dialect::Sqlite => "instr",
                Dialect::Postgres => "strpos",
            };
            format!(
                "(select substr(s.id, {find}(s.id, '#') + 1) from resource s where s.res = {res})"
            )
        }
        SortKey::Updated if domain == Domain::Own => {
            format!("(select s.updated from resource s where s.res = {res})")
        }
        SortKey::Updated => format!(
            "(select c.updated from resource s join resource c on c.res = coalesce(s.container, s.res) \
             where s.res = {res})"
        ),
        SortKey::Value { params, kind } => {
            let ps: Vec<String> = domain.numbers(params).iter().map(i64::to_string).collect();
            let p = format!("s.p in ({})", ps.join(", "));
            match column(*kind, sort.direction) {
                Some((table, column, _)) => {
                    let rows = dialect.by_resource(table, "s");
                    let rows = format!("from {rows} where s.res = {res} and {p}");
                    match dialect {
                        Dialect::Sqlite => format!("(select {pick}(s.{column}) {rows})"),
                        // it would walk along the values of all resources to the first of this one
                        Dialect::Postgres => format!(
                            "(select {pick}(s.{column}) from (select s.{column} {rows} offset 0) as s)"
                        ),
                    }
                }
                None if *kind == SearchKind::Reference => format!(
                    "(select {pick}(t.id) from idx_reference s join resource t on t.res = s.target \
                     where s.res = {res} and t.container is null and {p})"
                ),
                None => Kind::Text.null().to_owned(),
            }
        }
    }
}

/// What a value holds.
pub(super) fn kind(sort: &Sort) -> Kind {
    match &sort.key {
        SortKey::Id => Kind::Text,
        SortKey::Updated => Kind::Integer,
        SortKey::Value { kind, .. } => table(*kind).map_or(Kind::Text, |(.., kind)| kind),
    }
}

/// The index of a sort key.
pub(super) fn track(sort: &Sort, parts: &[Part<'_>], domain: Domain, names: &Names) -> Track {
    let of_types = |column: &'static str, kind, condition: &str| {
        let range = |(n, part): (usize, &Part<'_>)| {
            let seek = sql(condition, [i64::from(part.ty.number()).into()]);
            let range = Range::spread("resource", column, kind, seek).once();
            (range.but(sql("@.body is not null", [])), Of::Part(n))
        };
        let ranges = parts.iter().enumerate().map(range).collect();
        Track { ranges, sooner: None, missing: None }
    };
    match &sort.key {
        SortKey::Id => of_types("id", Kind::Text, "@.type = ?"),
        SortKey::Updated => of_types("updated", Kind::Integer, "@.type = ? and @.version > 0"),
        SortKey::Value { params, kind } => {
            let Some((table, column, kind)) = column(*kind, sort.direction) else {
                return Track { ranges: Vec::new(), sooner: None, missing: None };
            };
            let range = |domain: &Domain| {
                let ps = domain.numbers(params).into_iter();
                let domain = *domain;
                ps.map(move |p| {
                    (
                        Range::spread(table, column, kind, sql("@.p = ?", [p.into()])),
                        Of::Domain(domain),
                    )
                })
            };
            let p = Sql::one_of("@.p", &domain.numbers(params));
            let sign = if sort.direction == Direction::Ascending { "<" } else { ">" };
            // the first of its rows: whole rows are never equal
            let columns = |row: &str| -> String {
                let others = others(table).iter().filter(|one| **one != column);
                let columns = [column, "p"].into_iter().chain(others.copied());
                columns.map(|one| format!("{row}.{one}")).collect::<Vec<_>>().join(", ")
            };
            let sooner = sql(format!("({}) {sign} ({})", columns("s"), columns("d")), []);
            let rows = names.dialect.by_resource(table, "s");
            let row = |condition: Sql| {
                sql(format!("not exists (select 1 from {rows} where s.res = d.res and "), [])
                    .with(condition.on("s"))
                    .then(names.end)
            };
            Track {
                ranges: domain.pieces().iter().flat_map(range).collect(),
                sooner: Some(row(Sql::all([p.clone(), sooner]))),
                missing: Some(row(p)),
            }
        }
    }
}
