//! A resource made ready for the vault: its bytes but for version and time, and what it is found by.

use std::sync::Arc;

use fhir_model::{Instant, Outcome, Stamped, Valid, json};
use search::Rows;

use super::{
    Write, aadhaar,
    commit::{Act, Context, Entry},
    identity::Identity,
    references::{Names, Resolved},
};

/// Ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    id: String,
    stamped: Arc<Stamped>,
    rows: Arc<Rows>,
    /// What the rows were extracted by.
    epoch: u64,
    /// Whether all its references are resolved; some need a look into the vault.
    is_settled: bool,
    /// Why it must not be kept, if it must not.
    refused: Option<Outcome>,
}

impl Prepared {
    /// What can be made ready without a look into the vault.
    pub(super) fn of(
        context: &Context,
        entry: &Entry,
        identity: &Identity,
        names: &Names,
    ) -> Option<Self> {
        let Act::Write(Write::Create { resource, .. } | Write::Update { resource, .. }) =
            &entry.action
        else {
            return None;
        };
        let key = identity.likely_key()?;
        Some(Self::make(context, resource, &key.id, &names.alone(entry)))
    }

    /// Stamps and indexes a resource.
    pub(super) fn make(
        context: &Context,
        resource: &Valid,
        id: &str,
        names: &Resolved<'_>,
    ) -> Self {
        let (replacements, is_settled) = names.replacements(resource);
        let stamped = resource.stamp(id, &replacements);
        // neither version nor time is found by index rows
        let tree = json::parse_trusted(stamped.bytes(1, Instant::from_millis(0)));
        let rows = search::extract(&context.registry, &tree, &context.index_base);
        Self {
            id: id.to_owned(),
            stamped: Arc::new(stamped),
            rows: Arc::new(rows),
            epoch: context.epoch,
            is_settled,
            refused: aadhaar::refuse(&tree).err(),
        }
    }

    /// # Errors
    /// `business-rule` for what the vault does not keep.
    pub(super) fn allowed(&self) -> Result<(), Outcome> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Whether it was made for this id.
    pub(super) fn is_for(&self, id: &str) -> bool {
        self.id == id
    }

    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }

    pub(super) fn stamped(&self) -> &Arc<Stamped> {
        &self.stamped
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn rows(&self) -> &Arc<Rows> {
        &self.rows
    }
}
