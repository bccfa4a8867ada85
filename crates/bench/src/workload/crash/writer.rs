//! A writer that notes what the server acknowledged, and what was under way when it died.

use std::rc::Rc;

use bytes::Bytes;

use crate::bundle::{BundleAnswer, TransactionBuilder};
use crate::call::{Answer, Call};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::sample::{References, Samples};
use crate::session::Session;

/// A version that the server said it has.
#[derive(Debug, Clone)]
pub(crate) struct Acknowledged {
    /// `Type/id`
    pub(crate) path: String,
    pub(crate) version: u64,
    /// What the body was filled with.
    pub(crate) n: String,
}

/// A transaction of which no answer came: all of it is there, or nothing.
#[derive(Debug, Clone)]
pub(crate) enum Uncertain {
    /// Entries with ids that the writer chose.
    ByPath([String; 3]),
    /// The identifier of its entries, each of another type.
    ByIdentifier(String),
}

/// An update of which no answer came.
#[derive(Debug, Clone)]
pub(crate) struct PendingUpdate {
    pub(crate) path: String,
    pub(crate) n: String,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) acknowledged: Vec<Acknowledged>,
    pub(crate) uncertain: Vec<Uncertain>,
    pub(crate) pending: Vec<PendingUpdate>,
    /// Answers that were neither a success nor the end of the connection.
    pub(crate) refused: usize,
}

impl Journal {
    pub(crate) fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.uncertain.extend(other.uncertain);
        self.pending.extend(other.pending);
        self.refused += other.refused;
    }
}

/// Types of a transaction's entries; the first is what the others are about.
pub(crate) const ENTRY_TYPES: [&str; 3] = ["Patient", "Condition", "Observation"];

#[derive(Debug)]
pub(crate) struct Writer {
    samples: Rc<Samples>,
    hospital: Rc<References>,
    dice: Dice,
    session: Session,
    journal: Journal,
}

enum Work {
    Create,
    Update,
    TransactionOfCreates,
    TransactionOfUpdates,
}

const WORK: [(usize, Work); 4] = [
    (40, Work::Create),
    (30, Work::Update),
    (15, Work::TransactionOfCreates),
    (15, Work::TransactionOfUpdates),
];

impl Writer {
    /// `hospital` is what the writer's Patients are treated at and by.
    pub(crate) fn new(
        samples: Rc<Samples>,
        hospital: Rc<References>,
        dice: Dice,
        session: Session,
    ) -> Self {
        Self { samples, hospital, dice, session, journal: Journal::default() }
    }

    /// Writes until the connection breaks.
    pub(crate) async fn until_cut_off(mut self) -> Journal {
        while self.step().await.is_ok() {}
        self.journal
    }

    async fn step(&mut self) -> Result<(), Fault> {
        let n = uuid::Uuid::now_v7().to_string();
        match self.dice.weighted(&WORK) {
            Some(Work::Update) => self.update(n).await,
            Some(Work::TransactionOfCreates) => self.transaction(n, |_, _| None).await,
            Some(Work::TransactionOfUpdates) => {
                self.transaction(n, |resource_type, n| Some(format!("{resource_type}/{n}"))).await
            }
            Some(Work::Create) | None => self.create(n).await,
        }
    }

    async fn create(&mut self, n: String) -> Result<(), Fault> {
        let body = self.samples.get("Patient")?.body(&n, None, &References::new());
        let answer = self.session.send(Call::create("create", "Patient", body)).await?;
        let path = answer.id().map(|id| format!("Patient/{id}"));
        self.note(&answer, path, n);
        Ok(())
    }

    /// A new version of something of its own.
    async fn update(&mut self, n: String) -> Result<(), Fault> {
        let patients: Vec<&Acknowledged> = self
            .journal
            .acknowledged
            .iter()
            .rev()
            .take(20)
            .filter(|version| version.path.starts_with("Patient/"))
            .collect();
        let Some(path) = self.dice.pick(&patients).map(|version| version.path.clone()) else {
            return self.create(n).await;
        };
        let call = self.samples.get("Patient")?.update(&path, &n, &References::new());
        match self.session.send(call).await {
            Ok(answer) => self.note(&answer, Some(path), n),
            Err(fault) => {
                self.journal.pending.push(PendingUpdate { path, n });
                return Err(fault);
            }
        }
        Ok(())
    }

    fn note(&mut self, answer: &Answer, path: Option<String>, n: String) {
        match (answer.status, path, version_of(answer)) {
            (200 | 201, Some(path), Some(version)) => {
                self.journal.acknowledged.push(Acknowledged { path, version, n });
            }
            _ => self.journal.refused += 1,
        }
    }

    /// One entry of each type; `path` chooses where to PUT it, none means POST.
    async fn transaction(
        &mut self,
        n: String,
        path: impl Fn(&str, &str) -> Option<String>,
    ) -> Result<(), Fault> {
        let paths = ENTRY_TYPES.map(|resource_type| path(resource_type, &n));
        let body = self.bundle(&n, &paths)?;
        match self.session.send(Call::bundle("transaction", body).keeping_body()).await {
            Ok(answer) if answer.status == 200 => {
                for (path, version) in entries(&answer.body)? {
                    self.journal.acknowledged.push(Acknowledged { path, version, n: n.clone() });
                }
                Ok(())
            }
            Ok(_) => {
                self.journal.refused += 1;
                Ok(())
            }
            Err(fault) => {
                self.journal.uncertain.push(match paths {
                    [Some(first), Some(second), Some(third)] => {
                        Uncertain::ByPath([first, second, third])
                    }
                    _ => Uncertain::ByIdentifier(n),
                });
                Err(fault)
            }
        }
    }

    fn bundle(&self, n: &str, paths: &[Option<String>; 3]) -> Result<Bytes, Fault> {
        let mut bundle = TransactionBuilder::new();
        // The first value of a slot counts.
        let mut references: References = vec![("patient", format!("urn:uuid:{n}"))];
        references.extend(self.hospital.iter().cloned());
        for (at, (resource_type, path)) in ENTRY_TYPES.iter().zip(paths).enumerate() {
            let sample = self.samples.get(resource_type)?;
            // The first entry's urn is the one that the others refer to.
            let urn = if at == 0 {
                format!("urn:uuid:{n}")
            } else {
                format!("urn:uuid:{}", uuid::Uuid::now_v7())
            };
            match path {
                Some(path) => {
                    let id = path.rsplit_once('/').map(|(_, id)| id);
                    bundle.update(&urn, path, |out| sample.body_into(out, n, id, &references));
                }
                None => {
                    bundle.create(&urn, resource_type, |out| {
                        sample.body_into(out, n, None, &references);
                    });
                }
            }
        }
        Ok(bundle.finish())
    }
}

/// `W/"3"` is version 3.
fn version_of(answer: &Answer) -> Option<u64> {
    answer.etag()?.to_str().ok()?.trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// Path and version of each entry of a transaction-response.
fn entries(body: &[u8]) -> Result<Vec<(String, u64)>, Fault> {
    let answer = BundleAnswer::parse(body)?;
    let locations = answer.locations().map(|location| {
        let (resource, version) = location.split_once("/_history/")?;
        let (before_id, id) = resource.rsplit_once('/')?;
        let resource_type = before_id.rsplit_once('/').map_or(before_id, |(_, name)| name);
        Some((format!("{resource_type}/{id}"), version.parse().ok()?))
    });
    let found: Option<Vec<_>> = locations.collect();
    match found {
        Some(entries) if entries.len() == ENTRY_TYPES.len() => Ok(entries),
        _ => Err(Fault::Answer("a transaction-response without all its locations".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_give_paths_and_versions() {
        let body = br#"{"entry":[
            {"response":{"status":"201","location":"http://127.0.0.1/fhir/Patient/a/_history/1"}},
            {"response":{"status":"201","location":"Condition/b/_history/1"}},
            {"response":{"status":"200","location":"/fhir/Observation/c/_history/12"}}]}"#;
        let wanted = [("Patient/a", 1), ("Condition/b", 1), ("Observation/c", 12)]
            .map(|(p, v)| (p.to_owned(), v));
        assert_eq!(entries(body).unwrap(), wanted);
        assert!(entries(br#"{"entry":[]}"#).is_err());
    }
}
