//! The Consents that somebody has to know to the word: those that ask for what is in a resource. They are read with each
//! request, and become part of what the request opens. What was read is kept until a Consent is written; where other
//! processes write, only that there was nothing to read, and not longer than [`LEASE`]: a Consent that nobody has read
//! closes, so that nothing is shown which it denies.

use std::{
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::{Action, Caller, Principal, Terms, authorize};
use fhir_model::{Outcome, ResourceType, TypeId, json};
use search::{ConsentScope, Plan, Provision, Registry, Target};

use crate::{Turn, Vault, Version, vault::Engine, vouched::HASHERS};

/// Consents that are read for one request. When there are more about somebody, as many of them as are found first.
const CONSENTS_MAX: u32 = 100;

/// For how long it is good where other processes write.
const LEASE: Duration = Duration::from_millis(200);

/// People for whom it is kept.
const PEOPLE_MAX: usize = 4_096;

/// What was read for whom.
#[derive(Default)]
pub(crate) struct Read(Mutex<Known>);

#[expect(clippy::disallowed_types, reason = "looked up with each request, never shown")]
type Known = std::collections::HashMap<[u64; 2], Kept>;

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
    pub async fn informed(&self, who: &Principal) -> Result<Option<Principal>, Outcome> {
        if !who.is_bound_by_consents() || self.index_is_outdated() {
            return Ok(None);
        }
        let count = self.inner.engine.consents_written();
        let question = who.digest_but_for_time(&HASHERS);
        let terms = if let Some(terms) = self.kept(question, count) {
            terms
        } else {
            let at = Instant::now();
            let terms = self.read_terms(who).await?;
            let is_alone = matches!(self.inner.engine, Engine::Sqlite(_));
            if is_alone || terms.is_empty() {
                self.inner.terms.keep(question, Kept { at, count, terms: terms.clone() });
            }
            terms
        };
        Ok((!terms.is_empty()).then(|| who.knowing(terms)))
    }

    fn kept(&self, question: [u64; 2], count: u64) -> Option<Vec<Terms>> {
        let is_alone = matches!(self.inner.engine, Engine::Sqlite(_));
        let known = self.inner.terms.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = known.get(&question)?;
        let is_good = kept.count == count && (is_alone || kept.at.elapsed() < LEASE);
        is_good.then(|| kept.terms.clone())
    }

    async fn read_terms(&self, who: &Principal) -> Result<Vec<Terms>, Outcome> {
        let Some(wanted) = who.consents_to_read() else { return Ok(Vec::new()) };
        let permit = authorize(&Caller::Operator, Action::Search, None)?;
        let plan = Plan { types: vec![wanted.clone()], ..Plan::over(wanted.ty) };
        let page = self.search(&permit, &plan, &Turn::First, CONSENTS_MAX).await?;
        Ok(page.versions.iter().flat_map(|version| self.terms(version)).collect())
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
    fn keep(&self, question: [u64; 2], kept: Kept) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PEOPLE_MAX {
            known.clear();
        }
        known.insert(question, kept);
    }
}

impl fmt::Debug for Read {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Read")
    }
}
