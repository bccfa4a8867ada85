//! Who may do what with beds. Scopes cover an operation by the type that it is called on: `cu` for one that changes
//! something, `rs` for one that reads. What the role may do stands here; what is written then is the vault's own doing,
//! since a patient who accepts a bed may not write a Location.

use auth::{Action, Caller, Permit, Principal, Role, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, json::Value};
use storage::Key;

use super::{
    document::{items, named, read, referred},
    hold::said,
    planners, ty,
};
use crate::{
    operation::{Request, Target},
    read::not_found,
};

/// Those who ask for a bed and answer to one.
pub(super) const ASKING: &[Role] = &[Role::Patient, Role::Proxy, Role::Doctor];
/// Those who run a hospital's beds.
pub(super) const MANAGING: &[Role] = &[Role::BedManager, Role::Hospital];
/// Those who see beds and not only numbers.
const STAFF: &[Role] =
    &[Role::BedManager, Role::Hospital, Role::Doctor, Role::Intern, Role::Operator, Role::Admin];

/// Lets these roles do a change, on resources that they may see; the permit is the vault's own.
///
/// # Errors
/// `login`, `forbidden`, `not-found`.
pub(super) async fn admit(request: &Request<'_>, roles: &[&[Role]]) -> Result<Permit, Outcome> {
    let (ty, key) = match &request.call.target {
        Target::Type(ty) => (*ty, None),
        Target::Instance(key) => (key.resource_type, Some(key)),
    };
    if let Some(who) = bearer(request.caller, ty)? {
        let covers = |action: Action| who.scopes().allows(ty, action);
        if !(covers(Action::Create) && covers(Action::Update)) {
            return Err(forbidden(&format!("insufficient_scope: this needs {ty}.cu")));
        }
        if who.role() != Role::Operator && !roles.iter().any(|some| some.contains(&who.role())) {
            return Err(forbidden(&format!("A {} may not do that", who.role())));
        }
        let sees_all = MANAGING.contains(&who.role()) || who.role() == Role::Operator;
        if let Some(key) = key.filter(|_| !sees_all) {
            let permit = authorize(request.caller, Action::Read, Some(ty))?;
            request.fhir.vault.read(&permit, key).await?.ok_or_else(|| not_found(key))?;
        }
    }
    authorize(&Caller::Operator, Action::Update, None)
}

/// Somebody with a token; `None`: the operator.
fn bearer(caller: &Caller, ty: ResourceType) -> Result<Option<&Principal>, Outcome> {
    match caller {
        Caller::Operator => Ok(None),
        Caller::Anonymous => {
            let text = format!("An access token is needed to call operations on {ty}");
            Err(Outcome::new(IssueType::Login, text))
        }
        Caller::Bearer(who) => Ok(Some(who)),
    }
}

/// What the caller's role is; `None`: the operator, or nobody.
pub(super) fn role(caller: &Caller) -> Option<Role> {
    match caller {
        Caller::Operator => Some(Role::Operator),
        Caller::Anonymous => None,
        Caller::Bearer(who) => Some(who.role()),
    }
}

/// Whether the caller sees beds, and not only numbers.
pub(super) fn is_staff(caller: &Caller) -> bool {
    role(caller).is_some_and(|role| STAFF.contains(&role))
}

/// Whether the caller sees the whole queue.
pub(super) fn manages(caller: &Caller) -> bool {
    role(caller).is_some_and(|role| MANAGING.contains(&role) || role == Role::Operator)
}

/// The hospital whose beds alone the caller may give; `None`: all.
pub(super) fn own_hospital(caller: &Caller) -> Result<Option<&str>, Outcome> {
    match caller {
        Caller::Bearer(who) if MANAGING.contains(&who.role()) => {
            let none = || forbidden("The account belongs to no organization");
            who.organization().map(Some).ok_or_else(none)
        }
        Caller::Operator | Caller::Anonymous | Caller::Bearer(_) => Ok(None),
    }
}

/// Refuses beds of other hospitals.
///
/// # Errors
/// `not-found`, as if the bed were not there.
pub(super) async fn manages_bed(request: &Request<'_>, bed: &str) -> Result<(), Outcome> {
    if has_bed(request, bed).await? { Ok(()) } else { Err(no_such_bed()) }
}

/// Whether a bed is one of the caller's hospital; of who is bound to none every bed is.
pub(super) async fn has_bed(request: &Request<'_>, bed: &str) -> Result<bool, Outcome> {
    let Some(own) = own_hospital(request.caller)? else { return Ok(true) };
    let mut board = request.fhir.desk.board.lock().await;
    board.look(request.fhir).await?;
    Ok(board.beds.get(bed).is_some_and(|it| it.bed.hospital == own))
}

fn no_such_bed() -> Outcome {
    Outcome::new(IssueType::NotFound, "There is no such bed here")
}

/// Whether the caller is shown a resource by a read. What was deleted is shown as long as that can be told.
pub(super) async fn is_shown(request: &Request<'_>, key: &Key) -> Result<bool, Outcome> {
    // who may not read the type at all is shown none of it
    let Ok(permit) = authorize(request.caller, Action::Read, Some(key.resource_type)) else {
        return Ok(false);
    };
    Ok(request.fhir.vault.read(&permit, key).await?.is_some())
}

/// Refuses stays whose beds are other hospitals'.
///
/// # Errors
/// `not-found`, as if the stay were not there.
pub(super) async fn manages_stay(request: &Request<'_>) -> Result<(), Outcome> {
    if own_hospital(request.caller)?.is_none() {
        return Ok(());
    }
    let key = request.call.key()?;
    let stay = body_of(request, key).await?.ok_or_else(|| not_found(key))?;
    let base = request.fhir.base();
    let mut beds =
        items(&stay, "location").iter().filter_map(|it| referred(it, "location", "Location", base));
    let last = beds.next_back().ok_or_else(|| not_found(key))?;
    if has_bed(request, last).await? { Ok(()) } else { Err(not_found(key)) }
}

/// Refuses orders that are neither the hospital's own, which performs or gave them, nor shown to it.
///
/// # Errors
/// `not-found`, as if the order were not there.
pub(super) async fn manages_order(request: &Request<'_>, key: &Key) -> Result<(), Outcome> {
    let Some(own) = own_hospital(request.caller)? else { return Ok(()) };
    let base = request.fhir.base();
    let mut is_own = false;
    if let Some(order) = body_of(request, key).await? {
        let mut performers = items(&order, "performer").iter();
        is_own = performers.any(|it| named(it, "Organization", base) == Some(own))
            || referred(&order, "requester", "Organization", base) == Some(own);
        if !is_own
            && let Some(id) = referred(&order, "requester", "PractitionerRole", base)
            && let Some(role) = body_of(request, &Key::new(ty("PractitionerRole")?, id)).await?
        {
            is_own = referred(&role, "organization", "Organization", base) == Some(own);
        }
    }
    if is_own || is_shown(request, key).await? { Ok(()) } else { Err(not_found(key)) }
}

/// Refuses requests whose bed is another hospital's; those that have none only where they are shown.
///
/// # Errors
/// `not-found`, as if the Task were not there.
pub(super) async fn manages_request(request: &Request<'_>) -> Result<(), Outcome> {
    if own_hospital(request.caller)?.is_none() {
        return Ok(());
    }
    let key = request.call.key()?;
    let task = body_of(request, key).await?.ok_or_else(|| not_found(key))?;
    let bed = said(&task).bed;
    match &bed {
        Some(bed) if has_bed(request, bed).await? => Ok(()),
        Some(_) | None => match (is_shown(request, key).await?, bed) {
            (true, None) => Ok(()),
            (true, Some(_)) => Err(no_such_bed()),
            (false, _) => Err(not_found(key)),
        },
    }
}

/// What stands under a key, whoever may see it; `None` also of what was deleted.
async fn body_of(request: &Request<'_>, key: &Key) -> Result<Option<Value>, Outcome> {
    let found = request.fhir.vault.read(&planners()?, key).await?;
    found.as_ref().and_then(|it| it.body.as_deref()).map(read).transpose()
}

pub(super) fn forbidden(text: &str) -> Outcome {
    Outcome::new(IssueType::Forbidden, text.to_owned())
}
