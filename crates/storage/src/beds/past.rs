//! What was: how long requests waited, how long people stayed. What is over for long goes.

use fhir_model::{Instant, Outcome};

use crate::{Tx, Vault, row::ask};
use auth::Permit;

/// A request that was served, or is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRequest {
    /// `Patient.id`
    pub patient: String,
    /// See [`super::NewRequest::details`].
    pub details: String,
    /// When a bed was first held for it; `None`: it never was.
    pub served: Option<Instant>,
}

/// A stay that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastStay {
    /// `Location.id`
    pub bed: String,
    /// From when the bed was taken, until when it was left.
    pub from: Instant,
    /// See `from`.
    pub until: Instant,
}

/// What is taken out in one transaction.
const TOGETHER: i64 = 500;
/// A roster may have been begun so long before the last decision that rests on it.
const ROSTER_LASTS_MILLIS: i64 = 30 * 24 * 3_600_000;

impl Vault {
    /// Requests that last changed within a time and wait no more, or wait still if `with_open`; the latest first.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn past_bed_requests(
        &self,
        _permit: &Permit,
        (from, until): (Instant, Instant),
        (with_open, limit): (bool, u32),
    ) -> Result<Vec<PastRequest>, Outcome> {
        let states = if with_open { "" } else { " and q.state in ('served', 'closed')" };
        let sql = format!(
            "select q.patient_id, q.details,
                    (select min(c.starts_at) from bed_claim c where c.task_id = q.task_id)
             from   bed_request q
             where  q.changed >= ? and q.changed < ?{states}
             order  by q.changed desc
             limit  ?"
        );
        let values = [from.millis().into(), until.millis().into(), i64::from(limit).into()];
        let rows = self.rows(ask(&sql, values)).await?;
        let past = |row: &crate::row::Row| PastRequest {
            patient: row.text(0).to_owned(),
            details: row.text(1).to_owned(),
            served: row.some_integer(2).map(Instant::from_millis),
        };
        Ok(rows.iter().map(past).collect())
    }

    /// Stays that ended since a time, the latest first.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn past_bed_stays(
        &self,
        _permit: &Permit,
        since: Instant,
        limit: u32,
    ) -> Result<Vec<PastStay>, Outcome> {
        let sql = "select bed_id, starts_at, ended_at from bed_claim
                   where state = 'ended' and end_reason = 'left' and ended_at >= ?
                   order by ended_at desc limit ?";
        let rows = self.rows(ask(sql, [since.millis().into(), i64::from(limit).into()])).await?;
        let past = |row: &crate::row::Row| PastStay {
            bed: row.text(0).to_owned(),
            from: Instant::from_millis(row.integer(1)),
            until: Instant::from_millis(row.integer(2)),
        };
        Ok(rows.iter().map(past).collect())
    }
}

impl Tx<'_> {
    /// Takes out decisions that are older than this, and what no decision rests on any more; whether there may be more.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn forget_bed_decisions(&mut self, before: Instant) -> Result<bool, Outcome> {
        let sql = "delete from bed_decision
                   where id in (select id from bed_decision where decided < ? limit ?)";
        let gone = self.execute(&ask(sql, [before.millis().into(), TOGETHER.into()])).await?;
        let sql = "select id from bed_roster r
                   where r.taken < ?
                     and not exists (select 1 from bed_decision d where d.roster_id = r.id)
                   limit 10";
        let taken = before.millis() - ROSTER_LASTS_MILLIS;
        let idle = self.rows(&ask(sql, [taken.into()])).await?;
        for row in &idle {
            for sql in
                ["delete from bed_turn where roster_id = ?", "delete from bed_roster where id = ?"]
            {
                self.execute(&ask(sql, [row.text(0).into()])).await?;
            }
        }
        Ok(gone > 0 || !idle.is_empty())
    }
}
