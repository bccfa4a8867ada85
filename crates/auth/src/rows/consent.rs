//! What patients permit and deny: <https://hl7.org/fhir/R4/consent.html>. Their Consents are looked at by the codes of
//! their rules, in the same statement as the rows that they are about, so that a change holds from the next request on.
//! A denial wins over a permission, unless the same Consent makes an exception from it.
//!
//! A Consent that asks for what is in a resource is read beforehand ([`Terms`]) and becomes a filter of its own. One that
//! nobody has read denies all that it may be about, and permits nothing.
//!
//! A study is opened by Consents to research alone, and by those that name its purpose; what closes it is any denial.

use std::collections::BTreeSet;

use fhir_model::{Instant, ResourceType, TypeId};
use search::{CONSENT_RULE, ConsentScope, Filter, Registry, System, Test, TokenTest, TypePlan};

use super::{
    chain, membership, sensitive,
    terms::{self, Terms, is_never},
    written::{during, has, id_is, one_of, params, refers},
};
use crate::{Principal, Purpose, policy::Basis, role::Role};

/// Patients whom one condition names: SQLite takes no statement that is nested deeper than 1,000 times, and each counts.
const PATIENTS_MAX: usize = 50;

/// By which letters a Consent says what it does.
#[derive(Debug)]
struct Letters {
    scope: ConsentScope,
    permit: char,
    deny: char,
    except: char,
    /// It has to be read, and it may deny something.
    read: char,
    unread: char,
}

const PRIVACY: Letters = Letters {
    scope: ConsentScope::Privacy,
    permit: 'p',
    deny: 'd',
    except: 'x',
    read: 't',
    unread: 'u',
};

const RESEARCH: Letters = Letters {
    scope: ConsentScope::Research,
    permit: 'P',
    deny: 'D',
    except: 'X',
    read: 'T',
    unread: 'U',
};

/// Who asks, and what for, as rules name it.
pub(super) struct Asker {
    actors: Vec<String>,
    pub(super) purpose: &'static str,
    pub(super) now: Instant,
    /// By which Consents they are let in, and which may keep them out.
    opening: &'static Letters,
    closing: &'static [Letters],
    /// The one Consent that is asked; `None`: all.
    only: Option<Box<str>>,
}

impl Asker {
    fn of(who: &Principal) -> Self {
        let itself = who.itself().map(|(ty, id)| format!("{ty}/{id}"));
        let organization = who.organization().map(|id| format!("Organization/{id}"));
        let supervisor = who.standing().supervisor.as_ref().map(|id| format!("Practitioner/{id}"));
        let any = Some("*".to_owned());
        let study = who.standing().study.as_ref();
        let sponsor = study.and_then(|study| study.sponsor.as_ref());
        let sponsor = sponsor.map(|id| format!("Organization/{id}"));
        let (opening, closing) = match study {
            Some(_) => (&RESEARCH, &[PRIVACY, RESEARCH] as &[_]),
            None => (&PRIVACY, &[PRIVACY] as &[_]),
        };
        let mut actors: Vec<String> =
            [any, itself, organization, supervisor, sponsor].into_iter().flatten().collect();
        actors.dedup();
        Self {
            actors,
            opening,
            closing,
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

    /// Whether a permission counts only where it, or what it stands in, names the purpose.
    pub(super) fn has_to_be_named(&self) -> bool {
        self.opening.scope == ConsentScope::Research
    }

    /// Of a Consent that has to be read: that it is about them.
    fn read(&self) -> Vec<Test> {
        self.each(|letters| letters.read)
    }

    /// The same where it may deny something.
    fn unread(&self) -> Vec<Test> {
        self.each(|letters| letters.unread)
    }

    fn each(&self, effect: impl Fn(&Letters) -> char) -> Vec<Test> {
        let of = |letters| {
            let effect = effect(letters);
            self.actors.iter().map(move |actor| coded(format!("{effect}|{actor}")))
        };
        self.closing.iter().flat_map(of).collect()
    }

    /// What for a rule may be that opens or closes something to them. Research has to be named by who allows it.
    fn purposes(&self, effect: char) -> Vec<&'static str> {
        if effect == RESEARCH.permit { vec![self.purpose] } else { vec!["*", self.purpose] }
    }

    /// That a rule of a Consent has such an effect on this type, with this label.
    fn rule(&self, effect: char, ty: ResourceType, labels: &[&str]) -> Filter {
        let mut any = Vec::new();
        for actor in &self.actors {
            for purpose in self.purposes(effect) {
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
        Role::Proxy | Role::Doctor | Role::Intern | Role::Hospital | Role::Insurer | Role::Study
    );
    by_consent && who.emergency().is_none()
}

/// The Consents that somebody has to know to the word.
pub(crate) fn to_be_read(who: &Principal) -> Option<TypePlan> {
    let ty = ResourceType::named("Consent")?;
    let any = Asker::of(who).read();
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
        Role::Researcher | Role::Study => "HRESCH",
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
        let mut any = Vec::new();
        for letters in asker.closing {
            let except = Filter::Not(Box::new(asker.rule(letters.except, ty, &["*"])));
            let mut rule = asker.rule(letters.deny, ty, labels);
            if let Filter::Value { any, .. } = &mut rule {
                // exceptions from what was not read are not known either
                any.extend(unread.iter().cloned());
            }
            any.push(asker.consent(vec![rule, except])?);
        }
        about(ty, membership(ty), terms::any(any))
    };
    let mut any = Vec::new();
    if read.is_empty() {
        any.push(denied(&["*"], asker.unread())?);
    } else {
        let rule = Filter::Value { params: vec![CONSENT_RULE], any: asker.unread() };
        let known = Filter::Id(read.iter().map(|one| one.consent.clone()).collect());
        let unread = asker.consent(vec![rule, terms::not(known)])?;
        any.extend([denied(&["*"], Vec::new())?, about(ty, membership(ty), unread)?]);
        any.extend(by_terms(asker, read, (ty, &membership(ty)), Terms::denies)?);
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
        let consent = asker.consent(vec![asker.rule(asker.opening.permit, ty, labels)])?;
        about(ty, subject.clone().unwrap_or_else(|| membership(ty)), consent)
    };
    // up to a rung: what lies above is not meant
    let up_to = |rung: &str, above: &str| {
        let not_above = Filter::Not(Box::new(sensitive::reaches(ty, above)?));
        Some(Filter::All(vec![not_above, permitted(&[rung])?]))
    };
    let mut any = vec![permitted(&["*", "V"])?, up_to("R", "V")?, up_to("N", "R")?];
    let named = subject.clone().unwrap_or_else(|| membership(ty));
    any.extend(by_terms(&asker, &who.standing().terms, (ty, &named), Terms::permits)?);
    Some(Filter::Any(any))
}

/// What Consents that were read say of what is about their patients. Those that say the same are one condition.
fn by_terms(
    asker: &Asker,
    read: &[Terms],
    (ty, params): (ResourceType, &[search::ParamId]),
    effect: impl Fn(&Terms, &Asker, ResourceType) -> Filter,
) -> Option<Vec<Filter>> {
    let mut all = Vec::new();
    for (one, patients) in alike(read) {
        let filter = effect(one, asker, ty);
        if is_never(&filter) {
            continue;
        }
        let patients: Vec<Box<str>> = patients.into_iter().collect();
        for some in patients.chunks(PATIENTS_MAX) {
            let patients = about(ty, params.to_vec(), Filter::Id(some.to_vec()))?;
            all.push(terms::all([patients, filter.clone()]));
        }
    }
    Some(all)
}

/// One of those that say the same, in the order in which they were read, and the patients of all of them.
#[expect(clippy::disallowed_types, reason = "looked up by what provisions say, never shown")]
fn alike(read: &[Terms]) -> Vec<(&Terms, BTreeSet<Box<str>>)> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(&Terms, BTreeSet<Box<str>>)> = Vec::new();
    for one in read {
        let place = *places.entry((one.scope, &one.provision)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, patients)) => drop(patients.insert(one.patient.clone())),
            None => groups.push((one, BTreeSet::from([one.patient.clone()]))),
        }
    }
    groups
}

impl Terms {
    fn denies(&self, asker: &Asker, ty: ResourceType) -> Filter {
        if asker.closing.iter().any(|letters| letters.scope == self.scope) {
            return terms::decided(&self.provision, asker, ty).denies;
        }
        Filter::Any(Vec::new())
    }

    fn permits(&self, asker: &Asker, ty: ResourceType) -> Filter {
        if asker.opening.scope == self.scope {
            return terms::decided(&self.provision, asker, ty).permits;
        }
        Filter::Any(Vec::new())
    }
}

/// What holds of the patient.
fn about(ty: ResourceType, params: Vec<search::ParamId>, patient: Filter) -> Option<Filter> {
    if ty.ty() == TypeId::PATIENT { Some(patient) } else { chain(params, "Patient", vec![patient]) }
}
