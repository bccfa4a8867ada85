//! Filters as conditions on a resource that is found already: look-ups by its number.

use fhir_model::ResourceType;
use search::{Circle, During, Filter, ParamId, SearchKind, TypePlan, WordScope};

use super::{
    ask::Dialect,
    names::Names,
    part::{Domain, Part},
    statement::{Sql, sql},
    value,
};
use crate::words;

/// The resource that is checked.
#[derive(Debug, Clone)]
pub(super) struct On {
    /// Its number: a column of a statement around the condition.
    pub(super) res: String,
    pub(super) ty: ResourceType,
    pub(super) domain: Domain,
    /// How many conditions this one stands in; names its rows.
    pub(super) depth: usize,
}

impl On {
    pub(super) fn new(part: &Part<'_>, res: impl Into<String>) -> Self {
        Self { res: res.into(), ty: part.ty, domain: part.domain, depth: 1 }
    }
}

/// Whether a resource satisfies a filter.
pub(super) fn holds(filter: &Filter, on: &On, names: &Names) -> Sql {
    match filter {
        Filter::All(inner) => Sql::all(inner.iter().map(|one| holds(one, on, names))),
        Filter::Any(inner) => Sql::any(inner.iter().map(|one| holds(one, on, names))),
        Filter::Not(inner) => Sql::not(holds(inner, on, names)),
        Filter::Id(ids) => id(ids, on, names),
        Filter::Updated(any) => updated(Sql::any(any.iter().map(value::updated)), on, names),
        Filter::Value { params, any } => {
            let rows = value::rows(&on.domain.numbers(params), any, names).into_iter();
            Sql::any(rows.map(|(table, condition)| exists(table, condition, on, names)))
        }
        Filter::Present { params, kind } => present(params, *kind, on, names),
        Filter::Chain { params, targets } => chain(params, targets, on, names),
        Filter::Has { params, source } => has(params, source, on, names),
        Filter::Words { scope, any } => word(*scope, any, on, names),
        Filter::Near { params, any } => near(params, any, on, names),
        Filter::During(during) => at_its_time(during, on, names),
    }
}

/// Whether some row of the resource satisfies the condition on `@`.
fn exists(table: &str, condition: Sql, on: &On, names: &Names) -> Sql {
    let row = format!("i{}", on.depth);
    let res = &on.res;
    sql(format!("exists (select 1 from {table} {row} where {row}.res = {res} and "), [])
        .with(condition.on(&row))
        .then(names.end)
}

/// The id of a contained resource stands behind that of its container.
fn id(ids: &[Box<str>], on: &On, names: &Names) -> Sql {
    let own: Vec<&str> = ids.iter().map(|id| &**id).collect();
    let own = Sql::one_of("@.id", &own);
    let contained = ids.iter().map(|id| {
        let pattern = format!("%#{}", value::pattern(id));
        sql("@.id like ? escape '\\'", [pattern.into()])
    });
    let condition = match on.domain {
        Domain::Own => own,
        Domain::Contained => Sql::any(contained),
        Domain::Either => Sql::any(contained.chain([own])),
    };
    if condition.is_never() { condition } else { exists("resource", condition, on, names) }
}

/// What is contained was updated when its container was.
fn updated(condition: Sql, on: &On, names: &Names) -> Sql {
    if on.domain == Domain::Own {
        return exists("resource", condition, on, names);
    }
    let (row, outer, res) = (format!("i{}", on.depth), format!("c{}", on.depth), &on.res);
    let from = format!(
        "exists (select 1 from resource {row} join resource {outer} on {outer}.res = \
         coalesce({row}.container, {row}.res) where {row}.res = {res} and "
    );
    sql(from, []).with(condition.on(&outer)).then(names.end)
}

fn present(params: &[ParamId], kind: SearchKind, on: &On, names: &Names) -> Sql {
    let ps = on.domain.numbers(params);
    let p = |ps: &[i64]| Sql::one_of("@.p", ps);
    let table = |table: &str| exists(table, p(&ps), on, names);
    let negative: Vec<i64> = ps.iter().map(|p| -p).collect();
    let mut any = match kind {
        SearchKind::Token => vec![table("idx_token")],
        SearchKind::Reference => {
            vec![
                table("idx_reference"),
                table("idx_uri"),
                exists("idx_token", p(&negative), on, names),
            ]
        }
        SearchKind::String => vec![table("idx_string")],
        SearchKind::Date => vec![table("idx_date")],
        SearchKind::Number => vec![table("idx_number")],
        SearchKind::Quantity => vec![table("idx_quantity")],
        SearchKind::Uri => vec![table("idx_uri")],
        SearchKind::Special => vec![table("idx_position")],
        SearchKind::Composite => {
            COMPOSITES.iter().map(|table| composite(table, &ps, on, names)).collect()
        }
    };
    any.push(table("idx_present"));
    Sql::any(any)
}

/// Where the parts of composites are.
const COMPOSITES: &[&str] = &[
    "idx_quantity",
    "idx_token",
    "idx_string",
    "idx_date",
    "idx_number",
    "idx_reference",
    "idx_uri",
];

/// A row whose `p` is a key of the composite; a quantity in base units (`-k`) has one as given beside it.
fn composite(table: &str, ps: &[i64], on: &On, names: &Names) -> Sql {
    let (row, res) = (format!("i{}", on.depth), &on.res);
    let from = format!(
        "exists (select 1 from {table} {row} cross join composite_key k where {row}.res = {res} \
         and {row}.p >= 1000000000 and k.k = {row}.p and "
    );
    sql(from, []).with(Sql::one_of("k.p", ps)).then(names.end)
}

/// It refers to what satisfies one of the plans.
fn chain(params: &[ParamId], targets: &[TypePlan], on: &On, names: &Names) -> Sql {
    let row = format!("i{}", on.depth);
    let target = |plan: &TypePlan| {
        let target = On {
            res: format!("{row}.target"),
            ty: plan.ty,
            domain: Domain::Either,
            depth: on.depth + 1,
        };
        satisfies(plan, &target, names)
    };
    let targets = Sql::any(targets.iter().map(target));
    let p = Sql::one_of("@.p", &on.domain.numbers(params));
    let condition = Sql::all([p, targets]);
    if condition.is_never() { condition } else { exists("idx_reference", condition, on, names) }
}

/// What satisfies the plan refers to it; what is contained in another is not referred to.
fn has(params: &[ParamId], source: &TypePlan, on: &On, names: &Names) -> Sql {
    if on.domain == Domain::Contained {
        return Sql::never();
    }
    let (row, res) = (format!("i{}", on.depth), &on.res);
    let other =
        On { res: format!("{row}.res"), ty: source.ty, domain: Domain::Own, depth: on.depth + 1 };
    let p = Sql::one_of("@.p", &Domain::Own.numbers(params));
    let filters = source.filters.iter().map(|filter| holds(filter, &other, names));
    let condition = Sql::all([p].into_iter().chain(filters));
    if condition.is_never() {
        return condition;
    }
    let refers = sql(
        format!("exists (select 1 from idx_reference {row} where {row}.target = {res} and "),
        [],
    )
    .with(condition.on(&row))
    .then(names.end);
    if on.domain == Domain::Own {
        return refers;
    }
    Sql::all([exists("resource", sql("@.container is null", []), on, names), refers])
}

/// Something refers to what it refers to, and its own time lies in that of the other.
fn at_its_time(during: &During, on: &On, names: &Names) -> Sql {
    // what is contained has no such times
    if on.domain == Domain::Contained {
        return Sql::never();
    }
    let (n, res) = (on.depth, &on.res);
    let [at, about, refers, within] = ["i", "a", "b", "w"].map(|name| format!("{name}{n}"));
    let own = Domain::Own;
    let p = |row: &str, params: &[ParamId]| Sql::one_of("@.p", &own.numbers(params)).on(row);
    let other = On { res: format!("{refers}.res"), ty: during.other.ty, domain: own, depth: n + 1 };
    let joined = format!(
        "{about}.res = {res} and {refers}.target = {about}.target and {within}.res = {refers}.res \
         and {within}.lo <= {at}.lo and {within}.hi >= {at}.hi"
    );
    let conditions = [
        p(&at, &[during.at]),
        p(&about, &during.about),
        p(&refers, &during.refers),
        p(&within, &[during.within]),
        sql(joined, []),
    ];
    let filters = during.other.filters.iter().map(|filter| holds(filter, &other, names));
    let condition = Sql::all(conditions.into_iter().chain(filters));
    if condition.is_never() {
        return condition;
    }
    let from = format!(
        "exists (select 1 from idx_date {at} cross join idx_reference {about} \
         cross join idx_reference {refers} cross join idx_date {within} where {at}.res = {res} and "
    );
    sql(from, []).with(condition).then(names.end)
}

/// Whether a resource is there, of the plan's type, and satisfies its filters.
pub(super) fn satisfies(plan: &TypePlan, on: &On, names: &Names) -> Sql {
    let is_there = if plan.filters.iter().any(tells_type) {
        // only resources of the type that are there have such index rows
        Sql::always()
    } else {
        is_there(on, names)
    };
    let filters = plan.filters.iter().map(|filter| holds(filter, on, names));
    Sql::all([is_there].into_iter().chain(filters))
}

/// Whether a resource is there and of the type.
pub(super) fn is_there(on: &On, names: &Names) -> Sql {
    let stands = match on.domain {
        Domain::Own => "@.body is not null",
        Domain::Contained => "@.container is not null",
        Domain::Either => "(@.body is not null or @.container is not null)",
    };
    let number = i64::from(on.ty.number());
    exists("resource", sql(format!("@.type = ? and {stands}"), [number.into()]), on, names)
}

fn tells_type(filter: &Filter) -> bool {
    match filter {
        Filter::All(inner) => inner.iter().any(tells_type),
        Filter::Any(inner) => inner.iter().all(tells_type),
        Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Near { .. }
        | Filter::During(_)
        | Filter::Words { .. } => true,
        Filter::Not(_) | Filter::Id(_) | Filter::Updated(_) | Filter::Has { .. } => false,
    }
}

fn word(scope: WordScope, any: &[Vec<Box<str>>], on: &On, names: &Names) -> Sql {
    if any.is_empty() {
        return Sql::never();
    }
    if any.iter().any(Vec::is_empty) {
        return Sql::always();
    }
    match names.dialect {
        Dialect::Postgres => {
            let all = |list: &Vec<Box<str>>| {
                Sql::all(list.iter().map(|word| has_word((scope, word), on, names)))
            };
            Sql::any(any.iter().map(all))
        }
        Dialect::Sqlite => {
            let (row, res) = (format!("i{}", on.depth), &on.res);
            let from =
                format!("exists (select 1 from idx_word {row} where {row}.rowid = {res} and ");
            let matches = words::sqlite_match(on.ty, scope, any);
            sql(from, []).with(sql("idx_word match ?", [matches.into()])).then(names.end)
        }
    }
}

/// That it has a word, on PostgreSQL.
pub(super) fn has_word((scope, word): (WordScope, &str), on: &On, names: &Names) -> Sql {
    exists("idx_word", Sql::one_of("@.word", &words::numbers(on.ty, scope, word)), on, names)
}

fn near(params: &[ParamId], any: &[Circle], on: &On, names: &Names) -> Sql {
    let p = Sql::one_of("@.p", &on.domain.numbers(params));
    let condition = Sql::all([p, Sql::any(any.iter().map(inside))]);
    if condition.is_never() { condition } else { exists("idx_position", condition, on, names) }
}

/// That the row `@` of `idx_position` is within a circle, compared by squares.
pub(super) fn inside(circle: &Circle) -> Sql {
    let [x, y, z] = circle.middle;
    let square = circle.chord * circle.chord;
    sql(
        "(@.x - ?) * (@.x - ?) + (@.y - ?) * (@.y - ?) + (@.z - ?) * (@.z - ?) <= ?",
        [x.into(), x.into(), y.into(), y.into(), z.into(), z.into(), square.into()],
    )
}
