//! What was recorded becomes `AuditEvent`s: in the background, little while somebody asks for something and all that
//! is possible when nobody does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth::{Action, Caller, authorize};
use fhir_model::Outcome;
use storage::{Access, Change, Lock, Tx, Vault, Work, aside};
use tokio::sync::{Mutex, oneshot};

use super::{event, record::changes};

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
        let number = rows.len();
        // in parallel with those who ask
        let event = |row: &Access| (row.id.clone(), event::of(row));
        let resources = aside(move || Ok(rows.iter().map(event).collect())).await?;
        vault.commit_aside(permit, Promoted { resources, vault: vault.clone() }).await?;
        Ok(number)
    }
}

type Resource = (String, Vec<u8>);

/// Rows that become resources.
struct Promoted {
    resources: Vec<Resource>,
    vault: Vault,
}

impl Work for Promoted {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let ids: Vec<&str> = self.resources.iter().map(|(id, _)| id.as_str()).collect();
        let taken = tx.take_recorded(&ids).await?;
        // another process may have taken some
        let taken = self.resources.iter().filter(|(id, _)| taken.contains(id)).cloned();
        let changes: Vec<Change> = changes(taken, &self.vault)?;
        tx.write(changes).await.map(drop)
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
