//! The Consents that somebody has to know to the word: those that ask for what is in a resource. They are looked for with each
//! request, and become part of what the request opens. What was read is kept until a Consent is written. Where other
//! processes write, what they committed is heard before it is relied on; that there was nothing to read is believed for
//! [`LEASE`]: a Consent that nobody has read closes, so that nothing is shown which it denies.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::{Action, Caller, Principal, Terms, authorize};
use fhir_model::{Outcome, ResourceType, TypeId, json};
use search::{ConsentScope, Plan, Provision, Registry, Target};

use crate::{Turn, Vault, Version, vault::Engine, vouched::HASHERS};

/// Consents that are read for somebody, those that say the same counted once: those of patients who have the fewest, so
/// that nobody's Consents close what is others'. What is not read closes its patient's record.
const CONSENTS_MAX: usize = 100;

/// As many in all: each names its patient in the statements of who asks.
const ALIKE_MAX: usize = 500;

/// So many are looked through for them, and at once.
const LOOKED_AT_MAX: usize = 2_000;
const AT_ONCE: u32 = 200;

/// For how long nothing is good where other processes write.
const LEASE: Duration = Duration::from_millis(200);

/// For how long something is, if no Consent is heard of; what was told is forgotten some time.
const KEPT_MAX: Duration = Duration::from_mins(1);

/// People for whom it is kept, what is kept of them together, and how many are kept as they are when they know it: all that
/// opens to them was worked out, which takes much room and is of use as long as their time stands still.
const PEOPLE_MAX: usize = 4_096;
const TERMS_MAX: usize = 20_000;
const INFORMED_MAX: usize = 64;

/// What was read for whom.
#[derive(Default)]
pub(crate) struct Read(Mutex<Known>);

#[derive(Default)]
struct Known {
    people: ByPerson<Kept>,
    /// Terms in them.
    terms: usize,
    /// Those who know them, as of the time of their last request.
    informed: ByPerson<Arc<Principal>>,
}

#[expect(clippy::disallowed_types, reason = "looked up with each request, never shown")]
type ByPerson<T> = std::collections::HashMap<[u64; 2], T>;

struct Kept {
    at: Instant,
    /// How often Consents had been written before.
    count: u64,
    terms: Vec<Terms>,
}

impl Vault {
    /// Somebody who knows the Consents that they have to know; `None`: there are none.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn informed(&self, who: &Arc<Principal>) -> Result<Option<Arc<Principal>>, Outcome> {
        if !who.is_bound_by_consents() || self.index_is_outdated() {
            return Ok(None);
        }
        let question = who.digest_but_for_time(&HASHERS);
        if let Engine::Postgres(engine) = &self.inner.engine
            && self.inner.terms.has_some(question)
        {
            engine.hear().await?;
        }
        let count = self.inner.engine.consents_written();
        let is_alone = matches!(self.inner.engine, Engine::Sqlite(_));
        if let Some(known) = self.inner.terms.of(who, question, (count, is_alone)) {
            return Ok(known);
        }
        let at = Instant::now();
        let terms = self.read_terms(who).await?;
        let informed = (!terms.is_empty()).then(|| Arc::new(who.knowing(terms.clone())));
        self.inner.terms.keep(question, Kept { at, count, terms }, informed.as_ref());
        Ok(informed)
    }

    async fn read_terms(&self, who: &Principal) -> Result<Vec<Terms>, Outcome> {
        let Some(wanted) = who.consents_to_read() else { return Ok(Vec::new()) };
        let permit = authorize(&Caller::Operator, Action::Search, None)?;
        let plan = Plan { types: vec![wanted.clone()], ..Plan::over(wanted.ty) };
        let (mut all, mut turn) = (Vec::new(), Turn::First);
        loop {
            let page = self.search(&permit, &plan, &turn, AT_ONCE).await?;
            all.extend(page.versions.iter().map(|version| self.terms(version)));
            match page.next {
                Some(next) if all.len() < LOOKED_AT_MAX => turn = Turn::After(next),
                _ => return Ok(fairly(all)),
            }
        }
    }

    /// For each of its patients (one at most) and each scope.
    fn terms(&self, version: &Version) -> Vec<Terms> {
        let Some(body) = &version.body else { return Vec::new() };
        let base = self.index_base();
        let tree = json::parse_trusted(body.clone());
        let facts = version.facts(&base);
        let rows = facts.references.iter().filter(|row| patient_params().contains(&row.param));
        let patients: Vec<Box<str>> = rows
            .filter_map(|row| match &row.target {
                Target::Local { ty, id } if ty.ty() == TypeId::PATIENT => Some(id.clone()),
                Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
            })
            .collect();
        let mut all = Vec::new();
        for scope in [ConsentScope::Privacy, ConsentScope::Research] {
            let Some(provision) = Provision::of(tree.root(), scope, &base).map(Arc::new) else {
                continue;
            };
            all.extend(patients.iter().map(|patient| Terms {
                consent: version.id.as_str().into(),
                patient: patient.clone(),
                scope,
                provision: Arc::clone(&provision),
            }));
        }
        all
    }
}

/// As many as are read, those of patients with the fewest first.
fn fairly(mut consents: Vec<Vec<Terms>>) -> Vec<Terms> {
    if consents.len() <= CONSENTS_MAX {
        return consents.into_iter().flatten().collect();
    }
    let mut of_patients: BTreeMap<Box<str>, usize> = BTreeMap::new();
    let patients = |terms: &[Terms]| -> BTreeSet<Box<str>> {
        terms.iter().map(|one| one.patient.clone()).collect()
    };
    for patient in consents.iter().flat_map(|terms| patients(terms)) {
        *of_patients.entry(patient).or_default() += 1;
    }
    let most = |terms: &Vec<Terms>| {
        patients(terms).iter().filter_map(|patient| of_patients.get(patient)).copied().max()
    };
    consents.sort_by_cached_key(most);
    let mut different = HashSet::new();
    let is_read = |terms: &Vec<Terms>| {
        let says: Vec<_> =
            terms.iter().map(|one| (one.scope, Arc::clone(&one.provision))).collect();
        let fits = different.len() < CONSENTS_MAX || says.iter().all(|one| different.contains(one));
        if fits {
            different.extend(says);
        }
        fits
    };
    consents.into_iter().filter(is_read).take(ALIKE_MAX).flatten().collect()
}

/// How `Consent.patient` is indexed.
fn patient_params() -> &'static [search::ParamId] {
    static PARAMS: LazyLock<Vec<search::ParamId>> = LazyLock::new(|| {
        let parameter =
            ResourceType::named("Consent").and_then(|ty| Registry::r4().parameter(ty, "patient"));
        parameter.map(|parameter| parameter.sources.clone()).unwrap_or_default()
    });
    &PARAMS
}

impl Read {
    /// Whether Consents were read for them.
    fn has_some(&self, question: [u64; 2]) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.people.get(&question).is_some_and(|kept| !kept.terms.is_empty())
    }

    /// Who they are when they know what is kept; `None`: it is not good.
    #[expect(clippy::option_option, reason = "there may be nothing to know")]
    fn of(
        &self,
        who: &Arc<Principal>,
        question: [u64; 2],
        (count, is_alone): (u64, bool),
    ) -> Option<Option<Arc<Principal>>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.people.get(&question).filter(|kept| kept.count == count)?;
        let time_max = if kept.terms.is_empty() { LEASE } else { KEPT_MAX };
        if !is_alone && kept.at.elapsed() >= time_max {
            return None;
        }
        if kept.terms.is_empty() {
            return Some(None);
        }
        let last = known.informed.get(&question).filter(|last| last.now() == who.now());
        let informed = match last {
            Some(last) => Arc::clone(last),
            None => Arc::new(who.knowing(kept.terms.clone())),
        };
        known.meet(question, &informed);
        Some(Some(informed))
    }

    fn keep(&self, question: [u64; 2], kept: Kept, informed: Option<&Arc<Principal>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = known.people.len() >= PEOPLE_MAX || known.terms >= TERMS_MAX;
        if is_full {
            *known = Known::default();
        }
        known.terms += kept.terms.len();
        if let Some(before) = known.people.insert(question, kept) {
            known.terms -= before.terms.len();
        }
        known.informed.remove(&question);
        if let Some(informed) = informed {
            known.meet(question, informed);
        }
    }
}

impl Known {
    fn meet(&mut self, question: [u64; 2], informed: &Arc<Principal>) {
        if self.informed.len() >= INFORMED_MAX && !self.informed.contains_key(&question) {
            self.informed.clear();
        }
        self.informed.insert(question, Arc::clone(informed));
    }
}

impl fmt::Debug for Read {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn nobodys_consents_keep_out_those_of_others() {
        let by = |patient: &str, year: usize| {
            let body = format!(
                r#"{{"resourceType":"Consent","status":"active",
                "provision":{{"type":"permit","dataPeriod":{{"start":"{year}"}}}},
                "scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}}}}"#
            );
            let tree = json::parse_trusted(Bytes::from(body));
            let provision = Provision::of(tree.root(), ConsentScope::Privacy, "").map(Arc::new);
            vec![Terms {
                consent: "c".into(),
                patient: patient.into(),
                scope: ConsentScope::Privacy,
                provision: provision.unwrap(),
            }]
        };
        let count = |read: &[Terms], patient: &str| {
            read.iter().filter(|one| &*one.patient == patient).count()
        };
        let mut consents: Vec<_> = (1900..).take(CONSENTS_MAX).map(|n| by("many", n)).collect();
        assert_eq!(count(&fairly(consents.clone()), "many"), CONSENTS_MAX);
        consents.extend([by("one", 1800), by("two", 1801), by("two", 1802)]);
        let read = fairly(consents.clone());
        assert_eq!((count(&read, "one"), count(&read, "two")), (1, 2));
        assert_eq!(read.len(), CONSENTS_MAX);
        // those that say what another says are read besides
        let alike = (0..ALIKE_MAX).map(|n| by(&format!("alike{n}"), 1800));
        let read = fairly(alike.clone().take(200).chain(consents.clone()).collect());
        assert_eq!((count(&read, "one"), count(&read, "alike199")), (1, 1));
        assert_eq!(read.len(), CONSENTS_MAX + 200);
        assert_eq!(fairly(alike.chain(consents).collect()).len(), ALIKE_MAX);
    }
}
