//! The definitions that were loaded, and those that were looked for in vain.

use std::{collections::BTreeMap, sync::Arc};

use fhir_model::Tree;

use crate::Canonical;

/// A definition to look for by its canonical URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// `ValueSet?url=...&version=...`
    ValueSet(Canonical),
    /// `CodeSystem?url=...&version=...`
    CodeSystem(Canonical),
}

impl Need {
    /// What to look for it by.
    pub fn canonical(&self) -> &Canonical {
        match self {
            Self::ValueSet(canonical) | Self::CodeSystem(canonical) => canonical,
        }
    }
}

/// What is known of the world. The trees may be shared with a cache.
#[derive(Debug, Default)]
pub struct Library {
    shelf: BTreeMap<Need, Option<Arc<Tree>>>,
}

impl Library {
    /// The answer to a need; `None` when there is no such resource.
    pub fn put(&mut self, need: Need, found: Option<Arc<Tree>>) {
        self.shelf.insert(need, found);
    }

    /// Whether the need was answered, be it with nothing.
    pub fn has_answer(&self, need: &Need) -> bool {
        self.shelf.contains_key(need)
    }

    /// The definition, when there is one.
    pub fn get(&self, need: &Need) -> Option<&Tree> {
        self.shelf.get(need)?.as_deref()
    }
}
