//! What was recorded becomes `AuditEvent`s: in the background, little while somebody asks for something and all that
//! is possible when nobody does.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth::{Action, Caller, authorize};
use fhir_model::Outcome;
use storage::{Access, Lock, Tx, Vault, Work, aside};
use tokio::sync::{Mutex, oneshot};

use super::{event, record::Made};

/// Resources made in one transaction.
pub(super) const AT_ONCE: u32 = 100;

/// Notes a second that leave time for other things.
const QUIET_PER_SECOND: f64 = 500.0;

/// How long is rested when there is nothing to do, between two transactions at a quiet time, and for each second of
/// work while somebody asks.
const IDLE: Duration = Duration::from_millis(250);
const BREATH: Duration = Duration::from_millis(5);
const REST: f64 = 50.0;

/// Makes `AuditEvent`s, one transaction after the other. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Promotion(Arc<Mutex<()>>);

impl Promotion {
    /// Makes `AuditEvent`s of the oldest that was recorded, of one patient or of all; how many.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn some(
        &self,
        vault: &Vault,
        patient: Option<&str>,
    ) -> Result<usize, Outcome> {
        let _alone = self.0.lock().await;
        let permit = authorize(&Caller::Operator, Action::Create, None)?;
        let rows = vault.recorded(&permit, patient, AT_ONCE).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (number, of) = (rows.len(), vault.clone());
        // in parallel with those who ask
        let made = aside(move || rows.iter().map(|row| made(&of, row)).collect()).await?;
        vault.commit_aside(permit, Promoted { made }).await?;
        Ok(number)
    }
}

/// The event of a row.
fn made(vault: &Vault, row: &Access) -> Result<Made, Outcome> {
    Made::of(vault, row.id.clone(), event::of(row)).or_else(|_| {
        // nothing that somebody sent may keep an event back
        let (what, query, why) = Default::default();
        let plain = Access { what, query, why, request: String::new(), ..row.clone() };
        Made::of(vault, row.id.clone(), event::of(&plain))
    })
}

/// Rows that become resources.
struct Promoted {
    made: Vec<Made>,
}

impl Work for Promoted {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let ids: Vec<&str> = self.made.iter().map(|made| made.key.id.as_str()).collect();
        let taken: BTreeSet<String> = tx.take_recorded(&ids).await?.into_iter().collect();
        // another process may have taken some
        let taken = self.made.iter().filter(|made| taken.contains(&made.key.id));
        tx.write(taken.map(Made::change).collect()).await.map(drop)
    }
}

/// Works until nobody records any more.
pub(super) async fn run(
    vault: Vault,
    promotion: Promotion,
    recorded: Arc<AtomicU64>,
    mut ended: oneshot::Receiver<()>,
) {
    let mut rest = IDLE;
    loop {
        let (before, since) = (recorded.load(Ordering::Relaxed), Instant::now());
        tokio::select! {
            _ = &mut ended => return,
            () = tokio::time::sleep(rest) => {}
        }
        let notes = recorded.load(Ordering::Relaxed) - before;
        let notes = u32::try_from(notes).unwrap_or(u32::MAX);
        let is_quiet = f64::from(notes) <= QUIET_PER_SECOND * since.elapsed().as_secs_f64() + 10.0;
        let started = Instant::now();
        rest = match promotion.some(&vault, None).await {
            Ok(0) => IDLE,
            Ok(_) if is_quiet => BREATH,
            Ok(_) => started.elapsed().mul_f64(REST),
            Err(refusal) => {
                tracing::warn!(refusal = ?refusal.issues().first(), "audit events wait");
                Duration::from_secs(5)
            }
        };
    }
}
