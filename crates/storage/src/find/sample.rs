//! Which of several filters with many rows leads best: the first rows of each are looked at, and how many of them the
//! other filters let through.

use fhir_model::Outcome;
use search::Filter;

use super::{
    ask::Ask,
    check::{self, On},
    leader::Leaders,
    part::Part,
    range::Range,
    statement::{Sql, sql},
    through::Through,
};

/// Of each stretch, when a filter has many.
const ROWS_MIN: i64 = 4;

/// One that is let through is chance.
const HITS_MIN: i64 = 2;

/// More filters than these are not tried.
const CANDIDATES_MAX: usize = 4;

/// Lists of values are not looked up one by one.
const LOOK_UPS_MAX: usize = 16;

/// Counts come two in a number.
const BASE: i64 = 1 << 20;

/// The filter of a part that fills a page soonest, as far as its first rows tell; `None` when they do not.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn best(
    part: &Part<'_>,
    leaders: Leaders<'_>,
    ask: &mut impl Ask,
) -> Result<Option<usize>, Outcome> {
    let candidates: Vec<(usize, Vec<Sql>)> = (leaders.sizes.ranked(part).into_iter())
        .filter_map(|n| Some((n, samples(part.filters.get(n)?, part, leaders)?)))
        .take(CANDIDATES_MAX)
        .collect();
    if let [(only, _)] = candidates.as_slice() {
        return Ok(Some(*only));
    }
    let mut looks = Vec::new();
    for (n, samples) in &candidates {
        let on = On::new(part, "d.res");
        let holds = part.others(Some(*n)).map(|one| check::holds(one, &on, leaders.names));
        let holds = Sql::all(holds);
        for sample in samples {
            looks.push(
                sql("select cast(? as bigint) as n, count(*) * ", [as_i64(*n).into()])
                    .bind(BASE)
                    .then(" + coalesce(sum(case when ")
                    .with(holds.clone())
                    .then(" then 1 else 0 end), 0) from (\n  ")
                    .with(sample.clone().indented(2))
                    .then("\n) as d"),
            );
        }
    }
    if looks.is_empty() {
        return Ok(None);
    }
    let statement = Sql::compound(looks, "\nunion all\n").statement();
    let mut found: Vec<(usize, i64, i64)> = candidates.iter().map(|(n, _)| (*n, 0, 0)).collect();
    for (n, counted) in ask.numbers(&statement).await? {
        if let Some((_, rows, hits)) = found.iter_mut().find(|(at, ..)| as_i64(*at) == n) {
            *rows += counted / BASE;
            *hits += counted % BASE;
        }
    }
    let cost = |(n, rows, hits): &(usize, i64, i64)| {
        (*hits >= HITS_MIN).then(|| (rows * BASE / hits * as_i64(weight(part, *n)), *n))
    };
    Ok(found.iter().filter_map(cost).min().map(|(_, n)| n))
}

/// How many look-ups a row costs that a filter leads to, roughly.
pub(super) fn weight(part: &Part<'_>, leader: usize) -> usize {
    let own =
        part.filters.get(leader).map_or(1, |filter| if leads_through(filter) { 2 } else { 1 });
    part.others(Some(leader)).map(look_ups).sum::<usize>() + own
}

/// How many look-ups it takes to check a filter, roughly.
fn look_ups(filter: &Filter) -> usize {
    let of_all = |inner: &[Filter]| inner.iter().map(look_ups).sum::<usize>();
    match filter {
        Filter::Value { params, any } => {
            let keys = params.len() * any.len().clamp(1, LOOK_UPS_MAX);
            keys.min(LOOK_UPS_MAX)
        }
        Filter::Chain { targets, .. } => {
            // of its own and contained in another
            1 + 2 * targets.iter().map(|plan| of_all(&plan.filters)).sum::<usize>()
        }
        // some are looked at before the one that is asked for
        Filter::Has { source, .. } => 1 + 8 * of_all(&source.filters),
        Filter::During(during) => 2 + 8 * of_all(&during.other.filters),
        Filter::All(inner) | Filter::Any(inner) => of_all(inner),
        Filter::Not(inner) => look_ups(inner),
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. } => 1,
    }
}

/// Whether a filter finds other resources first.
pub(super) fn leads_through(filter: &Filter) -> bool {
    matches!(filter, Filter::Chain { .. } | Filter::Has { .. })
}

/// The first resources that a filter leads to.
fn samples(filter: &Filter, part: &Part<'_>, leaders: Leaders<'_>) -> Option<Vec<Sql>> {
    if leads_through(filter) {
        let through = Through::of(filter, part, leaders, &[])?;
        return Some(through.sample(leaders, leaders.names.effort.sample_inside));
    }
    let ranges = leaders.ranges(filter, part)?;
    if ranges.iter().any(|range| range.each.is_some() || range.is_by_resource) {
        return None;
    }
    let rows = leaders.names.effort.sample;
    let pieces = i64::try_from(ranges.len()).unwrap_or(rows).max(1);
    let at_most = (rows / pieces).max(ROWS_MIN.min(rows));
    let sample = |range: &Range| {
        let (res, from) = (range.res, range.from(leaders.names.dialect));
        let order = if range.is_fixed { String::new() } else { format!("d.{}, ", range.column) };
        sql(format!("select d.{res} as res from {from} where "), [])
            .with(range.condition().on("d"))
            .then(&format!(" order by {order}d.{res} limit "))
            .bind(at_most)
    };
    let there = ranges.iter().filter(|range| !range.condition().is_never());
    Some(there.map(sample).collect())
}

fn as_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
