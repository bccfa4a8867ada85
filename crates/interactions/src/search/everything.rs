//! All there is about a patient or a stay: the compartment, and what it refers to:
//! <https://hl7.org/fhir/R4/patient-operation-everything.html>.

use std::collections::{BTreeMap, BTreeSet};

use auth::{Action, Caller, authorize};
use bytes::Bytes;
use fhir_model::{IssueType, NodeRef, Outcome, ResourceType, TypeId, json};
use search::{Handling, Plan, Summary, Timespan};
use storage::{Key, Page, Turn, Version};

use super::{Reach, searchset, understand, understood};
use crate::{
    Answer, Fhir, Query, audit,
    bundle::Bundle,
    page,
    read::{deleted, not_found},
};

/// Resources of one look into the vault.
const AT_ONCE: u32 = 1_000;

/// Without `_count` at most so many: then `_count` is asked for.
const ALL_MAX: usize = 50_000;

/// When care was given.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Care {
    from: Option<i64>,
    to: Option<i64>,
}

impl Care {
    /// Between two dates, both included.
    pub(crate) fn between(start: Option<&str>, end: Option<&str>) -> Self {
        Self {
            from: start.and_then(Timespan::parse).map(|span| span.lo),
            to: end.and_then(Timespan::parse).map(|span| span.hi),
        }
    }

    /// Whether a resource is from that time; one that has none is.
    fn covers(self, body: &Bytes) -> bool {
        if self.from.is_none() && self.to.is_none() {
            return true;
        }
        let tree = json::parse_trusted(body.clone());
        let Some(span) = CARE_DATES.iter().find_map(|name| span(tree.root().child(name)?)) else {
            return true;
        };
        self.from.is_none_or(|from| span.hi >= from) && self.to.is_none_or(|to| span.lo <= to)
    }
}

/// Elements that say when care was given.
const CARE_DATES: [&str; 12] = [
    "effective",
    "performed",
    "occurrence",
    "period",
    "onset",
    "recordedDate",
    "authoredOn",
    "date",
    "issued",
    "created",
    "billablePeriod",
    "started",
];

fn span(node: NodeRef<'_>) -> Option<Timespan> {
    if let Some(text) = node.text() {
        return Timespan::parse(&text);
    }
    let end = |name: &str| node.child_text(name).and_then(|text| Timespan::parse(&text));
    let (start, end) = (end("start"), end("end"));
    Some(Timespan {
        lo: start.map_or(i64::MIN, |span| span.lo),
        hi: end.map_or(i64::MAX, |span| span.hi),
    })
    .filter(|span| span.lo != i64::MIN || span.hi != i64::MAX)
}

/// The Bundle.
///
/// # Errors
/// `not-found`, `deleted`, faults of the parameters, `too-costly`.
pub(crate) async fn everything(
    fhir: &Fhir,
    caller: &Caller,
    center: &Key,
    (mut query, care, named): (Query, Care, Vec<String>),
) -> Result<Answer, Outcome> {
    let permit = authorize(caller, Action::Read, Some(center.resource_type))?;
    let first = fhir.vault.read(&permit, center).await?.ok_or_else(|| not_found(center))?;
    if first.body.is_none() {
        return Err(deleted(center));
    }
    let permit = authorize(caller, Action::Search, None)?;
    let reach = Reach::compartment(center.clone(), None)?;
    let around = around(fhir, &reach, &mut query, &named)?;
    let (plan, _) = understand(fhir, &reach, query, Handling::Strict)?;
    refuse_unused(&plan)?;
    if center.resource_type.ty() == TypeId::PATIENT {
        audit::settle_patient(fhir, &center.id).await?;
    }
    let (path, asked) = (reach.to_string(), understood(&plan));
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    let mut found: Vec<Version> = Vec::new();
    let types: BTreeSet<ResourceType> = plan.types.iter().map(|one| one.ty).collect();
    let wants_center = !asked.pairs().iter().any(|(name, _)| name == "_type")
        || types.contains(&center.resource_type);
    let mut turn = Turn::First;
    loop {
        let some = fhir.vault.search(&permit, &plan, &turn, plan.count.unwrap_or(AT_ONCE)).await?;
        found.extend(some.versions.iter().filter(|it| !is(it, center)).cloned());
        if found.len() > ALL_MAX {
            let text =
                format!("There are more than {ALL_MAX} resources; ask for pages with _count");
            return Err(Outcome::new(IssueType::TooCostly, text));
        }
        match some.next.clone() {
            Some(next) if plan.count.is_none() => turn = Turn::After(next),
            _ => {
                if plan.count.is_some() {
                    page::link(
                        &mut bundle,
                        (fhir, permit.bearer()),
                        (&path, &asked),
                        &some,
                        &Turn::First,
                    );
                }
                break;
            }
        }
    }
    found.retain(|version| version.body.as_ref().is_some_and(|body| care.covers(body)));
    if wants_center {
        found.insert(0, (*first).clone());
    }
    let included = if asked.pairs().iter().any(|(name, _)| name == "_type") {
        Vec::new()
    } else {
        referred(fhir, &permit, &found).await?
    };
    let (mut found, mut included) = (found, included);
    if around {
        let is_named =
            |version: &Version| named.iter().any(|it| version.resource_type.name() == it);
        found.retain(is_named);
        included.retain(is_named);
    }
    if plan.count.is_none() {
        bundle.total(found.len() as u64);
    }
    let page = Page { versions: found, included, ..Page::default() };
    searchset::enter(&mut bundle, &fhir.base, &plan, &page);
    Ok(Answer::ok(bundle.finish()))
}

/// Puts the types that were asked for into the query; whether there are some among them that a compartment only refers
/// to. Then all of it is looked through, and what was not asked for is left out at the end.
fn around(
    fhir: &Fhir,
    reach: &Reach,
    query: &mut Query,
    named: &[String],
) -> Result<bool, Outcome> {
    if named.is_empty() {
        return Ok(false);
    }
    let (all, _) = understand(fhir, reach, Query::default(), Handling::Strict)?;
    let is_around = |name: &str| {
        let is_inside = all.types.iter().any(|one| one.ty.name() == name);
        !is_inside && (name == CONTENT || AROUND.contains(&name))
    };
    let inside: Vec<&str> =
        named.iter().map(String::as_str).filter(|name| !is_around(name)).collect();
    let is_all_inside = inside.len() == named.len();
    if !inside.is_empty() {
        let mut narrow = query.clone();
        narrow.push("_type", inside.join(","));
        if is_all_inside {
            *query = narrow;
            return Ok(false);
        }
        // its faults are told all the same
        understand(fhir, reach, narrow, Handling::Strict)?;
    }
    if query.get("_count").is_some() {
        let text =
            "What is only referred to has no pages: leave _count out, or those types out of _type";
        return Err(Outcome::new(IssueType::NotSupported, text));
    }
    Ok(true)
}

/// What a search knows and this does not heed.
fn refuse_unused(plan: &Plan) -> Result<(), Outcome> {
    let unused =
        ["_include", "_revinclude", "_total", "_totalMethod", "_contained", "_containedType"];
    let is_unused = |name: &str| unused.contains(&name.split(':').next().unwrap_or_default());
    let name = plan.understood.iter().map(|(name, _)| name.as_str()).find(|name| is_unused(name));
    let what = name.or_else(|| (plan.summary == Summary::Count).then_some("_summary=count"));
    match what {
        Some(what) => {
            let text = format!("$everything does not heed {what}; search the compartment with it");
            Err(Outcome::new(IssueType::NotSupported, text))
        }
        None => Ok(()),
    }
}

fn is(version: &Version, key: &Key) -> bool {
    version.resource_type == key.resource_type && version.id == key.id
}

/// Types that are never somebody else's record: what a compartment refers to and does not hold.
const AROUND: [&str; 11] = [
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Medication",
    "Device",
    "Substance",
    "HealthcareService",
    "Endpoint",
    "Questionnaire",
    "PlanDefinition",
];

/// What attachments hold.
const CONTENT: &str = "Binary";

/// What these refer to, once.
async fn referred(
    fhir: &Fhir,
    permit: &auth::Permit,
    found: &[Version],
) -> Result<Vec<Version>, Outcome> {
    let mut wanted: BTreeMap<ResourceType, BTreeSet<String>> = BTreeMap::new();
    for body in found.iter().filter_map(|version| version.body.as_ref()) {
        let tree = json::parse_trusted(body.clone());
        let is_reference = |node: &NodeRef<'_>| node.name() == "reference";
        // attachments name their content so
        let references = tree.nodes().filter(|node| is_reference(node) || node.name() == "url");
        for node in references {
            let Some(text) = node.text() else { continue };
            let local = text.strip_prefix(&*fhir.base).unwrap_or(&text).trim_start_matches('/');
            let Some((ty, id)) = local.split_once('/') else { continue };
            let is_known = ty == CONTENT || is_reference(&node) && AROUND.contains(&ty);
            let known = is_known.then(|| ResourceType::named(ty)).flatten();
            if let Some(ty) = known
                && !id.contains('/')
            {
                wanted.entry(ty).or_default().insert(id.to_owned());
            }
        }
    }
    for version in found {
        if let Some(ids) = wanted.get_mut(&version.resource_type) {
            ids.remove(&version.id);
        }
    }
    let mut included = Vec::new();
    for (ty, ids) in wanted {
        let ids: Vec<String> = ids.into_iter().collect();
        included.extend(fhir.vault.read_many(permit, ty, &ids).await?);
    }
    included.retain(|version| version.body.is_some());
    Ok(included)
}
