//! Who may use the view of a study: a researcher whom an approved or active `ResearchStudy` names in its time, as its
//! principal investigator or by its sponsor: <https://hl7.org/fhir/R4/researchstudy.html>.

use std::{collections::BTreeSet, sync::Arc};

use ::search::Handling;
use auth::{Action, Caller, Permit, Principal, Study, authorize};
use fhir_model::{IssueType, NodeRef, Outcome, ResourceType, Tree, json};
use storage::{Key, Turn};

use super::table::Table;
use crate::{Fhir, Query, search, standing};

/// What a study is while its view is open: <https://hl7.org/fhir/R4/valueset-research-study-status.html>.
const OPEN: &[&str] = &["active", "approved"];

/// Studies of one sponsor or investigator that are looked at.
const STUDIES_MAX: u32 = 500;

/// The researcher, within the study.
///
/// # Errors
/// `login` without a token; `forbidden` for everybody but the study's researchers, in the same words where there is no
/// such study.
pub(super) async fn enter(
    fhir: &Fhir,
    caller: &Caller,
    project: Option<&String>,
) -> Result<Arc<Principal>, Outcome> {
    let who = match caller {
        Caller::Bearer(who) => who,
        Caller::Operator => {
            let text = "The view of a study is for its researchers";
            return Err(Outcome::new(IssueType::Forbidden, text));
        }
        Caller::Anonymous => {
            let text = "The view of a study needs the access token of one of its researchers";
            return Err(Outcome::new(IssueType::Login, text));
        }
    };
    let id = project.map_or("", String::as_str);
    // refused before anything is looked up
    let own = who.within(Study { id: id.into(), sponsor: None })?;
    covers_all(who)?;
    let permit = authorize(&Caller::Operator, Action::Read, None)?;
    let found = read(fhir, &permit, ("ResearchStudy", id)).await?.ok_or_else(not_yours)?;
    let root = found.root();
    let sponsor = root.child("sponsor").and_then(|it| reference(fhir, it, "Organization"));
    let is_sponsor = sponsor.is_some() && who.organization() == sponsor.as_deref();
    if !is_sponsor && !is_investigator(fhir, &permit, root, who).await? {
        return Err(not_yours());
    }
    let status = root.child_text("status").unwrap_or_default();
    if !OPEN.contains(&&*status) {
        let text =
            format!("The study is {status}; its view is open while it is approved or active");
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    let now = fhir.vault.clock().now();
    if root.child("period").is_some_and(|period| !standing::is_within(period, now)) {
        let text = "The study has not begun, or is over: see ResearchStudy.period";
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    drop(own);
    who.within(Study { id: id.into(), sponsor: sponsor.map(Into::into) }).map(Arc::new)
}

/// The ids of the studies whose answers can be put together: this one, those of its sponsor and its principal investigator,
/// and those of who asks and of their organization. An investigator is the same person in whatever role.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn related(
    fhir: &Fhir,
    who: &Principal,
    project: &str,
) -> Result<BTreeSet<String>, Outcome> {
    let mut ids = BTreeSet::from([project.to_owned()]);
    let permit = authorize(&Caller::Operator, Action::Search, None)?;
    let Some(ty) = ResourceType::named("ResearchStudy") else { return Ok(ids) };
    let Some(study) = read(fhir, &permit, (ty.name(), project)).await? else { return Ok(ids) };
    let named = |name: &str, ty: &str| reference(fhir, study.root().child(name)?, ty);
    let mut asked = BTreeSet::new();
    let sponsors = [named("sponsor", "Organization"), who.organization().map(ToOwned::to_owned)];
    for sponsor in sponsors.into_iter().flatten() {
        asked.insert(("sponsor", format!("Organization/{sponsor}")));
    }
    let role = named("principalInvestigator", "PractitionerRole");
    let holder = match &role {
        Some(role) => holder(fhir, &permit, role).await?,
        None => None,
    };
    if let Some(role) = role {
        asked.insert(("principalinvestigator", format!("PractitionerRole/{role}")));
    }
    let own = who.itself().filter(|(ty, _)| *ty == "Practitioner").map(|(_, id)| id.to_owned());
    let investigator = named("principalInvestigator", "Practitioner");
    for person in [investigator, holder, own].into_iter().flatten() {
        let person = format!("Practitioner/{person}");
        // by each of their roles, also those that are over
        asked.insert(("principalinvestigator:PractitionerRole.practitioner", person.clone()));
        asked.insert(("principalinvestigator", person));
    }
    for (name, value) in asked {
        let mut query = Query::default();
        query.push(name, value);
        let (plan, _) =
            search::understand(fhir, &search::Reach::Type(ty), query, Handling::Strict)?;
        let page = fhir.vault.search(&permit, &plan, &Turn::First, STUDIES_MAX).await?;
        ids.extend(page.versions.into_iter().map(|version| version.id));
    }
    Ok(ids)
}

/// By the practitioner, or by a role of theirs that is active.
async fn is_investigator(
    fhir: &Fhir,
    permit: &Permit,
    study: NodeRef<'_>,
    who: &Principal,
) -> Result<bool, Outcome> {
    let Some(("Practitioner", own)) = who.itself() else { return Ok(false) };
    let Some(named) = study.child("principalInvestigator") else { return Ok(false) };
    if let Some(id) = reference(fhir, named, "Practitioner") {
        return Ok(id == own);
    }
    let Some(id) = reference(fhir, named, "PractitionerRole") else { return Ok(false) };
    let Some(role) = read(fhir, permit, ("PractitionerRole", &id)).await? else { return Ok(false) };
    let root = role.root();
    let is_off = root.child_text("active").is_some_and(|active| active == "false");
    let now = fhir.vault.clock().now();
    let is_over = root.child("period").is_some_and(|period| !standing::is_within(period, now));
    let holder = root.child("practitioner").and_then(|it| reference(fhir, it, "Practitioner"));
    Ok(!is_off && !is_over && holder.as_deref() == Some(own))
}

/// Whose role it is, now or before.
async fn holder(fhir: &Fhir, permit: &Permit, role: &str) -> Result<Option<String>, Outcome> {
    let role = read(fhir, permit, ("PractitionerRole", role)).await?;
    let named = |role: &Tree| reference(fhir, role.root().child("practitioner")?, "Practitioner");
    Ok(role.as_ref().and_then(named))
}

/// That a token lets all of the view be searched: answers about different types are compared with each other, in the eyes of
/// who asks.
fn covers_all(who: &Principal) -> Result<(), Outcome> {
    let is_covered = |ty: ResourceType| who.scopes().allows(ty, Action::Search);
    if Table::vault().types().all(|(ty, _)| is_covered(ty)) {
        return Ok(());
    }
    let text = "The view of a study is for tokens that let all of its types be searched, such as user/*.rs: its answers are \
                compared with each other";
    Err(Outcome::new(IssueType::Forbidden, text))
}

async fn read(
    fhir: &Fhir,
    permit: &Permit,
    (ty, id): (&str, &str),
) -> Result<Option<Tree>, Outcome> {
    let Some(ty) = ResourceType::named(ty).filter(|_| !id.is_empty()) else { return Ok(None) };
    let found = fhir.vault.read(permit, &Key::new(ty, id)).await?;
    Ok(found.and_then(|version| version.body.clone()).map(json::parse_trusted))
}

/// `1` of a reference to `Practitioner/1` of this vault; what another server has is nobody here.
fn reference(fhir: &Fhir, node: NodeRef<'_>, ty: &str) -> Option<String> {
    let text = node.child_text("reference")?;
    let own = fhir.vault.index_base();
    let below = |base: &str| text.strip_prefix(base)?.strip_prefix('/');
    let text = [&*fhir.base, &*own].into_iter().find_map(below).unwrap_or(&text);
    let id = text.strip_prefix(ty)?.strip_prefix('/')?;
    (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
}

/// The same whether there is such a study or not.
fn not_yours() -> Outcome {
    let text = "This is none of your studies: a ResearchStudy names you as its principalInvestigator, or your \
                organization as its sponsor";
    Outcome::new(IssueType::Forbidden, text)
}
