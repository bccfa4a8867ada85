//! Tokens that were looked up a moment ago. A look-up is good for [`LEASE`]; what this process revokes is forgotten at
//! once, and whoever revokes beside other processes waits for the lease to run out before they are told that it is
//! done. So no process accepts a token after its revocation was answered, and no request waits for another process.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth::Grant;

/// For how long a look-up is good.
pub(crate) const LEASE: Duration = Duration::from_millis(200);
/// Tokens that are remembered at most.
const TOKENS_MAX: usize = 100_000;

#[expect(clippy::disallowed_types, reason = "looked up with each request, never iterated")]
type Tokens = std::collections::HashMap<[u8; 32], (Instant, Arc<Grant>)>;

#[derive(Debug, Default)]
pub(super) struct Live {
    tokens: RwLock<Tokens>,
    origins: RwLock<Option<(Instant, Arc<BTreeSet<String>>)>>,
    /// Grows with each revocation: what was looked up before one is not remembered after it.
    revocations: AtomicU64,
}

/// Drawn before a look-up.
pub(super) struct Ticket {
    begun: Instant,
    revocations: u64,
}

impl Live {
    /// To be drawn before a look-up.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket { begun: Instant::now(), revocations: self.revocations.load(Ordering::SeqCst) }
    }

    pub(super) fn token(&self, hash: &[u8; 32]) -> Option<Arc<Grant>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let (looked_up, grant) = tokens.get(hash)?;
        (looked_up.elapsed() < LEASE).then(|| Arc::clone(grant))
    }

    pub(super) fn keep_token(&self, ticket: &Ticket, hash: [u8; 32], grant: &Arc<Grant>) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        if self.revocations.load(Ordering::SeqCst) != ticket.revocations {
            return;
        }
        if tokens.len() >= TOKENS_MAX {
            tokens.retain(|_, (looked_up, _)| looked_up.elapsed() < LEASE);
        }
        if tokens.len() < TOKENS_MAX {
            tokens.insert(hash, (ticket.begun, Arc::clone(grant)));
        }
    }

    pub(super) fn origins(&self) -> Option<Arc<BTreeSet<String>>> {
        let origins = self.origins.read().unwrap_or_else(PoisonError::into_inner);
        let (looked_up, known) = origins.as_ref()?;
        (looked_up.elapsed() < LEASE).then(|| Arc::clone(known))
    }

    pub(super) fn keep_origins(
        &self,
        ticket: &Ticket,
        known: BTreeSet<String>,
    ) -> Arc<BTreeSet<String>> {
        let known = Arc::new(known);
        let mut origins = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        if self.revocations.load(Ordering::SeqCst) == ticket.revocations {
            *origins = Some((ticket.begun, Arc::clone(&known)));
        }
        known
    }

    /// After a commit that took something back.
    pub(super) fn forget(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).clear();
        *self.origins.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Arc<Grant> {
        Arc::new(Grant {
            token_id: "t".to_owned(),
            client: None,
            client_organization: None,
            origins: Vec::new(),
            user: None,
            patient: None,
            encounter: None,
            scopes: String::new(),
            expires: fhir_model::Instant::from_millis(0),
        })
    }

    #[test]
    fn what_was_looked_up_before_a_revocation_is_not_kept_after_it() {
        let live = Live::default();
        let (early, key) = (live.ticket(), [1; 32]);
        live.keep_token(&early, key, &grant());
        assert!(live.token(&key).is_some());
        live.forget();
        assert!(live.token(&key).is_none());
        live.keep_token(&early, key, &grant());
        assert!(live.token(&key).is_none());
    }

    #[test]
    fn a_look_up_is_good_for_a_moment_only() {
        let live = Live::default();
        let begun = Instant::now().checked_sub(LEASE).unwrap();
        live.keep_token(&Ticket { begun, revocations: 0 }, [1; 32], &grant());
        assert!(live.token(&[1; 32]).is_none());
    }
}
