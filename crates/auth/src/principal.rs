//! Somebody with a valid token, and what the vault knows of them at the time of the request.

use fhir_model::{Instant, IssueType, Outcome, ResourceType};

use crate::{
    Grant,
    policy::Policy,
    purpose::Purpose,
    role::Role,
    rows::{self, Opened, Rows, Terms, Way},
    scope::{Action, Context, Scope, ScopeSet},
};

/// Somebody with a valid token.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    grant: Grant,
    scopes: ScopeSet,
    role: Role,
    standing: Standing,
    now: Instant,
    /// User, client, patient in context and scopes.
    name: String,
    purpose: Purpose,
    opened: Opened,
}

/// What the vault says of somebody, looked up for each request, so that it holds from the next request on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The role that a client has by the type of its organization.
    pub client_role: Option<Role>,
    /// Logical id of the practitioner under whom an intern works now; `None`: under nobody any more.
    pub supervisor: Option<Box<str>>,
    /// Logical ids of the patients for whom a relative may act now.
    pub acts_for: Vec<Box<str>>,
    /// Those of them who are minors and whose guardian the relative is: no Consent is needed for them.
    pub wards: Vec<Box<str>>,
    /// The study within which a researcher asks; `None`: within none.
    pub study: Option<Study>,
    /// The Consents that have to be read to know what they permit and deny, as they are now; one that is missing here
    /// closes what it may be about.
    pub terms: Vec<Terms>,
}

/// A study, as Consents may name who it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Study {
    /// Logical id of the `ResearchStudy`.
    pub id: Box<str>,
    /// Logical id of the organization that answers for it.
    pub sponsor: Option<Box<str>>,
}

impl Principal {
    /// Takes a grant for what it is now.
    ///
    /// # Errors
    /// `login` when the grant is over, or does not say whose rows its scopes are about: what is missing never
    /// means that there is no limit.
    pub fn new(grant: Grant, standing: Standing, now: Instant) -> Result<Self, Outcome> {
        if grant.is_over(now) {
            return Err(refused("The access token has expired"));
        }
        let scopes = ScopeSet::parse(&grant.scopes)
            .map_err(|_| refused("The access token has scopes that this vault does not know"))?;
        let has = |context| scopes.scopes().iter().any(|scope| scope.context() == context);
        if has(Context::Patient) && grant.patient.is_none() {
            return Err(refused("The access token has patient/ scopes and no patient in context"));
        }
        if has(Context::User) && grant.user.is_none() && !grant.is_operator() {
            return Err(refused("The access token has user/ scopes and no user"));
        }
        let role = role(&grant, &standing)?;
        let name = name(&grant);
        let (purpose, opened) = (Purpose::Usual, Opened::default());
        let principal = Self { grant, scopes, role, standing, now, name, purpose, opened };
        if matches!(role, Role::Patient | Role::Proxy | Role::Doctor | Role::Intern | Role::Device)
            && principal.grant.user.is_some()
            && principal.itself().is_none()
        {
            return Err(refused("The account does not say who in the record it belongs to"));
        }
        Ok(principal)
    }

    /// Names the user, the client, the patient in context and the scopes: whoever has the same name sees the same.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The same person with another purpose.
    ///
    /// # Errors
    /// `forbidden` when it is none of theirs.
    pub fn with(self, purpose: Purpose) -> Result<Self, Outcome> {
        purpose.suits(self.role)?;
        Ok(Self { purpose, opened: Opened::default(), ..self })
    }

    /// A researcher within one of their studies: what they see is the study's view, and nothing besides.
    ///
    /// # Errors
    /// `forbidden` for everybody else, for a token that is about one patient, and for one of which a scope has conditions:
    /// they would narrow what is counted without being a question.
    pub fn within(&self, study: Study) -> Result<Self, Outcome> {
        if self.role != Role::Researcher {
            let text = "The view of a study is for its researchers";
            return Err(Outcome::new(IssueType::Forbidden, text));
        }
        let is_patient = |scope: &Scope| scope.context() == Context::Patient;
        if self.grant.patient.is_some() || self.scopes.scopes().iter().any(is_patient) {
            let text = "The view of a study is for tokens that are about no patient: user/ and system/ scopes";
            return Err(Outcome::new(IssueType::Forbidden, text));
        }
        if self.scopes.scopes().iter().any(|scope| !scope.filters().is_empty()) {
            let text = "The view of a study is for tokens of which no scope has conditions: its questions say what is \
                        looked for";
            return Err(Outcome::new(IssueType::Forbidden, text));
        }
        let name = format!("{}\n{}", self.name, study.id);
        let standing = Standing { study: Some(study), ..Standing::default() };
        let purpose = Purpose::Named("HRESCH");
        let opened = Opened::default();
        Ok(Self { role: Role::Study, name, standing, purpose, opened, ..self.clone() })
    }

    /// Whether patients' Consents say what they may see.
    pub fn is_bound_by_consents(&self) -> bool {
        rows::consent::count_for(self)
    }

    /// The Consents that have to be read for them: what they are found by.
    pub fn consents_to_read(&self) -> Option<search::TypePlan> {
        rows::consent::to_be_read(self)
    }

    /// The same person when these Consents were read.
    #[must_use]
    pub fn knowing(&self, terms: Vec<Terms>) -> Self {
        let mut who = self.clone();
        who.standing.terms = terms;
        who
    }

    /// By what they may do this to resources of a type, and what must hold of each: to say why something is closed.
    pub fn ways(&self, action: Action, ty: ResourceType) -> Vec<Way> {
        rows::ways(self, action, ty)
    }

    /// That one Consent denies resources of a type to them; `None` when none can.
    pub fn denied_by(&self, ty: ResourceType, consent: &str) -> Option<search::Filter> {
        rows::denied_by(self, ty, consent)
    }

    /// The Consents that were read for them.
    pub fn terms(&self) -> &[Terms] {
        &self.standing.terms
    }

    /// Why they look at a patient who is not under their care, if they do.
    pub fn emergency(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Emergency(reason) => Some(reason),
            Purpose::Usual | Purpose::Named(_) => None,
        }
    }

    /// What for they ask, when they said so: a code of <http://terminology.hl7.org/CodeSystem/v3-ActReason>.
    pub fn purpose_code(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Usual => None,
            Purpose::Named(code) => Some(code),
            Purpose::Emergency(_) => Some("BTG"),
        }
    }

    pub(crate) fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The part that they play.
    pub fn role(&self) -> Role {
        self.role
    }

    /// All that rules depend on, but the time, as two hashers of the whole process see it; worked out once.
    pub fn digest_but_for_time(&self, hashers: &[impl std::hash::BuildHasher; 2]) -> [u64; 2] {
        let of = (&self.grant, self.role, &self.standing, &self.purpose);
        *self.opened.digest.get_or_init(|| hashers.each_ref().map(|hasher| hasher.hash_one(of)))
    }

    /// What the token stands for.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The scopes of the token.
    pub fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// The time of the request.
    pub fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Type and logical id of who they are in the record.
    pub fn itself(&self) -> Option<(&str, &str)> {
        self.grant.user.as_ref()?.fhir_user.as_deref()?.split_once('/')
    }

    /// Logical id of the practitioner under whom an intern works now.
    pub fn supervisor(&self) -> Option<&str> {
        self.standing.supervisor.as_deref()
    }

    /// Logical id of the organization that they act for.
    pub fn organization(&self) -> Option<&str> {
        let of_user = self.grant.user.as_ref().map(|user| user.organization.as_deref());
        let named = of_user.unwrap_or(self.grant.client_organization.as_deref())?;
        Some(named.rsplit('/').next().unwrap_or(named))
    }

    /// The one patient that all of this is about, when the token is for one.
    pub fn only_patient(&self) -> Option<&str> {
        let is_patient = |scope: &Scope| scope.context() == Context::Patient;
        if self.role == Role::Patient {
            return rows::own_patient(self);
        }
        let scopes = self.scopes.scopes();
        let all = !scopes.is_empty() && scopes.iter().all(is_patient);
        self.grant.patient.as_deref().filter(|_| all)
    }

    /// Whether scopes and role cover this for some resource of the type.
    pub(crate) fn may(&self, action: Action, ty: ResourceType) -> bool {
        if self.emergency().is_some() && action.writes() {
            return false;
        }
        self.is_fhir_user(action, ty)
            || self.scopes.allows(ty, action) && Policy::vault().allows(self.role, ty, action)
    }

    /// Whether it is about reading their own entry in the record, as `fhirUser` promises.
    pub(crate) fn is_fhir_user(&self, action: Action, ty: ResourceType) -> bool {
        let is_own = self.itself().is_some_and(|(own, _)| own == ty.name());
        is_own && action == Action::Read && self.scopes.has("fhirUser")
    }

    /// To which rows of a type they may do this.
    pub(crate) fn rows(&self, action: Action, ty: ResourceType) -> Rows {
        self.opened.or((action, ty), || rows::of(self, action, ty))
    }
}

fn name(grant: &Grant) -> String {
    let user = grant.user.as_ref().map_or("", |user| &user.login);
    let client = grant.client.as_deref().unwrap_or_default();
    let patient = grant.patient.as_deref().unwrap_or_default();
    format!("{user}\n{client}\n{patient}\n{}", grant.scopes)
}

/// A person's role is that of the account. A client without a person has the role of its organization; one that
/// belongs to none sees what everybody sees.
fn role(grant: &Grant, standing: &Standing) -> Result<Role, Outcome> {
    if let Some(user) = &grant.user {
        let named = Role::named(&user.role);
        let known =
            named.filter(|role| !matches!(role, Role::Operator | Role::Public | Role::Study));
        return known
            .ok_or_else(|| refused("The account has a role that this vault does not know"));
    }
    if grant.patient.is_some() {
        return Ok(Role::Patient);
    }
    if grant.is_operator() {
        return Ok(Role::Operator);
    }
    Ok(standing.client_role.unwrap_or(Role::Public))
}

fn refused(why: &'static str) -> Outcome {
    Outcome::new(IssueType::Login, why)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::User;

    /// A grant of somebody; `who` is `Practitioner/d`.
    pub(crate) fn grant(role: &str, who: Option<&str>, scopes: &str) -> Grant {
        Grant {
            token_id: "t".into(),
            client: Some("app".into()),
            client_organization: None,
            origins: Vec::new(),
            user: Some(User {
                login: "somebody".into(),
                role: role.into(),
                fhir_user: who.map(Into::into),
                organization: None,
                supervisor: None,
                until: None,
            }),
            patient: None,
            encounter: None,
            scopes: scopes.into(),
            expires: Instant::from_millis(1000),
        }
    }

    #[test]
    fn what_is_missing_closes() {
        let now = Instant::from_millis(10);
        let status = |grant: Grant, now| {
            Principal::new(grant, Standing::default(), now).map_or_else(|no| no.status(), |_| 200)
        };
        let doctor = || grant("doctor", Some("Practitioner/d"), "user/*.rs");
        assert_eq!(status(doctor(), now), 200);
        assert_eq!(status(doctor(), Instant::from_millis(1000)), 401);
        assert_eq!(status(Grant { user: None, ..doctor() }, now), 401);
        assert_eq!(status(grant("doctor", None, "user/*.rs"), now), 401);
        assert_eq!(status(grant("king", Some("Practitioner/d"), "user/*.rs"), now), 401);
        assert_eq!(status(grant("operator", Some("Practitioner/d"), "user/*.rs"), now), 401);
        assert_eq!(status(grant("doctor", Some("Practitioner/d"), "patient/*.rs"), now), 401);
        assert_eq!(status(grant("doctor", Some("Practitioner/d"), "user/*.rs user/x"), now), 401);
        let alone = Grant { user: None, scopes: "system/*.rs".into(), ..doctor() };
        let alone = Principal::new(alone, Standing::default(), now).unwrap();
        assert_eq!(alone.role(), Role::Public);
        assert!(!alone.may(Action::Read, ResourceType::named("Patient").unwrap()));
    }
}
