//! Events, and what they entail, on their way into the vault.

use std::sync::Arc;

use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json};
use storage::{Change, Key, Lock, Method, Tx, Vault, Work};

/// Events that are written by themselves.
pub(super) struct Record {
    pub(super) events: Arc<Vec<Vec<u8>>>,
    pub(super) vault: Vault,
}

impl Work for Record {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let (registry, epoch) = self.vault.indexed_by();
        let events = self.events.iter().map(|event| (self.vault.new_id(), event.clone()));
        let changes = changes(events, (&registry, epoch), &self.vault.index_base())?;
        tx.write(changes).await.map(drop)
    }
}

/// New `AuditEvent`s, each under an id.
///
/// # Errors
/// `exception` when one is none.
pub(crate) fn changes(
    events: impl Iterator<Item = (String, Vec<u8>)>,
    (registry, epoch): (&search::Registry, u64),
    base: &str,
) -> Result<Vec<Change>, Outcome> {
    let strange = |_| Outcome::new(IssueType::Exception, "An audit event could not be written");
    events
        .map(|(id, event)| {
            let event =
                json::parse(Bytes::from(event), &json::Limits::default()).map_err(strange)?;
            Ok(Change {
                rows: Arc::new(search::extract(registry, event.tree(), base)),
                body: Some(Arc::new(event.stamp(&id, &[]))),
                key: Key::new(event.resource_type(), id),
                method: Method::Post,
                replaces: None,
                epoch,
            })
        })
        .collect()
}
