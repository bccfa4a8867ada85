//! Searches: <https://hl7.org/fhir/R4/http.html#search>.

use auth::{Action, Caller, authorize};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, ResourceType};
use search::{Plan, Reading, Summary, Total};
use storage::{Turn, Version};

use crate::{Answer, Fhir, Prefer, Query, bundle::Bundle, cursor, elements::Elements, page};

/// Resources on a page when `_count` does not say.
const COUNT_DEFAULT: u32 = 20;

/// A page of what a search finds.
///
/// # Errors
/// Faults of the query, `too-costly`.
pub(crate) async fn search(
    fhir: &Fhir,
    caller: &Caller,
    ty: ResourceType,
    (mut query, prefer): (Query, Prefer),
) -> Result<Answer, Outcome> {
    let permit = authorize(caller, Action::Search, Some(ty))?;
    let cursor = query.take(cursor::PARAMETER);
    let now = fhir.vault.clock().now();
    let reading = Reading { handling: prefer.handling, base: &fhir.base, now };
    let (plan, ignored) = search::parse(fhir.vault.registry(), ty, query.pairs(), &reading)?;
    let understood: Query = plan.understood.iter().cloned().collect();
    let turn = cursor::open(fhir, &page::signed_text(ty.name(), &understood), cursor.as_deref())?;
    let count = plan.count.unwrap_or(COUNT_DEFAULT);
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    if plan.summary == Summary::Count || count == 0 {
        bundle.total(fhir.vault.count(&permit, &plan).await?);
        page::link(&mut bundle, fhir, (ty.name(), &understood), &empty(), &Turn::First);
        return Ok(Answer::ok(bundle.finish()));
    }
    let found = fhir.vault.search(&permit, &plan, &turn, count).await?;
    let is_all = turn == Turn::First && found.next.is_none();
    match plan.total {
        _ if is_all => bundle.total(found.versions.len() as u64),
        Some(Total::Accurate | Total::Estimate) => {
            bundle.total(fhir.vault.count(&permit, &plan).await?);
        }
        Some(Total::None) | None => {}
    }
    page::link(&mut bundle, fhir, (ty.name(), &understood), &found, &turn);
    enter(&mut bundle, &fhir.base, &plan, &found.versions);
    if let Some(remark) = Outcome::from_issues(ignored) {
        bundle.remark(&fhir.vault.new_id(), &remark);
    }
    Ok(Answer::ok(bundle.finish()))
}

/// The answer to a search inside a transaction: one page, no links.
pub(crate) fn bundle_of(base: &str, plan: &Plan, versions: &[Version]) -> Bytes {
    let mut bundle = Bundle::new("searchset");
    enter(&mut bundle, base, plan, versions);
    bundle.finish().into()
}

/// The plan of a search inside a transaction, and how many resources it gives.
///
/// # Errors
/// Faults of the query.
pub(crate) fn plan_of(
    fhir: &Fhir,
    ty: ResourceType,
    query: &Query,
) -> Result<(Plan, u32), Outcome> {
    let now = fhir.vault.clock().now();
    let reading = Reading { handling: search::Handling::Strict, base: &fhir.base, now };
    let (plan, _) = search::parse(fhir.vault.registry(), ty, query.pairs(), &reading)?;
    let count = plan.count.unwrap_or(COUNT_DEFAULT);
    if plan.summary == Summary::Count || count == 0 {
        return Err(Outcome::new(
            IssueType::NotSupported,
            "Inside a transaction a search gives resources, not their number; count in a batch",
        ));
    }
    Ok((plan, count))
}

fn enter(bundle: &mut Bundle, base: &str, plan: &Plan, versions: &[Version]) {
    let elements = Elements::new(&plan.elements);
    for version in versions {
        let Some(body) = &version.body else { continue };
        match &elements {
            Some(elements) => bundle.found(base, version, &elements.of(body)),
            None => bundle.found(base, version, body),
        }
    }
}

fn empty() -> storage::Page {
    storage::Page::default()
}
