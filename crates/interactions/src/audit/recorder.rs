//! Takes what was noted in the last milliseconds and writes it in one transaction.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use auth::{Action, Caller, Principal, authorize};
use fhir_model::Outcome;
use storage::{Access, Bearing, Vault};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    Noted, emergency, reason,
    record::{self, Record},
    said::Said,
};

/// How long notes wait for others to be written with.
const WAIT: Duration = Duration::from_millis(20);

/// Notes written in one transaction, at most.
const TOGETHER_MAX: usize = 4_096;

/// Refusals of one transaction of which is looked for why. Whoever is refused more often than that every 20 ms has no
/// reason told for each.
const REASONS_MAX: usize = 50;

/// How often a transaction is tried again before what is in it is given up, and how long is waited at most.
const TRIES_MAX: u32 = 60;
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Tokens whose bearers are remembered.
const BEARERS_MAX: usize = 4_096;

/// Records until nobody can bring notes any more; then `_recording` is dropped.
pub(super) async fn run(
    vault: Vault,
    mut receiver: mpsc::Receiver<Noted>,
    (urgent, recorded): (Arc<Notify>, Arc<AtomicU64>),
    _recording: oneshot::Sender<()>,
) {
    let (mut told, mut bearers) = (emergency::Told::default(), Bearers::default());
    while let Some(first) = receiver.recv().await {
        if first.recorded.is_none() {
            // nobody is woken by those who come meanwhile
            tokio::select! {
                () = tokio::time::sleep(WAIT) => {}
                () = urgent.notified() => {}
            }
        }
        let mut noted = vec![first];
        while noted.len() < TOGETHER_MAX
            && let Ok(next) = receiver.try_recv()
        {
            noted.push(next);
        }
        let (mut accesses, mut papers) = (Vec::with_capacity(noted.len()), Vec::new());
        let mut reasons = Vec::new();
        for note in noted.iter_mut().filter_map(|noted| noted.note.take()) {
            let bearing = bearers.of(&note.who);
            let access = record::of_note(&vault, vault.new_id(), &note, bearing);
            papers.extend(emergency::papers(&note, &access.patients, &mut told));
            if reasons.len() < REASONS_MAX
                && let Some(why) = reason::of(&vault, &note, &access).await
            {
                reasons.push((access.id.clone(), why));
            }
            accesses.push(access);
        }
        recorded.fetch_add(accesses.len() as u64, Ordering::Relaxed);
        if accesses.is_empty() || write(&vault, accesses, (papers, reasons)).await {
            let waiting = noted.into_iter().filter_map(|noted| noted.recorded);
            // who waited may have gone away
            waiting.for_each(|waiting| waiting.send(()).unwrap_or_default());
        }
    }
}

/// Whether it is on disk.
async fn write(
    vault: &Vault,
    accesses: Vec<Access>,
    (papers, reasons): (Vec<Vec<u8>>, Vec<(String, String)>),
) -> bool {
    let (accesses, papers, reasons) = (Arc::new(accesses), Arc::new(papers), Arc::new(reasons));
    let mut tries = 0;
    loop {
        tries += 1;
        let record = Record {
            accesses: Arc::clone(&accesses),
            papers: Arc::clone(&papers),
            reasons: Arc::clone(&reasons),
            vault: vault.clone(),
        };
        let done = match authorize(&Caller::Operator, Action::Create, None) {
            Ok(permit) => vault.commit_aside(permit, record).await,
            Err(refusal) => Err(refusal),
        };
        match done {
            Ok(()) => return true,
            Err(refusal) if tries == TRIES_MAX => {
                lost(&refusal, accesses.len());
                return false;
            }
            // meanwhile others wait: what cannot be recorded is not done on and on
            Err(_) => tokio::time::sleep((WAIT * tries).min(PAUSE_MAX)).await,
        }
    }
}

fn lost(refusal: &Outcome, events: usize) {
    tracing::error!(refusal = ?refusal.issues().first(), events, "what was done could not be recorded");
}

/// Who has which token, as it is recorded.
#[derive(Default)]
struct Bearers(BTreeMap<String, (Said, Arc<Bearing>)>);

impl Bearers {
    fn of(&mut self, who: &Principal) -> Arc<Bearing> {
        let token = who.grant().token_id.as_str();
        if let Some((said, bearing)) = self.0.get(token)
            && said.is_of(who)
        {
            return Arc::clone(bearing);
        }
        let said = Said::of(who);
        let bearing = Arc::new(said.bearing());
        if self.0.len() >= BEARERS_MAX {
            self.0.clear();
        }
        self.0.insert(token.to_owned(), (said, Arc::clone(&bearing)));
        bearing
    }
}
