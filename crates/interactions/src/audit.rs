//! Who did what, as `AuditEvent`s: <https://profiles.ihe.net/ITI/BALP>. What was written is recorded in the same
//! transaction; what was looked at, and what was refused, together with its neighbours within some milliseconds.

mod asked;
mod emergency;
mod event;
mod record;

use std::{sync::Arc, time::Duration};

use auth::{Action, Caller, Principal, authorize};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome};
use storage::Vault;
use tokio::sync::{mpsc, oneshot};

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
    /// Told when it is on disk.
    pub(crate) recorded: Option<oneshot::Sender<()>>,
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

impl Audit {
    /// Takes an event in, and waits until it is on disk.
    ///
    /// # Errors
    /// `transient` when it cannot be recorded.
    pub(crate) async fn note_now(&self, mut note: Note) -> Result<(), Outcome> {
        let (sender, recorded) = oneshot::channel();
        note.recorded = Some(sender);
        self.note(note).await;
        let lost = |_| Outcome::new(IssueType::Transient, "This could not be recorded; try again");
        recorded.await.map_err(lost)
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
    let mut told = emergency::Told::default();
    while let Some(first) = receiver.recv().await {
        tokio::time::sleep(WAIT).await;
        let mut notes = vec![first];
        while notes.len() < TOGETHER_MAX
            && let Ok(note) = receiver.try_recv()
        {
            notes.push(note);
        }
        let mut events = Vec::new();
        for note in &notes {
            let patients = event::patients_of(&vault, note);
            events.push(event::of_note(note, &patients));
            events.extend(emergency::papers(note, &patients, &mut told));
        }
        match write(&vault, events).await {
            Ok(()) => {
                let waiting = notes.into_iter().filter_map(|note| note.recorded);
                // who waited may have gone away
                waiting.for_each(|waiting| waiting.send(()).unwrap_or_default());
            }
            Err(refusal) => {
                tracing::error!(refusal = ?refusal.issues().first(), "an audit event was lost");
            }
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
