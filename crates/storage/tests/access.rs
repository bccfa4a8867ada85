//! What is recorded is taken exactly once, whoever takes it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{Instant, Outcome};
use sea_orm::{ConnectionTrait as _, Database};
use storage::{Access, Bearing, Clock, Lock, Options, Tx, Vault, Work};

/// Rows that each writer records, in batches.
const BATCHES: usize = 10;
const BATCH: usize = 25;
const WRITERS: usize = 4;

async fn vault(url: &str) -> Vault {
    let options = Options {
        url: url.parse().unwrap(),
        clock: Clock::system(),
        base: "http://vault.example/fhir".to_owned(),
        connections_max: 8,
    };
    Vault::open(&options).await.unwrap()
}

fn permit() -> Permit {
    authorize(&Caller::Operator, Action::Create, None).unwrap()
}

struct Record(Vec<Access>);

impl Work for Record {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    fn changes_resources(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        tx.record(&self.0).await
    }
}

struct Take(Vec<String>);

impl Work for Take {
    type Answer = Vec<String>;

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<String>, Outcome> {
        let ids: Vec<&str> = self.0.iter().map(String::as_str).collect();
        tx.take_recorded(&ids).await
    }
}

fn row(vault: &Vault, n: usize) -> Access {
    Access {
        id: vault.new_id(),
        at: Instant::from_millis(1_000),
        bearer: Arc::new(Bearing::new(format!("somebody {}", n % 3))),
        interaction: "read".into(),
        outcome: 0,
        what: if n.is_multiple_of(5) { "Patient/x.1".to_owned() } else { String::new() },
        query: "Observation?code='%_\u{e9}".to_owned(),
        why: String::new(),
        request: "r".to_owned(),
        patients: if n.is_multiple_of(2) { vec!["a".into(), "b-1".into()] } else { Vec::new() },
    }
}

async fn write(vault: Vault, writer: usize) {
    for batch in 0..BATCHES {
        let rows = (0..BATCH).map(|n| row(&vault, writer + batch + n)).collect();
        vault.commit_aside(permit(), Record(rows)).await.unwrap();
    }
}

async fn take(vault: Vault) -> Vec<String> {
    let (mut all, mut idle) = (Vec::new(), 0);
    while idle < 20 {
        let rows = vault.recorded(&permit(), None, 30).await.unwrap();
        idle = if rows.is_empty() { idle + 1 } else { 0 };
        let ids = rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
        if ids.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        } else {
            all.extend(vault.commit_aside(permit(), Take(ids)).await.unwrap());
        }
    }
    all
}

async fn each_is_taken_once(url: &str) {
    let vault = vault(url).await;
    let written = futures_util::future::join_all((0..WRITERS).map(|n| write(vault.clone(), n)));
    let taken = futures_util::future::join_all((0..3).map(|_| take(vault.clone())));
    let (_, taken) = tokio::join!(written, taken);
    let taken: Vec<String> = taken.into_iter().flatten().collect();
    assert_eq!(taken.len(), WRITERS * BATCHES * BATCH);
    let distinct: BTreeSet<&String> = taken.iter().collect();
    assert_eq!(distinct.len(), taken.len());
    assert_eq!(vault.recorded_count(&permit(), 10).await.unwrap(), 0);
    // what is kept comes back as it was, the oldest first, and of one patient what names them
    let rows: Vec<Access> = (0..10).map(|n| row(&vault, n)).collect();
    vault.commit_aside(permit(), Record(rows.clone())).await.unwrap();
    assert_eq!(vault.recorded(&permit(), None, 100).await.unwrap(), rows);
    for (patient, number) in [("a", 5), ("b-1", 5), ("b", 0), ("x.1", 2), ("x", 0)] {
        let found = vault.recorded(&permit(), Some(patient), 100).await.unwrap();
        assert_eq!(found.len(), number, "{patient}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_taken_once_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    each_is_taken_once(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_taken_once_on_postgres() {
    let cluster = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
        "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
    );
    let name = format!("access_{}", uuid::Uuid::now_v7().simple());
    let database = Database::connect(&cluster).await.unwrap();
    database.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let (server, _) = cluster.rsplit_once('/').unwrap();
    each_is_taken_once(&format!("{server}/{name}")).await;
}
