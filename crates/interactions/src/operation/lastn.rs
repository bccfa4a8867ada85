//! `Observation/$lastn`: the latest observations of each code: <https://hl7.org/fhir/R4/observation-operation-lastn.html>.

use std::collections::BTreeMap;

use auth::{Action, authorize};
use fhir_model::{IssueType, NodeRef, Outcome, ResourceType, json};
use search::{Handling, Timespan};
use storage::{Page, Turn, Version};

use super::{Request, Target};
use crate::{
    Answer,
    bundle::Bundle,
    search::{Reach, enter, understand},
};

/// Observations that are looked at, the newest first.
const LOOKED_AT_MAX: usize = 20_000;
const AT_ONCE: u32 = 500;

pub(super) async fn lastn(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, call) = (request.fhir, &request.call);
    let Target::Type(ty) = &call.target else {
        return Err(Outcome::new(IssueType::Exception, "$lastn is called on a type"));
    };
    let has = |names: &[&str]| {
        call.query
            .pairs()
            .iter()
            .any(|(name, _)| names.contains(&name.split([':', '.']).next().unwrap_or_default()))
    };
    if !has(&["patient", "subject"]) {
        let text = "$lastn needs to know of whom: patient or subject";
        return Err(Outcome::new(IssueType::Required, text));
    }
    let max = call.input.number::<u32>("max").unwrap_or(1);
    if max == 0 {
        return Err(Outcome::new(IssueType::Value, "max is 1 or more"));
    }
    let permit = authorize(request.caller, Action::Search, Some(*ty))?;
    let mut query = call.query.clone();
    query.take("_count");
    query.take("_sort");
    query.push("_sort", "-date");
    let reach = Reach::Type(*ty);
    let (mut plan, _) = understand(fhir, &reach, query, Handling::Strict)?;
    crate::search::concepts::settle(fhir, &permit, &mut plan).await?;
    let mut kept: Vec<Version> = Vec::new();
    let mut seen: BTreeMap<String, Group> = BTreeMap::new();
    let (mut turn, mut looked_at) = (Turn::First, 0);
    loop {
        let page = fhir.vault.search(&permit, &plan, &turn, AT_ONCE).await?;
        looked_at += page.versions.len();
        for version in page.versions {
            let Some((code, time)) = code_and_time(&version) else { continue };
            let group = seen.entry(code).or_default();
            // those of the same time as the last one are no less the last
            if group.count < max || group.last == time {
                group.count += 1;
                group.last = time;
                kept.push(version);
            }
        }
        match page.next {
            Some(next) if looked_at < LOOKED_AT_MAX => turn = Turn::After(next),
            Some(_) => {
                let text = format!(
                    "There are more than {LOOKED_AT_MAX} observations; narrow them down by category or code"
                );
                return Err(Outcome::new(IssueType::TooCostly, text));
            }
            None => break,
        }
    }
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    bundle.total(kept.len() as u64);
    bundle.link("self", &format!("{}/{}?{}", fhir.base, call.path(), call.query));
    enter(&mut bundle, &fhir.base, &plan, &Page { versions: kept, ..Page::default() });
    Ok(Answer::ok(bundle.finish()))
}

#[derive(Default)]
struct Group {
    count: u32,
    last: Option<i64>,
}

/// What an Observation is of: its first coding, or its text; and when it was made.
fn code_and_time(version: &Version) -> Option<(String, Option<i64>)> {
    debug_assert_eq!(Some(version.resource_type), ResourceType::named("Observation"));
    let tree = json::parse_trusted(version.body.clone()?);
    let root = tree.root();
    let code = root.child("code")?;
    let text =
        |node: NodeRef<'_>, name: &str| node.child_text(name).map(String::from).unwrap_or_default();
    let name = code.child("coding").map_or_else(
        || text(code, "text"),
        |coding| format!("{}|{}", text(coding, "system"), text(coding, "code")),
    );
    let effective = root.child("effective");
    let time = effective.and_then(|node| {
        let text = node.text().or_else(|| node.child_text("start"))?;
        Timespan::parse(&text).map(|span| span.lo)
    });
    Some((name, time))
}
