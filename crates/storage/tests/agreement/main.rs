//! Random queries over random resources: SQLite, PostgreSQL and the definition find the same.
//!
//! `MEDVAULT_AGREEMENT_PAIRS` says how many pairs of a resource and a query are compared (100,000 when it
//! does not), `MEDVAULT_AGREEMENT_SEED` with which one begins.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed"
)]

mod consents;
mod dice;
mod eyes;
mod gate;
mod insurance;
mod queries;
mod resources;

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Caller, Permit, authorize};
use dice::Dice;
use fhir_model::{Instant, Outcome, ResourceType, json};
use queries::Query;
use resources::TYPES;
use sea_orm::{ConnectionTrait as _, Database};
use search::{Corpus, Handling, Hit, Plan, Reading, Registry};
use storage::{
    Change, Clock, Effort, Head, Key, Lock, Method, Options, Page, Turn, Tx, Vault, Version, Work,
};

pub(crate) const BASE: &str = "http://own.example/fhir";
const QUERIES_A_ROUND: usize = 250;

/// Puts resources in one transaction; one without a body is deleted.
pub(crate) struct Put(pub(crate) Vec<(Key, Option<String>)>);

impl Work for Put {
    type Answer = Vec<Instant>;

    fn locks(&self) -> Vec<Lock> {
        self.0.iter().map(|(key, _)| Lock::Resource(key.clone())).collect()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Instant>, Outcome> {
        let keys: Vec<Key> = self.0.iter().map(|(key, _)| key.clone()).collect();
        let heads: Vec<Option<Head>> = tx.load(&keys).await?;
        let mut changes = Vec::new();
        for ((key, body), head) in self.0.iter().zip(heads) {
            let resource = match body {
                Some(body) => Some(json::parse(body.clone().into(), &json::Limits::default())?),
                None => None,
            };
            let rows = resource
                .as_ref()
                .map(|resource| search::extract(Registry::r4(), resource.tree(), BASE));
            changes.push(Change {
                key: key.clone(),
                method: if body.is_some() { Method::Put } else { Method::Delete },
                replaces: head,
                body: resource.map(|resource| Arc::new(resource.stamp(&key.id, &[]))),
                rows: Arc::new(rows.unwrap_or_default()),
                epoch: 0,
            });
        }
        Ok(tx.write(changes).await?.into_iter().map(|stored| stored.updated).collect())
    }
}

pub(crate) fn permit(action: Action) -> Permit {
    authorize(&Caller::Operator, action, None).unwrap()
}

pub(crate) async fn open(url: &str) -> Vault {
    let clock = Clock::system();
    let options =
        Options { url: url.parse().unwrap(), clock, base: BASE.to_owned(), connections_max: 2 };
    Vault::open(&options).await.unwrap()
}

/// A fresh database beside the one of `MEDVAULT_TEST_POSTGRES`.
pub(crate) async fn fresh_database(round: usize) -> String {
    let url = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
        "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
    );
    let name = format!("agreement_{}_{round}", std::process::id());
    let connection = Database::connect(&url).await.unwrap();
    connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
    format!("{}/{name}", url.rsplit_once('/').unwrap().0)
}

/// A number that the environment says.
pub(crate) fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_and_the_definition_agree() {
    let pairs_wanted = number("MEDVAULT_AGREEMENT_PAIRS", 100_000);
    let seed = number("MEDVAULT_AGREEMENT_SEED", 1);
    let (mut pairs, mut hits, mut refused, mut round) = (0, 0, 0, 0);
    while pairs < pairs_wanted {
        let mut dice = Dice::new(u64::try_from(seed + round).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let sqlite = open(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
        let postgres = open(&fresh_database(round).await).await;
        if round % 2 == 1 {
            // so that what few resources are chooses among ways that else only many do
            let effort = effort(&mut dice);
            sqlite.choose_with(effort);
            postgres.choose_with(effort);
        }
        let corpora = fill(&mut dice, &[&sqlite, &postgres]).await;
        let [ours, theirs] = corpora.as_slice() else { panic!("two databases") };
        for n in 0..QUERIES_A_ROUND {
            let query = queries::query(&mut dice);
            let name = format!("seed {} query {n}: {}", seed + round, text(&query));
            let reading = Reading {
                handling: Handling::Strict,
                base: BASE,
                now: Instant::from_date(2026, 11, 22),
            };
            let Ok((plan, _)) = search::parse(Registry::r4(), query.ty, &query.pairs, &reading)
            else {
                refused += 1;
                continue;
            };
            let count = u32::try_from(1 + dice.below(9)).unwrap();
            let eyes = permit(Action::Search);
            let named = format!("SQLite {name}");
            hits += agree((&sqlite, &eyes), (&ours.0, true), &plan, count, &named).await;
            let named = format!("PostgreSQL {name}");
            agree((&postgres, &eyes), (&theirs.0, true), &plan, count, &named).await;
            pairs += ours.1;
        }
        round += 1;
    }
    println!("{pairs} pairs, {hits} hits, {refused} queries refused");
    assert!(hits * 100 > pairs, "the queries find too little to say anything: {hits} of {pairs}");
    assert!(refused * 20 < round * QUERIES_A_ROUND, "{refused} queries were refused");
}

fn effort(dice: &mut Dice) -> Effort {
    let mut rows = |most| 1 + i64::try_from(dice.below(most)).unwrap();
    let (few, many) = (rows(4), rows(12));
    Effort {
        few: few.unsigned_abs(),
        many: (few + many).unsigned_abs(),
        sample: rows(6),
        sample_inside: rows(8),
        inside: rows(6),
        met: rows(20),
        steps: [0, 1_000, 20_000][dice.below(3)],
    }
}

pub(crate) fn text(query: &Query) -> String {
    let pairs: Vec<String> =
        query.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}?{}", query.ty, pairs.join("&"))
}

/// Writes the same resources, updates and deletions into each; what is left, and how many they are.
async fn fill(dice: &mut Dice, vaults: &[&Vault]) -> Vec<(Corpus, usize)> {
    let mut writes: Vec<Vec<(Key, Option<String>)>> = Vec::new();
    let all = TYPES.iter().flat_map(|(ty, ids)| (0..*ids).map(move |id| (*ty, id.to_string())));
    let all: Vec<(&str, String)> = all.collect();
    let put = |dice: &mut Dice, ty: &str, id: &str| {
        let body = resources::resource(dice, ty, id).to_string();
        (Key::new(ResourceType::named(ty).unwrap(), id), Some(body))
    };
    for some in all.chunks(20) {
        writes.push(some.iter().map(|(ty, id)| put(dice, ty, id)).collect());
    }
    for (ty, id) in &all {
        if dice.percent(20) {
            writes.push(vec![put(dice, ty, id)]);
        } else if dice.percent(7) {
            writes.push(vec![(Key::new(ResourceType::named(ty).unwrap(), id.as_str()), None)]);
        }
    }
    let mut corpora = Vec::new();
    for vault in vaults {
        let mut current = std::collections::BTreeMap::new();
        for write in &writes {
            let times = vault.commit(permit(Action::Update), Put(write.clone())).await;
            let times = times.unwrap_or_else(|refusal| panic!("{refusal:?}: {write:?}"));
            for ((key, body), updated) in write.iter().zip(times) {
                match body {
                    Some(body) => current.insert(key.clone(), (body.clone(), updated)),
                    None => current.remove(key),
                };
            }
        }
        let mut corpus = Corpus::default();
        for (key, (body, updated)) in &current {
            let tree = json::parse_trusted(body.clone().into());
            corpus.add(
                key.resource_type,
                &key.id,
                *updated,
                search::extract(Registry::r4(), &tree, BASE),
            );
        }
        corpora.push((corpus, current.len()));
    }
    corpora
}

/// Walks all pages both ways, with what they include, and compares; how many were found. What is included is read: who
/// may only search is given none of it.
pub(crate) async fn agree(
    (vault, permit): (&Vault, &Permit),
    (corpus, may_read): (&Corpus, bool),
    plan: &Plan,
    count: u32,
    name: &str,
) -> usize {
    let expected = corpus.find(plan);
    let by_name = |hit: &Hit| corpus.name(*hit);
    let hits_of: std::collections::BTreeMap<String, Hit> =
        expected.iter().map(|hit| (by_name(hit), *hit)).collect();
    let expected_names: BTreeSet<String> = hits_of.keys().cloned().collect();
    let pages = walk((vault, permit), plan, count, name).await;
    let found: Vec<String> = pages.iter().flat_map(|page| &page.versions).map(called).collect();
    let found_names: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(found.len(), found_names.len(), "{name}: something is found twice: {found:?}");
    assert_eq!(found_names, expected_names, "{name}\n{plan:?}");
    for two in found.windows(2) {
        let order = corpus.compare(plan, hits_of[&two[0]], hits_of[&two[1]]);
        assert!(order.is_le(), "{name}: {two:?} stand the wrong way round in {found:?}");
    }
    // the way that was just chosen is taken again
    let again = vault.search(permit, plan, &Turn::First, count).await.unwrap().versions;
    let first = pages.first().map(|page| &page.versions);
    assert!(
        first.is_some_and(|first| first.iter().map(called).eq(again.iter().map(called))),
        "{name}"
    );
    let total = vault.count(permit, plan).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
    assert_eq!(usize::try_from(total).unwrap(), expected.len(), "{name}: the total");
    for page in &pages {
        let matched: Vec<Hit> =
            page.versions.iter().map(|version| hits_of[&called(version)]).collect();
        let included =
            if may_read { corpus.include(&plan.includes, &matched) } else { BTreeSet::new() };
        let wanted: BTreeSet<String> = included.iter().map(by_name).collect();
        let given: Vec<String> = page.included.iter().map(called).collect();
        assert_eq!(given.len(), wanted.len(), "{name}: includes {given:?}, not {wanted:?}");
        assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), wanted, "{name}: includes");
    }
    found.len()
}

/// All pages, forwards; the way back must show the same.
async fn walk(
    (vault, permit): (&Vault, &Permit),
    plan: &Plan,
    count: u32,
    name: &str,
) -> Vec<Page> {
    let search = async |turn: &Turn| {
        let page = vault.search(permit, plan, turn, count).await;
        page.unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"))
    };
    let mut pages: Vec<Page> = vec![search(&Turn::First).await];
    while let Some(next) = pages.last().and_then(|page| page.next.clone()) {
        pages.push(search(&Turn::After(next)).await);
        assert!(pages.len() < 500, "{name}: the pages do not end");
    }
    let mut back = Vec::new();
    let mut previous = pages.last().and_then(|page| page.previous.clone());
    while let Some(position) = previous.take() {
        let page = search(&Turn::Before(position)).await;
        previous.clone_from(&page.previous);
        back.splice(0..0, page.versions.iter().map(called).collect::<Vec<_>>());
        assert!(back.len() < 5000, "{name}: the pages do not end backwards");
    }
    let forth: Vec<String> =
        pages.iter().rev().skip(1).rev().flat_map(|page| &page.versions).map(called).collect();
    assert_eq!(back, forth, "{name}: the way back");
    pages
}

fn called(version: &Version) -> String {
    match &version.contained {
        Some(inner) => format!("{}/{}#{inner}", version.resource_type, version.id),
        None => format!("{}/{}", version.resource_type, version.id),
    }
}
