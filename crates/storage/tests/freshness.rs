//! No read is older than a write that was acknowledged, or a read that was answered, before it began.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::tests_outside_test_module,
    reason = "a test that cannot go on has failed"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, json};
use search::Rows;
use storage::{Change, Clock, Key, Lock, Method, Options, Tx, Vault, Version, Work};

/// How long everybody reads and writes.
const TIME: Duration = Duration::from_secs(2);
/// Few, so that everybody is in everybody's way.
const RESOURCES: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Keep,
    Refuse,
}

/// Writes the next version of some resources, whose bodies say how it was meant to end.
struct Write {
    keys: Vec<Key>,
    method: Method,
    end: End,
}

impl Work for Write {
    type Answer = Vec<u64>;

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    fn may_refuse_late(&self) -> bool {
        self.end == End::Refuse
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<u64>, Outcome> {
        let heads = tx.load(&self.keys).await?;
        let changes = self.keys.iter().zip(heads).map(|(key, replaces)| {
            let text = if self.end == End::Keep { "kept" } else { "refused" };
            let body = format!(r#"{{"resourceType":"Basic","code":{{"text":"{text}"}}}}"#);
            let stamped = json::parse(body.into(), &json::Limits::default())?.stamp(&key.id, &[]);
            Ok(Change {
                key: key.clone(),
                method: self.method,
                replaces,
                body: (self.method != Method::Delete).then(|| Arc::new(stamped)),
                rows: Arc::new(Rows::default()),
                epoch: 0,
            })
        });
        let stored = tx.write(changes.collect::<Result<_, Outcome>>()?).await?;
        if self.end == End::Refuse {
            return Err(Outcome::new(IssueType::BusinessRule, "no"));
        }
        Ok(stored.iter().map(|stored| stored.version).collect())
    }
}

fn key(n: usize) -> Key {
    Key::new(ResourceType::named("Basic").unwrap(), n.to_string())
}

fn permit(action: Action) -> Permit {
    authorize(&Caller::Operator, action, None).unwrap()
}

async fn vault(directory: &std::path::Path) -> Vault {
    let options = Options {
        url: format!("sqlite:{}/v.sqlite", directory.display()).parse().unwrap(),
        clock: Clock::system(),
        base: "http://vault.example/fhir".to_owned(),
        connections_max: 1,
    };
    Vault::open(&options).await.unwrap()
}

async fn commit(
    vault: &Vault,
    numbers: &[usize],
    (method, end): (Method, End),
) -> Option<Vec<u64>> {
    let keys = numbers.iter().map(|n| key(*n)).collect();
    vault.commit(permit(Action::Update), Write { keys, method, end }).await.ok()
}

async fn read(vault: &Vault, n: usize) -> Option<Arc<Version>> {
    vault.read(&permit(Action::Read), &key(n)).await.unwrap()
}

/// The versions that somebody has been told of.
#[derive(Default)]
struct Told {
    versions: [AtomicU64; RESOURCES],
    is_over: AtomicBool,
}

/// Updates, deletes and gives up, now and then over several resources at once.
async fn write_on(vault: Vault, told: Arc<Told>, writer: usize) {
    let mut turn = writer;
    while !told.is_over.load(SeqCst) {
        turn += 1;
        let numbers: &[usize] = match turn % 4 {
            0 => &[0, 1, 2, 3],
            1 => &[1, 2],
            _ => &[turn / 4 % RESOURCES],
        };
        let method = if turn.is_multiple_of(7) { Method::Delete } else { Method::Put };
        let end = if turn.is_multiple_of(5) { End::Refuse } else { End::Keep };
        let Some(versions) = commit(&vault, numbers, (method, end)).await else { continue };
        for (n, version) in numbers.iter().zip(versions) {
            told.versions[*n].fetch_max(version, SeqCst);
        }
    }
}

/// Reads on; how many reads there were.
async fn read_on(vault: Vault, told: Arc<Told>, reader: usize) -> u64 {
    let mut reads = 0;
    while !told.is_over.load(SeqCst) {
        for n in (0..RESOURCES).map(|n| (n + reader) % RESOURCES) {
            let least = told.versions[n].load(SeqCst);
            let found = read(&vault, n).await;
            let version = found.as_ref().map_or(0, |found| found.version);
            assert!(version >= least, "{n}: version {version} was read after version {least}");
            told.versions[n].fetch_max(version, SeqCst);
            if let Some(found) = &found {
                let body =
                    found.body.as_ref().map(|body| String::from_utf8(body.to_vec()).unwrap());
                assert_eq!(body.is_none(), found.method == Method::Delete);
                let mark = format!(r#""versionId":"{version}""#);
                let is_whole = |body: &String| body.contains(&mark) && body.contains("kept");
                assert!(body.as_ref().is_none_or(is_whole), "{body:?} as version {version}");
            }
            // asked for by number it may show before the writer is told; from then on a read shows it too
            let next = vault.vread(&permit(Action::Read), &key(n), version + 1).await.unwrap();
            if let Some(next) = next {
                told.versions[n].fetch_max(next.version, SeqCst);
            }
            reads += 1;
        }
        tokio::task::yield_now().await;
    }
    reads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn no_read_is_older_than_what_somebody_was_told_before() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault(directory.path()).await;
    let told = Arc::new(Told::default());
    let writers: Vec<_> =
        (0..3).map(|n| tokio::spawn(write_on(vault.clone(), Arc::clone(&told), n))).collect();
    let readers: Vec<_> =
        (0..4).map(|n| tokio::spawn(read_on(vault.clone(), Arc::clone(&told), n))).collect();
    let begun = Instant::now();
    while begun.elapsed() < TIME && !readers.iter().any(tokio::task::JoinHandle::is_finished) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    told.is_over.store(true, SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let mut reads = 0;
    for reader in readers {
        reads += reader.await.unwrap();
    }
    let written: u64 = told.versions.iter().map(|version| version.load(SeqCst)).sum();
    println!("{reads} reads, {written} versions");
    assert!(reads > 1000 && written > 20, "{reads} reads, {written} versions");
}

#[tokio::test]
async fn a_reader_follows_what_is_committed_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault(directory.path()).await;
    assert!(read(&vault, 0).await.is_none());
    let put = (Method::Put, End::Keep);
    let steps = [
        (put, 1, true),
        (put, 2, true),
        ((Method::Put, End::Refuse), 2, true),
        ((Method::Delete, End::Refuse), 2, true),
        ((Method::Delete, End::Keep), 3, false),
        (put, 4, true),
    ];
    for (step, version, is_there) in steps {
        commit(&vault, &[0, 1], step).await;
        // the second time it may come from memory
        for _ in 0..2 {
            let found = read(&vault, 0).await.unwrap();
            assert_eq!((found.version, found.body.is_some()), (version, is_there));
        }
    }
}

#[tokio::test]
async fn a_vault_is_open_in_one_place_only() {
    let directory = tempfile::tempdir().unwrap();
    let first = vault(directory.path()).await;
    commit(&first, &[0], (Method::Put, End::Keep)).await.unwrap();
    let options = Options {
        url: format!("sqlite:{}/v.sqlite", directory.path().display()).parse().unwrap(),
        clock: Clock::system(),
        base: "http://vault.example/fhir".to_owned(),
        connections_max: 1,
    };
    let refused = Vault::open(&options).await.unwrap_err();
    assert!(refused.to_string().contains("another process"), "{refused}");
    drop(first);
    // its tasks and its writer end a moment later, which the next one awaits
    let again = Vault::open(&options).await;
    assert!(read(&again.unwrap(), 0).await.is_some());
}
