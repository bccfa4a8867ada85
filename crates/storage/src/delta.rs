//! What a change does to the index tables: which lines come, which go.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use fhir_model::ResourceType;
use search::{ContainedRows, Rows};

use crate::{
    Key,
    index::{self, CONTAINED, contained_id},
    tx::Indexing,
};

/// What a change does to the index tables.
#[derive(Debug)]
pub(crate) struct IndexDelta {
    /// `Patient/1`
    pub(crate) root: String,
    /// What goes, but for words and for what is contained.
    pub(crate) removed: Removed,
    /// What comes.
    pub(crate) added: Arc<Rows>,
    /// What becomes of words where they are written as one.
    pub(crate) words: Words,
    /// All rows of the new version.
    pub(crate) whole: Arc<Rows>,
    /// What is contained and changes.
    pub(crate) contained: Vec<ContainedDelta>,
}

#[derive(Debug)]
pub(crate) enum Removed {
    /// These lines.
    Rows(Box<Rows>),
    /// Whatever there is of the resource and of what it contains: nobody knows how the old lines were made.
    Everything,
}

/// What becomes of a resource's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// They stay.
    Stay,
    /// They come, and there were none before.
    Come,
    /// The new ones take the place of the old ones.
    Change,
}

/// What becomes of a contained resource.
#[derive(Debug)]
pub(crate) struct ContainedDelta {
    pub(crate) ty: ResourceType,
    /// `Patient/1#x`
    pub(crate) id: String,
    pub(crate) removed: Rows,
    /// `None`: it is gone.
    pub(crate) added: Option<Rows>,
}

impl IndexDelta {
    /// For the first version of a resource, or the first after a deletion.
    pub(crate) fn first(key: &Key, rows: Arc<Rows>) -> Self {
        let root = root(key);
        let contained = pair(&root, Vec::new(), rows.contained.clone());
        let words = if rows.words.is_empty() { Words::Stay } else { Words::Come };
        let added = Arc::clone(&rows);
        Self { root, removed: Removed::Rows(Box::default()), added, words, whole: rows, contained }
    }

    /// For a version that replaces another. The old lines are not looked up but extracted again, which is
    /// cheaper.
    pub(crate) fn next(indexing: &Indexing, key: &Key, before: Bytes, rows: Arc<Rows>) -> Self {
        if indexing.is_outdated {
            return Self::anew(key, rows);
        }
        let root = root(key);
        let old = indexing.extract(before);
        let (mut removed, mut added) = Rows::diff(old, (*rows).clone());
        let contained = pair(
            &root,
            std::mem::take(&mut removed.contained),
            std::mem::take(&mut added.contained),
        );
        let words = if removed.words.is_empty() && added.words.is_empty() {
            Words::Stay
        } else {
            Words::Change
        };
        Self {
            root,
            removed: Removed::Rows(Box::new(removed)),
            added: Arc::new(added),
            words,
            whole: rows,
            contained,
        }
    }

    /// For a resource whose lines are there as nobody knows.
    pub(crate) fn anew(key: &Key, rows: Arc<Rows>) -> Self {
        let root = root(key);
        let contained = pair(&root, Vec::new(), rows.contained.clone());
        let added = Arc::clone(&rows);
        Self {
            root,
            removed: Removed::Everything,
            added,
            words: Words::Change,
            whole: rows,
            contained,
        }
    }

    /// All rows that come.
    pub(crate) fn coming(&self) -> impl Iterator<Item = &Rows> {
        let contained = self.contained.iter().filter_map(|one| one.added.as_ref());
        std::iter::once(&*self.added).chain(contained)
    }

    /// Type and id of the resources that its lines refer to, and of those it contains.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (ResourceType, Cow<'_, str>)> {
        let rows = self.coming().chain(self.going());
        let contained = self.contained.iter().map(|one| (one.ty, one.id.as_str().into()));
        rows.flat_map(|rows| index::targets(&self.root, rows)).chain(contained)
    }

    /// The composite keys, as `p`, code and system, of its lines.
    pub(crate) fn composite_keys(&self) -> impl Iterator<Item = (i32, &str, Option<&str>)> {
        let own = match &self.removed {
            Removed::Rows(rows) => Some(&**rows),
            Removed::Everything => None,
        };
        let own = own.into_iter().chain(std::iter::once(&*self.added));
        let contained =
            self.contained.iter().flat_map(|one| one.added.iter().chain([&one.removed]));
        own.flat_map(|rows| index::composite_keys(0, rows))
            .chain(contained.flat_map(|rows| index::composite_keys(CONTAINED, rows)))
    }

    /// All rows that go and are known.
    pub(crate) fn going(&self) -> impl Iterator<Item = &Rows> {
        let own = match &self.removed {
            Removed::Rows(rows) => Some(&**rows),
            Removed::Everything => None,
        };
        own.into_iter().chain(self.contained.iter().map(|one| &one.removed))
    }
}

fn root(key: &Key) -> String {
    format!("{}/{}", key.resource_type, key.id)
}

/// What was and what is contained, by type and id.
fn pair(root: &str, old: Vec<ContainedRows>, new: Vec<ContainedRows>) -> Vec<ContainedDelta> {
    let by_id = |contained: Vec<ContainedRows>| -> BTreeMap<(ResourceType, Box<str>), Rows> {
        contained.into_iter().map(|one| ((one.ty, one.id), one.rows)).collect()
    };
    let mut new = by_id(new);
    let mut deltas = Vec::with_capacity(old.len() + new.len());
    for ((ty, local), rows) in by_id(old) {
        let id = contained_id(root, &local);
        let (removed, added) = match new.remove(&(ty, local)) {
            Some(now) => {
                let (removed, added) = Rows::diff(rows, now);
                (removed, Some(added))
            }
            None => (rows, None),
        };
        deltas.push(ContainedDelta { ty, id, removed, added });
    }
    deltas.extend(new.into_iter().map(|((ty, local), rows)| ContainedDelta {
        ty,
        id: contained_id(root, &local),
        removed: Rows::default(),
        added: Some(rows),
    }));
    deltas
}
