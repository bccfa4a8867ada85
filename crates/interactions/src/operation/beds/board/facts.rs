//! Facts about those who wait that say how urgent they are: vital signs, diseases, age. Who is concerned by one that is
//! new, changed or gone is assessed again at the next look.

use std::collections::{BTreeMap, BTreeSet};

use fhir_model::{Instant, Outcome, ResourceType, json};
use storage::{Key, Version};

use super::{Board, SLACK_MILLIS, Waiting};
use crate::{
    Fhir,
    operation::beds::{assessment, planners, ty},
};

/// What is looked through at once.
const FACTS_MAX: u32 = 5_000;

impl Board {
    /// Looks whether there is news of those who wait.
    pub(super) async fn observe(&mut self, fhir: &Fhir, now: Instant) -> Result<(), Outcome> {
        let first = match self.observed {
            Some(observed) => Some(observed.millis()),
            None => self.queue.values().map(|it| it.assessed.as_of_millis).min(),
        };
        let Some(first) = first.filter(|_| !self.queue.is_empty()) else {
            self.observed = Some(now);
            return Ok(());
        };
        let day = now.millis() - 24 * 3_600_000;
        let since = first.max(day) - SLACK_MILLIS;
        let mut stale = BTreeSet::new();
        for of in ["Observation", "Condition", "Patient"] {
            self.concerned(fhir, (ty(of)?, since), &mut stale).await?;
        }
        for task in stale {
            let Some(waiting) = self.queue.get(&task).cloned() else { continue };
            let assessed = assessment::again(fhir, &waiting.assessed, &waiting.order).await?;
            self.put(task, Waiting { assessed, ..waiting }, now);
        }
        self.observed = Some(now);
        Ok(())
    }

    /// The requests that what was written of a type since then concerns and that were assessed without it.
    async fn concerned(
        &self,
        fhir: &Fhir,
        (of, since): (ResourceType, i64),
        stale: &mut BTreeSet<String>,
    ) -> Result<(), Outcome> {
        let mut tasks: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let since = Instant::from_millis(since);
        let mut last: Option<Version> = None;
        loop {
            let from = (since, last.as_ref());
            let mut some = fhir.vault.written_since(&planners()?, of, from, FACTS_MAX).await?;
            if tasks.is_empty() && !some.is_empty() {
                for (task, waiting) in &self.queue {
                    tasks.entry(&waiting.patient).or_default().push(task);
                }
            }
            for version in &some {
                let Some(patient) = patient_of(fhir, version).await? else { continue };
                for task in tasks.get(patient.as_str()).into_iter().flatten() {
                    if self.queue.get(*task).is_some_and(|it| !it.knows(version)) {
                        stale.insert((*task).to_owned());
                    }
                }
            }
            if some.len() < FACTS_MAX as usize {
                return Ok(());
            }
            last = some.pop();
        }
    }
}

impl Waiting {
    /// Whether the assessment counted this in.
    fn knows(&self, version: &Version) -> bool {
        let counted = (version.id.clone(), version.version);
        self.assessed.basis.contains(&counted)
            || version.updated.millis() < self.assessed.as_of_millis
    }
}

/// The patient that a version is about; of one that was deleted, the version before it says.
async fn patient_of(fhir: &Fhir, version: &Version) -> Result<Option<String>, Outcome> {
    if version.resource_type.name() == "Patient" {
        return Ok(Some(version.id.clone()));
    }
    let mut body = version.body.clone();
    if body.is_none() {
        let key = Key::new(version.resource_type, version.id.as_str());
        let before =
            fhir.vault.vread(&planners()?, &key, version.version.saturating_sub(1)).await?;
        body = before.and_then(|it| it.body.clone());
    }
    let Some(body) = body else { return Ok(None) };
    let tree = json::parse_trusted(body);
    let subject = tree.root().child("subject").and_then(|it| it.child_text("reference"));
    Ok(subject.as_deref().and_then(|it| it.rsplit('/').next()).map(str::to_owned))
}
