//! How the pages of a search are found: which filters lead, and in which order rows are walked. It costs at most
//! two statements that count so far and no further.

use fhir_model::Outcome;
use search::{ContainedType, Filter, Plan};

use super::{
    ask::Ask,
    effort::Effort,
    leader::Leaders,
    names::Names,
    part::{Domain, Part, shown},
    position::{Mode, Route},
    probe::Sizes,
    range::Range,
    sample, sort,
    through::Through,
};

/// Chooses how the pages are found. What was chosen for the first page stays.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn choose(
    plan: &Plan,
    parts: &[Part<'_>],
    (names, ask): (&Names, &mut impl Ask),
    before: Option<&Route>,
) -> Result<(Route, Sizes), Outcome> {
    let (mut sizes, effort) = (Sizes::default(), names.effort);
    let is_nested = parts.iter().flat_map(|part| &part.filters).any(|filter| collects(filter));
    let is_sorted = sorts(plan);
    if let ([part], None, false) = (parts, before, is_sorted)
        && let Some(only) = only_leader(part)
        && let Some(route) = through(part, only, Leaders::new(names, &sizes))
    {
        return Ok((route, sizes));
    }
    let is_open = match before {
        // what leads inside stands in the route
        Some(route) => is_nested && route.mode != Mode::Through,
        None => is_nested || parts.iter().any(|part| is_open(part, if is_sorted { 1 } else { 2 })),
    };
    if is_open {
        sizes.count(parts, names, ask, effort.few).await?;
        if !parts.iter().all(|part| is_small(&sizes, part, effort)) {
            if let ([part], None, false) = (parts, before, is_sorted) {
                let leaders = Leaders::new(names, &sizes);
                if let Some(best) = sample::best(part, leaders, ask).await? {
                    let route = led(part, best, leaders);
                    return Ok((route, sizes));
                }
            }
            sizes.count(parts, names, ask, effort.many).await?;
        }
    }
    let route = match before {
        Some(route) => route.clone(),
        None if is_sorted => sorted(plan, parts, &sizes, effort),
        None => unsorted(parts, Leaders::new(names, &sizes)),
    };
    Ok((route, sizes))
}

/// The route of a part that a certain filter leads.
fn led(part: &Part<'_>, leader: usize, leaders: Leaders<'_>) -> Route {
    through(part, leader, leaders)
        .unwrap_or_else(|| natural(std::slice::from_ref(part), &[Some(leader)], leaders))
}

/// The filter that leads when no other can, neither here nor inside.
fn only_leader(part: &Part<'_>) -> Option<usize> {
    let able = Sizes::default().ranked(part);
    let [only] = able.as_slice() else { return None };
    let is_only = |inner: &Part<'_>| Sizes::default().ranked(inner).len() == 1;
    let is_certain = match part.filters.get(*only)? {
        Filter::Chain { targets, .. } => targets
            .iter()
            .flat_map(|plan| Part::of_type(plan, Domain::Either))
            .all(|one| is_only(&one)),
        Filter::Has { source, .. } => Part::of_type(source, Domain::Own).iter().all(is_only),
        Filter::All(_)
        | Filter::Any(_)
        | Filter::Not(_)
        | Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Present { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => false,
    };
    is_certain.then_some(*only)
}

/// Through others, where a filter leads there.
fn through(part: &Part<'_>, leader: usize, leaders: Leaders<'_>) -> Option<Route> {
    let filter = part.filters.get(leader)?;
    let through = Through::of(filter, part, leaders, &[])?;
    let leaders = [number(Some(leader))].into_iter().chain(through.leaders()).collect();
    Some(Route { mode: Mode::Through, leaders })
}

/// The route of a count: whatever leads to the fewest rows.
pub(super) async fn for_all(
    parts: &[Part<'_>],
    (names, ask): (&Names, &mut impl Ask),
) -> Result<(Route, Sizes), Outcome> {
    let (mut sizes, effort) = (Sizes::default(), names.effort);
    if parts.iter().any(|part| is_open(part, 2)) {
        sizes.count(parts, names, ask, effort.few).await?;
        if !parts.iter().all(|part| is_small(&sizes, part, effort)) {
            sizes.count(parts, names, ask, effort.many).await?;
        }
    }
    let leaders = parts.iter().map(|part| number(sizes.best(part))).collect();
    Ok((Route { mode: Mode::Collected, leaders }, sizes))
}

/// Whether an order was asked for; what contains what was found is put in order too.
fn sorts(plan: &Plan) -> bool {
    !plan.sort.is_empty() || shown(plan) == Some(ContainedType::Container)
}

/// Whether it must be counted to know which filter of a part leads: so many could at least.
fn is_open(part: &Part<'_>, least: usize) -> bool {
    let able = Sizes::default().ranked(part);
    let is_certain = able.iter().any(|n| matches!(part.filters.get(*n), Some(Filter::Id(_))));
    able.len() >= least && !is_certain
}

/// Whether a part is known to be led by few rows, or by none at all.
fn is_small(sizes: &Sizes, part: &Part<'_>, effort: Effort) -> bool {
    let best = sizes.best(part).and_then(|n| part.filters.get(n).copied());
    best.is_none_or(|filter| sizes.of(filter, part) < effort.few)
}

/// Whether a filter finds other resources first.
fn collects(filter: &Filter) -> bool {
    match filter {
        Filter::Chain { .. } | Filter::Has { .. } => true,
        Filter::Any(inner) | Filter::All(inner) => inner.iter().any(collects),
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Value { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_)
        | Filter::Not(_)
        | Filter::Present { .. } => false,
    }
}

/// The best filter that need not collect too much first.
fn leader(part: &Part<'_>, sizes: &Sizes, effort: Effort) -> Option<usize> {
    let ranked = sizes.ranked(part).into_iter();
    let filters = ranked.filter_map(|n| part.filters.get(n).map(|filter| (n, *filter)));
    filters.filter(|(_, filter)| sizes.collected(filter) < effort.many).map(|(n, _)| n).next()
}

fn number(leader: Option<usize>) -> Option<u8> {
    leader.and_then(|n| u8::try_from(n).ok())
}

/// Few rows are collected and sorted; else the index of the first sort key is walked.
fn sorted(plan: &Plan, parts: &[Part<'_>], sizes: &Sizes, effort: Effort) -> Route {
    let leaders: Vec<Option<usize>> =
        parts.iter().map(|part| leader(part, sizes, effort)).collect();
    let size = |(part, leader): (&Part<'_>, &Option<usize>)| {
        let filter = leader.and_then(|n| part.filters.get(n).copied());
        filter.map_or(u64::MAX, |filter| sizes.of(filter, part))
    };
    let total = parts.iter().zip(&leaders).map(size).fold(0, u64::saturating_add);
    if total >= effort.many && sort::can_be_walked(plan) {
        return Route { mode: Mode::AlongSort, leaders: vec![None; parts.len()] };
    }
    // nothing else helps: also what must collect much leads
    let best = parts.iter().zip(leaders).map(|(part, leader)| number(leader.or(sizes.best(part))));
    Route { mode: Mode::Collected, leaders: best.collect() }
}

/// In the order of the rows of whatever leads to the fewest.
fn unsorted(parts: &[Part<'_>], leaders: Leaders<'_>) -> Route {
    if let [part] = parts
        && let Some(best) = cheapest(part, leaders.sizes)
    {
        if let Some(route) = through(part, best, leaders) {
            return route;
        }
        if !part.filters.get(best).is_some_and(|filter| collects(filter)) {
            return natural(parts, &[Some(best)], leaders);
        }
    }
    let (sizes, effort) = (leaders.sizes, leaders.names.effort);
    let chosen: Vec<Option<usize>> = parts.iter().map(|part| leader(part, sizes, effort)).collect();
    natural(parts, &chosen, leaders)
}

/// The filter that finds the fewest rows, weighed with what it costs to check the others.
fn cheapest(part: &Part<'_>, sizes: &Sizes) -> Option<usize> {
    let ranked = sizes.ranked(part).into_iter();
    // of equal ones the first
    ranked.min_by_key(|n| {
        let size = part.filters.get(*n).map_or(u64::MAX, |filter| sizes.of(filter, part));
        size.saturating_mul(u64::try_from(sample::weight(part, *n)).unwrap_or(u64::MAX))
    })
}

/// The order of the rows that lead.
pub(super) fn natural(
    parts: &[Part<'_>],
    leading: &[Option<usize>],
    leaders: Leaders<'_>,
) -> Route {
    let chosen: Vec<(Option<usize>, Vec<Range>)> = (parts.iter().zip(leading))
        .map(|(part, leader)| {
            let leader = *leader;
            let filter = leader.and_then(|n| part.filters.get(n).copied());
            match filter.and_then(|filter| leaders.ranges(filter, part)) {
                Some(ranges) => (leader, ranges),
                None => (None, vec![Leaders::every(part)]),
            }
        })
        .collect();
    let ranges = || chosen.iter().flat_map(|(_, ranges)| ranges);
    let all = |mode| Route { mode, leaders: chosen.iter().map(|(n, _)| number(*n)).collect() };
    if ranges().all(|range| range.is_fixed) {
        return all(Mode::ByResource);
    }
    let first = ranges().next().map(|range| range.kind);
    if ranges().all(|range| Some(range.kind) == first) {
        return all(Mode::ByValue);
    }
    // values of different kinds have no order: few are sorted by resource, many are left to the type's own order
    let by_resource = |part: &Part<'_>, (leader, ranges): &(Option<usize>, Vec<Range>)| {
        let filter = leader.and_then(|n| part.filters.get(n).copied());
        let is_few =
            filter.is_some_and(|filter| leaders.sizes.of(filter, part) < leaders.names.effort.many);
        number(leader.filter(|_| is_few || ranges.iter().all(|range| range.is_fixed)))
    };
    let leaders = parts.iter().zip(&chosen).map(|(part, chosen)| by_resource(part, chosen));
    Route { mode: Mode::ByResource, leaders: leaders.collect() }
}
