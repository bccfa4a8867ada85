//! All there is about a patient or a stay: the compartment, and what it refers to:
//! <https://hl7.org/fhir/R4/patient-operation-everything.html>.

mod around;
mod care;
mod walk;

use std::collections::BTreeSet;

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, TypeId};
use search::{Handling, Plan, Timespan, compartment_types};
use storage::{Key, Page, Turn, Version};

use super::{Reach, searchset, understand};
use crate::{
    Answer, Fhir, Query, audit,
    bundle::Bundle,
    cursor, page,
    read::{deleted, not_found},
};
use around::{Around, is_around};
pub(crate) use care::Care;
use walk::{Next, Walk, Walked};

/// What of it is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// When care was given.
    pub(crate) care: Care,
    /// Nothing that was written before this.
    pub(crate) since: Option<Timespan>,
    /// Nothing but these.
    pub(crate) types: Option<BTreeSet<ResourceType>>,
    /// Resources on a page, besides what they refer to; `None` for all at once.
    pub(crate) count: Option<usize>,
    /// All of that as it stands in links.
    pub(crate) asked: Query,
    /// From where it goes on.
    pub(crate) cursor: Option<String>,
}

impl Wanted {
    /// The types that a list names.
    ///
    /// # Errors
    /// `value` for one that is never part of the answer.
    pub(crate) fn types_of(
        center: ResourceType,
        names: &[&str],
    ) -> Result<Option<BTreeSet<ResourceType>>, Outcome> {
        let inside = compartment_types(center);
        let names = names.iter().flat_map(|list| list.split(',')).map(str::trim);
        let mut types = BTreeSet::new();
        for name in names.filter(|name| !name.is_empty()) {
            let found =
                ResourceType::named(name).filter(|ty| inside.contains(ty) || is_around(*ty));
            types.insert(found.ok_or_else(|| {
                let name: String = name.chars().take(64).collect();
                let text = format!("'_type' names {name}, which is never about a {center}");
                Outcome::new(IssueType::Value, text)
            })?);
        }
        Ok((!types.is_empty()).then_some(types))
    }

    fn has_type(&self, ty: ResourceType) -> bool {
        self.types.as_ref().is_none_or(|types| types.contains(&ty))
    }

    fn is_new(&self, version: &Version) -> bool {
        self.since.is_none_or(|since| version.updated.millis().saturating_mul(1_000) >= since.lo)
    }

    fn shows(&self, version: &Version) -> bool {
        version.body.is_some() && self.has_type(version.resource_type) && self.is_new(version)
    }

    /// Whether what the compartment refers to may be part of the answer.
    fn looks_around(&self) -> bool {
        self.types.as_ref().is_none_or(|types| types.iter().any(|ty| is_around(*ty)))
    }

    /// The search for what has to be looked at: all of the compartment, where what it refers to is wanted too.
    fn plan(&self, fhir: &Fhir, reach: &Reach) -> Result<Plan, Outcome> {
        let mut query = Query::default();
        if !self.looks_around() {
            let types = self.types.iter().flatten().map(|ty| ty.name());
            query.push("_type", types.collect::<Vec<_>>().join(","));
            if let Some(since) = self.asked.get("_since") {
                query.push("_lastUpdated", format!("ge{since}"));
            }
        }
        Ok(understand(fhir, reach, query, Handling::Strict)?.0)
    }
}

/// The Bundle.
///
/// # Errors
/// `not-found`, `deleted`, faults of the parameters, `too-costly`.
pub(crate) async fn everything(
    fhir: &Fhir,
    caller: &Caller,
    center: &Key,
    wanted: &Wanted,
) -> Result<Answer, Outcome> {
    let permit = authorize(caller, Action::Read, Some(center.resource_type))?;
    let itself = fhir.vault.read(&permit, center).await?.ok_or_else(|| not_found(center))?;
    if itself.body.is_none() {
        return Err(deleted(center));
    }
    let permit = authorize(caller, Action::Search, None)?;
    let plan = wanted.plan(fhir, &Reach::compartment(center.clone(), None)?)?;
    let path = format!("{}/{}/$everything", center.resource_type, center.id);
    let of = page::signed_text(&path, &wanted.asked);
    let turn = cursor::open(fhir, (&of, permit.bearer()), wanted.cursor.as_deref())?;
    let is_first = wanted.cursor.is_none();
    // later pages show what the first one could have shown
    if is_first && center.resource_type.ty() == TypeId::PATIENT {
        audit::settle_patient(fhir, &center.id).await?;
    }
    let walk = Walk { fhir, permit: &permit, plan: &plan, center, wanted };
    let walked =
        if is_first { first(&walk, &itself).await? } else { walk.from(turn, wanted.count).await? };
    let Walked { found, around, next } = walked;
    let included = around.fetch(fhir, &permit, (wanted, &found)).await?;
    let now = fhir.vault.clock().now();
    let mut bundle = Bundle::with_identity("searchset", &fhir.vault.new_id(), now);
    if is_first && next.is_none() {
        bundle.total(found.len() as u64);
    }
    link(&mut bundle, (fhir, &permit), (&path, wanted), next.as_ref());
    let page = Page { versions: found, included, ..Page::default() };
    searchset::enter(&mut bundle, &fhir.base, &plan, &page);
    Ok(Answer::ok(bundle.finish()))
}

/// The first page: what it is all about, and what follows as far as there is room.
async fn first(walk: &Walk<'_>, itself: &Version) -> Result<Walked, Outcome> {
    let shown = walk.wanted.shows(itself).then(|| itself.clone());
    let room = walk.wanted.count.map(|count| count.saturating_sub(usize::from(shown.is_some())));
    // where there is none, whether more is to come
    let mut walked = walk.from(Turn::First, room.map(|room| room.max(1))).await?;
    if room == Some(0) && !walked.is_empty() {
        walked = Walked { next: Some(Next::Start), ..Walked::default() };
    }
    if walk.wanted.looks_around() {
        walked.around.add(itself, &walk.fhir.base);
    }
    walked.found.splice(0..0, shown);
    Ok(walked)
}

/// Writes `self`, `first` and `next`.
fn link(
    bundle: &mut Bundle,
    (fhir, permit): (&Fhir, &Permit),
    (path, wanted): (&str, &Wanted),
    next: Option<&Next>,
) {
    let address = |cursor: Option<&str>| {
        let mut query = wanted.asked.clone();
        if let Some(cursor) = cursor {
            query.push(cursor::PARAMETER, cursor);
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{path}{mark}{query}", fhir.base)
    };
    bundle.link("self", &address(wanted.cursor.as_deref()));
    if wanted.cursor.is_some() {
        bundle.link("first", &address(None));
    }
    let text = page::signed_text(path, &wanted.asked);
    let of = (text.as_str(), permit.bearer());
    let next = next.and_then(|next| match next {
        Next::Start => cursor::seal_start(fhir, of),
        Next::After(position) => cursor::seal(fhir, of, &Turn::After(position.clone())),
    });
    if let Some(next) = next {
        bundle.link("next", &address(Some(&next)));
    }
}
