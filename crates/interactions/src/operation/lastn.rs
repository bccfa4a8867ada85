//! `Observation/$lastn`: the latest observations of each code: <https://hl7.org/fhir/R4/observation-operation-lastn.html>.

mod groups;

use auth::{Action, Named, authorize};
use fhir_model::{IssueType, Outcome};
use search::{Handling, Plan};
use storage::{Page, Turn, Version};

use super::{Request, Target};
use crate::{
    Answer, Fhir,
    bundle::Bundle,
    search::{Reach, enter, understand},
};
use groups::Groups;

/// Observations that are looked at, the newest first.
const LOOKED_AT_MAX: usize = 20_000;
const AT_ONCE: u32 = 500;

/// Parameters of searches that do not fit: it has an order and a number of its own, gives no pages and nothing besides.
const UNFIT: [&str; 8] = [
    "_sort",
    "_count",
    "_total",
    "_include",
    "_revinclude",
    "_contained",
    "_containedType",
    crate::cursor::PARAMETER,
];

pub(super) async fn lastn(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, call) = (request.fhir, &request.call);
    let Target::Type(ty) = &call.target else {
        return Err(Outcome::new(IssueType::Exception, "$lastn is called on a type"));
    };
    let pairs = call.query.pairs().iter();
    let names = pairs.map(|(name, _)| name.split([':', '.']).next().unwrap_or_default());
    if !names.clone().any(|name| ["patient", "subject"].contains(&name)) {
        let text = "$lastn needs to know of whom: patient or subject";
        return Err(Outcome::new(IssueType::Required, text));
    }
    if let Some(unfit) = names.into_iter().find(|name| UNFIT.contains(name)) {
        let text = format!("$lastn takes the filters of a search and max, but not {unfit}");
        return Err(Outcome::new(IssueType::Invalid, text));
    }
    if call.query.get("_summary") == Some("count") {
        let text = "$lastn gives observations, not their number: leave _summary=count out";
        return Err(Outcome::new(IssueType::Invalid, text));
    }
    let max = call.input.number::<usize>("max").unwrap_or(1);
    if max == 0 {
        return Err(Outcome::new(IssueType::Value, "max is 1 or more"));
    }
    let permit = authorize(request.caller, Action::Search, Some(*ty))?;
    let mut query = call.query.clone();
    query.push("_sort", "-date");
    let reach = Reach::Type(*ty);
    let (mut plan, _) = understand(fhir, &reach, query, Handling::Strict)?;
    auth::check(&mut plan, &permit, (&[Action::Search], Named::Types))?;
    crate::search::concepts::settle(fhir, &permit, &mut plan).await?;
    let kept = latest(fhir, &permit, &plan, max).await?;
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    bundle.total(kept.len() as u64);
    let max = if max == 1 { String::new() } else { format!("&max={max}") };
    bundle.link("self", &format!("{}/{}?{}{max}", fhir.base, call.path(), call.query));
    enter(&mut bundle, &fhir.base, &plan, &Page { versions: kept, ..Page::default() });
    Ok(Answer::ok(bundle.finish()))
}

/// So many of each group, out of all that the plan finds.
async fn latest(
    fhir: &Fhir,
    permit: &auth::Permit,
    plan: &Plan,
    max: usize,
) -> Result<Vec<Version>, Outcome> {
    let mut groups = Groups::default();
    let (mut turn, mut looked_at) = (Turn::First, 0);
    loop {
        let page = fhir.vault.search(permit, plan, &turn, AT_ONCE).await?;
        looked_at += page.versions.len();
        for version in page.versions {
            groups.add(version);
        }
        // those that fall behind stay behind: groups only grow
        groups.keep(max);
        match page.next {
            Some(next) if looked_at < LOOKED_AT_MAX => turn = Turn::After(next),
            Some(_) => {
                let text = format!(
                    "There are more than {LOOKED_AT_MAX} observations; narrow them down by category or code"
                );
                return Err(Outcome::new(IssueType::TooCostly, text));
            }
            None => return Ok(groups.finish()),
        }
    }
}
