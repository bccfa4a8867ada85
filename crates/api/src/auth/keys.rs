//! The public keys of clients: those that were registered, or those at a registered address.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#signature-verification>

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::{
    jose::JwkSet,
    oauth::{Client, Code, Refusal},
};

use super::fetch::{self, Reach};

/// The longest that keys are kept, whatever their address says.
const KEPT_MAX: Duration = Duration::from_mins(15);
/// For which they are kept when it says nothing.
const KEPT: Duration = Duration::from_mins(1);
/// Between two fetches because of a key that was not there.
const PATIENCE: Duration = Duration::from_secs(10);
/// Addresses that are remembered at most.
const ADDRESSES_MAX: usize = 1000;

/// Where keys come from.
#[derive(Debug)]
pub(crate) struct KeySource {
    reach: Reach,
    fetched: Mutex<BTreeMap<String, Fetched>>,
}

#[derive(Debug, Clone)]
struct Fetched {
    keys: JwkSet,
    at: Instant,
    until: Instant,
}

impl KeySource {
    /// For a vault that is served at this address.
    pub(crate) fn new(issuer: &str) -> Self {
        let is_local = issuer.starts_with("http://127.0.0.1") || issuer.starts_with("http://[::1]");
        let reach = if is_local { Reach::Loopback } else { Reach::Public };
        Self { reach, fetched: Mutex::default() }
    }

    /// The keys of a client. `kid` is the one that is wanted.
    ///
    /// # Errors
    /// `invalid_client` when there are none to be had.
    pub(super) async fn of(&self, client: &Client, kid: &str) -> Result<JwkSet, Refusal> {
        let none = |why| Refusal::new(Code::InvalidClient, why);
        if let Some(keys) = &client.about.jwks {
            return JwkSet::of(keys).map_err(|_| none("The client's registered keys are damaged"));
        }
        let uri = client.about.jwks_uri.clone();
        let uri = uri.ok_or_else(|| none("The client registered no keys"))?;
        if let Some(keys) = self.kept(&uri, kid) {
            return Ok(keys);
        }
        let (at, reach, address) = (Instant::now(), self.reach, uri.clone());
        let fetched = tokio::task::spawn_blocking(move || fetch::get(&address, reach)).await;
        let fetched = fetched.map_err(|_| none("The keys at jwks_uri cannot be fetched"))?;
        let fetched = fetched.map_err(|why| {
            tracing::warn!(client = client.id, why, "jwks_uri");
            none("The keys at jwks_uri cannot be fetched")
        })?;
        let keys = JwkSet::lenient(&fetched.body);
        let keys = keys.ok_or_else(|| none("There is no JWK set at jwks_uri"))?;
        let life = fetched.max_age.unwrap_or(KEPT).min(KEPT_MAX);
        self.keep(uri, Fetched { keys: keys.clone(), at, until: at + life });
        Ok(keys)
    }

    /// Keys that may still be used: with the one that is wanted, or asked for just now.
    fn kept(&self, uri: &str, kid: &str) -> Option<JwkSet> {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        let found = fetched.get(uri)?;
        let is_good = Instant::now() < found.until;
        let is_recent = found.at.elapsed() < PATIENCE;
        (is_good && (found.keys.has(kid) || is_recent)).then(|| found.keys.clone())
    }

    fn keep(&self, uri: String, keys: Fetched) {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if fetched.len() >= ADDRESSES_MAX {
            let now = Instant::now();
            fetched.retain(|_, kept| now < kept.until);
        }
        if fetched.len() < ADDRESSES_MAX {
            fetched.insert(uri, keys);
        }
    }
}
