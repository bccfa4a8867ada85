//! What was written since a time is looked through bit by bit, also where one transaction wrote more than a bit.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{Instant, Outcome, ResourceType, json};
use sea_orm::{ConnectionTrait as _, Database};
use search::Registry;
use storage::{Change, Clock, Key, Lock, Method, Options, Tx, Vault, Version, Work};

const BASE: &str = "http://own.example/fhir";

/// Writes patients in one transaction.
struct Put(Vec<Key>);

impl Work for Put {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        self.0.iter().cloned().map(Lock::Resource).collect()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let mut changes = Vec::new();
        for (key, head) in self.0.iter().zip(tx.load(&self.0).await?) {
            let body = br#"{"resourceType":"Patient"}"#;
            let resource = json::parse(body.as_slice().into(), &json::Limits::default())?;
            let rows = search::extract(Registry::r4(), resource.tree(), BASE);
            changes.push(Change {
                key: key.clone(),
                epoch: 0,
                method: Method::Put,
                replaces: head,
                body: Some(Arc::new(resource.stamp(&key.id, &[]))),
                rows: Arc::new(rows),
            });
        }
        tx.write(changes).await.map(drop)
    }
}

fn permit(action: Action) -> Permit {
    authorize(&Caller::Operator, action, None).unwrap()
}

async fn all_is_seen(url: &str) {
    let clock = Clock::system();
    let options =
        Options { url: url.parse().unwrap(), clock, base: BASE.to_owned(), connections_max: 2 };
    let vault = Vault::open(&options).await.unwrap();
    let ty = ResourceType::named("Patient").unwrap();
    let ids = |from: usize, to: usize| (from..to).map(|n| format!("p{n}"));
    for (from, to) in [(0, 7), (7, 8), (8, 12)] {
        let keys = ids(from, to).map(|id| Key::new(ty, id)).collect();
        vault.commit(permit(Action::Update), Put(keys)).await.unwrap();
    }
    let mut all: Vec<String> = ids(0, 12).collect();
    all.sort();
    for limit in [1, 3, 100] {
        let (mut seen, mut last): (Vec<String>, Option<Version>) = (Vec::new(), None);
        loop {
            let from = (Instant::from_millis(0), last.as_ref());
            let mut some =
                vault.written_since(&permit(Action::Search), ty, from, limit).await.unwrap();
            seen.extend(some.iter().map(|version| version.id.clone()));
            match some.pop() {
                Some(version) => last = Some(version),
                None => break,
            }
        }
        // those of one transaction in any order
        seen.sort();
        assert_eq!(seen, all, "{limit} at once");
    }
}

#[tokio::test]
async fn all_that_was_written_is_seen_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    all_is_seen(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
}

#[tokio::test]
async fn all_that_was_written_is_seen_on_postgres() {
    let url = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
        "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
    );
    let name = format!("written_since_{}", std::process::id());
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
    all_is_seen(&format!("{}/{name}", url.rsplit_once('/').unwrap().0)).await;
}
