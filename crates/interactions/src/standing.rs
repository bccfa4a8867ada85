//! What the vault says of somebody with a token, looked up with each request: an intern whose time is over, a
//! relative who was struck off and a client whose organization changed are something else from the next request on.

mod guardian;
mod tenure;

use std::sync::Arc;

use auth::{Action, Caller, Grant, Permit, Principal, Purpose, Role, Standing, authorize};
use fhir_model::{Instant, IssueType, NodeRef, Outcome, ResourceType, Tree, json};
use search::{Handling, Plan, Reading, Timespan};
use storage::{Key, Turn};

use crate::Fhir;

/// Roles of one practitioner that are looked at.
const ROLES_MAX: u32 = 20;

/// How many supervisors are followed upwards, at most.
const LEVELS_MAX: usize = 8;

/// The extension of a `PractitionerRole` that names the supervisor's.
const SUPERVISOR: &str = "/supervisor";

/// The bearer of a token.
///
/// # Errors
/// `login` when the grant is over, or does not say enough; the database's own trouble.
pub(crate) async fn bearer(fhir: &Fhir, grant: Grant, purpose: Purpose) -> Result<Caller, Outcome> {
    let now = fhir.vault.clock().now();
    let permit = authorize(&Caller::Operator, Action::Read, None)?;
    let look = Look { fhir, permit, now };
    let mut standing = Standing::default();
    let role = grant.user.as_ref().and_then(|user| Role::named(&user.role));
    let itself = grant.user.as_ref().and_then(|user| user.fhir_user.as_deref());
    match (role, itself) {
        (Some(Role::Intern), Some(intern)) => {
            let named = grant.user.as_ref().and_then(|user| user.supervisor.as_deref());
            standing.supervisor = look.supervisor(intern, named).await?;
        }
        (Some(Role::Proxy), Some(relative)) => look.patients(relative, &mut standing).await?,
        _ if grant.user.is_none() => {
            if let Some(organization) = &grant.client_organization {
                standing.client_role = look.role(organization).await?;
            }
        }
        _ => {}
    }
    let who = Principal::new(grant, standing, now)?.with(purpose)?;
    Ok(Caller::Bearer(Arc::new(who)))
}

/// Whether a practitioner stands above another: supervises them (as the record says, or else as `named`), or
/// supervises who does. Whether they still work there does not matter: what they wrote stays to be signed.
///
/// # Errors
/// The database's own trouble.
pub(crate) async fn is_above(
    fhir: &Fhir,
    supervisor: &str,
    (below, named): (&str, Option<&str>),
) -> Result<bool, Outcome> {
    let now = fhir.vault.clock().now();
    let permit = authorize(&Caller::Operator, Action::Read, None)?;
    let look = Look { fhir, permit, now };
    let mut below = below.to_owned();
    let mut named = named.and_then(|named| named.strip_prefix("Practitioner/")).map(Box::from);
    for _ in 0..LEVELS_MAX {
        let roles = look.roles(&below).await?;
        let above = match look.linked(roles.iter()).await? {
            Some(above) => Some(above),
            None => named.take(),
        };
        let Some(above) = above else { return Ok(false) };
        if *above == *supervisor {
            return Ok(true);
        }
        named = None;
        below = format!("Practitioner/{above}");
    }
    Ok(false)
}

/// Whether nothing has to be looked up to say who somebody is.
pub(crate) fn is_settled(grant: &Grant) -> bool {
    match &grant.user {
        None => grant.client_organization.is_none(),
        Some(user) => !matches!(Role::named(&user.role), Some(Role::Intern | Role::Proxy)),
    }
}

/// Looks as the vault itself.
struct Look<'f> {
    fhir: &'f Fhir,
    permit: Permit,
    now: Instant,
}

impl Look<'_> {
    /// The role of an organization by its type.
    async fn role(&self, organization: &str) -> Result<Option<Role>, Outcome> {
        let Some(found) = self.read(organization).await? else { return Ok(None) };
        let codes: Vec<String> = (found.root().named("type"))
            .flat_map(|concept| concept.named("coding").collect::<Vec<_>>())
            .filter_map(|coding| coding.child_text("code").map(std::borrow::Cow::into_owned))
            .collect();
        Ok(codes.iter().find_map(|code| Role::of_organization(code)))
    }

    /// The patients for whom a relative may act now.
    async fn patients(&self, relative: &str, standing: &mut Standing) -> Result<(), Outcome> {
        let Some(found) = self.read(relative).await? else { return Ok(()) };
        let root = found.root();
        let patient = root.child("patient").and_then(|patient| id_of(patient, "Patient"));
        let Some(id) = patient.filter(|_| self.is_active(root)) else { return Ok(()) };
        if guardian::is_guardian(root)
            && let Some(patient) = self.read(&format!("Patient/{id}")).await?
            && guardian::is_minor(patient.root(), self.now)
        {
            standing.wards.push(id.clone());
        }
        standing.acts_for.push(id);
        Ok(())
    }

    /// The practitioner under whom an intern works now: by their role at a hospital, or as the account says.
    async fn supervisor(
        &self,
        intern: &str,
        named: Option<&str>,
    ) -> Result<Option<Box<str>>, Outcome> {
        let roles = self.roles(intern).await?;
        let active: Vec<&Tree> = roles.iter().filter(|role| self.is_active(role.root())).collect();
        if active.is_empty() && !roles.is_empty() {
            if self.fhir.audit.is_some()
                && let Err(outcome) =
                    Box::pin(tenure::tell(self.fhir, intern, &roles, self.now)).await
            {
                tracing::error!(%outcome, "the end of a tenure was not told");
            }
            return Err(Outcome::new(
                IssueType::Login,
                "expired: the time at the hospital is over",
            ));
        }
        let is_linked = active.iter().any(|role| link(role).is_some());
        let practitioner = if is_linked {
            self.linked(active.iter().copied()).await?
        } else {
            named.and_then(|named| named.strip_prefix("Practitioner/")).map(Into::into)
        };
        let Some(practitioner) = practitioner else { return Ok(None) };
        let of_supervisor = self.roles(&format!("Practitioner/{practitioner}")).await?;
        let is_there = of_supervisor.is_empty()
            || of_supervisor.iter().any(|role| self.is_active(role.root()));
        Ok(is_there.then_some(practitioner))
    }

    /// The practitioner whom the roles name as the supervisor, while their own role is active.
    async fn linked(
        &self,
        roles: impl Iterator<Item = &Tree>,
    ) -> Result<Option<Box<str>>, Outcome> {
        let mut roles = roles;
        let Some(id) = roles.find_map(link) else { return Ok(None) };
        let role = self.read(&format!("PractitionerRole/{id}")).await?;
        let role = role.filter(|role| self.is_active(role.root()));
        Ok(role.and_then(|role| id_of(role.root().child("practitioner")?, "Practitioner")))
    }

    async fn roles(&self, practitioner: &str) -> Result<Vec<Tree>, Outcome> {
        let Some(ty) = ResourceType::named("PractitionerRole") else { return Ok(Vec::new()) };
        let pairs = [("practitioner".to_owned(), practitioner.to_owned())];
        let reading = Reading { handling: Handling::Strict, base: &self.fhir.base, now: self.now };
        let (plan, _): (Plan, _) =
            search::parse(&self.fhir.vault.registry(), ty, &pairs, &reading)?;
        let page = self.fhir.vault.search(&self.permit, &plan, &Turn::First, ROLES_MAX).await?;
        Ok(page.versions.into_iter().filter_map(|one| one.body).map(json::parse_trusted).collect())
    }

    /// `Organization/1`
    async fn read(&self, reference: &str) -> Result<Option<Tree>, Outcome> {
        let Some((ty, id)) = reference.split_once('/') else { return Ok(None) };
        let Some(ty) = ResourceType::named(ty) else { return Ok(None) };
        let found = self.fhir.vault.read(&self.permit, &Key::new(ty, id)).await?;
        Ok(found.and_then(|version| version.body.clone()).map(json::parse_trusted))
    }

    /// Active, and in its period.
    fn is_active(&self, node: NodeRef<'_>) -> bool {
        let is_off = node.child_text("active").is_some_and(|active| active == "false");
        !is_off && node.child("period").is_none_or(|period| is_within(period, self.now))
    }
}

/// The role that a role names as the supervisor's.
fn link(role: &Tree) -> Option<Box<str>> {
    let is_link =
        |one: &NodeRef<'_>| one.child_text("url").is_some_and(|url| url.ends_with(SUPERVISOR));
    let mut links = role.root().named("extension").filter(is_link);
    links.find_map(|link| id_of(link.child("value")?, "PractitionerRole"))
}

/// Whether a period has begun and is not over. One that cannot be read is over.
pub(crate) fn is_within(period: NodeRef<'_>, now: Instant) -> bool {
    let now = Timespan::instant(now).lo;
    let bound = |name| period.child_text(name).map(|text| Timespan::parse(&text));
    let has_begun = bound("start").is_none_or(|at| at.is_some_and(|at| at.lo <= now));
    let is_over = bound("end").is_some_and(|at| at.is_none_or(|at| at.hi <= now));
    has_begun && !is_over
}

/// `1` of a reference to `Patient/1`.
fn id_of(reference: NodeRef<'_>, ty: &str) -> Option<Box<str>> {
    let text = reference.child_text("reference")?;
    let (rest, id) = text.rsplit_once('/')?;
    (rest.rsplit('/').next() == Some(ty)).then(|| id.into())
}
