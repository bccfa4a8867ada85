//! Changes carried out together, all or nothing: <https://hl7.org/fhir/R4/http.html#trules>.

use std::sync::Arc;

use auth::{Action, Caller, Principal};
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, json};
use search::{Plan, Registry};
use storage::{Access, Change, Head, Key, Lock, Method, Tx, Vault, Work};

use super::{
    Target, Write, Written, app_state,
    catalogue::Catalogue,
    cosigning,
    decide::{Decision, decide},
    identity::{Identity, identify, refuse_overlaps, refuse_overwriting},
    prepare::Prepared,
    references::Names,
    reserved,
};
use crate::{
    Fhir,
    audit::{self, Audit},
    search::Reach,
};

/// One entry of a transaction, or the only change of a plain request.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) action: Act,
    /// `Bundle.entry.fullUrl`
    pub(crate) full_url: Option<String>,
    /// Where it stands: `Bundle.entry[3]`; `None` for a plain request.
    pub(crate) place: Option<String>,
    /// Filled in by [`Commit::new`].
    prepared: Option<Prepared>,
    fresh_id: String,
}

/// What an entry does.
#[derive(Debug)]
pub(crate) enum Act {
    /// It changes something.
    Write(Write),
    /// It reads what is there after the changes.
    Read(Key),
    /// It searches what is there after the changes.
    Search(Reach, Box<Plan>, u32),
}

/// A commit on its way to the vault.
#[derive(Debug)]
pub(crate) struct Commit {
    entries: Vec<Entry>,
    pub(super) context: Context,
    recorded: Option<Recorded>,
    /// Whether it is a supervisor's signature.
    signs: bool,
}

/// Who is named in what is recorded of the changes.
#[derive(Debug)]
struct Recorded {
    who: Arc<Principal>,
    audit: Audit,
    /// Makes ids.
    vault: Vault,
    /// The request's id.
    request: String,
}

/// What carrying out changes needs to know, besides the changes.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) registry: Arc<Registry>,
    /// Which change of the registry was the last: see [`Vault::indexed_by`].
    pub(super) epoch: u64,
    /// For links.
    pub(super) base: Arc<str>,
    /// For index rows: see [`Vault::index_base`].
    pub(super) index_base: Arc<str>,
    pub(super) limits: json::Limits,
    vault: Vault,
}

impl Context {
    /// Under which a Task waits for the signature under a resource.
    pub(super) fn task_id(&self, of: &Key) -> String {
        cosigning::task_id(&self.vault, of)
    }

    /// The URLs under which absolute references are local.
    pub(super) fn bases(&self) -> [&str; 2] {
        [&self.base, &self.index_base]
    }
}

impl Entry {
    /// The only change of a plain request.
    pub(crate) fn alone(write: Write) -> Self {
        Self {
            action: Act::Write(write),
            full_url: None,
            place: None,
            prepared: None,
            fresh_id: String::new(),
        }
    }

    /// An entry of a transaction.
    pub(crate) fn of_bundle(action: Act, full_url: Option<String>, place: String) -> Self {
        Self { action, full_url, place: Some(place), prepared: None, fresh_id: String::new() }
    }

    /// Whether it may change what resources are indexed by.
    fn defines(&self) -> bool {
        match &self.action {
            Act::Write(write) => write.action().1.name() == "SearchParameter",
            Act::Read(_) | Act::Search(..) => false,
        }
    }

    pub(super) fn fresh_id(&self) -> &str {
        &self.fresh_id
    }

    pub(super) fn prepared(&self) -> Option<&Prepared> {
        self.prepared.as_ref()
    }

    /// Makes a refusal point into the Bundle.
    pub(super) fn refuse(&self, outcome: Outcome) -> Outcome {
        match &self.place {
            Some(place) => outcome.inside(&format!("{place}.resource")),
            None => outcome,
        }
    }
}

impl Commit {
    /// Does beforehand, in parallel with other requests, what needs no look into the vault: ids, references
    /// between the entries, bytes, index rows.
    pub(crate) fn new(fhir: &Fhir, mut entries: Vec<Entry>) -> Self {
        let (registry, epoch) = fhir.vault.indexed_by();
        let context = Context {
            registry,
            epoch,
            base: Arc::clone(&fhir.base),
            index_base: fhir.vault.index_base(),
            // a patch brings no reference by search: nothing would look it up
            limits: fhir.limits,
            vault: fhir.vault.clone(),
        };
        let vault: &Vault = &fhir.vault;
        for entry in &mut entries {
            if matches!(entry.action, Act::Write(Write::Create { .. } | Write::Update { .. })) {
                entry.fresh_id = vault.new_id();
            }
        }
        let expected: Vec<Identity> = entries.iter().map(Identity::expected).collect();
        let names = Names::new(&entries, &expected);
        let prepared: Vec<Option<Prepared>> = entries
            .iter()
            .zip(&expected)
            .map(|(entry, identity)| Prepared::of(&context, entry, identity, &names))
            .collect();
        for (entry, prepared) in entries.iter_mut().zip(prepared) {
            entry.prepared = prepared;
        }
        Self { entries, context, recorded: None, signs: false }
    }

    /// Makes it a supervisor's signature: it ends what waits for it, and may name its verifier.
    pub(crate) fn signing(mut self) -> Self {
        self.signs = true;
        self
    }

    /// Writes with every change who made it.
    pub(crate) fn recorded(mut self, fhir: &Fhir, caller: &Caller) -> Self {
        if let (Some(who), Some(audit)) = (audit::bearer(caller), &fhir.audit) {
            let (who, audit, vault) = (Arc::clone(who), audit.clone(), fhir.vault.clone());
            let request = audit::request_id();
            self.recorded = Some(Recorded { who, audit, vault, request });
        }
        self
    }

    /// What is recorded of these changes.
    fn events(&self, changes: &[Change], now: Instant) -> Vec<Access> {
        let Some(recorded) = &self.recorded else { return Vec::new() };
        let Context { registry, index_base, .. } = &self.context;
        let event = |change: &Change| {
            let Key { resource_type: ty, id } = &change.key;
            let interaction = match change.method {
                Method::Post => "create",
                Method::Put => "update",
                Method::Patch => "patch",
                Method::Delete => "delete",
            };
            let ended = change.replaces.as_ref().filter(|_| change.body.is_none());
            let rows = match ended.and_then(|head| head.body.clone()) {
                // of what is deleted it counts what it was
                Some(body) => &search::extract(registry, &json::parse_trusted(body), index_base),
                None => &*change.rows,
            };
            let written = audit::Written {
                interaction,
                reference: format!("{ty}/{id}/_history/{}", change.version()),
                patients: search::patient_compartment(registry, *ty, id, rows),
                who: &recorded.who,
                at: now,
                request: &recorded.request,
            };
            audit::of_write(recorded.vault.new_id(), written)
        };
        recorded.audit.count(changes.len());
        changes.iter().map(event).collect()
    }
}

impl Work for Commit {
    type Answer = Vec<Written>;

    fn locks(&self) -> Vec<Lock> {
        let locks = |entry: &Entry| match &entry.action {
            Act::Write(write) => write.target().map(lock),
            Act::Read(_) | Act::Search(..) => None,
        };
        let mut locks: Vec<Lock> = self.entries.iter().filter_map(locks).collect();
        if self.entries.iter().any(Entry::defines) {
            locks.push(Lock::Parameters);
        }
        locks
    }

    /// A read at the end may find nothing.
    fn may_refuse_late(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.action, Act::Read(_) | Act::Search(..)))
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Written>, Outcome> {
        let mut catalogue = Catalogue::new(&self.entries);
        let (identities, seen) = identify(&self.entries, &mut catalogue, tx).await?;
        refuse_overlaps(&self.entries, &identities)?;
        let names = Names::new(&self.entries, &identities);
        let keys: Vec<Key> =
            identities.iter().filter_map(Identity::existing_key).cloned().collect();
        let heads = tx.load(&keys).await?;
        if keys.iter().zip(&heads).any(|(key, head)| seen.has_changed(key, head.as_ref())) {
            return Err(tx.start_again());
        }
        let mut heads = heads.into_iter();
        let mut decisions = Vec::with_capacity(self.entries.len());
        for (entry, identity) in self.entries.iter().zip(&identities) {
            let head = identity.existing_key().and_then(|_| heads.next().flatten());
            meet(entry, identity, head.as_ref(), tx).await.map_err(|no| entry.refuse(no))?;
            if let Some(key) = identity.existing_key() {
                refuse_overwriting((entry, key), head.as_ref(), &seen)
                    .map_err(|no| entry.refuse(no))?;
            }
            let resolved = names.with_criteria(&self.context, entry, (&catalogue, &seen), tx).await;
            let decided =
                resolved.and_then(|names| decide(&self.context, (entry, identity), head, &names));
            decisions.push(decided.map_err(|refusal| entry.refuse(refusal))?);
        }
        let (mut changes, mut of) = (Vec::new(), Vec::new());
        for (decision, entry) in decisions.iter_mut().zip(&self.entries) {
            if let Some(change) = decision.take_change() {
                changes.push(change);
                of.push(entry);
            }
        }
        let place = |(at, refusal): (usize, Outcome)| match of.get(at) {
            Some(entry) => entry.refuse(refusal),
            None => refusal,
        };
        tx.check(&changes).map_err(place)?;
        tx.clear(&changes).await.map_err(place)?;
        if !self.signs {
            reserved::refuse(&self.context, &changes, tx).await.map_err(place)?;
        }
        tx.settle_beds(&changes).await.map_err(place)?;
        let events = self.events(&changes, tx.now());
        let tasks = cosigning::follow(&self.context, (&changes, self.signs), tx).await?;
        tx.vouch(&tasks);
        changes.extend(tasks);
        let mut stored = tx.write(changes).await?.into_iter();
        tx.record(&events).await?;
        let mut written = Vec::with_capacity(decisions.len());
        for (decision, entry) in decisions.into_iter().zip(&self.entries) {
            written.push(match decision {
                Decision::Change(_, effect) => {
                    let stored = stored.next().ok_or_else(lost)?;
                    Written {
                        effect,
                        key: Some(Key::new(stored.resource_type, stored.id)),
                        version: stored.version,
                        updated: stored.updated,
                        body: stored.body,
                    }
                }
                Decision::Settled(written) => written,
                Decision::Twin(key) => twin(&written, &key).ok_or_else(lost)?,
                Decision::Look => {
                    look(entry, tx, &self.context).await.map_err(|refusal| entry.refuse(refusal))?
                }
            });
        }
        Ok(written)
    }
}

/// Looks at what is there in the eyes of the permit, before anything is decided by it.
async fn meet(
    entry: &Entry,
    identity: &Identity,
    head: Option<&Head>,
    tx: &mut Tx<'_>,
) -> Result<(), Outcome> {
    let (Act::Write(write), Some(key)) = (&entry.action, identity.existing_key()) else {
        return Ok(());
    };
    let (action, ty) = write.action();
    let head = head.filter(|head| head.version > 0);
    let met = match (head, identity) {
        (None, _)
            if !tx.permit().covers_all_rows()
                && (action == Action::Delete || app_state::needs_version(ty, action)) =>
        {
            // what is not there and what may not be seen look the same
            Err(crate::read::not_found(key))
        }
        (None, _) => Ok(()),
        (Some(head), Identity::Found(_)) if tx.permit().may(Action::Read, ty) => {
            tx.meet(key, head, Action::Read).await
        }
        (Some(head), _) => tx.meet(key, head, action).await,
    };
    met.map_err(|refusal| app_state::refusal((key, head), tx.permit(), refusal))
}

fn lock(target: &Target) -> Lock {
    match target {
        Target::Key(key) => Lock::Resource(key.clone()),
        Target::Criteria(ty, plan) => {
            let mut criteria: Vec<String> =
                plan.understood.iter().map(|(name, value)| format!("{name}={value}")).collect();
            criteria.sort();
            Lock::Criteria(*ty, criteria.join("&"))
        }
    }
}

/// Reads and searches of a transaction see its changes.
async fn look(entry: &Entry, tx: &mut Tx<'_>, context: &Context) -> Result<Written, Outcome> {
    let found = |version: u64, updated, body: Bytes, key| Written {
        effect: super::Effect::Found,
        key,
        version,
        updated,
        body: Some(body),
    };
    match &entry.action {
        Act::Read(key) => {
            let head = tx.load(std::slice::from_ref(key)).await?.pop().flatten();
            let head = head.filter(|head| head.version > 0);
            if let Some(head) = &head {
                tx.meet(key, head, Action::Read).await?;
            }
            match head.map(|head| (head.version, head.updated, head.body)) {
                Some((version, updated, Some(body))) => {
                    Ok(found(version, updated, body, Some(key.clone())))
                }
                Some((.., None)) => Err(crate::read::deleted(key)),
                None => Err(crate::read::not_found(key)),
            }
        }
        Act::Search(_, plan, count) => {
            let mut versions = tx.find(plan, *count).await?;
            versions.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
            let bundle = crate::search::bundle_of(&context.base, plan, versions);
            Ok(found(0, tx.now(), bundle, None))
        }
        Act::Write(_) => Err(lost()),
    }
}

/// What an earlier entry made, as a later one finds it.
fn twin(written: &[Written], key: &Key) -> Option<Written> {
    let first = written.iter().find(|first| first.key.as_ref() == Some(key))?;
    Some(Written { effect: super::Effect::Found, ..first.clone() })
}

fn lost() -> Outcome {
    Outcome::new(IssueType::Exception, "The vault did not answer for a change; nothing was stored")
}
