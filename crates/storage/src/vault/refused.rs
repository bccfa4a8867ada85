//! What is hidden and what is not there take the same time. Who is refused a version has it looked up and judged; who asks
//! for what is not there has a stand-in looked up and judged, the last version of the type that was refused to somebody. Each of
//! the two does besides what only the other has to do: it looks once more, for nothing or for the stand-in. Whoever
//! sees what they ask for pays nothing for it. Bodies differ in length, and so does what it takes to read them;
//! that remains. `bench oracle` measures it.

use std::{
    collections::BTreeMap,
    hash::BuildHasher as _,
    sync::{Arc, Mutex, PoisonError},
};

use auth::{Action, Permit};
use fhir_model::Outcome;

use super::{Engine, Vault, version_of};
use crate::{HistoryQuery, Key, Scope, Version, vouched::HASHERS};

/// Of each type the version that was last refused to somebody.
#[derive(Default)]
pub(crate) struct StandIns(Mutex<BTreeMap<u8, Arc<Version>>>);

impl std::fmt::Debug for StandIns {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StandIns")
    }
}

impl StandIns {
    fn of(&self, key: &Key) -> Option<Arc<Version>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&key.resource_type.number()).map(Arc::clone)
    }

    fn keep(&self, version: &Arc<Version>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // a deletion is judged by more than itself
        if version.body.is_some() {
            known.insert(version.resource_type.number(), Arc::clone(version));
        }
    }
}

impl Vault {
    /// The current version, if the permit opens it.
    pub(super) async fn read_seen(
        &self,
        permit: &Permit,
        key: &Key,
    ) -> Result<Option<Arc<Version>>, Outcome> {
        let (found, is_remembered) = self.current(permit, key).await?;
        if let Some(version) = found {
            if self.sees(permit, Action::Read, &version).await? {
                return Ok(Some(version));
            }
            self.inner.stand_ins.keep(&version);
            if is_remembered {
                self.looked_up(permit, key).await?;
            }
            self.looked_up(permit, &nowhere(key)).await?;
        } else if let Some(stand_in) = self.inner.stand_ins.of(key) {
            let looked = self.looked_up(permit, &key_of(&stand_in)).await?;
            // where versions are remembered, so is what was refused
            let judged = match &self.inner.engine {
                Engine::Sqlite(_) => Some(stand_in),
                Engine::Postgres(_) => looked,
            };
            if let Some(judged) = judged {
                self.sees_as(permit, Action::Read, (&judged, number(key))).await?;
            }
        }
        Ok(None)
    }

    /// The current version out of the database, whoever may see it.
    async fn looked_up(&self, permit: &Permit, key: &Key) -> Result<Option<Arc<Version>>, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(_) => Ok(self.current(permit, key).await?.0),
            Engine::Sqlite(engine) => {
                Ok(engine.readers.find(&super::current(key))?.pop().map(Arc::new))
            }
        }
    }

    /// A version, if the permit opens it.
    pub(super) async fn vread_seen(
        &self,
        permit: &Permit,
        key: &Key,
        version: u64,
    ) -> Result<Option<Version>, Outcome> {
        if let Some(found) = self.version_heard(permit, key, version).await? {
            if self.sees(permit, Action::Read, &found).await? {
                return Ok(Some(found));
            }
            self.inner.stand_ins.keep(&Arc::new(found));
            self.version_heard(permit, &nowhere(key), version).await?;
        } else if let Some(stand_in) = self.inner.stand_ins.of(key) {
            let (of, version) = (key_of(&stand_in), stand_in.version);
            if let Some(judged) = self.version_heard(permit, &of, version).await? {
                self.sees_as(permit, Action::Read, (&judged, number(key))).await?;
            }
        }
        Ok(None)
    }

    async fn version_heard(
        &self,
        permit: &Permit,
        key: &Key,
        version: u64,
    ) -> Result<Option<Version>, Outcome> {
        let statement = version_of(key, version);
        let mut found = match &self.inner.engine {
            Engine::Postgres(_) => self.find_and_hear(permit, statement, "").await?,
            // quicker on the spot than handed to another thread
            Engine::Sqlite(engine) => engine.readers.find(&statement)?,
        };
        Ok(found.pop().filter(|found| found.version > 0))
    }

    /// What is done besides when a history shows nothing of a resource that is there, or that is not.
    pub(super) async fn refuse_history(
        &self,
        permit: &Permit,
        query: &HistoryQuery,
        (key, is_there): (&Key, bool),
    ) -> Result<(), Outcome> {
        let of = |key| HistoryQuery { scope: Scope::Instance(key), ..query.clone() };
        if is_there {
            self.versions_heard(permit, &of(nowhere(key))).await?;
        } else if let Some(stand_in) = self.inner.stand_ins.of(key) {
            for judged in self.versions_heard(permit, &of(key_of(&stand_in))).await? {
                self.sees_as(permit, Action::Read, (&judged, number(key))).await?;
            }
        }
        Ok(())
    }
}

fn key_of(version: &Version) -> Key {
    Key::new(version.resource_type, version.id.as_str())
}

/// What nothing can be stored under, as long as this: no id has such letters.
fn nowhere(key: &Key) -> Key {
    Key::new(key.resource_type, "_".repeat(key.id.len()))
}

/// Under which number it is remembered what came of a stand-in: below those of resources.
fn number(key: &Key) -> i64 {
    let [hasher, _] = &*HASHERS;
    let hash = hasher.hash_one(key) >> 1;
    -1 - i64::try_from(hash).unwrap_or(0)
}
