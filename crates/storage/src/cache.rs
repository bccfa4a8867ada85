//! Current versions in memory, so that a resource that is read often costs no look into the database.
//!
//! **Invariant**: what is found here is the latest committed version. A commit takes the versions it replaces
//! out before it begins to be visible, and keeps everybody from putting one in until it is over; who looked
//! into the database before that has a ticket that is no longer good. So no read gives an older version than
//! an acknowledged write, or another read before it, has shown.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use crate::{Key, Version, vouched::Changes};

/// Bytes that versions may take, all together.
const BYTES_MAX: usize = 64 << 20;

/// Parts, each behind a lock of its own.
const SHARDS: usize = 64;

/// What a version takes beside its body and twice its id: the structs, the row of the map, the allocator, and what
/// is known of it for the gate.
const OVERHEAD_BYTES: usize = 512;

#[expect(clippy::disallowed_types, reason = "looked up once a read; never iterated")]
type Versions = std::collections::HashMap<Key, Arc<Version>>;

/// The cache of one process that is the only one to write to its database.
pub(crate) struct Cache {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    generation_bytes_max: usize,
    /// How often resources of each type were changed.
    pub(crate) changes: Changes,
}

/// Two generations: what is found in the old one moves into the young one; when that is full it becomes the
/// old one, and what nobody asked for meanwhile goes.
#[derive(Default)]
struct Shard {
    young: Versions,
    young_bytes: usize,
    old: Versions,
    /// Commits that are under way.
    changing: u32,
    /// Commits that are over.
    changed: u64,
}

/// Says when somebody set out to look into the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    changed: u64,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self::with_bytes_max(BYTES_MAX)
    }

    fn with_bytes_max(bytes_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            generation_bytes_max: bytes_max / SHARDS / 2,
            changes: Changes::new(),
        }
    }

    /// The current version, or a ticket to be taken before a look into the database.
    pub(crate) fn get(&self, key: &Key) -> Result<Arc<Version>, Ticket> {
        let mut shard = self.shard(key);
        if let Some(found) = shard.young.get(key) {
            return Ok(Arc::clone(found));
        }
        let Some((key, found)) = shard.old.remove_entry(key) else {
            return Err(Ticket { changed: shard.changed });
        };
        let stale = shard.keep(key, Arc::clone(&found), self.generation_bytes_max);
        drop(shard);
        drop(stale);
        Ok(found)
    }

    /// Keeps what a look into the database found, if nothing was committed since the ticket was taken.
    pub(crate) fn put(&self, ticket: Ticket, key: &Key, version: &Arc<Version>) {
        // one that would push out half a generation is not worth it
        if weight(key, version) > self.generation_bytes_max / 2 {
            return;
        }
        let mut shard = self.shard(key);
        if shard.changing == 0 && shard.changed == ticket.changed {
            let stale = shard.keep(key.clone(), Arc::clone(version), self.generation_bytes_max);
            drop(shard);
            drop(stale);
        }
    }

    /// Commits, or undoes, what was done to these keys.
    pub(crate) fn while_changing<T>(&self, keys: &[Key], end: impl FnOnce() -> T) -> T {
        for key in keys {
            let mut shard = self.shard(key);
            shard.changing += 1;
            shard.forget(key);
        }
        let ended = end();
        self.changes.count(keys);
        for key in keys {
            let mut shard = self.shard(key);
            shard.changing -= 1;
            shard.changed += 1;
        }
        ended
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    #[expect(clippy::indexing_slicing, reason = "a remainder is in range")]
    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(key) as usize % self.shards.len();
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    /// Puts a version into the young generation; what is to be dropped, once the lock is open.
    fn keep(&mut self, key: Key, version: Arc<Version>, generation_bytes_max: usize) -> Versions {
        let bytes = weight(&key, &version);
        let mut stale = Versions::default();
        if self.young_bytes + bytes > generation_bytes_max {
            stale = mem::replace(&mut self.old, mem::take(&mut self.young));
            self.young_bytes = 0;
        }
        // somebody else may have read the same meanwhile
        if self.young.insert(key, version).is_none() {
            self.young_bytes += bytes;
        }
        stale
    }

    fn forget(&mut self, key: &Key) {
        if let Some(version) = self.young.remove(key) {
            self.young_bytes -= weight(key, &version);
        }
        self.old.remove(key);
    }
}

fn weight(key: &Key, version: &Version) -> usize {
    OVERHEAD_BYTES + 2 * key.id.len() + version.body.as_ref().map_or(0, Bytes::len)
}

impl fmt::Debug for Cache {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache")
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::{Instant, ResourceType};

    use super::*;
    use crate::Method;

    fn key(id: &str) -> Key {
        Key::new(ResourceType::named("Basic").unwrap(), id)
    }

    fn version(key: &Key, version: u64, bytes: usize) -> Arc<Version> {
        Arc::new(Version {
            res: 1,
            resource_type: key.resource_type,
            id: key.id.clone(),
            version,
            updated: Instant::from_millis(0),
            method: Method::Put,
            contained: None,
            facts: crate::facts::Facts::default(),
            body: Some(vec![b' '; bytes].into()),
        })
    }

    fn number(found: Result<Arc<Version>, Ticket>) -> Option<u64> {
        found.ok().map(|found| found.version)
    }

    #[test]
    fn what_was_read_before_a_commit_is_not_kept_after_it() {
        let (cache, key) = (Cache::new(), key("a"));
        let ticket = cache.get(&key).unwrap_err();
        let old = version(&key, 1, 10);
        cache.while_changing(std::slice::from_ref(&key), || {});
        cache.put(ticket, &key, &old);
        assert_eq!(number(cache.get(&key)), None);
        // the same look, begun after the commit, is kept
        let ticket = cache.get(&key).unwrap_err();
        cache.put(ticket, &key, &version(&key, 2, 10));
        assert_eq!(number(cache.get(&key)), Some(2));
    }

    #[test]
    fn nothing_is_kept_while_a_commit_is_under_way() {
        let (cache, key) = (Cache::new(), key("a"));
        let before = cache.get(&key).unwrap_err();
        cache.put(before, &key, &version(&key, 1, 10));
        // the same key twice in a group
        cache.while_changing(&[key.clone(), key.clone()], || {
            let during = cache.get(&key).unwrap_err();
            cache.put(before, &key, &version(&key, 1, 10));
            cache.put(during, &key, &version(&key, 1, 10));
            assert_eq!(number(cache.get(&key)), None);
        });
        cache.put(before, &key, &version(&key, 1, 10));
        assert_eq!(number(cache.get(&key)), None);
    }

    #[test]
    fn memory_is_bounded_and_what_is_asked_for_stays() {
        let bytes_max = 4 << 20;
        let cache = Cache::with_bytes_max(bytes_max);
        let favourite = key("favourite");
        let ticket = cache.get(&favourite).unwrap_err();
        cache.put(ticket, &favourite, &version(&favourite, 7, 1000));
        for n in 0..50_000 {
            let key = key(&n.to_string());
            let ticket = cache.get(&key).unwrap_err();
            cache.put(ticket, &key, &version(&key, 1, 1000));
            if n % 100 == 0 {
                assert_eq!(number(cache.get(&favourite)), Some(7), "after {n}");
            }
        }
        let bytes: usize = cache
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                let versions = shard.young.iter().chain(&shard.old);
                versions.map(|(key, version)| weight(key, version)).sum::<usize>()
            })
            .sum();
        assert!((bytes_max / 2..=bytes_max).contains(&bytes), "{bytes}");
        // one that is as big as all that a shard may hold
        let giant = key("giant");
        let ticket = cache.get(&giant).unwrap_err();
        cache.put(ticket, &giant, &version(&giant, 1, bytes_max / SHARDS));
        assert_eq!(number(cache.get(&giant)), None);
    }

    #[test]
    fn what_takes_itself_out_gives_its_bytes_back() {
        let (cache, key) = (Cache::with_bytes_max(1 << 20), key("a"));
        for n in 0..1000 {
            let ticket = cache.get(&key).unwrap_err();
            cache.put(ticket, &key, &version(&key, n, 1000));
            cache.put(ticket, &key, &version(&key, n, 1000));
            assert_eq!(number(cache.get(&key)), Some(n));
            cache.while_changing(std::slice::from_ref(&key), || {});
        }
        assert_eq!(cache.shard(&key).young_bytes, 0);
    }
}
