//! Decisions that can be made again, and answers that are given again.

use std::sync::Arc;

use fhir_model::{Instant, Outcome};

use crate::{Tx, Vault, row::ask};
use auth::Permit;

/// The answer to an operation that was called with an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// A digest of what was asked.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// The `Location`, or nothing.
    pub location: String,
}

/// What decisions about one request rest on: what is not known to be kept yet.
#[derive(Debug, Clone, Default)]
pub struct RosterPart {
    /// Its own id.
    pub id: String,
    /// What it began with, as JSON.
    pub begun: Option<Arc<str>>,
    /// What it heard since, as JSON: numbers from 1.
    pub turns: Vec<(u64, Arc<str>)>,
}

/// For how long an answer is kept.
const KEPT_MILLIS: i64 = 24 * 3_600_000;

impl Tx<'_> {
    /// Keeps a decision with all that went into it, as JSON, and the roster that it rests on.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_bed_decision(
        &mut self,
        id: &str,
        record: &str,
        roster: Option<&str>,
    ) -> Result<(), Outcome> {
        let sql = "insert into bed_decision (id, decided, record, roster_id)
                   values (?, ?, ?, nullif(?, '')) on conflict do nothing";
        let now = self.now().millis();
        let values = [id.into(), now.into(), record.into(), roster.unwrap_or_default().into()];
        self.execute(&ask(sql, values)).await.map(drop)
    }

    /// Keeps what a decision rests on. What is kept already stays.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_bed_roster(&mut self, part: &RosterPart) -> Result<(), Outcome> {
        if let Some(begun) = &part.begun {
            let sql =
                "insert into bed_roster (id, taken, begun) values (?, ?, ?) on conflict do nothing";
            let values = [part.id.as_str().into(), self.now().millis().into(), (&**begun).into()];
            self.execute(&ask(sql, values)).await?;
        }
        for (number, turn) in &part.turns {
            let sql = "insert into bed_turn (roster_id, number, turn) values (?, ?, ?) on conflict do nothing";
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            let values = [part.id.as_str().into(), number.into(), (&**turn).into()];
            self.execute(&ask(sql, values)).await?;
        }
        Ok(())
    }

    /// The answer under a name, if one was given within a day.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn kept_answer(&mut self, name: &str) -> Result<Option<KeptAnswer>, Outcome> {
        let oldest = self.now().millis() - KEPT_MILLIS;
        let sql = "select request, status, body, location from kept_answer
                   where name = ? and answered >= ?";
        let rows = self.rows(&ask(sql, [name.into(), oldest.into()])).await?;
        Ok(rows.first().map(|row| KeptAnswer {
            request: row.text(0).to_owned(),
            status: u16::try_from(row.integer(1)).unwrap_or(500),
            body: row.text(2).to_owned(),
            location: row.text(3).to_owned(),
        }))
    }

    /// Keeps an answer under a name.
    ///
    /// # Errors
    /// The database's own trouble; to start again when somebody else just kept one.
    pub async fn keep_answer(&mut self, name: &str, answer: &KeptAnswer) -> Result<(), Outcome> {
        let oldest = self.now().millis() - KEPT_MILLIS;
        self.execute(&ask("delete from kept_answer where answered < ?", [oldest.into()])).await?;
        let sql = "insert into kept_answer (name, request, status, body, location, answered)
                   values (?, ?, ?, ?, ?, ?) on conflict do nothing";
        let values = [
            name.into(),
            answer.request.as_str().into(),
            i64::from(answer.status).into(),
            answer.body.as_str().into(),
            answer.location.as_str().into(),
            self.now().millis().into(),
        ];
        match self.execute(&ask(sql, values)).await? {
            0 => Err(self.start_again()),
            _ => Ok(()),
        }
    }
}

impl Vault {
    /// The record of a decision, and when it was made.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_decision(
        &self,
        _permit: &Permit,
        id: &str,
    ) -> Result<Option<(Instant, String)>, Outcome> {
        let rows = self
            .rows(ask("select decided, record from bed_decision where id = ?", [id.into()]))
            .await?;
        Ok(rows.first().map(|row| (Instant::from_millis(row.integer(0)), row.text(1).to_owned())))
    }

    /// What a roster began with, and the first turns that it heard, as JSON.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn bed_roster(
        &self,
        _permit: &Permit,
        id: &str,
        turns: u64,
    ) -> Result<Option<(String, Vec<String>)>, Outcome> {
        let begun =
            self.rows(ask("select begun from bed_roster where id = ?", [id.into()])).await?;
        let Some(begun) = begun.first().map(|row| row.text(0).to_owned()) else { return Ok(None) };
        let sql = "select turn from bed_turn where roster_id = ? and number <= ? order by number";
        let turns = i64::try_from(turns).unwrap_or(i64::MAX);
        let rows = self.rows(ask(sql, [id.into(), turns.into()])).await?;
        Ok(Some((begun, rows.iter().map(|row| row.text(0).to_owned()).collect())))
    }
}
