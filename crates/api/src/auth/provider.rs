//! Another issuer of tokens: its configuration and its keys, fetched when they are needed and kept for as long as they
//! may be. <https://openid.net/specs/openid-connect-discovery-1_0.html>

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth::jose::{JwkSet, Jws};
use fhir_model::{IssueType, Outcome};
use serde_json::{Map, Value};

use super::fetch::{self, Posted, Reach};

/// The longest that keys are kept, and how long when their address does not say.
const KEPT_MAX: Duration = Duration::from_mins(15);
const KEPT: Duration = Duration::from_mins(5);
/// Between two fetches because of a key that was not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// An issuer that the operator trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its identifier, under which its configuration lies.
    pub url: String,
    /// Name and secret by which it knows the vault.
    pub known_as: Option<(String, String)>,
}

/// What is known of an issuer.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(super) issuer: Issuer,
    known: Mutex<Option<Arc<Known>>>,
}

#[derive(Debug)]
pub(super) struct Known {
    configuration: Map<String, Value>,
    keys: JwkSet,
    at: Instant,
    until: Instant,
}

impl Known {
    /// What the issuer says of itself.
    pub(super) fn configuration(&self) -> &Map<String, Value> {
        &self.configuration
    }

    /// An address that the issuer names.
    pub(super) fn address(&self, name: &str) -> Option<&str> {
        self.configuration.get(name).and_then(Value::as_str)
    }
}

impl Provider {
    pub(crate) fn new(issuer: Issuer) -> Self {
        Self { issuer, known: Mutex::default() }
    }

    /// The claims of a token that the issuer signed.
    ///
    /// # Errors
    /// What is wrong with it, in words; an outcome inside when the issuer cannot be asked.
    pub(super) async fn verified(
        &self,
        jws: &Jws<'_>,
    ) -> Result<Result<Map<String, Value>, &'static str>, Outcome> {
        let header = jws.header();
        let Some(kid) = header.kid.as_deref() else { return Ok(Err("it names no key")) };
        let known = self.known(Some(kid)).await?;
        let Some(key) = known.keys.only(kid, header.algorithm) else {
            return Ok(Err("it names a key that the issuer does not have"));
        };
        Ok(jws.verify(key).ok_or("its signature is wrong"))
    }

    /// What the issuer answers to a form.
    ///
    /// # Errors
    /// `transient` when it does not answer, or not with a JSON object and 200.
    pub(super) async fn post(
        &self,
        address: String,
        form: Posted,
    ) -> Result<Map<String, Value>, Outcome> {
        let said = fetched(move || fetch::post(&address, Reach::Named, &form)).await?;
        object(&said.body).map_err(|why| unreachable(&why))
    }

    /// Configuration and keys, with the key that is wanted if the issuer has it.
    pub(super) async fn known(&self, kid: Option<&str>) -> Result<Arc<Known>, Outcome> {
        if let Some(known) = self.kept(kid) {
            return Ok(known);
        }
        let issuer = self.issuer.url.clone();
        let known = fetched(move || {
            let place = issuer.strip_suffix('/').unwrap_or(&issuer);
            let address = format!("{place}/.well-known/openid-configuration");
            let said = fetch::get(&address, Reach::Named)?;
            let configuration = object(&said.body)?;
            let text = |name: &str| configuration.get(name).and_then(Value::as_str);
            if text("issuer") != Some(&issuer) {
                return Err("the configuration is of another issuer".to_owned());
            }
            let keys = fetch::get(text("jwks_uri").ok_or("there is no jwks_uri")?, Reach::Named)?;
            let set = JwkSet::lenient(&keys.body).ok_or("there is no JWK set at jwks_uri")?;
            let at = Instant::now();
            let until = at + keys.max_age.unwrap_or(KEPT).min(KEPT_MAX);
            Ok(Arc::new(Known { configuration, keys: set, at, until }))
        });
        let known = known.await?;
        let mut kept = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(Arc::clone(&known));
        Ok(known)
    }

    fn kept(&self, kid: Option<&str>) -> Option<Arc<Known>> {
        let kept = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.as_ref()?;
        let is_good = Instant::now() < known.until;
        let is_recent = known.at.elapsed() < PATIENCE;
        let has_key = kid.is_none_or(|kid| known.keys.has(kid));
        (is_good && has_key || is_recent).then(|| Arc::clone(known))
    }
}

/// What another thread fetches.
async fn fetched<T: Send + 'static>(
    fetch: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Outcome> {
    let done = tokio::task::spawn_blocking(fetch).await.map_err(|it| it.to_string());
    done.and_then(|it| it).map_err(|why| unreachable(&why))
}

fn unreachable(why: &str) -> Outcome {
    tracing::warn!(why, "the issuer of tokens");
    Outcome::new(IssueType::Transient, "The issuer of tokens cannot be asked right now")
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|_| "the answer is no JSON object".to_owned())
}
