//! Who did what, as `AuditEvent`s: <https://profiles.ihe.net/ITI/BALP>. What was written is recorded in the same
//! transaction; what was looked at, and what was refused, together with its neighbours within some milliseconds. All of
//! it is recorded narrowly first, and becomes a resource when it is quiet or somebody asks: see ADR 15.

mod about;
mod asked;
mod emergency;
mod event;
mod promote;
mod reason;
mod record;
mod recorder;
mod said;
mod settle;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use auth::{Caller, Principal};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome};
use storage::Vault;
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) use about::{of_version, of_versions};
pub(crate) use asked::Asked;
pub(crate) use promote::Promotion;
pub(crate) use record::{Written, of_write};
pub(crate) use settle::{settle, settle_history, settle_patient};

/// Notes that may wait; who brings more waits with them.
const WAITING_MAX: usize = 16_384;

/// Where notes go. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    sender: mpsc::Sender<Noted>,
    /// Told when somebody waits.
    urgent: Arc<Notify>,
    /// How much was recorded so far.
    recorded: Arc<AtomicU64>,
}

/// Something that happened, besides writes.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) who: Arc<Principal>,
    pub(crate) asked: Asked,
    pub(crate) status: u16,
    /// Why it was refused, or what was shown where nobody looked what it is about.
    pub(crate) body: Option<Bytes>,
    /// Logical ids of the patients whose data was shown.
    pub(crate) shown: Option<Vec<Box<str>>>,
    pub(crate) at: Instant,
}

/// On its way to the recorder.
#[derive(Debug)]
struct Noted {
    /// `None`: somebody wants to know that everything before is on disk.
    note: Option<Note>,
    /// Told when it is on disk.
    recorded: Option<oneshot::Sender<()>>,
}

impl Audit {
    /// Begins to record into a vault.
    pub(crate) fn begin(vault: Vault, promotion: Promotion) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let (urgent, recorded) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let audit = Self { sender, urgent: Arc::clone(&urgent), recorded: Arc::clone(&recorded) };
        let (recording, ended) = oneshot::channel();
        tokio::spawn(promote::run(vault.clone(), promotion, Arc::clone(&recorded), ended));
        tokio::spawn(recorder::run(vault, receiver, (urgent, recorded), recording));
        audit
    }

    /// Takes a note in; it is on disk some milliseconds later.
    pub(crate) async fn note(&self, note: Note) {
        self.send(Noted { note: Some(note), recorded: None }).await;
    }

    /// Takes a note in, and waits until it is on disk.
    ///
    /// # Errors
    /// `transient` when it cannot be recorded.
    pub(crate) async fn note_now(&self, note: Note) -> Result<(), Outcome> {
        self.wait_for(Some(note)).await
    }

    /// Waits until all that was noted before is on disk.
    ///
    /// # Errors
    /// `transient` when it cannot be recorded.
    pub(crate) async fn flush(&self) -> Result<(), Outcome> {
        self.wait_for(None).await
    }

    async fn wait_for(&self, note: Option<Note>) -> Result<(), Outcome> {
        let (sender, recorded) = oneshot::channel();
        self.send(Noted { note, recorded: Some(sender) }).await;
        self.urgent.notify_one();
        let lost = |_| Outcome::new(IssueType::Transient, "This could not be recorded; try again");
        recorded.await.map_err(lost)
    }

    async fn send(&self, noted: Noted) {
        if self.sender.send(noted).await.is_err() {
            tracing::error!("nobody records what is done any more");
        }
    }

    /// Counts what was recorded with a write.
    pub(crate) fn count(&self, writes: usize) {
        self.recorded.fetch_add(writes as u64, Ordering::Relaxed);
    }
}

tokio::task_local! {
    /// The id of the request that is being answered: what it writes is recorded deep inside.
    static REQUEST: String;
}

/// Does what a request of this id asks for.
pub(crate) async fn within<T>(id: String, work: impl Future<Output = T>) -> T {
    REQUEST.scope(id, work).await
}

/// The id of the request that is being answered; empty outside of one.
pub(crate) fn request_id() -> String {
    REQUEST.try_with(Clone::clone).unwrap_or_default()
}

/// The person or client that is to be named in events; the operator's own process and nobody in particular are not.
pub(crate) fn bearer(caller: &Caller) -> Option<&Arc<Principal>> {
    match caller {
        Caller::Bearer(who) => Some(who),
        Caller::Operator | Caller::Anonymous => None,
    }
}
