//! What was looked at, changed or refused, as narrow rows that are written in bulk: see migrations/0011. Whoever makes
//! `AuditEvent`s of them takes them in the same transaction, so that each becomes exactly one.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc};

use auth::Permit;
use fhir_model::{Instant, Outcome};
use ring::digest::{SHA256, digest};

use crate::{
    Tx, Vault,
    find::statement::{Sql, Statement, sql},
    row::Row,
};

/// Something that was done, refused or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The id of the `AuditEvent` that it becomes: a UUID that sorts by time.
    pub id: String,
    /// When.
    pub at: Instant,
    /// By whom.
    pub bearer: Arc<Bearing>,
    /// The code of the interaction: `read`, `search-type`, `create`.
    pub interaction: Cow<'static, str>,
    /// 0 when it went well, 4 when it was refused, 8 when it failed.
    pub outcome: i16,
    /// `Observation/1/_history/2`, or empty.
    pub what: String,
    /// `Observation?code=x`, or empty.
    pub query: String,
    /// Why it was refused, or empty.
    pub why: String,
    /// The request's id, or empty.
    pub request: String,
    /// Logical ids of the patients whom it names.
    pub patients: Vec<Box<str>>,
}

/// Who did something, with which token and what for: the same for each use of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearing {
    digest: i64,
    said: String,
}

impl Bearing {
    /// Of a text that says it.
    pub fn new(said: String) -> Self {
        let digest = digest(&SHA256, said.as_bytes());
        let digest = digest.as_ref().first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        Self { digest, said }
    }

    /// The text.
    pub fn said(&self) -> &str {
        &self.said
    }
}

/// Bearers and rows, a column each, for what writes them.
#[derive(Debug, Default)]
pub(crate) struct Columns<'a> {
    pub(crate) digests: Vec<i64>,
    pub(crate) said: Vec<&'a str>,
    pub(crate) ids: Vec<&'a str>,
    pub(crate) ats: Vec<i64>,
    pub(crate) bearers: Vec<i64>,
    pub(crate) interactions: Vec<&'a str>,
    pub(crate) outcomes: Vec<i16>,
    pub(crate) whats: Vec<&'a str>,
    pub(crate) queries: Vec<&'a str>,
    pub(crate) whys: Vec<&'a str>,
    pub(crate) requests: Vec<&'a str>,
    pub(crate) patients: Vec<String>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(rows: &'a [Access]) -> Self {
        let (mut all, mut known) = (Self::default(), BTreeSet::new());
        for row in rows {
            let Bearing { digest, said } = &*row.bearer;
            if all.bearers.last() != Some(digest) && known.insert(*digest) {
                all.digests.push(*digest);
                all.said.push(said);
            }
            all.ids.push(&row.id);
            all.ats.push(row.at.millis());
            all.bearers.push(*digest);
            all.interactions.push(&row.interaction);
            all.outcomes.push(row.outcome);
            all.whats.push(&row.what);
            all.queries.push(&row.query);
            all.whys.push(&row.why);
            all.requests.push(&row.request);
            all.patients.push(listed(&row.patients));
        }
        all
    }
}

pub(crate) const KEEP_BEARER: &str =
    "insert into access_bearer (digest, said) values ($1, $2) on conflict (digest) do nothing";

pub(crate) const KEEP: &str =
    "insert into access (id, at, bearer, interaction, outcome, what, query, why, request, patients)
 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(crate) const KEEP_BEARERS: &str =
    "-- the same order for everybody: nobody waits for who waits for them
 insert into access_bearer (digest, said)
 select digest, said from unnest($1::bigint[], $2::text[]) as b (digest, said) order by digest
 on conflict (digest) do nothing";

pub(crate) const KEEP_ALL: &str = "insert into access (id, at, bearer, interaction, outcome, what, query, why, request, patients)
 select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::smallint[], $6::text[], $7::text[],
                      $8::text[], $9::text[], $10::text[])";

/// ` a b `; empty without any.
fn listed(patients: &[Box<str>]) -> String {
    let mut text = String::new();
    for patient in patients {
        text.push(' ');
        text.push_str(patient);
    }
    if !text.is_empty() {
        text.push(' ');
    }
    text
}

impl Tx<'_> {
    /// Records what was done. Whoever reads or searches does not see it: see [`Vault::recorded`].
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn record(&mut self, done: &[Access]) -> Result<(), Outcome> {
        if done.is_empty() {
            return Ok(());
        }
        self.keep_accesses(&Columns::of(done)).await
    }

    /// Takes rows away because they become something else in this transaction; the ids of those that were there.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn take_recorded(&mut self, ids: &[&str]) -> Result<Vec<String>, Outcome> {
        let statement = sql("delete from access where ", [])
            .with(Sql::one_of("id", ids))
            .then(" returning id")
            .statement();
        let taken = self.changed_rows(&statement).await?;
        Ok(taken.iter().map(|row| row.text(0).to_owned()).collect())
    }
}

impl Vault {
    /// What was recorded and is no `AuditEvent` yet, the oldest first; of one patient, or all.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn recorded(
        &self,
        _permit: &Permit,
        patient: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Access>, Outcome> {
        let rows = self.rows(recorded(patient, limit)).await?;
        Ok(rows.iter().map(access).collect())
    }

    /// How many rows wait to become `AuditEvent`s, up to a bound.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn recorded_count(&self, _permit: &Permit, up_to: u32) -> Result<i64, Outcome> {
        let ask = sql("select count(*) from (select 1 from access limit ", [])
            .bind(i64::from(up_to))
            .then(") as waiting");
        Ok(self.rows(ask.statement()).await?.first().map_or(0, |row| row.integer(0)))
    }
}

fn recorded(patient: Option<&str>, limit: u32) -> Statement {
    let mut ask = sql(
        "select a.id, a.at, a.bearer, b.said, a.interaction, a.outcome, a.what, a.query, a.why, a.request, a.patients
         from   access a
           left join access_bearer b on b.digest = a.bearer",
        [],
    );
    if let Some(patient) = patient {
        // an id has no letter that stands for others
        ask = ask
            .then("\nwhere  (a.patients like ")
            .bind(format!("% {patient} %"))
            .then(" or a.what = ")
            .bind(format!("Patient/{patient}"))
            .then(" or a.what like ")
            .bind(format!("Patient/{patient}/%"))
            .then(")");
    }
    ask.then("\norder by a.id\nlimit  ").bind(i64::from(limit)).statement()
}

fn access(row: &Row) -> Access {
    Access {
        id: row.text(0).to_owned(),
        at: Instant::from_millis(row.integer(1)),
        bearer: Arc::new(Bearing { digest: row.integer(2), said: row.text(3).to_owned() }),
        interaction: row.text(4).to_owned().into(),
        outcome: i16::try_from(row.integer(5)).unwrap_or(8),
        what: row.text(6).to_owned(),
        query: row.text(7).to_owned(),
        why: row.text(8).to_owned(),
        request: row.text(9).to_owned(),
        patients: row.text(10).split_whitespace().map(Into::into).collect(),
    }
}
