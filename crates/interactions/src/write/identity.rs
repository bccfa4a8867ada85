//! Which resource each entry is about: <https://hl7.org/fhir/R4/http.html#cond-update>.

use std::collections::{BTreeMap, BTreeSet};

use auth::Action;
use fhir_model::{IssueType, Outcome};
use storage::{Head, Key, Tx};

use super::{
    Target, Write,
    catalogue::Catalogue,
    commit::{Act, Entry},
};

/// Which resource an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// A new one, under an id of the server's.
    New(Key),
    /// One that is, or will be, or was, under this key.
    Existing(Key),
    /// A conditional create found this one.
    Found(Key),
    /// A condition that only the vault can settle; if it finds nothing, this key is taken.
    Open(Option<Key>),
    /// The criteria of a delete find nothing.
    Nothing,
    /// The entry only looks.
    Look,
}

impl Identity {
    /// What can be said without a look into the vault.
    pub(super) fn expected(entry: &Entry) -> Self {
        let Act::Write(write) = &entry.action else { return Self::Look };
        let (_, ty) = write.action();
        match write {
            Write::Create { if_none_exist: None, .. } => Self::New(Key::new(ty, entry.fresh_id())),
            Write::Create { .. } => Self::Open(Some(Key::new(ty, entry.fresh_id()))),
            Write::Update { target: Target::Criteria(..), .. } => {
                Self::Open(Some(Key::new(ty, entry.fresh_id())))
            }
            Write::Update { target, .. }
            | Write::Patch { target, .. }
            | Write::Delete { target, .. } => match target {
                Target::Key(key) => Self::Existing(key.clone()),
                Target::Criteria(..) => Self::Open(None),
            },
        }
    }

    /// The key, where there is one.
    pub(super) fn key(&self) -> Option<&Key> {
        match self {
            Self::New(key) | Self::Existing(key) | Self::Found(key) => Some(key),
            Self::Open(_) | Self::Nothing | Self::Look => None,
        }
    }

    /// The key that the entry's resource will have, as far as can be said.
    pub(super) fn likely_key(&self) -> Option<&Key> {
        match self {
            Self::Open(key) => key.as_ref(),
            Self::New(_) | Self::Existing(_) | Self::Found(_) | Self::Nothing | Self::Look => {
                self.key()
            }
        }
    }

    /// The key, where something may stand under it already.
    pub(super) fn existing_key(&self) -> Option<&Key> {
        match self {
            Self::Existing(key) | Self::Found(key) => Some(key),
            Self::New(_) | Self::Open(_) | Self::Nothing | Self::Look => None,
        }
    }
}

/// What settling the conditions brought to light.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The versions that criteria found. They are locked only afterwards, all at once and in one order.
    versions: BTreeMap<Key, u64>,
    /// What the deletions of the transaction take away: what comes after them does not find it.
    deleted: BTreeSet<Key>,
}

impl Seen {
    /// Whether somebody changed the resource between the search and the lock: it may match no more.
    pub(super) fn has_changed(&self, key: &Key, head: Option<&Head>) -> bool {
        let version = head.map_or(0, |head| head.version);
        self.versions.get(key).is_some_and(|seen| *seen != version)
    }

    /// Whether criteria found it in the vault.
    pub(super) fn was_found(&self, key: &Key) -> bool {
        self.versions.contains_key(key)
    }

    /// Whether the transaction deletes it.
    pub(super) fn is_deleted(&self, key: &Key) -> bool {
        self.deleted.contains(key)
    }

    /// How many resources a search must give, so that two are left which the transaction does not delete.
    pub(super) fn limit(&self) -> u32 {
        u32::try_from(self.deleted.len()).unwrap_or(u32::MAX).saturating_add(2)
    }
}

/// Settles all conditions.
///
/// # Errors
/// `multiple-matches`; the search's own refusals.
pub(super) async fn identify<'e>(
    entries: &'e [Entry],
    catalogue: &mut Catalogue<'e>,
    tx: &mut Tx<'_>,
) -> Result<(Vec<Identity>, Seen), Outcome> {
    let mut seen = Seen::default();
    let mut identities: Vec<Identity> = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut identity = Identity::expected(entry);
        if let Identity::Open(fresh) = identity {
            let settled = settle(entry, fresh, catalogue, (tx, &mut seen)).await;
            identity = settled.map_err(|refusal| entry.refuse(refusal))?;
        }
        if let (Act::Write(Write::Delete { .. }), Some(key)) = (&entry.action, identity.key()) {
            seen.deleted.insert(key.clone());
        }
        if let Identity::New(key) = &identity {
            catalogue.add(entry, key);
        }
        identities.push(identity);
    }
    // references by search also find what is updated
    for (entry, identity) in entries.iter().zip(&identities) {
        if let Identity::Existing(key) = identity {
            catalogue.add(entry, key);
        }
    }
    refuse_twins((entries, &identities), (catalogue, &seen), tx)?;
    Ok((identities, seen))
}

/// Criteria that find nothing in the vault may still mean what another entry writes: carried out side by side, the two
/// would make two resources of one.
fn refuse_twins(
    (entries, identities): (&[Entry], &[Identity]),
    (catalogue, seen): (&Catalogue<'_>, &Seen),
    tx: &Tx<'_>,
) -> Result<(), Outcome> {
    let mut asked = BTreeSet::new();
    for (entry, identity) in entries.iter().zip(identities) {
        let Act::Write(Write::Update { target: Target::Criteria(ty, plan), .. }) = &entry.action
        else {
            continue;
        };
        let Some(own) = identity.key().filter(|key| !seen.was_found(key)) else { continue };
        let mut criteria = plan.understood.clone();
        criteria.sort();
        let others = catalogue.matching(plan, tx.now()).map_err(|no| entry.refuse(no))?;
        if !asked.insert((*ty, criteria)) || others.iter().any(|other| other != own) {
            let text = "The criteria also mean what another entry writes; a transaction may change a resource once";
            return Err(overlap(entry, text.to_owned()));
        }
    }
    Ok(())
}

/// An update whose criteria find nothing creates: it must not overwrite what has the id in the body.
///
/// # Errors
/// `conflict`.
pub(super) fn refuse_overwriting(
    (entry, key): (&Entry, &Key),
    head: Option<&Head>,
    seen: &Seen,
) -> Result<(), Outcome> {
    let is_by_criteria =
        matches!(&entry.action, Act::Write(Write::Update { target: Target::Criteria(..), .. }));
    if !is_by_criteria || seen.was_found(key) || head.is_none_or(|head| head.body.is_none()) {
        return Ok(());
    }
    let Key { resource_type: ty, id } = key;
    let text = format!(
        "The criteria find nothing, and there is a {ty}/{id} already, which they do not mean; leave the id out, \
         or PUT to {ty}/{id}"
    );
    Err(Outcome::new(IssueType::Conflict, text).at(format!("{ty}.id")))
}

async fn settle(
    entry: &Entry,
    fresh: Option<Key>,
    catalogue: &Catalogue<'_>,
    (tx, seen): (&mut Tx<'_>, &mut Seen),
) -> Result<Identity, Outcome> {
    let Act::Write(write) = &entry.action else { return Ok(Identity::Look) };
    let Some(Target::Criteria(ty, plan)) = write.target() else { return Ok(Identity::Look) };
    let is_create = matches!(write, Write::Create { .. });
    // what this transaction is about to delete does not count, what it is about to create does
    let mut keys = if is_create { catalogue.matching(plan, tx.now())? } else { Vec::new() };
    let limit = if is_create { seen.limit() } else { 2 };
    for version in tx.matching(plan, limit, &[Action::Search, write.action().0]).await? {
        let key = Key::new(version.resource_type, version.id);
        if !(is_create && seen.is_deleted(&key)) {
            seen.versions.insert(key.clone(), version.version);
            keys.push(key);
        }
    }
    match (keys.len(), keys.pop(), write) {
        (1, Some(key), Write::Create { .. }) => Ok(Identity::Found(key)),
        (1, Some(key), _) => Ok(Identity::Existing(key)),
        (0, _, Write::Create { .. }) => fresh.map(Identity::New).ok_or_else(no_match),
        (0, _, Write::Update { resource, .. }) => {
            // an update as create: under the id that the client gave, or a fresh one
            let id = resource.tree().root().child_text("id");
            match id {
                Some(id) => Ok(Identity::Existing(Key::new(*ty, id.into_owned()))),
                None => fresh.map(Identity::New).ok_or_else(no_match),
            }
        }
        (0, _, Write::Delete { .. }) => Ok(Identity::Nothing),
        (0, _, Write::Patch { .. }) => Err(no_match()),
        _ => Err(Outcome::new(
            IssueType::MultipleMatches,
            "The criteria match more than one resource; nothing was changed. Narrow them, for example by \
             an identifier with its system",
        )),
    }
}

fn no_match() -> Outcome {
    Outcome::new(IssueType::NotFound, "The criteria match nothing; there is nothing to change")
}

/// One resource may be changed once in a transaction.
///
/// # Errors
/// `invalid`, at the second entry.
pub(super) fn refuse_overlaps(entries: &[Entry], identities: &[Identity]) -> Result<(), Outcome> {
    let mut seen = BTreeSet::new();
    for (entry, identity) in entries.iter().zip(identities) {
        let changed = match identity {
            Identity::New(key) | Identity::Existing(key) => key,
            Identity::Found(_) | Identity::Open(_) | Identity::Nothing | Identity::Look => continue,
        };
        if !seen.insert(changed) {
            let text = format!(
                "{}/{} is changed by two entries; a transaction may change a resource once",
                changed.resource_type, changed.id
            );
            return Err(overlap(entry, text));
        }
    }
    Ok(())
}

fn overlap(entry: &Entry, text: String) -> Outcome {
    let outcome = Outcome::new(IssueType::Invalid, text);
    match &entry.place {
        Some(place) => outcome.at(place.clone()),
        None => outcome,
    }
}
