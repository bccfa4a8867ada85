//! A chain beside a code: what refers to a patient is found whether it was written together or bit by bit, each
//! resource once, whichever way the pages are turned and however long they are.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{Instant, Outcome, ResourceType, json};
use sea_orm::{ConnectionTrait as _, Database};
use search::{Handling, Plan, Reading, Registry};
use storage::{Change, Clock, Effort, Key, Lock, Method, Options, Turn, Tx, Vault, Work};

const BASE: &str = "http://own.example/fhir";

/// Writes new resources, in this order.
struct Put(Vec<(Key, String)>);

impl Work for Put {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        self.0.iter().map(|(key, _)| Lock::Resource(key.clone())).collect()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let keys: Vec<Key> = self.0.iter().map(|(key, _)| key.clone()).collect();
        let mut changes = Vec::new();
        for ((key, body), head) in self.0.iter().zip(tx.load(&keys).await?) {
            let resource = json::parse(body.clone().into(), &json::Limits::default())?;
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

fn key(ty: &str, id: &str) -> Key {
    Key::new(ResourceType::named(ty).unwrap(), id)
}

fn patient(id: &str, names: &str) -> (Key, String) {
    let body = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{names}]}}"#);
    (key("Patient", id), body)
}

/// An Observation of patients: the first is its subject, all are its performers.
fn observation(id: &str, code: &str, patients: &[&str]) -> (Key, String) {
    let to = |id: &&str| format!(r#"{{"reference":"Patient/{id}"}}"#);
    let performers: Vec<String> = patients.iter().map(to).collect();
    let body = format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{code}]}},"subject":{},
        "performer":[{}]}}"#,
        performers.first().unwrap(),
        performers.join(",")
    );
    (key("Observation", id), body)
}

const A: &str = r#"{"system":"http://s","code":"a"}"#;
const A_TWICE: &str = r#"{"system":"http://t","code":"a"},{"system":"http://s","code":"a"}"#;
const B: &str = r#"{"code":"b"}"#;

/// What is stored, a list for each commit; ids of what is to be found begin with `x`.
fn stored() -> Vec<Vec<(Key, String)>> {
    let mut commits = vec![vec![
        patient("together", r#"{"family":"Smith"}"#),
        patient("named-twice", r#"{"family":"Smith","given":["Smilla","Smithy"]}"#),
        patient("scattered", r#"{"family":"Smidt"}"#),
        patient("very-many", r#"{"text":"smile"}"#),
        patient("one", r#"{"given":["smi"]}"#),
        patient("none", r#"{"family":"Smith"}"#),
        patient("other", r#"{"family":"Jones"}"#),
    ]];
    // common, and the first ones are of no use: so the chain leads
    commits.push((0..60).map(|n| observation(&format!("o{n}"), A, &["other"])).collect());
    let mixed = |patient: &'static str, count: usize| {
        let one = move |n: usize| match n % 4 {
            0 => observation(&format!("b-{patient}-{n}"), B, &[patient]),
            1 => observation(&format!("x-{patient}-{n}"), A_TWICE, &[patient]),
            2 => observation(&format!("x-{patient}-{n}"), A, &[patient, "together", "other"]),
            _ => observation(&format!("o-{patient}-{n}"), A, &["other"]),
        };
        (0..count).map(one)
    };
    commits.push(mixed("together", 30).collect());
    commits.push(mixed("named-twice", 24).collect());
    commits.push(mixed("very-many", 380).collect());
    for (n, one) in mixed("scattered", 12).enumerate() {
        let between = (0..20).map(|k| observation(&format!("o-{n}-{k}"), A, &["other"]));
        commits.push([one].into_iter().chain(between).collect());
    }
    commits.push(vec![observation("x-one", A, &["one"])]);
    commits
}

fn plan(chain: &str) -> Plan {
    let pairs = [(chain, "smi"), ("code", "a")];
    let pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let now = Instant::from_date(2026, 11, 22);
    let reading = Reading { handling: Handling::Strict, base: BASE, now };
    let ty = ResourceType::named("Observation").unwrap();
    search::parse(Registry::r4(), ty, &pairs, &reading).unwrap().0
}

/// All pages forwards, and from the last one backwards.
async fn turned(vault: &Vault, plan: &Plan, count: u32) -> (Vec<String>, Vec<String>) {
    let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
    let mut turn = Turn::First;
    let mut last = None;
    loop {
        let page = vault.search(&permit(Action::Search), plan, &turn, count).await.unwrap();
        forwards.extend(page.versions.iter().map(|version| version.id.clone()));
        if page.next.is_none() {
            backwards.extend(page.versions.iter().rev().map(|version| version.id.clone()));
            last = page.previous.or(last);
        }
        let Some(next) = page.next else { break };
        turn = Turn::After(next);
    }
    while let Some(previous) = last {
        let turn = Turn::Before(previous);
        let page = vault.search(&permit(Action::Search), plan, &turn, count).await.unwrap();
        backwards.extend(page.versions.iter().rev().map(|version| version.id.clone()));
        last = page.previous;
    }
    backwards.reverse();
    (forwards, backwards)
}

async fn pages_are_whole(url: &str) {
    let clock = Clock::system();
    let options =
        Options { url: url.parse().unwrap(), clock, base: BASE.to_owned(), connections_max: 2 };
    let vault = Vault::open(&options).await.unwrap();
    let effort = Effort { few: 2, many: 4, sample: 16, sample_inside: 8, ..Effort::default() };
    vault.choose_with(effort);
    let stored = stored();
    for commit in &stored {
        vault.commit(permit(Action::Update), Put(commit.clone())).await.unwrap();
    }
    let ids = stored.iter().flatten().map(|(key, _)| key.id.clone());
    let wanted: BTreeSet<String> = ids.filter(|id| id.starts_with('x')).collect();
    for chain in ["patient.name", "subject:Patient.name", "performer:Patient.name"] {
        let plan = plan(chain);
        let explained = vault.explain(&permit(Action::Search), &plan, 20).await.unwrap();
        assert!(explained.route.contains("inside, led by Chain"), "{}", explained.route);
        if explained.unit == "rows" {
            assert!(explained.sql.contains(".are_close"), "{}", explained.sql);
        }
        for count in [1, 7, 1_000] {
            let (forwards, backwards) = turned(&vault, &plan, count).await;
            let found: BTreeSet<String> = forwards.iter().cloned().collect();
            let name = format!("{chain}, {count} a page");
            assert_eq!(found, wanted, "{name}");
            assert_eq!(forwards.len(), wanted.len(), "{name}: something is shown twice");
            assert_eq!(forwards, backwards, "{name}");
        }
    }
}

#[tokio::test]
async fn a_chain_beside_a_code_is_whole_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    pages_are_whole(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
}

#[tokio::test]
async fn a_chain_beside_a_code_is_whole_on_postgres() {
    let url = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
        "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
    );
    let name = format!("chain_{}", std::process::id());
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
    pages_are_whole(&format!("{}/{name}", url.rsplit_once('/').unwrap().0)).await;
}
