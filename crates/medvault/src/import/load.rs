//! Stores records through the pipeline of every request, as the operator.

use std::{
    collections::BTreeSet,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use auth::Caller;
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, Tree, json};
use interactions::{Answer, Body, Conditions, Fhir, Prefer, Query, Request, Return, Verb};
use serde::de::IgnoredAny;

use super::{
    progress::Progress,
    record::{Place, Record, Rejection},
    repeatable::{self, Purpose, Put},
};

/// Resources put with one transaction.
const GROUP: usize = 200;
/// Bytes of the Bundles that wait for what they refer to.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// Pauses before a busy database is asked again; together they outlast a restart.
const PAUSES_MS: &[u64] = &[50, 100, 200, 400, 800, 1600, 3200, 6400];

/// Stores records and accounts for each.
#[derive(Debug)]
pub(super) struct Loader {
    fhir: Fhir,
    progress: Arc<Progress>,
    waiting: Mutex<Waiting>,
}

/// Bundles with a reference by search that found nothing yet: another file may bring it.
#[derive(Debug, Default)]
struct Waiting {
    bundles: Vec<(Record, Rejection)>,
    bytes: usize,
}

impl Loader {
    pub(super) fn new(fhir: Fhir, progress: Arc<Progress>) -> Self {
        Self { fhir, progress, waiting: Mutex::default() }
    }

    /// Stores records that lie together.
    pub(super) async fn store(&self, records: Vec<Record>) {
        let mut plain = Vec::new();
        for record in records {
            let tree = json::parse_trusted(record.bytes.clone());
            match Purpose::of(&tree) {
                Some(Purpose::Transaction) => self.transact(record, &tree).await,
                Some(Purpose::Batch) => self.batch(&record, &tree).await,
                Some(Purpose::Parcel) => self.unpack(&record, &tree).await,
                Some(Purpose::Whole) | None => plain.push(record),
            }
        }
        self.put_all(plain).await;
    }

    /// Tries the Bundles again whose references found nothing, as long as that brings any of them in.
    pub(super) async fn store_waiting(&self) {
        let mut before = usize::MAX;
        loop {
            let bundles = mem::take(&mut *self.lock_waiting()).bundles;
            let is_stuck = bundles.len() >= before;
            before = bundles.len();
            if bundles.is_empty() {
                return;
            }
            for (record, rejection) in bundles {
                if is_stuck {
                    self.progress.reject(&rejection);
                } else {
                    self.store(vec![record]).await;
                }
            }
        }
    }

    async fn transact(&self, record: Record, tree: &Tree) {
        let bytes = repeatable::bundle(tree).into();
        match self.ask(Verb::Post, &[], bytes).await {
            Ok(_) => self.progress.stored(tree.root().named("entry").count()),
            Err(outcome) => {
                let rejection = place_of(&record, tree, &outcome).reject(&outcome);
                let is_early =
                    outcome.issues().iter().any(|issue| issue.code == IssueType::Unmatched);
                if is_early {
                    self.wait(record, rejection);
                } else {
                    self.progress.reject(&rejection);
                }
            }
        }
    }

    fn wait(&self, record: Record, rejection: Rejection) {
        let mut waiting = self.lock_waiting();
        let bytes = waiting.bytes + record.bytes.len();
        if bytes <= WAITING_BYTES_MAX {
            waiting.bytes = bytes;
            waiting.bundles.push((record, rejection));
        } else {
            drop(waiting);
            self.progress.reject(&rejection);
        }
    }

    fn lock_waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn batch(&self, record: &Record, tree: &Tree) {
        let answer = match self.ask(Verb::Post, &[], repeatable::bundle(tree).into()).await {
            Ok(answer) => json::parse_trusted(answer.body.unwrap_or_default()),
            Err(outcome) => {
                self.progress.reject(&place_of(record, tree, &outcome).reject(&outcome));
                return;
            }
        };
        for (n, entry) in answer.root().named("entry").enumerate() {
            let response = entry.child("response");
            let status =
                response.and_then(|response| response.child_text("status")).unwrap_or_default();
            if status.starts_with(['2', '3']) {
                self.progress.stored(1);
                continue;
            }
            let issues = response.and_then(|response| response.child("outcome")).into_iter();
            let why: Vec<String> = issues
                .flat_map(|outcome| outcome.named("issue"))
                .filter_map(|issue| Some(issue.child_text("diagnostics")?.into_owned()))
                .collect();
            let why = if why.is_empty() { status.into_owned() } else { why.join("; ") };
            self.progress.reject(&place_of_entry(record, tree, n).reject(why));
        }
    }

    /// A parcel is stored as one transaction, so that its entries may refer to each other. When that is
    /// refused, and nothing in it is known by a `urn:` alone, its entries are stored for themselves.
    async fn unpack(&self, record: &Record, tree: &Tree) {
        let items = repeatable::items(tree);
        let together = match json::parse(record.bytes.clone(), &self.limits_of_parcel()) {
            Ok(_) => {
                let puts: Vec<Put> = items.iter().map(|item| Put::of(item.resource)).collect();
                let urls = items.iter().map(|item| item.full_url.as_deref());
                let bytes = repeatable::transaction(urls.zip(&puts));
                self.ask(Verb::Post, &[], bytes.into()).await
            }
            Err(outcome) => Err(outcome),
        };
        let Err(outcome) = together else {
            self.progress.stored(items.len());
            return;
        };
        let has_urns = items
            .iter()
            .any(|item| item.full_url.as_ref().is_some_and(|url| url.starts_with("urn:")));
        let is_json = || serde_json::from_slice::<IgnoredAny>(&record.bytes).is_ok();
        if has_urns || items.is_empty() || !is_json() {
            self.progress.reject(&place_of(record, tree, &outcome).reject(&outcome));
            return;
        }
        for group in items.chunks(GROUP) {
            let alone = |item: &repeatable::Item<'_>| Record {
                place: place_of_entry(record, tree, item.number),
                bytes: record.bytes.slice(item.resource.span()),
            };
            let records = group.iter().map(alone).collect();
            self.put_all(records).await;
        }
    }

    /// Puts resources, many with one transaction. One that is refused costs the others nothing.
    async fn put_all(&self, records: Vec<Record>) {
        let mut group = Vec::with_capacity(records.len());
        let mut keys = BTreeSet::new();
        for record in records {
            let put = match json::parse(record.bytes, self.fhir.limits()) {
                Ok(valid) => Put::of(valid.tree().root()),
                Err(outcome) => {
                    self.progress.reject(&record.place.reject(outcome));
                    continue;
                }
            };
            // a transaction may change a resource once; the later line is the newer version
            if !keys.insert((put.resource_type, put.id.clone())) {
                self.put_group(mem::take(&mut group)).await;
                keys = BTreeSet::from([(put.resource_type, put.id.clone())]);
            }
            group.push((record.place, put));
        }
        self.put_group(group).await;
    }

    async fn put_group(&self, group: Vec<(Place, Put)>) {
        if group.len() > 1 {
            let bytes = repeatable::transaction(group.iter().map(|(_, put)| (None, put)));
            if self.ask(Verb::Post, &[], bytes.into()).await.is_ok() {
                self.progress.stored(group.len());
                return;
            }
        }
        for (place, put) in group {
            let path = [put.resource_type, &put.id];
            match self.ask(Verb::Put, &path, put.json.into()).await {
                Ok(_) => self.progress.stored(1),
                Err(outcome) => self.progress.reject(&place.reject(outcome)),
            }
        }
    }

    /// One request; a busy database is asked again.
    async fn ask(&self, verb: Verb, path: &[&str], bytes: Bytes) -> Result<Answer, Outcome> {
        let mut pauses = PAUSES_MS.iter();
        loop {
            let body = if path.is_empty() {
                let (limits, faults) = (self.limits_of_transaction(), json::EntryFaults::new());
                Body::bundle(json::parse_bundle(bytes.clone(), faults, &limits)?)
            } else {
                Body::Resource(Box::new(json::parse(bytes.clone(), self.fhir.limits())?))
            };
            let request = Request {
                verb,
                path: path.iter().map(|piece| (*piece).to_owned()).collect(),
                query: Query::default(),
                conditions: Conditions::default(),
                prefer: Prefer { answer: Some(Return::Minimal), ..Prefer::default() },
                body,
                id: String::new(),
            };
            let answering: Pin<Box<dyn Future<Output = _> + Send + '_>> =
                Box::pin(self.fhir.answer(&Caller::Operator, request));
            let answer = answering.await;
            let is_busy = answer
                .as_ref()
                .is_err_and(|outcome| outcome.status() == IssueType::Transient.status());
            match pauses.next() {
                Some(pause) if is_busy => tokio::time::sleep(Duration::from_millis(*pause)).await,
                _ => return answer,
            }
        }
    }

    fn limits_of_transaction(&self) -> json::Limits {
        let conditional_references = json::ConditionalReferences::Allowed;
        json::Limits { conditional_references, ..*self.fhir.limits() }
    }

    /// A parcel may hold any number of entries: they need not be stored together.
    fn limits_of_parcel(&self) -> json::Limits {
        let any = usize::MAX;
        json::Limits { bundle_entries: any, array_items: any, nodes: any, ..*self.fhir.limits() }
    }
}

/// The place of the entry that an outcome points at, or of the Bundle.
fn place_of(record: &Record, tree: &Tree, outcome: &Outcome) -> Place {
    let number = outcome.issues().first().and_then(|issue| {
        let rest = issue.expression.as_deref()?.strip_prefix("Bundle.entry[")?;
        rest.split(']').next()?.parse().ok()
    });
    number.map_or_else(|| record.place.clone(), |number| place_of_entry(record, tree, number))
}

fn place_of_entry(record: &Record, tree: &Tree, number: usize) -> Place {
    match tree.root().named("entry").nth(number) {
        Some(entry) => {
            record.place.after(record.bytes.get(..entry.span().start).unwrap_or_default())
        }
        None => record.place.clone(),
    }
}
