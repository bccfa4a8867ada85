//! Who had a token a moment ago: to read its scopes once, not with each of a thousand requests a second. Kept only of
//! those of whom nothing is looked up in the record, and for the very grant that the accounts gave: what was revoked or
//! changed since is another one.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use auth::{Grant, Principal};
use fhir_model::Instant;

/// For how long somebody is taken for who they were; their time stands still so long.
const MILLIS: i64 = 20;

/// Tokens at once.
const TOKENS_MAX: usize = 4_096;

#[expect(clippy::disallowed_types, reason = "looked up with each request, never shown")]
type Known = std::collections::HashMap<usize, (Arc<Grant>, Arc<Principal>)>;

/// Those who were met, by where their grant is.
#[derive(Clone, Default)]
pub(crate) struct Met(Arc<RwLock<Known>>);

impl Met {
    pub(crate) fn who(&self, grant: &Arc<Grant>, now: Instant) -> Option<Arc<Principal>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (kept, who) = known.get(&place(grant))?;
        let age = now.millis() - who.now().millis();
        let is_fresh = Arc::ptr_eq(kept, grant) && (0..MILLIS).contains(&age);
        (is_fresh && !grant.is_over(now)).then(|| Arc::clone(who))
    }

    /// The grant is kept with it, so that no other is ever in its place.
    pub(crate) fn keep(&self, grant: &Arc<Grant>, who: &Arc<Principal>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        known.insert(place(grant), (Arc::clone(grant), Arc::clone(who)));
    }
}

fn place(grant: &Arc<Grant>) -> usize {
    Arc::as_ptr(grant).addr()
}

impl fmt::Debug for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Met")
    }
}
