//! What is taken back in one process is closed in every other with the next request, however much of it was remembered.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::tests_outside_test_module,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant as Moment},
};

use auth::{Action, Caller, Grant, Permit, Principal, Standing, User, authorize};
use fhir_model::{Instant, Outcome, ResourceType, json};
use sea_orm::{ConnectionTrait as _, Database};
use search::{Handling, Reading, Registry};
use storage::{
    Change, Clock, HistoryQuery, Key, Lock, Method, Options, Scope, Turn, Tx, Vault, Work,
};

const BASE: &str = "http://own.example/fhir";
/// How long somebody reads while somebody else takes back; longer where that goes slowly.
const TIME: Duration = Duration::from_secs(3);
const TIME_MAX: Duration = Duration::from_mins(1);
/// How often it is taken back at least.
const TURNS_MIN: u64 = 21;

/// Whether there was time enough.
fn is_over(begun: Moment, turn: u64) -> bool {
    begun.elapsed() > TIME_MAX || begun.elapsed() > TIME && turn >= TURNS_MIN
}

/// Puts a resource.
struct Put(Key, String);

impl Work for Put {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::Resource(self.0.clone())]
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let Self(key, body) = self;
        let replaces = tx.load(std::slice::from_ref(key)).await?.pop().flatten();
        let resource = json::parse(body.clone().into(), &json::Limits::default())?;
        let rows = Arc::new(search::extract(Registry::r4(), resource.tree(), BASE));
        let body = Some(Arc::new(resource.stamp(&key.id, &[])));
        let (key, method) = (key.clone(), Method::Put);
        tx.write(vec![Change { key, method, replaces, body, rows, epoch: 0 }]).await.map(drop)
    }
}

fn key(name: &str) -> Key {
    let (ty, id) = name.split_once('/').unwrap();
    Key::new(ResourceType::named(ty).unwrap(), id)
}

async fn put(vault: &Vault, name: &str, members: &str) {
    let key = key(name);
    let body = format!(r#"{{"resourceType":"{}","id":"{}",{members}}}"#, key.resource_type, key.id);
    let operator = authorize(&Caller::Operator, Action::Update, None).unwrap();
    vault.commit(operator, Put(key, body)).await.unwrap();
}

#[derive(Clone, Copy, PartialEq)]
enum Access {
    Given,
    TakenBack,
}

/// The doctor's place on the care team of the patient, and what the patient denies.
async fn set(vault: &Vault, access: Access, turn: u64) {
    let is_let = access == Access::Given;
    if turn.is_multiple_of(3) {
        let effect = if is_let { "permit" } else { "deny" };
        let consent = format!(
            r#""status":"active","scope":{{"coding":[{{"code":"patient-privacy"}}]}},"category":[{{"text":"x"}}],
               "policyRule":{{"text":"x"}},"patient":{{"reference":"Patient/p"}},"provision":{{"type":"{effect}"}}"#
        );
        put(vault, "Consent/c", &consent).await;
    } else {
        let status = if is_let { "active" } else { "inactive" };
        let team = format!(
            r#""status":"{status}","subject":{{"reference":"Patient/p"}},
               "participant":[{{"member":{{"reference":"Practitioner/d"}}}}]"#
        );
        put(vault, "CareTeam/t", &team).await;
    }
}

fn doctor() -> Permit {
    let user = User {
        login: "d".into(),
        role: "doctor".into(),
        fhir_user: Some("Practitioner/d".into()),
        organization: None,
        supervisor: None,
        until: None,
    };
    let grant = Grant {
        token_id: "t".into(),
        client: None,
        client_organization: None,
        origins: Vec::new(),
        user: Some(user),
        patient: None,
        encounter: None,
        scopes: "user/*.rs".into(),
        expires: Instant::from_date(2999, 1, 1),
    };
    let now = Instant::from_date(2026, 11, 22);
    let who = Principal::new(grant, Standing::default(), now).unwrap();
    authorize(&Caller::Bearer(Arc::new(who)), Action::Read, None).unwrap()
}

/// A vault that writes and one that reads: on PostgreSQL as two processes have them.
async fn databases(name: &str) -> (tempfile::TempDir, Vec<[Vault; 2]>) {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", directory.path().join("v.sqlite").display());
    let cluster = std::env::var("MEDVAULT_TEST_POSTGRES")
        .expect("MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in");
    let name = format!("heard_{name}_{}", std::process::id());
    let control = Database::connect(&cluster).await.unwrap();
    control.execute_unprepared(&format!("drop database if exists {name}")).await.unwrap();
    control.execute_unprepared(&format!("create database {name}")).await.unwrap();
    let open = async |url: &str| {
        let (clock, base) = (Clock::system(), BASE.to_owned());
        let options = Options { url: url.parse().unwrap(), clock, base, connections_max: 6 };
        Vault::open(&options).await.unwrap()
    };
    let url = format!("{}/{name}", cluster.rsplit_once('/').unwrap().0);
    let one = open(&file).await;
    let all = vec![[one.clone(), one], [open(&url).await, open(&url).await]];
    for [writer, _] in &all {
        put(writer, "Practitioner/d", r#""active":true"#).await;
        put(writer, "Patient/p", r#""active":true"#).await;
        for n in 0..4 {
            let observation =
                r#""status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"}"#;
            put(writer, &format!("Observation/o{n}"), observation).await;
        }
    }
    (directory, all)
}

async fn reads(vault: &Vault, permit: &Permit, n: u64) -> bool {
    let key = key(&format!("Observation/o{}", n % 4));
    vault.read(permit, &key).await.unwrap().is_some()
}

/// How many observations of the patient are found.
async fn finds(vault: &Vault, permit: &Permit) -> usize {
    found(vault, permit).await.len()
}

/// Their ids.
async fn found(vault: &Vault, permit: &Permit) -> Vec<String> {
    let ty = ResourceType::named("Observation").unwrap();
    let pairs = [("patient".to_owned(), "Patient/p".to_owned())];
    let now = Instant::from_date(2026, 11, 22);
    let reading = Reading { handling: Handling::Strict, base: BASE, now };
    let (plan, _) = search::parse(Registry::r4(), ty, &pairs, &reading).unwrap();
    let page = vault.search(permit, &plan, &Turn::First, 10).await.unwrap();
    page.versions.into_iter().map(|version| version.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_takes_back_is_closed_at_once() {
    let (_directory, all) = databases("once").await;
    for [writer, reader] in all {
        let permit = doctor();
        assert!(!reads(&reader, &permit, 0).await);
        set(&writer, Access::Given, 1).await;
        for turn in 0..60 {
            for access in [Access::TakenBack, Access::Given] {
                let is_let = access == Access::Given;
                set(&writer, access, turn).await;
                assert_eq!(reads(&reader, &permit, turn).await, is_let, "{turn}");
                // remembered by now
                assert_eq!(reads(&reader, &permit, turn).await, is_let, "{turn}");
                for _ in 0..2 {
                    assert_eq!(finds(&reader, &permit).await, if is_let { 4 } else { 0 }, "{turn}");
                }
                let version = reader.vread(&permit, &key("Observation/o1"), 1).await.unwrap();
                assert_eq!(version.is_some(), is_let, "{turn}");
                let (scope, turn) = (Scope::Instance(key("Observation/o2")), Turn::First);
                let query = HistoryQuery { scope, since: None, at: None, count: 10, turn };
                let history = reader.history(&permit, &query).await.unwrap();
                assert_eq!(history.versions.len(), usize::from(is_let));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_sees_more_than_was_open_when_they_asked() {
    let (_directory, all) = databases("more").await;
    for [writer, reader] in all {
        set(&writer, Access::TakenBack, 1).await;
        // even: closed or open for good, by turns; odd: being changed
        let (state, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let told = Arc::new(AtomicU64::new(0));
        let begun = Moment::now();
        let looks = (0..4).map(|n| {
            let (reader, permit) = (reader.clone(), doctor());
            let (state, over) = (Arc::clone(&state), Arc::clone(&over));
            let told = Arc::clone(&told);
            tokio::spawn(async move {
                let mut decided = 0_u64;
                while !over.load(SeqCst) {
                    let before = state.load(SeqCst);
                    let sees = if n % 2 == 0 {
                        reads(&reader, &permit, n + decided).await
                    } else {
                        finds(&reader, &permit).await > 0
                    };
                    // those who write have a turn, too
                    tokio::task::yield_now().await;
                    if before.is_multiple_of(2) && state.load(SeqCst) == before {
                        assert_eq!(sees, before % 4 == 2, "in state {before}");
                        decided += 1;
                        told.fetch_add(1, SeqCst);
                    }
                }
                decided
            })
        });
        let looks: Vec<_> = looks.collect();
        let mut turn = 0;
        while !is_over(begun, turn) || told.load(SeqCst) <= 100 && begun.elapsed() < TIME_MAX {
            state.fetch_add(1, SeqCst);
            let access = if turn % 2 == 0 { Access::Given } else { Access::TakenBack };
            set(&writer, access, 1).await;
            state.fetch_add(1, SeqCst);
            turn += 1;
            tokio::time::sleep(Duration::from_millis(turn % 7)).await;
        }
        over.store(true, SeqCst);
        let mut decided = 0;
        for look in looks {
            decided += look.await.unwrap();
        }
        assert!(decided > 100 && turn >= TURNS_MIN, "{decided} looks, {turn} turns");
    }
}

/// What is there only while access is taken back was never open: a page is judged as things stood when it was looked at,
/// not before and not after.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_shows_nothing_that_was_never_open() {
    let (_directory, all) = databases("page").await;
    let about = |who: &str| {
        format!(
            r#""status":"final","code":{{"text":"x"}},"subject":{{"reference":"Patient/{who}"}}"#
        )
    };
    for [writer, reader] in all {
        set(&writer, Access::TakenBack, 1).await;
        put(&writer, "Observation/o0", &about("somebody-else")).await;
        set(&writer, Access::Given, 1).await;
        let (begun, over) = (Moment::now(), Arc::new(AtomicBool::new(false)));
        let looks = (0..4).map(|_| {
            let (reader, over, permit) = (reader.clone(), Arc::clone(&over), doctor());
            tokio::spawn(async move {
                let mut open = 0_u32;
                while !over.load(SeqCst) {
                    let found = found(&reader, &permit).await;
                    assert!(!found.iter().any(|id| id == "o0"), "what was hidden was shown");
                    open += u32::from(!found.is_empty());
                    tokio::task::yield_now().await;
                }
                open
            })
        });
        let looks: Vec<_> = looks.collect();
        let mut turn = 0;
        while !is_over(begun, turn) {
            set(&writer, Access::TakenBack, 1).await;
            put(&writer, "Observation/o0", &about("p")).await;
            put(&writer, "Observation/o0", &about("somebody-else")).await;
            set(&writer, Access::Given, 1).await;
            turn += 1;
            tokio::time::sleep(Duration::from_millis(turn % 5)).await;
        }
        over.store(true, SeqCst);
        let mut open = 0;
        for look in looks {
            open += look.await.unwrap();
        }
        assert!(open > 20 && turn >= TURNS_MIN, "{open} looks while it was open, {turn} turns");
    }
}
