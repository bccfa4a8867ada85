//! Beds: who has which. The truth is the table `bed_claim` and its two unique indexes; Location, Encounter and
//! Task show it.
//!
//! **Invariant**: claims and what shows them are written in one transaction, whichever way a change came in:
//! [`Tx::write`] settles every change of an Encounter, a Location, a Task or a `ServiceRequest` with the claims.

mod board;
mod claim;
mod decision;
mod hook;
mod ledger;
mod order_due;
mod order_lost;
mod past;
mod projection;
mod reading;
mod reconcile;
mod rows;
mod show;

use std::collections::BTreeMap;

use fhir_model::Outcome;

use crate::{Change, Tx, row::ask};
pub use board::{BedRow, Changed, RequestRow};
pub use claim::{Claim, ClaimState, Role, Stage};
pub use decision::{KeptAnswer, RosterPart};
pub(crate) use hook::Heard;
pub use ledger::{Cleaning, End, Ledger, illegal};
pub use order_due::{EMERGENCY_UNITS, ORDERS_MAX, OrderDue};
pub use past::{PastRequest, PastStay};
pub use reconcile::Drift;
pub use rows::About;

/// A request that joins the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// `Task.id`
    pub task: String,
    /// `ServiceRequest.id`
    pub order: String,
    /// `Patient.id`
    pub patient: String,
    /// What the plan needs to know of it, as JSON.
    pub details: String,
}

impl Tx<'_> {
    /// The live claims of these, locked against others until the end.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_ledger(&mut self, about: &About) -> Result<Ledger, Outcome> {
        rows::ledger(self, about).await
    }

    /// Writes what a ledger decided. What it means for Location, Encounter and Task follows with
    /// [`Tx::write`], which must come after.
    ///
    /// # Errors
    /// `bed-taken`, `already-admitted`; the database's own trouble.
    pub async fn keep_beds(&mut self, ledger: Ledger) -> Result<(), Outcome> {
        rows::keep(self, ledger).await
    }

    /// Settles changes with the claims, as [`Tx::write`] does otherwise.
    ///
    /// # Errors
    /// Which change is refused, and why; nothing was written then.
    pub async fn settle_beds(&mut self, changes: &[Change]) -> Result<(), (usize, Outcome)> {
        hook::settle(self, changes).await?;
        self.heard().is_settled = true;
        Ok(())
    }

    /// What follows from claims for resources that are not among the changes.
    pub(crate) async fn follow_beds(&mut self, changes: &[Change]) -> Result<Vec<Change>, Outcome> {
        if !self.heard().is_settled {
            hook::settle(self, changes).await.map_err(|(_, outcome)| outcome)?;
        }
        let follows = show::follow(self, changes).await;
        *self.heard() = Heard::default();
        follows
    }

    /// Puts a request into the queue; `false` when the patient waits there already.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn queue_bed_request(&mut self, request: &NewRequest) -> Result<bool, Outcome> {
        let sql = "insert into bed_request (task_id, order_id, patient_id, state, changed, details)
                   values (?, ?, ?, 'queued', ?, ?)
                   on conflict do nothing";
        let values = [
            request.task.as_str().into(),
            request.order.as_str().into(),
            request.patient.as_str().into(),
            self.now().millis().into(),
            request.details.as_str().into(),
        ];
        Ok(self.execute(&ask(sql, values)).await? == 1)
    }

    /// The request of a patient that waits or is served: its Task and its order.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn open_bed_request(
        &mut self,
        patient: &str,
    ) -> Result<Option<(String, String)>, Outcome> {
        let sql = "select task_id, order_id from bed_request
                   where patient_id = ? and state in ('queued', 'paused', 'served')
                   order by changed desc";
        let found = self.rows(&ask(sql, [patient.into()])).await?;
        Ok(found.first().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())))
    }

    /// The states of requests in the queue, by Task.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_request_states(
        &mut self,
        tasks: &[String],
    ) -> Result<BTreeMap<String, String>, Outcome> {
        let sql = format!(
            "select task_id, state from bed_request where task_id in ({})",
            rows::members(self)
        );
        let found = self.rows(&ask(&sql, [rows::list(tasks).into()])).await?;
        Ok(found.iter().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect())
    }

    /// Whether a request is an emergency's, which stands on no order yet.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn is_without_order(&mut self, task: &str) -> Result<bool, Outcome> {
        Ok(rows::requests_among(self, &[task.to_owned()]).await?.is_empty())
    }

    /// Whether a Location is known as a bed.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn is_bed(&mut self, id: &str) -> Result<bool, Outcome> {
        Ok(!rows::beds_among(self, &[id.to_owned()]).await?.is_empty())
    }

    /// How often a request was declined.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_declines(&mut self, task: &str) -> Result<u64, Outcome> {
        let sql = "select count(*) from bed_claim where task_id = ? and end_reason = 'declined'";
        let found = self.rows(&ask(sql, [task.into()])).await?;
        Ok(found.first().map_or(0, |row| u64::try_from(row.integer(0)).unwrap_or(0)))
    }
}
