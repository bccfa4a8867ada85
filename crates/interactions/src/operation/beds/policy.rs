//! The policy in force: a `Library` with JSON parameters, or the one that is built in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use beds::Policy;
use fhir_model::{IssueType, Outcome, json::Value};
use storage::Turn;

use super::{CANONICAL, document, planners, ty};
use crate::{
    Fhir, Query,
    operation::idempotency::hex,
    search::{Reach, understand},
};

/// The version of the policy that is built in.
const BUILT_IN: &str = "1.2.0";

/// A policy and its name: `canonical|version|SHA-256`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InForce {
    pub(super) policy: Policy,
    pub(super) name: String,
}

/// The policy with this canonical, or the active one.
///
/// # Errors
/// `not-found` for a canonical that no active `Library` has; `invalid` for one that holds no policy.
pub(super) async fn in_force(fhir: &Fhir, canonical: Option<&str>) -> Result<InForce, Outcome> {
    let usual = format!("{CANONICAL}/Library/bed-policy");
    let (url, version) = canonical
        .unwrap_or(&usual)
        .split_once('|')
        .map_or_else(|| (canonical.unwrap_or(&usual), None), |(url, version)| (url, Some(version)));
    match library(fhir, url, version).await? {
        Some(library) => of_library(&library, url),
        None if url == usual && version.is_none_or(|it| it == BUILT_IN) => built_in(&usual),
        None => {
            let text = "There is no active Library with the canonical URL of that policy";
            Err(Outcome::new(IssueType::NotFound, text))
        }
    }
}

fn built_in(url: &str) -> Result<InForce, Outcome> {
    let policy = Policy::default();
    let text = serde_json::to_vec(&policy)
        .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
    Ok(InForce { name: format!("{url}|{BUILT_IN}|{}", hex(&text)), policy })
}

async fn library(fhir: &Fhir, url: &str, version: Option<&str>) -> Result<Option<Value>, Outcome> {
    let mut query = Query::default();
    query.push("url", url);
    query.push("status", "active");
    if let Some(version) = version {
        query.push("version", version);
    }
    query.push("_sort", "-_lastUpdated");
    let reach = Reach::Type(ty("Library")?);
    let (plan, _) = understand(fhir, &reach, query, search::Handling::Strict)?;
    let page = fhir.vault.search(&planners()?, &plan, &Turn::First, 1).await?;
    let body = page.versions.first().and_then(|version| version.body.as_ref());
    body.map(|body| document::read(body)).transpose()
}

fn of_library(library: &Value, url: &str) -> Result<InForce, Outcome> {
    let wrong = |text: String| Outcome::new(IssueType::Invalid, text).at("Library.content");
    let data = document::items(library, "content")
        .iter()
        .find_map(|it| document::text(it, "data"))
        .ok_or_else(|| wrong("The policy's Library has no content.data".to_owned()))?;
    let bytes = STANDARD
        .decode(data)
        .map_err(|_| wrong("The policy's Library is not base64".to_owned()))?;
    let policy = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("The policy cannot be understood: {error}")))?;
    let version = document::text(library, "version").unwrap_or("0");
    Ok(InForce { name: format!("{url}|{version}|{}", hex(&bytes)), policy })
}
