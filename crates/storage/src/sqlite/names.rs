//! Code systems and keys of composites as small numbers, remembered.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::index::COMPOSITE_KEY_MIN;

#[expect(clippy::disallowed_types, reason = "looked up several times a resource; never iterated")]
type Map<K, V> = std::collections::HashMap<K, V>;

/// Names remembered; beyond these all are forgotten and looked up again.
const NAMES_MAX: usize = 50_000;

/// What was looked up before.
#[derive(Debug, Default)]
pub(super) struct Names {
    systems: Map<Box<str>, i32>,
    /// By `p` and `sys`, then by code.
    composite_keys: Map<(i32, i32), Map<Box<str>, i32>>,
    composite_keys_len: usize,
    /// Whether something was looked up or numbered in the open transaction.
    is_fresh: bool,
}

impl Names {
    /// The transaction is there to stay.
    pub(super) fn keep(&mut self) {
        self.is_fresh = false;
    }

    /// The transaction or a part of it is undone, and with it perhaps numbers that it gave.
    pub(super) fn undo(&mut self) {
        if self.is_fresh {
            *self = Self::default();
        }
    }

    /// The number of a code system; a new one is numbered.
    pub(super) fn system(&mut self, connection: &Connection, uri: &str) -> rusqlite::Result<i32> {
        if let Some(&sys) = self.systems.get(uri) {
            return Ok(sys);
        }
        if self.systems.len() >= NAMES_MAX {
            self.systems.clear();
        }
        let known = connection
            .prepare_cached("select sys from token_system where uri = ?1")?
            .query_row([uri], |row| row.get(0))
            .optional()?;
        let sys = match known {
            Some(sys) => sys,
            None => connection
                .prepare_cached("insert into token_system (uri) values (?1) returning sys")?
                .query_row([uri], |row| row.get(0))?,
        };
        self.systems.insert(uri.into(), sys);
        self.is_fresh = true;
        Ok(sys)
    }

    /// The number of a composite's key, of its `p` and `sys` and of its code; a new one is numbered.
    pub(super) fn composite_key(
        &mut self,
        connection: &Connection,
        (p, sys): (i32, i32),
        code: &str,
    ) -> rusqlite::Result<i32> {
        if let Some(&k) = self.composite_keys.get(&(p, sys)).and_then(|keys| keys.get(code)) {
            return Ok(k);
        }
        if self.composite_keys_len >= NAMES_MAX {
            self.composite_keys.clear();
            self.composite_keys_len = 0;
        }
        let known = connection
            .prepare_cached("select k from composite_key where p = ?1 and code = ?2 and sys = ?3")?
            .query_row(params![p, code, sys], |row| row.get(0))
            .optional()?;
        let k = match known {
            Some(k) => k,
            None => connection
                .prepare_cached(
                    "insert into composite_key (k, p, code, sys)
                     select coalesce(max(k) + 1, ?4), ?1, ?2, ?3 from composite_key
                     returning k",
                )?
                .query_row(params![p, code, sys, COMPOSITE_KEY_MIN], |row| row.get(0))?,
        };
        self.composite_keys.entry((p, sys)).or_default().insert(code.into(), k);
        self.composite_keys_len += 1;
        self.is_fresh = true;
        Ok(k)
    }
}
