//! Asks the restarted server for everything in the journal.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::writer::{Acknowledged, ENTRY_TYPES, Journal, Uncertain};
use crate::bundle::BundleAnswer;
use crate::call::{Answer, Call};
use crate::fault::Fault;
use crate::sample::{References, Samples};
use crate::server::Server;
use crate::session::Session;

/// What is not as it was promised, a line each.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) lost: Vec<String>,
    pub(crate) half: Vec<String>,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.half.extend(other.half);
    }
}

const READERS: usize = 16;
const FOUND_OR_NOT: &[u16] = &[200, 404];

pub(crate) async fn journal(
    server: &Server,
    samples: &Rc<Samples>,
    journal: &Journal,
) -> Result<Verdict, Fault> {
    let mut verdict = Verdict::default();
    let mut readers = JoinSet::new();
    let share = journal.acknowledged.len().div_ceil(READERS).max(1);
    for versions in journal.acknowledged.chunks(share) {
        let session = Session::unrecorded(Rc::clone(&server.target));
        readers.spawn_local(lost(session, Rc::clone(samples), versions.to_vec()));
    }
    for lost in readers.join_all().await {
        verdict.lost.extend(lost?);
    }
    let mut session = Session::unrecorded(Rc::clone(&server.target));
    verdict.lost.extend(rolled_back(&mut session, journal).await?);
    for transaction in &journal.uncertain {
        let there = count(&mut session, transaction).await?;
        if there != 0 && there != ENTRY_TYPES.len() {
            verdict.half.push(format!("{there} of {} of {transaction:?}", ENTRY_TYPES.len()));
        }
    }
    Ok(verdict)
}

/// Versions that cannot be read back as they were sent.
async fn lost(
    mut session: Session,
    samples: Rc<Samples>,
    versions: Vec<Acknowledged>,
) -> Result<Vec<String>, Fault> {
    let mut lost = Vec::new();
    for Acknowledged { path, version, n } in versions {
        let vread = format!("{path}/_history/{version}");
        let answer = session.send(Call::get("vread", &vread).keeping_body()).await?;
        if answer.status != 200 {
            lost.push(format!("{vread}: {}", answer.status));
            continue;
        }
        let resource_type = path.split('/').next().unwrap_or_default();
        let sent = samples.get(resource_type)?.body(&n, None, &References::new());
        if comparable(&answer.body)? != comparable(&sent)? {
            lost.push(format!("{vread}: other content"));
        }
    }
    Ok(lost)
}

/// Without what the server sets: `id`, `meta`, and the references that a transaction resolves.
fn comparable(body: &[u8]) -> Result<Value, Fault> {
    const SET_BY_THE_SERVER: [&str; 6] =
        ["id", "meta", "subject", "encounter", "performer", "recorder"];
    let mut resource: Value = serde_json::from_slice(body)?;
    if let Some(members) = resource.as_object_mut() {
        members.retain(|name, _| !SET_BY_THE_SERVER.contains(&name.as_str()));
    }
    Ok(resource)
}

/// Resources whose current version is neither the last acknowledged nor one that was under way.
async fn rolled_back(session: &mut Session, journal: &Journal) -> Result<Vec<String>, Fault> {
    let mut last: BTreeMap<&str, &Acknowledged> = BTreeMap::new();
    for version in &journal.acknowledged {
        let newest = last.entry(&version.path).or_insert(version);
        if version.version > newest.version {
            *newest = version;
        }
    }
    let mut complaints = Vec::new();
    for (path, acknowledged) in last {
        let answer = session.send(Call::get("read", path).keeping_body()).await?;
        let current = identifier(&answer).unwrap_or_default();
        let under_way =
            journal.pending.iter().any(|update| update.path == path && update.n == current);
        if current != acknowledged.n && !under_way {
            complaints.push(format!(
                "{path}: status {}, current identifier {current}, acknowledged version {} with {}",
                answer.status, acknowledged.version, acknowledged.n
            ));
        }
    }
    Ok(complaints)
}

fn identifier(answer: &Answer) -> Option<String> {
    let resource: Value = serde_json::from_slice(&answer.body).ok()?;
    Some(resource.pointer("/identifier/0/value")?.as_str()?.to_owned())
}

/// How many entries of a transaction exist.
async fn count(session: &mut Session, transaction: &Uncertain) -> Result<usize, Fault> {
    let mut there = 0;
    match transaction {
        Uncertain::ByPath(paths) => {
            for path in paths {
                let call = Call::get("read entry", path).expecting(FOUND_OR_NOT);
                there += usize::from(session.require(call).await?.status == 200);
            }
        }
        Uncertain::ByIdentifier(n) => {
            for resource_type in ENTRY_TYPES {
                let path = format!("{resource_type}?identifier={n}");
                let answer = session.require(Call::get("find entry", &path).keeping_body()).await?;
                there += BundleAnswer::parse(&answer.body)?.found_ids().count();
            }
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_sets_is_no_difference_and_anything_else_is() {
        let same = |one: &str, other: &str| {
            comparable(one.as_bytes()).unwrap() == comparable(other.as_bytes()).unwrap()
        };
        let sent = r#"{"resourceType":"Patient","subject":{"reference":"urn:a"},"active":true}"#;
        let stored =
            r#"{"resourceType":"Patient","id":"7","meta":{"versionId":"1"},"active":true}"#;
        assert!(same(sent, stored));
        assert!(!same(sent, &stored.replace("true", "false")));
    }
}
