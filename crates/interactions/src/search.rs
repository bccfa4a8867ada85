//! Searches: <https://hl7.org/fhir/R4/http.html#search>.

mod canonicals;
pub(crate) mod concepts;
mod everything;
mod explain;
mod reach;
mod searchset;
mod weight;

use auth::{Action, Caller, authorize};
use bytes::Bytes;
use fhir_model::{Issue, IssueType, Outcome, ResourceType};
use search::{Handling, Plan, Reading, Summary, Total};
use storage::{Turn, Version};

pub(crate) use everything::{Care, Wanted, everything};
pub use reach::Reach;
pub(crate) use searchset::enter;

use crate::{Answer, Fhir, Prefer, Query, audit, bundle::Bundle, cursor, page, search_parameter};

/// What the client library fhirpy calls `_total`.
const TOTAL_METHOD: &str = "_totalMethod";

/// Resources on a page when `_count` does not say.
const COUNT_DEFAULT: u32 = 20;

/// A page of what a search finds.
///
/// # Errors
/// Faults of the query, `too-costly`.
pub(crate) async fn search(
    fhir: &Fhir,
    caller: &Caller,
    reach: Reach,
    (mut query, prefer): (Query, Prefer),
) -> Result<Answer, Outcome> {
    let permit = authorize(caller, Action::Search, reach.ty())?;
    let cursor = query.take(cursor::PARAMETER);
    let is_explained = explain::is_wanted(&permit, &mut query)?;
    let (mut plan, ignored) = understand(fhir, &reach, query, prefer.handling)?;
    let named = reach.named(&plan);
    auth::check(&mut plan, &permit, (&[Action::Search], named))?;
    concepts::settle(fhir, &permit, &mut plan).await?;
    audit::settle(fhir, &permit, &plan).await?;
    let (path, understood) = (reach.to_string(), understood(&plan));
    let of = (page::signed_text(&path, &understood), permit.bearer());
    let turn = cursor::open(fhir, (&of.0, of.1), cursor.as_deref())?;
    let count = plan.count.unwrap_or(COUNT_DEFAULT);
    if is_explained {
        let explanation = fhir.vault.explain(&permit, &plan, count).await?;
        return Ok(Answer::ok(explain::parameters(&plan, &explanation)));
    }
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    let is_number = plan.summary == Summary::Count || count == 0;
    let found = if is_number {
        storage::Page::default()
    } else {
        fhir.vault.search(&permit, &plan, &turn, count).await?
    };
    let is_all = turn == Turn::First && found.next.is_none();
    match plan.total {
        Some(Total::None) if !is_number => {}
        _ if is_all && !is_number => bundle.total(found.versions.len() as u64),
        None if !is_number => {}
        _ => bundle.total(fhir.vault.count(&permit, &plan).await?),
    }
    let turn = if is_number { Turn::First } else { turn };
    page::link(&mut bundle, (fhir, permit.bearer()), (&path, &understood), &found, &turn);
    enter(&mut bundle, &fhir.base, &plan, &found);
    for remark in searchset::remarks(ignored, &found) {
        bundle.remark(&fhir.vault.new_id(), &remark);
    }
    let shown = fhir
        .audit
        .as_ref()
        .map(|_| audit::of_versions(&fhir.vault, found.versions.iter().chain(&found.included)));
    Ok(Answer { shown, ..Answer::ok(bundle.finish()) })
}

/// The answer to a search inside a transaction: one page, no links.
pub(crate) fn bundle_of(base: &str, plan: &Plan, versions: Vec<Version>) -> Bytes {
    let mut bundle = Bundle::new("searchset");
    let page = storage::Page { versions, ..storage::Page::default() };
    enter(&mut bundle, base, plan, &page);
    bundle.finish().into()
}

/// The plan of a search inside a transaction, and how many resources it gives.
///
/// # Errors
/// Faults of the query.
pub(crate) fn plan_of(fhir: &Fhir, reach: &Reach, query: Query) -> Result<(Plan, u32), Outcome> {
    let (plan, _) = understand(fhir, reach, query, Handling::Strict)?;
    let count = plan.count.unwrap_or(COUNT_DEFAULT);
    if plan.summary == Summary::Count || count == 0 || !plan.includes.is_empty() {
        return Err(Outcome::new(
            IssueType::NotSupported,
            "Inside a transaction a search gives what matches, not their number and nothing that belongs to \
             them; count and include in a batch",
        ));
    }
    Ok((plan, count))
}

/// What the criteria of a conditional interaction ask for.
///
/// # Errors
/// Faults of the query.
pub(crate) fn criteria(fhir: &Fhir, ty: ResourceType, query: &Query) -> Result<Plan, Outcome> {
    Ok(understand(fhir, &Reach::Type(ty), query.clone(), Handling::Strict)?.0)
}

/// Understands a query, and what was left out of it.
pub(crate) fn understand(
    fhir: &Fhir,
    reach: &Reach,
    mut query: Query,
    handling: Handling,
) -> Result<(Plan, Vec<Issue>), Outcome> {
    let (registry, now) = (fhir.vault.registry(), fhir.vault.clock().now());
    let reading = Reading { handling, base: &fhir.base, now };
    let method = query.take(TOTAL_METHOD);
    let read = reach.understand(&registry, query.pairs(), &reading);
    let is_all_known = read.as_ref().is_ok_and(|(_, ignored)| ignored.is_empty());
    if !is_all_known
        && let Some(refusal) = search_parameter::being_indexed(fhir, &registry, query.pairs())
    {
        return Err(refusal);
    }
    let (mut plan, ignored) = read?;
    if let Some(method) = method {
        plan.total = Some(total_by(&method)?);
        plan.understood.push((TOTAL_METHOD.to_owned(), method));
    }
    weight::check(&plan)?;
    Ok((plan, ignored))
}

fn total_by(method: &str) -> Result<Total, Outcome> {
    match method {
        "count" => Ok(Total::Accurate),
        "estimate" => Ok(Total::Estimate),
        _ => Err(Outcome::new(
            IssueType::Invalid,
            "_totalMethod is count or estimate; the parameter of FHIR itself is _total",
        )),
    }
}

/// The parameters as they were used: no more on a page than fit.
fn understood(plan: &Plan) -> Query {
    let used = |(name, value): &(String, String)| match plan.count {
        Some(count) if name == "_count" => (name.clone(), count.to_string()),
        _ => (name.clone(), value.clone()),
    };
    plan.understood.iter().map(used).collect()
}
