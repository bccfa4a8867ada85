//! Consents that ask for what is in a resource: pages of which some members are closed are full and in their order, and a
//! Consent that is changed, by whichever process, holds from the next request on, however much of it was remembered.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::tests_outside_test_module,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use auth::{Action, Caller, Grant, Permit, Principal, Standing, User, authorize};
use fhir_model::{Instant, Outcome, ResourceType, json};
use sea_orm::{ConnectionTrait as _, Database};
use search::{Handling, Plan, Reading, Registry};
use serde_json::{Value, json};
use storage::{
    Change, Clock, HistoryQuery, Key, Lock, Method, Options, Page, Scope, Turn, Tx, Vault, Work,
};

const BASE: &str = "http://own.example/fhir";

/// Observations of the patient: each third has the same code, and each its own minute.
const OBSERVATIONS: usize = 60;

/// Puts resources.
struct Put(Vec<(Key, String)>);

impl Work for Put {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        self.0.iter().map(|(key, _)| Lock::Resource(key.clone())).collect()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        let keys: Vec<Key> = self.0.iter().map(|(key, _)| key.clone()).collect();
        let before = tx.load(&keys).await?;
        let mut changes = Vec::new();
        for ((key, body), replaces) in self.0.iter().zip(before) {
            let resource = json::parse(body.clone().into(), &json::Limits::default())?;
            let rows = Arc::new(search::extract(Registry::r4(), resource.tree(), BASE));
            let body = Some(Arc::new(resource.stamp(&key.id, &[])));
            let (key, method) = (key.clone(), Method::Put);
            changes.push(Change { key, method, replaces, body, rows, epoch: 0 });
        }
        tx.write(changes).await.map(drop)
    }
}

async fn put(vault: &Vault, all: &[Value]) {
    let named = |body: &Value| {
        let ty = ResourceType::named(body["resourceType"].as_str().unwrap()).unwrap();
        (Key::new(ty, body["id"].as_str().unwrap()), body.to_string())
    };
    let operator = authorize(&Caller::Operator, Action::Update, None).unwrap();
    vault.commit(operator, Put(all.iter().map(named).collect())).await.unwrap();
}

fn observation(n: usize, code: usize, minute: usize) -> Value {
    json!({"resourceType": "Observation", "id": format!("o{n}"), "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": format!("code-{code}")}]},
        "effectiveDateTime": format!("2026-11-22T08:{minute:02}:00Z"),
        "performer": [{"reference": "Practitioner/d"}], "subject": {"reference": "Patient/p"}})
}

fn minute(n: usize) -> usize {
    n * 7 % OBSERVATIONS
}

fn consent(status: &str, provision: &Value) -> Value {
    json!({"resourceType": "Consent", "id": "c", "status": status,
        "scope": {"coding": [{"code": "patient-privacy"}]}, "category": [{"text": "x"}],
        "policyRule": {"text": "x"}, "patient": {"reference": "Patient/p"}, "provision": provision})
}

/// A vault that writes and one that reads: on PostgreSQL as two processes have them.
async fn databases(name: &str) -> (tempfile::TempDir, Vec<[Vault; 2]>) {
    let directory = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", directory.path().join("v.sqlite").display());
    let cluster = std::env::var("MEDVAULT_TEST_POSTGRES")
        .expect("MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in");
    let name = format!("word_{name}_{}", std::process::id());
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
        let mut ward = vec![
            json!({"resourceType": "Practitioner", "id": "d"}),
            json!({"resourceType": "Patient", "id": "p"}),
            json!({"resourceType": "CareTeam", "id": "t", "status": "active",
                "subject": {"reference": "Patient/p"},
                "participant": [{"member": {"reference": "Practitioner/d"}}]}),
        ];
        ward.extend((0..OBSERVATIONS).map(|n| observation(n, n % 3, minute(n))));
        put(writer, &ward).await;
    }
    (directory, all)
}

/// The doctor of the patient, as they are with a request.
async fn doctor(vault: &Vault) -> Permit {
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
    let who = Arc::new(Principal::new(grant, Standing::default(), now).unwrap());
    let informed = vault.informed(&who).await.unwrap();
    authorize(&Caller::Bearer(informed.unwrap_or(who)), Action::Read, None).unwrap()
}

fn plan(query: &[(&str, &str)]) -> Plan {
    let ty = ResourceType::named("Observation").unwrap();
    let mut pairs = vec![("patient".to_owned(), "Patient/p".to_owned())];
    pairs.extend(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let now = Instant::from_date(2026, 11, 22);
    let reading = Reading { handling: Handling::Strict, base: BASE, now };
    search::parse(Registry::r4(), ty, &pairs, &reading).unwrap().0
}

fn ids(page: &Page) -> Vec<String> {
    page.versions.iter().map(|version| version.id.clone()).collect()
}

/// All pages, of which each but the last is full; the way back shows the same.
async fn walk(vault: &Vault, plan: &Plan, count: usize) -> Vec<String> {
    let search = async |turn: Turn| {
        let permit = doctor(vault).await;
        vault.search(&permit, plan, &turn, u32::try_from(count).unwrap()).await.unwrap()
    };
    let mut pages = vec![search(Turn::First).await];
    while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
        pages.push(search(Turn::After(next)).await);
    }
    let (mut back, mut at) = (Vec::new(), pages.last().and_then(|page| page.previous.clone()));
    while let Some(position) = at {
        let page = search(Turn::Before(position)).await;
        back.splice(0..0, ids(&page));
        at = page.previous;
    }
    let forth: Vec<Vec<String>> = pages.iter().map(ids).collect();
    let full = forth.iter().rev().skip(1).all(|page| page.len() == count);
    assert!(full, "a page that is not the last is not full: {forth:?}");
    assert!(forth.len() == 1 || forth.last().is_some_and(|last| !last.is_empty()), "{forth:?}");
    let before: Vec<String> = forth.iter().rev().skip(1).rev().flatten().cloned().collect();
    assert_eq!(back, before, "the way back");
    forth.concat()
}

/// A rule, and which observations are left.
type Case = (Value, fn(usize) -> bool);

fn cases() -> Vec<Case> {
    fn code(codes: &[usize]) -> Value {
        let coding =
            |code: &usize| json!({"system": "http://loinc.org", "code": format!("code-{code}")});
        json!([{"coding": codes.iter().map(coding).collect::<Vec<_>>()}])
    }
    let until = |minute: usize| json!({"end": format!("2026-11-22T08:{minute:02}:30Z")});
    let data =
        |meaning: &str, of: &str| json!([{"meaning": meaning, "reference": {"reference": of}}]);
    vec![
        (json!({"type": "deny", "code": code(&[7])}), |_| true),
        (json!({"type": "deny", "code": code(&[0])}), |n| n % 3 != 0),
        (json!({"type": "deny", "code": code(&[0, 2])}), |n| n % 3 == 1),
        (json!({"type": "deny", "code": code(&[0, 1, 2])}), |_| false),
        (json!({"type": "deny", "dataPeriod": until(9)}), |n| minute(n) > 9),
        (json!({"type": "deny", "dataPeriod": until(55)}), |n| minute(n) > 55),
        // nothing but one code, and of that not what is old
        (
            json!({"type": "deny", "class": [{"code": "Observation"}], "provision": [
                {"type": "permit", "code": code(&[1]), "provision": [
                    {"type": "deny", "dataPeriod": until(30)}]}]}),
            |n| n % 3 == 1 && minute(n) > 30,
        ),
        (json!({"type": "deny", "data": data("instance", "Observation/o5")}), |n| n != 5),
        (json!({"type": "deny", "data": data("authoredby", "Practitioner/d")}), |_| false),
        (json!({"type": "deny", "data": data("authoredby", "Practitioner/e")}), |_| true),
        // asked of other resources, in the statement
        (json!({"type": "deny", "data": data("related", "Observation/o5")}), |n| n != 5),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_closed_members_is_full_and_in_its_order() {
    let (_directory, all) = databases("pages").await;
    for [writer, reader] in all {
        for (provision, is_open) in cases() {
            put(&writer, &[consent("active", &provision)]).await;
            // what is not known yet closes; after that, what was changed is known at once
            tokio::time::sleep(Duration::from_millis(210)).await;
            let mut open: Vec<usize> = (0..OBSERVATIONS).filter(|n| is_open(*n)).collect();
            open.sort_by_key(|n| minute(*n));
            let rising: Vec<String> = open.iter().map(|n| format!("o{n}")).collect();
            let falling: Vec<String> = rising.iter().rev().cloned().collect();
            for count in [1, 3, 7, 50, 100] {
                let found = walk(&reader, &plan(&[]), count).await;
                assert_eq!(found.len(), rising.len(), "{provision} {count}: {found:?}");
                let found: BTreeSet<&String> = found.iter().collect();
                assert_eq!(found, rising.iter().collect(), "{provision} {count}");
                for (sort, sorted) in [("date", &rising), ("-date", &falling)] {
                    let found = walk(&reader, &plan(&[("_sort", sort)]), count).await;
                    assert_eq!(found, *sorted, "{provision} {count} {sort}");
                }
            }
            let permit = doctor(&reader).await;
            let total = reader.count(&permit, &plan(&[])).await.unwrap();
            assert_eq!(usize::try_from(total).unwrap(), open.len(), "{provision}");
        }
    }
}

/// What is changed while pages are turned stays where it stood, and is judged as it is now.
#[tokio::test(flavor = "multi_thread")]
async fn what_changes_between_two_pages_is_judged_as_it_is() {
    let (_directory, all) = databases("moves").await;
    let provision = json!({"type": "deny",
        "code": [{"coding": [{"system": "http://loinc.org", "code": "code-0"}]}]});
    for [writer, reader] in all {
        put(&writer, &[consent("active", &provision)]).await;
        let permit = doctor(&reader).await;
        let plan = plan(&[("_sort", "date")]);
        let first = reader.search(&permit, &plan, &Turn::First, 6).await.unwrap();
        let mut found = ids(&first);
        let last = found.last().and_then(|id| id[1..].parse().ok()).map_or(0, minute);
        let mut later: Vec<usize> = (0..OBSERVATIONS).filter(|n| minute(*n) > last).collect();
        later.sort_by_key(|n| minute(*n));
        let of_code = |code: usize| later.iter().copied().filter(move |n| n % 3 == code);
        let (comes, goes) = (of_code(0).nth(1).unwrap(), of_code(1).nth(2).unwrap());
        let (moves, falls) = (of_code(2).nth(3).unwrap(), of_code(2).next_back().unwrap());
        put(
            &writer,
            &[
                observation(comes, 1, minute(comes)),
                observation(goes, 0, minute(goes)),
                observation(moves, 2, 0),
                observation(falls, 2, last + 1),
            ],
        )
        .await;
        let mut at = first.next;
        while let Some(position) = at {
            let permit = doctor(&reader).await;
            let page = reader.search(&permit, &plan, &Turn::After(position), 6).await.unwrap();
            found.extend(ids(&page));
            at = page.next;
        }
        let is_open = |n: &usize| *n == comes || (!n.is_multiple_of(3) && *n != goes);
        let mut open: Vec<usize> = (0..OBSERVATIONS).filter(is_open).collect();
        open.sort_by_key(|n| minute(*n));
        let open: Vec<String> = open.iter().map(|n| format!("o{n}")).collect();
        assert_eq!(found, open);
    }
}

/// The next request knows a Consent as it is, and what came of it for each version is not what it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_changed_holds_from_the_next_request_on() {
    let (_directory, all) = databases("changes").await;
    for [writer, reader] in all {
        let deny = |code: usize| {
            consent(
                "active",
                &json!({"type": "deny",
                "code": [{"coding": [{"system": "http://loinc.org", "code": format!("code-{code}")}]}]}),
            )
        };
        put(&writer, &[deny(0)]).await;
        looks(&reader, [false, true, true]).await;
        for turn in 0..40 {
            let closed = turn % 3;
            put(&writer, &[deny(closed)]).await;
            // the second time out of what is remembered
            for _ in 0..2 {
                looks(&reader, [0, 1, 2].map(|code| code != closed)).await;
            }
            if turn % 8 == 7 {
                let mut over = deny(closed);
                over["status"] = json!("inactive");
                put(&writer, &[over]).await;
                looks(&reader, [true; 3]).await;
                looks(&reader, [true; 3]).await;
                // one that is new to another process closes all that it may be about, until it is read
                put(&writer, &[deny(0)]).await;
                let permit = doctor(&reader).await;
                let found = reader.search(&permit, &plan(&[]), &Turn::First, 100).await.unwrap();
                assert!(!ids(&found).contains(&"o0".to_owned()), "{turn}");
                tokio::time::sleep(Duration::from_millis(210)).await;
            }
        }
    }
}

/// What is seen of the three codes, by each way.
async fn looks(vault: &Vault, shown: [bool; 3]) {
    for (n, is_shown) in shown.into_iter().enumerate() {
        assert_eq!(reads(vault, n).await, [is_shown; 3], "o{n}");
    }
    let wanted = shown.iter().filter(|is_shown| **is_shown).count() * OBSERVATIONS / 3;
    let permit = doctor(vault).await;
    let page = vault.search(&permit, &plan(&[]), &Turn::First, 100).await.unwrap();
    assert_eq!(page.versions.len(), wanted, "{shown:?}");
    let permit = doctor(vault).await;
    let page = vault.search(&permit, &plan(&[("_sort", "-date")]), &Turn::First, 9).await.unwrap();
    assert_eq!(page.versions.len(), 9, "{shown:?}");
    let is_open = |id: &String| shown.get(id[1..].parse::<usize>().unwrap() % 3) == Some(&true);
    assert!(ids(&page).iter().all(is_open), "{shown:?}");
    let total = vault.count(&doctor(vault).await, &plan(&[])).await.unwrap();
    assert_eq!(usize::try_from(total).unwrap(), wanted, "{shown:?}");
}

/// Whether an observation is seen, its first version, and its history.
async fn reads(vault: &Vault, n: usize) -> [bool; 3] {
    let key = Key::new(ResourceType::named("Observation").unwrap(), format!("o{n}"));
    let read = vault.read(&doctor(vault).await, &key).await.unwrap();
    let version = vault.vread(&doctor(vault).await, &key, 1).await.unwrap();
    let (scope, turn) = (Scope::Instance(key), Turn::First);
    let query = HistoryQuery { scope, since: None, at: None, count: 10, turn };
    let history = vault.history(&doctor(vault).await, &query).await.unwrap();
    [read.is_some(), version.is_some(), !history.versions.is_empty()]
}
