//! Pages that are turned while others write: nothing is shown twice, nothing that is there throughout is missed.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{Instant, Outcome, ResourceType, json};
use sea_orm::{ConnectionTrait as _, Database};
use search::{Handling, Plan, Reading, Registry};
use storage::{Change, Clock, Key, Lock, Method, Options, Turn, Tx, Vault, Work};

const BASE: &str = "http://own.example/fhir";
/// Patients at the start; those whose number divides by seven go away.
const PATIENTS: usize = 80;

/// Writes Patients; one without a body goes away.
struct Put(Vec<(String, Option<String>)>);

impl Work for Put {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        self.0.iter().map(|(id, _)| Lock::Resource(key(id))).collect()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let keys: Vec<Key> = self.0.iter().map(|(id, _)| key(id)).collect();
        let mut changes = Vec::new();
        for ((id, body), head) in self.0.iter().zip(tx.load(&keys).await?) {
            let resource = match body {
                Some(body) => Some(json::parse(body.clone().into(), &json::Limits::default())?),
                None => None,
            };
            let rows = resource
                .as_ref()
                .map(|resource| search::extract(Registry::r4(), resource.tree(), BASE))
                .unwrap_or_default();
            changes.push(Change {
                key: key(id),
                epoch: 0,
                method: if body.is_some() { Method::Put } else { Method::Delete },
                replaces: head,
                body: resource.map(|resource| Arc::new(resource.stamp(id, &[]))),
                rows: Arc::new(rows),
            });
        }
        tx.write(changes).await.map(drop)
    }
}

fn key(id: &str) -> Key {
    Key::new(ResourceType::named("Patient").unwrap(), id)
}

fn permit(action: Action) -> Permit {
    authorize(&Caller::Operator, action, None).unwrap()
}

/// The family and the day of birth change with each version; some versions have no family.
fn patient(id: usize, version: usize) -> (String, Option<String>) {
    let place = (id * 37 + version * 51) % 100;
    let family = match place % 9 {
        0 => String::new(),
        _ => format!(r#","name":[{{"family":"f{place}"}}]"#),
    };
    let day = format!("{:04}-01-01", 1950 + place);
    let body = format!(
        r#"{{"resourceType":"Patient","id":"p{id}","gender":"female","birthDate":"{day}"{family}}}"#
    );
    (format!("p{id}"), Some(body))
}

async fn put(vault: &Vault, patients: Vec<(String, Option<String>)>) {
    vault.commit(permit(Action::Update), Put(patients)).await.unwrap();
}

async fn open(url: &str) -> Vault {
    let clock = Clock::system();
    let options =
        Options { url: url.parse().unwrap(), clock, base: BASE.to_owned(), connections_max: 2 };
    Vault::open(&options).await.unwrap()
}

async fn fresh_database(name: &str) -> String {
    let url = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
        "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
    );
    let name = format!("turning_{}_{name}", std::process::id());
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
    format!("{}/{name}", url.rsplit_once('/').unwrap().0)
}

fn plan(query: &[(&str, &str)]) -> Plan {
    let pairs: Vec<(String, String)> =
        query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let now = Instant::from_date(2026, 11, 22);
    let reading = Reading { handling: Handling::Strict, base: BASE, now };
    let ty = ResourceType::named("Patient").unwrap();
    search::parse(Registry::r4(), ty, &pairs, &reading).unwrap().0
}

/// Turns all pages; between two, Patients before and behind the edge are changed, some go away and some come.
async fn turn_pages(vault: &Vault, query: &[(&str, &str)]) {
    put(vault, (0..PATIENTS).map(|id| patient(id, 0)).collect()).await;
    let plan = plan(query);
    let mut shown: Vec<String> = Vec::new();
    let mut turn = Turn::First;
    let mut pages = 0;
    loop {
        let page = vault.search(&permit(Action::Search), &plan, &turn, 5).await.unwrap();
        shown.extend(page.versions.iter().map(|version| version.id.clone()));
        let Some(next) = page.next else { break };
        turn = Turn::After(next);
        pages += 1;
        let change = |n: usize| {
            let id = (pages * 31 + n * 17) % PATIENTS;
            if id.is_multiple_of(7) { (format!("p{id}"), None) } else { patient(id, pages) }
        };
        put(vault, (0..4).map(change).chain([patient(PATIENTS + pages, 0)]).collect()).await;
        assert!(pages < 100, "{query:?}: the pages do not end");
    }
    let once: BTreeSet<&String> = shown.iter().collect();
    assert_eq!(once.len(), shown.len(), "{query:?}: something is shown twice: {shown:?}");
    let throughout = (0..PATIENTS).filter(|id| !id.is_multiple_of(7)).map(|id| format!("p{id}"));
    let missed: Vec<String> = throughout.filter(|id| !once.contains(id)).collect();
    assert!(missed.is_empty(), "{query:?}: {missed:?} are missed");
    let is_new = |id: &&String| id.trim_start_matches('p').parse::<usize>().unwrap() >= PATIENTS;
    let new: Vec<&String> = shown.iter().filter(is_new).collect();
    assert!(new.is_empty(), "{query:?}: {new:?} came later");
}

const QUERIES: &[&[(&str, &str)]] = &[
    &[],
    &[("gender", "female")],
    &[("_sort", "family")],
    &[("_sort", "-family,birthdate")],
    &[("_sort", "birthdate")],
    &[("_sort", "-birthdate")],
    &[("gender", "female"), ("_sort", "-birthdate")],
    &[("_sort", "_lastUpdated")],
    &[("_sort", "-_lastUpdated")],
    &[("_sort", "_id")],
    &[("_lastUpdated", "gt2020-01-01")],
];

#[tokio::test]
async fn pages_hold_together_on_sqlite() {
    for query in QUERIES {
        let directory = tempfile::tempdir().unwrap();
        let vault = open(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
        turn_pages(&vault, query).await;
    }
}

#[tokio::test]
async fn pages_hold_together_on_postgres() {
    for (n, query) in QUERIES.iter().enumerate() {
        let vault = open(&fresh_database(&n.to_string()).await).await;
        turn_pages(&vault, query).await;
    }
}

/// Turns a thousand pages while another task writes as fast as it can: some Patients change over and over, some go
/// away, new ones come.
async fn turn_a_thousand(vault: &Vault, query: &[(&str, &str)]) {
    const MANY: usize = 5000;
    const CHANGING: usize = 100;
    let ids: Vec<usize> = (0..MANY).collect();
    for chunk in ids.chunks(500) {
        put(vault, chunk.iter().map(|id| patient(*id, 0)).collect()).await;
    }
    let (is_over, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let writer = tokio::spawn({
        let (vault, is_over) = (vault.clone(), Arc::clone(&is_over));
        let commits = Arc::clone(&commits);
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let n = commits.fetch_add(1, Ordering::Relaxed) + 1;
                let change = |k: usize| {
                    let id = (n * 31 + k * 7) % CHANGING * (MANY / CHANGING);
                    if id.is_multiple_of(7) { (format!("p{id}"), None) } else { patient(id, n) }
                };
                put(&vault, (0..4).map(change).chain([patient(MANY + n, 0)]).collect()).await;
            }
        }
    });
    let plan = plan(query);
    let mut shown: BTreeSet<String> = BTreeSet::new();
    let (mut pages, mut turn) = (0, Turn::First);
    loop {
        let page = vault.search(&permit(Action::Search), &plan, &turn, 5).await.unwrap();
        pages += 1;
        for version in page.versions {
            assert!(shown.insert(version.id.clone()), "{query:?}: {} is shown twice", version.id);
        }
        let Some(next) = page.next else { break };
        turn = Turn::After(next);
        // a commit in ten pages at least
        while commits.load(Ordering::Relaxed) < pages / 10 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    is_over.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    assert!(pages > 900, "{query:?}: {pages} pages");
    let goes = |id: usize| id.is_multiple_of(MANY / CHANGING) && id.is_multiple_of(7);
    let throughout = (0..MANY).filter(|id| !goes(*id)).map(|id| format!("p{id}"));
    let missed: Vec<String> = throughout.filter(|id| !shown.contains(id)).collect();
    assert!(missed.is_empty(), "{query:?}: {missed:?} are missed");
}

const TURNED: &[&[(&str, &str)]] = &[&[], &[("gender", "female"), ("_sort", "-birthdate")]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pages_hold_together_on_sqlite() {
    for query in TURNED {
        let directory = tempfile::tempdir().unwrap();
        let vault = open(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
        turn_a_thousand(&vault, query).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pages_hold_together_on_postgres() {
    for (n, query) in TURNED.iter().enumerate() {
        let vault = open(&fresh_database(&format!("thousand_{n}")).await).await;
        turn_a_thousand(&vault, query).await;
    }
}

/// Counts through one vault what is written through another, twice in each state.
async fn totals_follow(writer: &Vault, reader: &Vault) {
    let plan = plan(&[("birthdate", "ge1900-01-01")]);
    for n in 0..20 {
        let body = if n % 3 == 2 { (format!("p{}", n - 1), None) } else { patient(n, 0) };
        put(writer, vec![body]).await;
        // of three, two come and one of these goes
        let expected = n as u64 / 3 + 1 + u64::from(n % 3 == 1);
        for _ in 0..2 {
            assert_eq!(reader.count(&permit(Action::Search), &plan).await, Ok(expected), "{n}");
        }
    }
}

#[tokio::test]
async fn totals_are_those_of_what_is_committed_on_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let vault = open(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
    totals_follow(&vault, &vault).await;
}

#[tokio::test]
async fn totals_are_those_of_what_is_committed_on_postgres() {
    let url = fresh_database("totals").await;
    let (writer, reader) = (open(&url).await, open(&url).await);
    totals_follow(&writer, &reader).await;
}
