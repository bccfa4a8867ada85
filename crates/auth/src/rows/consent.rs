//! What patients permit and deny: <https://hl7.org/fhir/R4/consent.html>. Their Consents are looked at by the codes of
//! their rules, in the same statement as the rows that they are about, so that a change holds from the next request on.
//! A denial wins over a permission, unless the same Consent makes an exception from it.
//!
//! A Consent that asks for what is in a resource is read beforehand ([`Terms`]) and becomes a filter of its own. One that
//! nobody has read denies all that it may be about, and permits nothing.

use fhir_model::{Instant, ResourceType, TypeId};
use search::{CONSENT_RULE, Filter, Registry, System, Test, TokenTest, TypePlan};

use super::{
    chain, membership, sensitive,
    terms::{self, Terms, is_never},
    written::{during, has, id_is, one_of, params, refers},
};
use crate::{Principal, Purpose, policy::Basis, role::Role};

/// Who asks, and what for, as rules name it.
pub(super) struct Asker {
    actors: Vec<String>,
    pub(super) purpose: &'static str,
    pub(super) now: Instant,
    /// The one Consent that is asked; `None`: all.
    only: Option<Box<str>>,
}

impl Asker {
    fn of(who: &Principal) -> Self {
        let itself = who.itself().map(|(ty, id)| format!("{ty}/{id}"));
        let organization = who.organization().map(|id| format!("Organization/{id}"));
        let supervisor = who.standing().supervisor.as_ref().map(|id| format!("Practitioner/{id}"));
        let any = Some("*".to_owned());
        Self {
            actors: [any, itself, organization, supervisor].into_iter().flatten().collect(),
            purpose: match who.purpose() {
                Purpose::Named(code) => code,
                Purpose::Usual | Purpose::Emergency(_) => purpose(who.role()),
            },
            now: who.now(),
            only: None,
        }
    }

    /// Whether it is them.
    pub(super) fn is(&self, actor: &str) -> bool {
        self.actors.iter().any(|own| own == actor)
    }

    /// Of a Consent that has to be read: that it is about them in this way.
    fn unread(&self, effect: char) -> Vec<Test> {
        self.actors.iter().map(|actor| coded(format!("{effect}|{actor}"))).collect()
    }

    /// That a rule of a Consent has such an effect on this type, with this label.
    fn rule(&self, effect: char, ty: ResourceType, labels: &[&str]) -> Filter {
        let mut any = Vec::new();
        for actor in &self.actors {
            for purpose in ["*", self.purpose] {
                for class in ["*", ty.name()] {
                    for label in labels {
                        any.push(coded(format!("{effect}|{actor}|{purpose}|{class}|{label}")));
                    }
                }
            }
        }
        Filter::Value { params: vec![CONSENT_RULE], any }
    }

    /// That a patient has a Consent in force with such rules.
    fn consent(&self, rules: Vec<Filter>) -> Option<Filter> {
        let ty = ResourceType::named("Consent")?;
        let period = Registry::r4().parameter(ty, "period")?;
        let is_open = Filter::Present { params: period.sources.clone(), kind: period.kind };
        let mut all = rules;
        all.extend(self.only.iter().map(|id| id_is(id)));
        all.push(one_of(ty, "status", None, &["active"])?);
        all.push(Filter::Any(vec![
            during(ty, "period", (self.now, self.now))?,
            Filter::Not(Box::new(is_open)),
        ]));
        has("Consent", "patient", all)
    }
}

fn coded(code: String) -> Test {
    Test::Token(TokenTest { system: System::None, code: Some(code.into()) })
}

/// Whether patients' Consents say what somebody may see.
pub(crate) fn count_for(who: &Principal) -> bool {
    let by_consent = matches!(
        who.role(),
        Role::Proxy | Role::Doctor | Role::Intern | Role::Hospital | Role::Insurer
    );
    by_consent && who.emergency().is_none()
}

/// The Consents that somebody has to know to the word.
pub(crate) fn to_be_read(who: &Principal) -> Option<TypePlan> {
    let ty = ResourceType::named("Consent")?;
    let any = Asker::of(who).unread('t');
    let rule = Filter::Value { params: vec![CONSENT_RULE], any };
    let mut filters = vec![rule, one_of(ty, "status", None, &["active"])?];
    if let Some(patient) = who.only_patient() {
        filters.push(refers(ty, "patient", ("Patient", patient))?);
    }
    Some(TypePlan { ty, filters })
}

/// What for somebody asks, when they do not say: <http://terminology.hl7.org/CodeSystem/v3-ActReason>.
fn purpose(role: Role) -> &'static str {
    match role {
        Role::Insurer => "HPAYMT",
        Role::Researcher => "HRESCH",
        Role::Patient | Role::Proxy => "PATRQT",
        Role::Operator
        | Role::Public
        | Role::Doctor
        | Role::Intern
        | Role::Hospital
        | Role::BedManager
        | Role::Admin
        | Role::Auditor
        | Role::Device => "TREAT",
    }
}

/// That no patient whom a resource is about denies it.
pub(super) fn not_denied(who: &Principal, basis: Basis, ty: ResourceType) -> Option<Filter> {
    let labels = sensitive::possible(who.role(), basis);
    denied(&Asker::of(who), &who.standing().terms, ty, labels).map(terms::not)
}

/// That one Consent denies it, whatever its labels.
pub(super) fn denied_by(who: &Principal, ty: ResourceType, consent: &str) -> Option<Filter> {
    let asker = Asker { only: Some(consent.into()), ..Asker::of(who) };
    let read: Vec<Terms> =
        who.standing().terms.iter().filter(|one| *one.consent == *consent).cloned().collect();
    denied(&asker, &read, ty, sensitive::all())
}

/// That a patient whom a resource is about denies it, with one of these labels where it has them.
fn denied(
    asker: &Asker,
    read: &[Terms],
    ty: ResourceType,
    labels: Vec<&'static str>,
) -> Option<Filter> {
    let denied = |labels: &[&str], unread: Vec<Test>| {
        let except = Filter::Not(Box::new(asker.rule('x', ty, &["*"])));
        let mut rule = asker.rule('d', ty, labels);
        if let Filter::Value { any, .. } = &mut rule {
            // exceptions from what was not read are not known either
            any.extend(unread);
        }
        about(ty, membership(ty), asker.consent(vec![rule, except])?)
    };
    let mut any = Vec::new();
    if read.is_empty() {
        any.push(denied(&["*"], asker.unread('u'))?);
    } else {
        let rule = Filter::Value { params: vec![CONSENT_RULE], any: asker.unread('u') };
        let known = Filter::Id(read.iter().map(|one| one.consent.clone()).collect());
        let unread = asker.consent(vec![rule, terms::not(known)])?;
        any.extend([denied(&["*"], Vec::new())?, about(ty, membership(ty), unread)?]);
        any.extend(by_terms(asker, read, (ty, &membership(ty)), |decided| decided.denies)?);
    }
    if labels.is_empty() {
        return Some(Filter::Any(any));
    }
    let labelled = labels.into_iter().map(|label| {
        let denied = denied(&[label], Vec::new())?;
        Some(Filter::All(vec![sensitive::reaches(ty, label)?, denied]))
    });
    let labelled = Filter::All(vec![
        sensitive::is_labelled(ty)?,
        Filter::Any(labelled.collect::<Option<Vec<_>>>()?),
    ]);
    any.push(labelled);
    Some(Filter::Any(any))
}

/// That the patient whom a resource is about permits it.
pub(super) fn permitted(who: &Principal, ty: ResourceType) -> Option<Filter> {
    let asker = Asker::of(who);
    let subject = ["patient", "subject", "beneficiary"];
    let subject = subject.iter().find_map(|code| params(ty, code));
    let permitted = |labels: &[&str]| {
        let consent = asker.consent(vec![asker.rule('p', ty, labels)])?;
        about(ty, subject.clone().unwrap_or_else(|| membership(ty)), consent)
    };
    // up to a rung: what lies above is not meant
    let up_to = |rung: &str, above: &str| {
        let not_above = Filter::Not(Box::new(sensitive::reaches(ty, above)?));
        Some(Filter::All(vec![not_above, permitted(&[rung])?]))
    };
    let mut any = vec![permitted(&["*", "V"])?, up_to("R", "V")?, up_to("N", "R")?];
    let named = subject.clone().unwrap_or_else(|| membership(ty));
    any.extend(by_terms(&asker, &who.standing().terms, (ty, &named), |decided| decided.permits)?);
    Some(Filter::Any(any))
}

/// What Consents that were read say of what is about their patients.
fn by_terms(
    asker: &Asker,
    read: &[Terms],
    (ty, params): (ResourceType, &[search::ParamId]),
    effect: impl Fn(terms::Decided) -> Filter,
) -> Option<Vec<Filter>> {
    let mut all = Vec::new();
    for one in read {
        let filter = effect(terms::decided(&one.provision, asker, ty));
        if !is_never(&filter) {
            let patient = about(ty, params.to_vec(), id_is(&one.patient))?;
            all.push(terms::all([patient, filter]));
        }
    }
    Some(all)
}

/// What holds of the patient.
fn about(ty: ResourceType, params: Vec<search::ParamId>, patient: Filter) -> Option<Filter> {
    if ty.ty() == TypeId::PATIENT { Some(patient) } else { chain(params, "Patient", vec![patient]) }
}
