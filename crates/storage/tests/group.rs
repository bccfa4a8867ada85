//! What shares a commit on SQLite, and what happens to it when a neighbour fails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::sync::Arc;

use auth::{Action, Caller, Permit, authorize};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, ResourceType, json};
use search::Rows;
use storage::{Change, Clock, Key, Lock, Method, Options, Tx, Vault, Work};

/// Writes a Basic, then ends as told.
struct Write {
    id: &'static str,
    end: End,
    may_refuse_late: bool,
}

#[derive(Clone, Copy)]
enum End {
    Keep,
    Refuse,
    Panic,
}

impl Work for Write {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        self.may_refuse_late
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let body = Bytes::from_static(br#"{"resourceType":"Basic","code":{"text":"x"}}"#);
        let resource = json::parse(body, &json::Limits::default())?;
        let change = Change {
            key: key(self.id),
            method: Method::Put,
            replaces: None,
            body: Some(Arc::new(resource.stamp(self.id, &[]))),
            rows: Arc::new(Rows::default()),
            epoch: 0,
        };
        tx.write(vec![change]).await?;
        match self.end {
            End::Keep => Ok(()),
            End::Refuse => Err(Outcome::new(IssueType::BusinessRule, "no")),
            End::Panic => panic!("on purpose"),
        }
    }
}

fn key(id: &str) -> Key {
    Key::new(ResourceType::named("Basic").unwrap(), id)
}

fn permit(action: Action) -> Permit {
    authorize(&Caller::Operator, action, None).unwrap()
}

async fn vault(directory: &std::path::Path) -> Vault {
    vault_at(directory, "http://vault.example/fhir").await
}

async fn vault_at(directory: &std::path::Path, base: &str) -> Vault {
    let options = Options {
        url: format!("sqlite:{}/v.sqlite", directory.display()).parse().unwrap(),
        clock: Clock::system(),
        base: base.to_owned(),
        connections_max: 1,
    };
    Vault::open(&options).await.unwrap()
}

async fn is_there(vault: &Vault, id: &str) -> bool {
    vault.read(&permit(Action::Read), &key(id)).await.unwrap().is_some()
}

/// Commits a good write and another one at once; how they ended, and which of them is there.
async fn together((end, may_refuse_late): (End, bool)) -> ([Option<u16>; 2], [bool; 2]) {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault(directory.path()).await;
    let good = Write { id: "good", end: End::Keep, may_refuse_late: false };
    let other = Write { id: "other", end, may_refuse_late };
    let (good, other) = tokio::join!(
        vault.commit(permit(Action::Create), good),
        vault.commit(permit(Action::Create), other),
    );
    let status = |result: Result<(), Outcome>| result.err().map(|outcome| outcome.status());
    let there = [is_there(&vault, "good").await, is_there(&vault, "other").await];
    // whatever happened, the writer goes on
    let after = Write { id: "after", end: End::Keep, may_refuse_late: false };
    vault.commit(permit(Action::Create), after).await.unwrap();
    assert!(is_there(&vault, "after").await);
    ([status(good), status(other)], there)
}

#[tokio::test]
async fn an_answer_says_what_became_of_the_write() {
    let cases = [
        (End::Keep, false),
        (End::Keep, true),
        (End::Refuse, false),
        (End::Refuse, true),
        (End::Panic, false),
        (End::Panic, true),
    ];
    for (end, may_refuse_late) in cases {
        for _ in 0..20 {
            let (statuses, there) = together((end, may_refuse_late)).await;
            // the promise: acknowledged means stored, refused means not stored
            for (status, there) in statuses.iter().zip(there) {
                assert_eq!(status.is_none(), there, "{statuses:?}");
            }
            assert_eq!(statuses[1].is_none(), matches!(end, End::Keep), "{statuses:?}");
            if may_refuse_late {
                assert_eq!(
                    statuses[0], None,
                    "a neighbour that may refuse late takes nobody with it"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_vault_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    for id in ["first", "second", "third"] {
        let vault = vault(directory.path()).await;
        let write = Write { id, end: End::Keep, may_refuse_late: false };
        vault.commit(permit(Action::Create), write).await.unwrap();
    }
    let vault = vault(directory.path()).await;
    for id in ["first", "second", "third"] {
        assert!(is_there(&vault, id).await, "{id}");
    }
}

#[tokio::test]
async fn index_rows_are_extracted_alike_wherever_the_vault_is_served() {
    let directory = tempfile::tempdir().unwrap();
    for base in ["http://first.example/fhir", "http://second.example/fhir"] {
        let vault = vault_at(directory.path(), base).await;
        assert_eq!(&*vault.index_base(), "http://first.example/fhir");
    }
}
