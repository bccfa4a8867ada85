//! What the planner looks at: beds with their claims, the queue, and what changed since it last looked.

use std::sync::Arc;

use fhir_model::{Instant, Outcome, ResourceType};

use super::{
    claim::{COLUMNS, Claim, read},
    rows::{MEMBERS_ON_POSTGRES, MEMBERS_ON_SQLITE, list},
};
use crate::{Key, Vault, Version, find::statement::Statement, row::ask, vault::Engine};
use auth::Permit;

/// A bed, as it stands.
#[derive(Debug, Clone)]
pub struct BedRow {
    /// `Location.id`
    pub id: String,
    /// Whether it is no bed any more.
    pub is_gone: bool,
    /// Its claim.
    pub claim: Option<Claim>,
    /// When it or its claim last changed.
    pub changed: Instant,
}

/// A request of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// `Task.id`
    pub task: String,
    /// `ServiceRequest.id`
    pub order: String,
    /// `Patient.id`
    pub patient: String,
    /// `queued`, `paused`, `served` or `closed`.
    pub state: String,
    /// When it last changed.
    pub changed: Instant,
    /// See [`super::NewRequest::details`].
    pub details: String,
    /// Whether a bed that was held for it was taken back.
    pub is_recalled: bool,
}

/// What changed since somebody looked.
#[derive(Debug, Clone, Default)]
pub struct Changed {
    /// Beds.
    pub beds: Vec<BedRow>,
    /// Requests.
    pub requests: Vec<RequestRow>,
}

/// Of `bed_request q`, with [`IS_RECALLED`] after it.
const REQUEST: &str = "task_id, order_id, patient_id, q.state, changed, details";

/// Whether a bed that was held for `bed_request q` was taken back.
const IS_RECALLED: &str = "case when exists (select 1 from bed_claim c \
     where c.task_id = q.task_id and c.end_reason = 'recalled') then 1 else 0 end";

/// How much later a transaction may become visible than one that began after it.
const SLACK_MILLIS: i64 = 2_000;

impl Vault {
    /// The number of the last commit: while it stays the same nothing changed. `None` where other processes may write.
    pub fn last_commit(&self) -> Option<i64> {
        match &self.inner().engine {
            Engine::Sqlite(engine) => Some(engine.readers.last_commit()),
            Engine::Postgres(_) => None,
        }
    }

    /// Beds that changed since the last look, or whose claims did, and requests of the queue that did; the first look
    /// sees all but the requests that are over. One snapshot shows both. What was seen last may come again.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn beds_changed(
        &self,
        _permit: &Permit,
        seen: Option<Instant>,
    ) -> Result<Changed, Outcome> {
        // on PostgreSQL a transaction may become visible after a later one
        let slack = if self.is_postgres() { SLACK_MILLIS } else { 0 };
        let since = seen.map_or(0, |seen| (seen.millis() - slack).max(0));
        let open = if seen.is_none() { " and state in ('queued', 'paused')" } else { "" };
        let sql = format!(
            "select 0, b.id, b.is_gone, b.changed, '', '', '', '', {COLUMNS}
             from   bed b
             left   join bed_claim c on c.bed_id = b.id and c.state <> 'ended'
             where  b.changed >= ?
             union  all
             select 1, task_id, {IS_RECALLED}, changed, order_id, patient_id, state, details,
                    null, null, null, null, null, null, null, null, null, null
             from   bed_request q where changed >= ?{open}"
        );
        let rows = self.rows(ask(&sql, [since.into(), since.into()])).await?;
        let mut found = Changed::default();
        for row in &rows {
            if row.integer(0) == 0 {
                found.beds.push(BedRow {
                    id: row.text(1).to_owned(),
                    is_gone: row.integer(2) != 0,
                    changed: Instant::from_millis(row.integer(3)),
                    claim: read(row, 8),
                });
            } else {
                found.requests.push(RequestRow {
                    task: row.text(1).to_owned(),
                    changed: Instant::from_millis(row.integer(3)),
                    order: row.text(4).to_owned(),
                    patient: row.text(5).to_owned(),
                    state: row.text(6).to_owned(),
                    details: row.text(7).to_owned(),
                    is_recalled: row.integer(2) != 0,
                });
            }
        }
        Ok(found)
    }

    /// The request that a Task shows.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_request(
        &self,
        permit: &Permit,
        task: &str,
    ) -> Result<Option<RequestRow>, Outcome> {
        Ok(self.bed_requests(permit, &[task]).await?.pop())
    }

    /// The requests that these Tasks show, in no order.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_requests<T: AsRef<str>>(
        &self,
        _permit: &Permit,
        tasks: &[T],
    ) -> Result<Vec<RequestRow>, Outcome> {
        let members = if self.is_postgres() { MEMBERS_ON_POSTGRES } else { MEMBERS_ON_SQLITE };
        let sql = format!(
            "select {REQUEST}, {IS_RECALLED} from bed_request q where task_id in ({members})"
        );
        let rows = self.rows(ask(&sql, [list(tasks).into()])).await?;
        Ok(rows.iter().map(request_row).collect())
    }

    /// The last request that was made on an order.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_request_of_order(
        &self,
        _permit: &Permit,
        order: &str,
    ) -> Result<Option<RequestRow>, Outcome> {
        let sql = format!(
            "select {REQUEST}, {IS_RECALLED}
             from   bed_request q where order_id = ?
             order  by case when state = 'closed' then 1 else 0 end, task_id desc limit 1"
        );
        let rows = self.rows(ask(&sql, [order.into()])).await?;
        Ok(rows.first().map(request_row))
    }

    /// The current versions of resources of one type, those that are there, in no order.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn read_many<T: AsRef<str>>(
        &self,
        permit: &Permit,
        ty: ResourceType,
        ids: &[T],
    ) -> Result<Vec<Version>, Outcome> {
        let mut found = Vec::with_capacity(ids.len());
        if !permit.covers_all_rows() {
            for id in ids {
                let version = self.read(permit, &Key::new(ty, id.as_ref())).await?;
                found.extend(version.map(Arc::unwrap_or_clone));
            }
            return Ok(found);
        }
        let members = if self.is_postgres() { MEMBERS_ON_POSTGRES } else { MEMBERS_ON_SQLITE };
        for some in ids.chunks(2_000) {
            let sql = format!(
                "select r.res, r.type, r.id, r.version, r.updated, r.method, r.body
                 from   resource r
                 where  r.type = ?
                   and  r.version > 0
                   and  r.id in ({members})"
            );
            let of: i64 = ty.number().into();
            found.extend(self.find_aside(permit, ask(&sql, [of.into(), list(some).into()])).await?);
        }
        Ok(found)
    }

    /// Current versions of a type that were written at this time or later, the oldest first, or what follows one of these;
    /// for the vault's own work, with a permit for all rows.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn written_since(
        &self,
        permit: &Permit,
        ty: ResourceType,
        (since, after): (Instant, Option<&Version>),
        limit: u32,
    ) -> Result<Vec<Version>, Outcome> {
        if !permit.covers_all_rows() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::default();
        let of: i64 = ty.number().into();
        // what one transaction wrote has one time
        let (since, res) = after.map_or((since, 0), |version| (version.updated, version.res));
        statement.push(
            "select r.res, r.type, r.id, r.version, r.updated, r.method, r.body
             from   resource r
             where  r.type = ?
               and  r.updated >= ?
               and  (r.updated > ? or r.res > ?)
               and  r.version > 0
             order  by r.updated, r.res
             limit  ?",
            [
                of.into(),
                since.millis().into(),
                since.millis().into(),
                res.into(),
                i64::from(limit).into(),
            ],
        );
        self.find_aside(permit, statement).await
    }

    /// Claims of holds whose time is over.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn expired_holds(
        &self,
        _permit: &Permit,
        now: Instant,
    ) -> Result<Vec<Claim>, Outcome> {
        let sql = format!(
            "select {COLUMNS} from bed_claim c
             where c.state = 'held' and c.hold_until < ? order by c.hold_until limit 500"
        );
        let rows = self.rows(ask(&sql, [now.millis().into()])).await?;
        Ok(rows.iter().filter_map(|row| read(row, 0)).collect())
    }
}

fn request_row(row: &crate::row::Row) -> RequestRow {
    RequestRow {
        task: row.text(0).to_owned(),
        order: row.text(1).to_owned(),
        patient: row.text(2).to_owned(),
        state: row.text(3).to_owned(),
        changed: Instant::from_millis(row.integer(4)),
        details: row.text(5).to_owned(),
        is_recalled: row.integer(6) != 0,
    }
}
