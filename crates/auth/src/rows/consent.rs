//! What patients permit and deny: <https://hl7.org/fhir/R4/consent.html>. Their Consents are looked at by the codes of
//! their rules, in the same statement as the rows that they are about, so that a change holds from the next request on.
//! A denial wins over a permission, unless the same Consent makes an exception from it.

use fhir_model::{Instant, ResourceType, TypeId};
use search::{CONSENT_RULE, Filter, Registry, System, Test, TokenTest};

use super::{
    chain, membership, sensitive,
    written::{during, has, one_of, params},
};
use crate::{Principal, Purpose, policy::Basis, role::Role};

/// Who asks, and what for, as rules name it.
struct Asker {
    actors: Vec<String>,
    purpose: &'static str,
    now: Instant,
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
        }
    }

    /// That a rule of a Consent has such an effect on this type, with this label.
    fn rule(&self, effect: char, ty: ResourceType, labels: &[&str]) -> Filter {
        let mut any = Vec::new();
        for actor in &self.actors {
            for purpose in ["*", self.purpose] {
                for class in ["*", ty.name()] {
                    for label in labels {
                        let code = format!("{effect}|{actor}|{purpose}|{class}|{label}");
                        let code = Some(code.into());
                        any.push(Test::Token(TokenTest { system: System::None, code }));
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
        all.push(one_of(ty, "status", None, &["active"])?);
        all.push(Filter::Any(vec![
            during(ty, "period", (self.now, self.now))?,
            Filter::Not(Box::new(is_open)),
        ]));
        has("Consent", "patient", all)
    }
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
    let asker = Asker::of(who);
    let denied = |labels: &[&str]| {
        let except = Filter::Not(Box::new(asker.rule('x', ty, &["*"])));
        let consent = asker.consent(vec![asker.rule('d', ty, labels), except])?;
        about(ty, membership(ty), consent)
    };
    let not = |filter| Some(Filter::Not(Box::new(filter)));
    let labels = sensitive::possible(who.role(), basis);
    if labels.is_empty() {
        return not(denied(&["*"])?);
    }
    let labelled = labels
        .into_iter()
        .map(|label| Some(Filter::All(vec![sensitive::reaches(ty, label)?, denied(&[label])?])));
    let labelled = Filter::All(vec![
        sensitive::is_labelled(ty)?,
        Filter::Any(labelled.collect::<Option<Vec<_>>>()?),
    ]);
    not(Filter::Any(vec![denied(&["*"])?, labelled]))
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
    Some(Filter::Any(vec![permitted(&["*", "V"])?, up_to("R", "V")?, up_to("N", "R")?]))
}

/// What holds of the patient.
fn about(ty: ResourceType, params: Vec<search::ParamId>, patient: Filter) -> Option<Filter> {
    if ty.ty() == TypeId::PATIENT { Some(patient) } else { chain(params, "Patient", vec![patient]) }
}
