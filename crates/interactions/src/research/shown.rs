//! The entries of a page: each version without whose it is, under its pseudonym.

use std::collections::{BTreeMap, BTreeSet};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{
    Outcome, ResourceType, TypeId,
    json::{Limits, Value},
};
use search::{Filter, Plan, TypePlan};
use storage::{Turn, Version};

use super::{
    deidentify::{Lens, Target, deidentified, targets},
    person::{Person, StudyKey},
};
use crate::{
    Fhir, audit,
    bundle::{Bundle, Mode},
};

/// Ids that one statement asks for.
const IDS_MAX: usize = 500;

/// What shows versions to a study.
pub(super) struct Show<'s> {
    pub(super) fhir: &'s Fhir,
    pub(super) permit: &'s Permit,
    pub(super) key: &'s StudyKey,
}

/// A version on its way into the answer.
struct Read<'v> {
    version: &'v Version,
    patient: Box<str>,
    body: Value,
}

impl Show<'_> {
    /// Enters what may be shown, in an order that tells nothing of the vault's; the patients whose it is.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn enter(
        &self,
        bundle: &mut Bundle,
        base: &str,
        versions: &[Version],
    ) -> Result<Vec<Box<str>>, Outcome> {
        let read: Vec<Read<'_>> = versions.iter().filter_map(|one| self.read(one)).collect();
        let own = self.fhir.vault.index_base();
        let bases: [&str; 2] = [&self.fhir.base, &own];
        let shown = self.visible(&read, &bases).await?;
        let people = self.people(&read).await?;
        let mut entries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut patients = BTreeSet::new();
        for one in read {
            let Some(person) = people.get(&one.patient) else { continue };
            let (ty, id) = (one.version.resource_type, &one.version.id);
            let pseudonym = self.key.pseudonym(ty.name(), id);
            let lens = Lens { person: *person, shown: &shown, bases: &bases };
            if let Some(body) = deidentified((ty, &pseudonym), &one.body, &lens) {
                entries.insert(format!("{base}/{ty}/{pseudonym}"), body.to_vec());
                patients.insert(one.patient);
            }
        }
        for (url, body) in entries {
            bundle.found((&url, Mode::Match), &body);
        }
        Ok(patients.into_iter().collect())
    }

    /// What is about more than one patient has no one day, and is not shown.
    fn read<'v>(&self, version: &'v Version) -> Option<Read<'v>> {
        let mut patients = audit::of_version(&self.fhir.vault, version);
        let patient = patients.pop().filter(|_| patients.is_empty())?;
        let body = Value::parse(version.body.as_ref()?, &Limits::default()).ok()?;
        Some(Read { version, patient, body })
    }

    /// The pseudonyms of all that these refer to and the study sees.
    async fn visible(
        &self,
        read: &[Read<'_>],
        bases: &[&str],
    ) -> Result<BTreeMap<Target, String>, Outcome> {
        let mut wanted: BTreeMap<ResourceType, BTreeSet<Box<str>>> = BTreeMap::new();
        for one in read {
            for (ty, id) in targets(one.version.resource_type, &one.body, bases) {
                wanted.entry(ty).or_default().insert(id);
            }
        }
        let mut shown = BTreeMap::new();
        for (ty, ids) in wanted {
            for version in self.find(self.permit, ty, ids).await? {
                let pseudonym = self.key.pseudonym(ty.name(), &version.id);
                shown.insert((ty, version.id.into()), pseudonym);
            }
        }
        Ok(shown)
    }

    /// What is done to what belongs to each patient.
    async fn people(&self, read: &[Read<'_>]) -> Result<BTreeMap<Box<str>, Person>, Outcome> {
        let Some(ty) = TypeId::PATIENT.as_resource() else { return Ok(BTreeMap::new()) };
        let ids: BTreeSet<Box<str>> = read.iter().map(|one| one.patient.clone()).collect();
        // how old somebody is counts, whether their Patient is shown or not
        let operator = authorize(&Caller::Operator, Action::Search, Some(ty))?;
        let now = self.fhir.vault.clock().now();
        let mut people = BTreeMap::new();
        for version in self.find(&operator, ty, ids).await? {
            let body = version.body.as_ref();
            let body = body.and_then(|body| Value::parse(body, &Limits::default()).ok());
            let person = self.key.person(&version.id, body.as_ref(), now);
            people.insert(version.id.into(), person);
        }
        Ok(people)
    }

    async fn find(
        &self,
        permit: &Permit,
        ty: ResourceType,
        ids: BTreeSet<Box<str>>,
    ) -> Result<Vec<Version>, Outcome> {
        let ids: Vec<Box<str>> = ids.into_iter().collect();
        let mut found = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let types = vec![TypePlan { ty, filters: vec![Filter::Id(some.to_vec())] }];
            let plan = Plan { types, ..Plan::over(ty) };
            let count = u32::try_from(IDS_MAX).unwrap_or(u32::MAX);
            let page = self.fhir.vault.search(permit, &plan, &Turn::First, count).await?;
            found.extend(page.versions);
        }
        Ok(found)
    }
}
