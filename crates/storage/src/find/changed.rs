//! Resources that are changed while somebody turns pages. What pages are sorted by may change with them, so on later
//! pages they stand where they stood when the first page was read: none is shown twice, none is missed. Where they
//! stood is read from the versions they had then.

use std::{cmp::Ordering, collections::BTreeMap};

use fhir_model::{IssueType, Outcome, json};
use search::{Corpus, Filter, Hit, Plan, Sort, SortKey};

use super::{
    ask::{Ask, Found},
    check::{self, On},
    names::Names,
    order::Order,
    part::{Domain, Part, domain, shown},
    position::{Commit, Mode, Route, SortValue},
    statement::{Sql, Statement, sql},
};
use crate::tx::Indexing;

/// When more of what is found has changed than this, pages can no longer be turned: looking at all would take too
/// long, and leaving some out would be a silent gap.
const CHANGED_MAX: usize = 5000;

/// Whether changes may move resources to other pages.
pub(super) fn moves(plan: &Plan, parts: &[Part<'_>], route: &Route) -> bool {
    let is_own = domain(plan) == Domain::Own && shown(plan).is_none();
    let keys = keys(plan, parts, route);
    is_own && !keys.is_empty() && keys.iter().any(|sort| sort.key != SortKey::Id)
}

/// What pages are sorted by. Of what is found by its values the order is that of these, and the only values that
/// every change changes are times.
fn keys(plan: &Plan, parts: &[Part<'_>], route: &Route) -> Vec<Sort> {
    if route.mode != Mode::ByValue {
        return plan.sort.clone();
    }
    let is_by_time = |(part, leader): (&Part<'_>, &Option<u8>)| {
        let filter = leader.and_then(|n| part.filters.get(usize::from(n)));
        matches!(filter, Some(Filter::Updated(_)))
    };
    if parts.iter().zip(&route.leaders).all(is_by_time) {
        vec![Sort { key: SortKey::Updated, direction: search::Direction::Ascending }]
    } else {
        Vec::new()
    }
}

/// Puts the resources that were changed since the first page among those of a later page that were not.
///
/// # Errors
/// `too-costly` when more than [`CHANGED_MAX`] of what is found has changed, or the database's own trouble.
pub(super) async fn put_back(
    (plan, parts, route): (&Plan, &[Part<'_>], &Route),
    (order, commit, names): (&Order, Commit, &Names),
    indexing: &Indexing,
    (found, ask): (&mut Vec<Found>, &mut impl Ask),
) -> Result<(), Outcome> {
    let changed = ask.found(&statement(parts, names, commit)).await?;
    if changed.is_empty() {
        return Ok(());
    }
    if changed.len() > CHANGED_MAX {
        return Err(Outcome::new(
            IssueType::TooCostly,
            format!(
                "More than {CHANGED_MAX} resources of this search were changed since its first page was read; start \
                 again, or search without _sort, whose pages can be turned whatever changes"
            ),
        ));
    }
    let numbers: Vec<i64> = changed.iter().map(|one| one.res).collect();
    let mut before: BTreeMap<i64, Found> = BTreeMap::new();
    for chunk in numbers.chunks(256) {
        let old = ask.found(&versions_before(chunk, commit)).await?;
        before.extend(old.into_iter().map(|one| (one.res, one)));
    }
    let keys = keys(plan, parts, route);
    for now in changed {
        let Some(values) = before.get(&now.res).and_then(|old| values(old, &keys, indexing)) else {
            continue;
        };
        let moved = Found { values, ..now };
        if order.is_beyond(&moved.values, moved.res) {
            found.push(moved);
        }
    }
    found.sort_by(|a, b| order.compare((&a.values, a.res), (&b.values, b.res)));
    Ok(())
}

/// What satisfies the plan, is changed since, and was there before.
fn statement(parts: &[Part<'_>], names: &Names, commit: Commit) -> Statement {
    let select = |part: &Part<'_>| {
        let on = On::new(part, "r.res");
        let filters = part.filters.iter().map(|filter| check::holds(filter, &on, names));
        let there = sql(
            "r.type = ? and r.version > 1 and r.updated >= ? and r.commit_no > ? and r.body is not null\n  \
             and  exists (select 1 from history h where h.res = r.res and h.commit_no <= ?)",
            [
                i64::from(part.ty.number()).into(),
                commit.time.into(),
                commit.number.into(),
                commit.number.into(),
            ],
        );
        sql(
            "select r.res, r.type, r.id, r.version, r.updated, r.method, r.body\n\
             from   resource r\nwhere  ",
            [],
        )
        .with(Sql::joined([there].into_iter().chain(filters), "\n  and  "))
    };
    let selects = Sql::joined(parts.iter().map(select), "\nunion all\n");
    selects.then("\nlimit  ").bind(i64::try_from(CHANGED_MAX + 1).unwrap_or(i64::MAX)).statement()
}

/// The versions that resources had at a commit.
fn versions_before(numbers: &[i64], commit: Commit) -> Statement {
    let last = "select l.version from history l where l.res = h.res and l.commit_no <= ? \
                order by l.commit_no desc limit 1";
    sql(
        "select h.res, h.type, h.id, h.version, h.updated, h.method, h.body\n\
         from   history h\nwhere  h.body is not null\n  and  h.res in ",
        [],
    )
    .with(Sql::list(numbers.iter().copied()))
    .with(sql(format!("\n  and  h.version = ({last})"), [commit.number.into()]))
    .statement()
}

/// What a version was sorted by.
fn values(old: &Found, keys: &[Sort], indexing: &Indexing) -> Option<Vec<SortValue>> {
    let version = &old.version;
    let tree = json::parse_trusted(version.body.clone()?);
    let mut corpus = Corpus::default();
    let rows = search::extract(&indexing.parameters.registry, &tree, &indexing.base);
    corpus.add(version.resource_type, &version.id, version.updated, rows);
    let value = |sort: &Sort| match corpus.sort_value(Hit { at: 0 }, &sort.key, sort.direction) {
        None => SortValue::Missing,
        Some(search::SortValue::Integer(value)) => SortValue::Integer(value),
        Some(search::SortValue::Real(value)) => SortValue::Real(value.0),
        Some(search::SortValue::Text(text)) => SortValue::Text(text.into()),
    };
    Some(keys.iter().map(value).collect())
}

/// Values in the order of either database.
pub(super) fn compare(a: &SortValue, b: &SortValue) -> Ordering {
    match (a, b) {
        (SortValue::Integer(a), SortValue::Integer(b)) => a.cmp(b),
        // both databases take the two zeros for one
        (SortValue::Real(a), SortValue::Real(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (SortValue::Text(a), SortValue::Text(b)) => a.cmp(b),
        // of one kind all
        (
            SortValue::Missing | SortValue::Integer(_) | SortValue::Real(_) | SortValue::Text(_),
            _,
        ) => Ordering::Equal,
    }
}
