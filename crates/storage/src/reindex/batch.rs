//! Some resources in the order of their numbers, read and extracted before the writer is asked for anything.

use std::sync::Arc;

use fhir_model::{Outcome, ResourceType, json};
use search::{Registry, Rows};

use crate::{Key, Vault, Version, delta::IndexDelta, find::statement::Statement};

/// What is read together.
#[derive(Debug)]
pub(super) struct Batch {
    /// The number of the last one; `None` when there was none.
    pub(super) upto: Option<i64>,
    /// How many were read.
    pub(super) read: usize,
    /// Those that have something to write.
    pub(super) items: Vec<Item>,
}

/// A resource as it was read.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) res: i64,
    pub(super) ty: ResourceType,
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) delta: IndexDelta,
}

/// What index rows are made with, and how.
#[derive(Debug, Clone)]
pub(super) struct Maker {
    pub(super) registry: Arc<Registry>,
    pub(super) base: Arc<str>,
    pub(super) way: Way,
}

/// What becomes of the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// They stay; there are none of what is extracted.
    Beside,
    /// They go.
    Instead,
}

impl Maker {
    /// What to write for a body; `None` for nothing.
    pub(super) fn delta(&self, key: &Key, body: Option<bytes::Bytes>) -> Option<IndexDelta> {
        let rows = body.map_or_else(Rows::default, |body| {
            search::extract(&self.registry, &json::parse_trusted(body), &self.base)
        });
        match self.way {
            Way::Beside if rows.is_empty() => None,
            Way::Beside => Some(IndexDelta::first(key, Arc::new(rows))),
            Way::Instead => Some(IndexDelta::anew(key, Arc::new(rows))),
        }
    }

    fn item(&self, version: Version) -> Option<Item> {
        let Version { res, resource_type: ty, id, version, body, .. } = version;
        let key = Key { resource_type: ty, id };
        let delta = self.delta(&key, body)?;
        Some(Item { res, ty, id: key.id, version, delta })
    }
}

impl Batch {
    /// Reads what a statement finds, sorted by number, and extracts it.
    pub(super) async fn read(
        vault: &Vault,
        ask: Statement,
        maker: &Maker,
    ) -> Result<Self, Outcome> {
        let versions = vault.find_aside(&super::permit()?, ask).await?;
        let maker = maker.clone();
        crate::vault::elsewhere(move || {
            let (upto, read) = (versions.last().map(|last| last.res), versions.len());
            let items = versions.into_iter().filter_map(|version| maker.item(version)).collect();
            Ok(Self { upto, read, items })
        })
        .await
    }
}
