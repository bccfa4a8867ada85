//! A search from its plan to its page: names become numbers, a route is chosen, one statement gives the page, and
//! what it refers to is fetched.

use fhir_model::{IssueType, Outcome};
use search::{Plan, Summary, Total};

use super::{
    Page, Turn,
    ask::{Ask, Found},
    bound::{self, Bound},
    changed, count,
    guess::guess,
    include, joint,
    leader::Leaders,
    names::{Names, Reach},
    page,
    part::Part,
    position::{Commit, Position, Route},
    route, sight,
};
use crate::{gate::Sight, tx::Indexing};

/// When a rough number will do, it is counted so far.
const ESTIMATE_MAX: u64 = 10_000;

/// How often others are asked of a patient before the permit's condition goes into the statement: what they said may
/// have changed until the page was looked at.
const TRIES_MAX: usize = 2;

/// Whether one statement gives a page. Those before it only choose how it is found; where others follow, all must
/// see the same snapshot, or what changes between two is shown twice.
pub(crate) fn is_one_statement(plan: &Plan, turn: &Turn) -> bool {
    let is_moved = match turn {
        Turn::First => false,
        Turn::After(position) | Turn::Before(position) => {
            changed::moves(plan, &Part::of(plan), &position.route)
        }
    };
    plan.includes.is_empty() && !is_moved
}

/// When some of what was found is closed, so many are fetched that the page may be full nevertheless: so many times what
/// it holds, and some. If it is not then, most is closed, and the permit's condition goes into the statement.
const MORE_TIMES: u32 = 3;
const MORE: u32 = 20;

/// A page of what a search finds.
///
/// # Errors
/// `too-costly`, or the database's own trouble.
pub(crate) async fn search(
    plan: &Plan,
    sight: Sight<'_>,
    (turn, count): (&Turn, u32),
    indexing: &Indexing,
    ask: &mut impl Ask,
) -> Result<Page, Outcome> {
    for _ in 0..TRIES_MAX {
        let Some(bound) = bound::bound(plan, sight, turn, ask).await? else { break };
        let search = (sight, Some(&bound));
        let Some(page) = paged(&bound.plan, search, (turn, count), indexing, ask).await? else {
            break;
        };
        if ask.still_holds() {
            return Ok(page);
        }
    }
    let guarded = sight::guarded(plan, sight, ask).await?;
    let plan = guarded.as_ref().unwrap_or(plan);
    let page = paged(plan, (sight, None), (turn, count), indexing, ask).await?;
    page.ok_or_else(|| Outcome::new(IssueType::Exception, "The search found no page"))
}

/// The page; `None` when something was found of which it does not follow that the permit opens it.
async fn paged(
    plan: &Plan,
    (sight, bound): (Sight<'_>, Option<&Bound>),
    (turn, count): (&Turn, u32),
    indexing: &Indexing,
    ask: &mut impl Ask,
) -> Result<Option<Page>, Outcome> {
    let plan = &*joint::joined(plan);
    let parts = Part::of(plan);
    let commit = match turn {
        Turn::First => ask.last_commit(),
        Turn::After(position) | Turn::Before(position) => position.commit,
    };
    let names = Names::of(plan, Reach::Page, ask).await?;
    let more = count.saturating_mul(MORE_TIMES).saturating_add(MORE);
    let mut fetch = bound.map_or(count, |bound| bound.to_fetch(count, ask.verdicts()).min(more));
    let (route, found) = loop {
        let (route, mut found) = found(plan, &parts, (turn, fetch), &names, ask).await?;
        let at_most = usize::try_from(fetch).unwrap_or(usize::MAX);
        let is_all = found.len() <= at_most;
        if *turn != Turn::First && changed::moves(plan, &parts, &route) {
            let order = page::order(plan, &route, turn);
            let (search, place) = ((plan, parts.as_slice(), &route), (&order, commit, &names));
            changed::put_back(search, place, indexing, (&mut found, ask)).await?;
        }
        let Some(bound) = bound else { break (route, found) };
        if !is_all {
            // what was put back beyond the last one stands among others that were not fetched
            found.truncate(at_most.saturating_add(1));
        }
        if !found.iter().all(|one| bound.tells_of(&one.version)) {
            return Ok(None);
        }
        let (known, fetched) = (ask.verdicts(), found.len());
        found.retain(|one| bound.opens(&one.version, &indexing.base, known));
        bound.learn((fetched, found.len()), known);
        if is_all || found.len() > usize::try_from(count).unwrap_or(usize::MAX) {
            break (route, found);
        }
        if fetch >= more {
            return Ok(None);
        }
        // all at once and from the beginning: what two statements find was not there at the same time
        fetch = more;
    };
    let mut page = cut(found, (turn, count), commit, &route);
    if !plan.includes.is_empty() && !page.versions.is_empty() {
        let registry = &indexing.parameters.registry;
        (page.included, page.is_cut) =
            include::included(&plan.includes, &page.versions, (registry, sight.permit), ask)
                .await?;
    }
    Ok(Some(page))
}

/// What a page shows and one more, and the way there.
async fn found(
    plan: &Plan,
    parts: &[Part<'_>],
    (turn, count): (&Turn, u32),
    names: &Names,
    ask: &mut impl Ask,
) -> Result<(Route, Vec<Found>), Outcome> {
    let known = match turn {
        Turn::First => ask.known_way(plan),
        Turn::After(position) | Turn::Before(position) => Some(position.route.clone()),
    };
    if known.is_none()
        && let Some(guess) = guess(plan, parts, names, count)
        && let Some(mut found) = ask.guessed(&guess.statement, guess.steps).await?
    {
        page::arrange(&mut found, &page::order(plan, &guess.route, turn), names.dialect);
        if let Some(found) = guess.each_once(found, count) {
            return Ok((guess.route, found));
        }
    }
    let is_new = known.is_none();
    let (route, sizes) = route::choose(plan, parts, (names, ask), known.as_ref()).await?;
    if is_new {
        ask.learn_way(plan, &route);
    }
    let leaders = Leaders::new(names, &sizes);
    let statement = page::statement(plan, parts, (&route, leaders), turn, count);
    let mut found = ask.found(&statement).await?;
    page::arrange(&mut found, &page::order(plan, &route, turn), names.dialect);
    Ok((route, found))
}

/// How many resources a search finds; when an estimate is wanted, at most [`ESTIMATE_MAX`] are counted.
///
/// # Errors
/// `too-costly`, or the database's own trouble.
pub(crate) async fn count(
    plan: &Plan,
    sight: Sight<'_>,
    ask: &mut impl Ask,
) -> Result<u64, Outcome> {
    let guarded = sight::guarded(plan, sight, ask).await?;
    let plan = guarded.as_ref().unwrap_or(plan);
    let plan = &*joint::joined(plan);
    let parts = Part::of(plan);
    let names = Names::of(plan, Reach::All, ask).await?;
    let (route, sizes) = route::for_all(&parts, (&names, ask)).await?;
    let leaders = Leaders::new(&names, &sizes);
    let is_rough = plan.total == Some(Total::Estimate) && plan.summary != Summary::Count;
    let at_most = is_rough.then_some(ESTIMATE_MAX);
    let statement = count::statement(plan, &parts, (&route, leaders), at_most);
    let number = ask.numbers(&statement).await?.first().map_or(0, |(number, _)| *number);
    Ok(u64::try_from(number).unwrap_or(0))
}

/// Cuts what was fetched, one more than the page holds, to a page.
fn cut(mut found: Vec<Found>, (turn, count): (&Turn, u32), commit: Commit, route: &Route) -> Page {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let is_more = found.len() > count;
    found.truncate(count);
    let is_backwards = matches!(turn, Turn::Before(_));
    if is_backwards {
        found.reverse();
    }
    let has_next = is_backwards || is_more;
    let has_previous = if is_backwards { is_more } else { *turn != Turn::First };
    let edge = |found: Option<&Found>| {
        found.map(|found| Position {
            commit,
            route: route.clone(),
            values: found.values.clone(),
            res: found.res,
        })
    };
    Page {
        next: if has_next { edge(found.last()) } else { None },
        previous: if has_previous { edge(found.first()) } else { None },
        versions: found.into_iter().map(|found| found.version).collect(),
        included: Vec::new(),
        is_cut: false,
    }
}
