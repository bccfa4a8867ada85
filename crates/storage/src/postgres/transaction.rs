//! One transaction: locks first, in one order for everybody; then looks; then writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use auth::Permit;
use fhir_model::{IssueType, Outcome, ResourceType};
use sea_orm::sqlx::{self, PgPool, Row as _};
use search::Plan;

use super::{
    Again, Shared, bound,
    columns::{Columns, Known, targets, unknown_systems},
    index, trouble, version,
};
use crate::{
    Head, Key, Lock, body,
    find::{Turn, Version, statement},
    tx::Delta,
};

/// An open transaction and whether its failure, if it failed, may go away by itself.
#[derive(Debug)]
pub(crate) struct Transaction {
    inner: sqlx::Transaction<'static, sqlx::Postgres>,
    shared: Arc<Shared>,
    again: Again,
}

impl Transaction {
    /// Begins, and takes the locks, which are sorted.
    ///
    /// # Errors
    /// What the database says.
    pub(super) async fn begin(
        pool: &PgPool,
        shared: &Arc<Shared>,
        locks: &[Lock],
    ) -> Result<Self, Outcome> {
        let mut inner = pool.begin().await.map_err(|error| trouble(&error))?;
        let mut keys: Vec<i64> = locks.iter().map(lock_key).collect();
        keys.sort_unstable();
        if !keys.is_empty() {
            sqlx::query(
                "-- whoever wants the same ones waits here, not halfway through
                 select pg_advisory_xact_lock(key)
                 from   (select key from unnest($1::bigint[]) as wanted (key) order by key) as sorted",
            )
            .bind(&keys)
            .execute(&mut *inner)
            .await
            .map_err(|error| trouble(&error))?;
        }
        Ok(Self { inner, shared: Arc::clone(shared), again: Again::No })
    }

    /// Makes it last.
    ///
    /// # Errors
    /// What the database says, and whether to start again.
    pub(super) async fn commit(self) -> Result<(), (Again, Outcome)> {
        self.inner.commit().await.map_err(|error| (Again::after(&error), trouble(&error)))
    }

    /// Undoes everything; whether to start again.
    pub(super) async fn roll_back(self) -> Again {
        if let Err(error) = self.inner.rollback().await {
            tracing::warn!(%error, "rollback");
        }
        self.again
    }

    /// Remembers whether the failure may go away by itself.
    fn failed(&mut self, error: &sqlx::Error) -> Outcome {
        self.again = Again::after(error);
        trouble(error)
    }

    /// See [`crate::Tx::start_again`].
    pub(crate) fn start_again(&mut self) {
        self.again = Again::Yes;
    }

    /// See [`crate::Tx::load`].
    pub(crate) async fn load(
        &mut self,
        _permit: &Permit,
        keys: &[Key],
    ) -> Result<Vec<Option<Head>>, Outcome> {
        let (types, ids): (Vec<i16>, Vec<&str>) =
            keys.iter().map(|key| (i16::from(key.resource_type.number()), key.id.as_str())).unzip();
        let rows = sqlx::query(
            "-- locked in the order of their numbers, so that two of these never wait for each other
             select r.res, r.type, r.id, r.version, r.updated, r.method, r.body
             from   resource r
             where  (r.type, r.id) in (select * from unnest($1::smallint[], $2::text[]))
             order  by r.res
             for    update",
        )
        .bind(&types)
        .bind(&ids)
        .fetch_all(&mut *self.inner)
        .await
        .map_err(|error| self.failed(&error))?;
        let found = rows.iter().map(version).collect::<Result<Vec<Version>, _>>()?;
        let found: BTreeMap<(ResourceType, &str), &Version> =
            found.iter().map(|row| ((row.resource_type, row.id.as_str()), row)).collect();
        let head = |key: &Key| {
            let row = found.get(&(key.resource_type, key.id.as_str()))?;
            let (version, updated, body) = (row.version, row.updated, row.body.clone());
            Some(Head { res: row.res, version, updated, body })
        };
        Ok(keys.iter().map(head).collect())
    }

    /// See [`crate::Tx::find`].
    pub(crate) async fn find(
        &mut self,
        _permit: &Permit,
        plan: &Plan,
        limit: u32,
    ) -> Result<Vec<Version>, Outcome> {
        let ask = statement::page(plan, &Turn::First, limit);
        let rows = bound(&ask).fetch_all(&mut *self.inner).await;
        rows.map_err(|error| self.failed(&error))?.iter().map(version).collect()
    }

    /// See [`crate::Tx::write`].
    pub(crate) async fn write(
        &mut self,
        _permit: &Permit,
        deltas: &[Delta],
    ) -> Result<(), Outcome> {
        let rows = || deltas.iter().flat_map(|delta| [&delta.removed, &delta.added]);
        let unknown: Vec<String> =
            rows().flat_map(|rows| unknown_systems(&self.shared.systems, rows)).collect();
        if !unknown.is_empty() {
            self.shared.systems.learn(unknown).await?;
        }
        let commit_no = self.shared.numbers.next();
        let mut known = Known::new();
        self.insert(deltas, commit_no, &mut known).await.map_err(|error| self.failed(&error))?;
        self.replace(deltas, commit_no, &mut known).await.map_err(|error| self.failed(&error))?;
        let wanted: BTreeSet<(ResourceType, &str)> = rows()
            .flat_map(targets)
            .filter(|(ty, id)| !known.contains_key(&(*ty, (*id).to_owned())))
            .collect();
        self.resolve(&wanted, &mut known).await.map_err(|error| self.failed(&error))?;
        let (mut removed, mut added) = (Columns::default(), Columns::default());
        for delta in deltas {
            let key = (delta.change.key.resource_type, delta.change.key.id.clone());
            let Some(&res) = known.get(&key) else {
                // somebody else created it since this transaction looked
                self.again = Again::Yes;
                return Err(Outcome::new(IssueType::Transient, "The resource was just created"));
            };
            let systems = &self.shared.systems;
            let pushed = removed.push(res, &delta.removed, &known, systems);
            // the dictionary of systems was full meanwhile and began afresh
            pushed
                .and_then(|()| added.push(res, &delta.added, &known, systems))
                .inspect_err(|_| self.again = Again::Yes)?;
        }
        if rows().step_by(2).any(|rows| !rows.is_empty()) {
            let done = index::remove(&mut self.inner, &removed).await;
            done.map_err(|error| self.failed(&error))?;
        }
        index::add(&mut self.inner, &added).await.map_err(|error| self.failed(&error))
    }

    /// First versions.
    async fn insert(
        &mut self,
        deltas: &[Delta],
        commit_no: i64,
        known: &mut Known,
    ) -> Result<(), sqlx::Error> {
        let mut new: Vec<&Delta> =
            deltas.iter().filter(|delta| delta.change.replaces.is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.sort_by(|a, b| a.change.key.cmp(&b.change.key));
        let numbers: Vec<i64> = new.iter().map(|_| self.shared.numbers.next()).collect();
        let types: Vec<i16> =
            new.iter().map(|delta| i16::from(delta.change.key.resource_type.number())).collect();
        let ids: Vec<&str> = new.iter().map(|delta| delta.change.key.id.as_str()).collect();
        let updated: Vec<i64> = new.iter().map(|delta| delta.updated.millis()).collect();
        let methods: Vec<i16> = new.iter().map(|delta| delta.change.method.number()).collect();
        let bodies: Vec<Option<Vec<u8>>> =
            new.iter().map(|delta| delta.body.as_deref().map(body::pack)).collect();
        let rows = sqlx::query(
            "insert into resource (res, type, id, updated, method, body, version, commit_no)
             select *, 1, $7
             from   unnest($1::bigint[], $2::smallint[], $3::text[], $4::bigint[], $5::smallint[], $6::bytea[])
             -- somebody may have referred to it before it came
             on conflict (type, id) do update
             set version = 1, updated = excluded.updated, commit_no = excluded.commit_no,
                 method = excluded.method, body = excluded.body
             where resource.version = 0
             returning res, type, id",
        )
        .bind(&numbers)
        .bind(&types)
        .bind(&ids)
        .bind(&updated)
        .bind(&methods)
        .bind(&bodies)
        .bind(commit_no)
        .fetch_all(&mut *self.inner)
        .await?;
        learn(known, &rows)
    }

    /// Later versions; what they replace becomes history.
    async fn replace(
        &mut self,
        deltas: &[Delta],
        commit_no: i64,
        known: &mut Known,
    ) -> Result<(), sqlx::Error> {
        let mut numbers = Vec::new();
        let (mut versions, mut updated, mut methods, mut bodies) = (vec![], vec![], vec![], vec![]);
        for delta in deltas {
            let Some(head) = &delta.change.replaces else { continue };
            let key = &delta.change.key;
            known.insert((key.resource_type, key.id.clone()), head.res);
            numbers.push(head.res);
            versions.push(i32::try_from(delta.version).unwrap_or(i32::MAX));
            updated.push(delta.updated.millis());
            methods.push(delta.change.method.number());
            bodies.push(delta.body.as_deref().map(body::pack));
        }
        if numbers.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "insert into history (res, version, type, id, updated, commit_no, method, body)
             select res, version, type, id, updated, commit_no, method, body
             from   resource
             where  res = any($1)
               and  version > 0",
        )
        .bind(&numbers)
        .execute(&mut *self.inner)
        .await?;
        sqlx::query(
            "update resource r
             set    version = n.version, updated = n.updated, method = n.method, body = n.body,
                    commit_no = $6
             from   unnest($1::bigint[], $2::int[], $3::bigint[], $4::smallint[], $5::bytea[])
                    as n (res, version, updated, method, body)
             where  r.res = n.res",
        )
        .bind(&numbers)
        .bind(&versions)
        .bind(&updated)
        .bind(&methods)
        .bind(&bodies)
        .bind(commit_no)
        .execute(&mut *self.inner)
        .await
        .map(drop)
    }

    /// Numbers of referenced resources; those never heard of get one.
    async fn resolve(
        &mut self,
        wanted: &BTreeSet<(ResourceType, &str)>,
        known: &mut Known,
    ) -> Result<(), sqlx::Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let types: Vec<i16> = wanted.iter().map(|(ty, _)| i16::from(ty.number())).collect();
        let ids: Vec<&str> = wanted.iter().map(|(_, id)| *id).collect();
        let look = "select res, type, id
                    from   resource
                    where  (type, id) in (select * from unnest($1::smallint[], $2::text[]))";
        let rows = sqlx::query(look).bind(&types).bind(&ids).fetch_all(&mut *self.inner).await?;
        learn(known, &rows)?;
        if rows.len() == wanted.len() {
            return Ok(());
        }
        let numbers: Vec<i64> = wanted.iter().map(|_| self.shared.numbers.next()).collect();
        sqlx::query(
            "insert into resource (res, type, id, version, updated, commit_no, method)
             select *, 0, 0, 0, 0
             from   unnest($1::bigint[], $2::smallint[], $3::text[])
             on conflict (type, id) do nothing",
        )
        .bind(&numbers)
        .bind(&types)
        .bind(&ids)
        .execute(&mut *self.inner)
        .await?;
        let rows = sqlx::query(look).bind(&types).bind(&ids).fetch_all(&mut *self.inner).await?;
        learn(known, &rows)
    }
}

/// Takes rows of (res, type, id) in.
fn learn(known: &mut Known, rows: &[sqlx::postgres::PgRow]) -> Result<(), sqlx::Error> {
    for row in rows {
        let number: i16 = row.try_get(1)?;
        let ty = u8::try_from(number).ok().and_then(ResourceType::from_number);
        let ty = ty.ok_or_else(|| sqlx::Error::Protocol("unknown resource type".to_owned()))?;
        known.insert((ty, row.try_get(2)?), row.try_get(0)?);
    }
    Ok(())
}

/// Advisory locks are numbers; two names on one number only wait for each other needlessly.
fn lock_key(lock: &Lock) -> i64 {
    let name = match lock {
        Lock::Resource(key) => format!("resource {} {}", key.resource_type, key.id),
        Lock::Criteria(ty, criteria) => format!("criteria {ty} {criteria}"),
    };
    // the same on every node, whatever it was built with
    let digest = ring::digest::digest(&ring::digest::SHA256, name.as_bytes());
    digest.as_ref().first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}
