//! Who did what, as AuditEvents: <https://profiles.ihe.net/ITI/BALP>. What was written is recorded in the same
//! transaction; what was looked at, and what was refused, together with its neighbours within some milliseconds.

mod asked;
mod event;
mod record;

use std::{sync::Arc, time::Duration};

use auth::{Action, Caller, Principal, authorize};
use bytes::Bytes;
use fhir_model::{Instant, Outcome};
use storage::Vault;
use tokio::sync::mpsc;

pub(crate) use asked::Asked;
pub(crate) use event::{Written, of_write};
use record::Record;
pub(crate) use record::changes;

/// How long events wait for others to be written with.
const WAIT: Duration = Duration::from_millis(20);

/// Events written in one transaction, at most.
const TOGETHER_MAX: usize = 256;

/// Events that may wait; who asks for more waits with them.
const WAITING_MAX: usize = 4096;

/// How often a transaction with events is tried again.
const TRIES_MAX: u32 = 5;

/// Where events go. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    sender: mpsc::Sender<Note>,
}

/// Something that happened, besides writes.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) who: Arc<Principal>,
    pub(crate) asked: Asked,
    pub(crate) status: u16,
    /// What was shown.
    pub(crate) body: Option<Bytes>,
    pub(crate) at: Instant,
}

impl Audit {
    /// Begins to record into a vault.
    pub(crate) fn begin(vault: Vault) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(record(vault, receiver));
        Self { sender }
    }

    /// Takes an event in; it is on disk some milliseconds later.
    pub(crate) async fn note(&self, note: Note) {
        if self.sender.send(note).await.is_err() {
            tracing::error!("nobody records what is done any more");
        }
    }
}

/// The person or client that is to be named in events; the operator's own process and nobody in particular are not.
pub(crate) fn bearer(caller: &Caller) -> Option<&Arc<Principal>> {
    match caller {
        Caller::Bearer(who) => Some(who),
        Caller::Operator | Caller::Anonymous => None,
    }
}

async fn record(vault: Vault, mut receiver: mpsc::Receiver<Note>) {
    while let Some(first) = receiver.recv().await {
        tokio::time::sleep(WAIT).await;
        let mut notes = vec![first];
        while notes.len() < TOGETHER_MAX
            && let Ok(note) = receiver.try_recv()
        {
            notes.push(note);
        }
        let events = notes.iter().map(|note| event::of_note(&vault, note)).collect();
        if let Err(refusal) = write(&vault, events).await {
            tracing::error!(refusal = ?refusal.issues().first(), "an audit event was lost");
        }
    }
}

async fn write(vault: &Vault, events: Vec<Vec<u8>>) -> Result<(), Outcome> {
    let events = Arc::new(events);
    let mut tries = 0;
    loop {
        tries += 1;
        let permit = authorize(&Caller::Operator, Action::Create, None)?;
        let record = Record { events: Arc::clone(&events), vault: vault.clone() };
        match vault.commit(permit, record).await {
            Err(_) if tries < TRIES_MAX => tokio::time::sleep(WAIT * tries).await,
            done => return done,
        }
    }
}
