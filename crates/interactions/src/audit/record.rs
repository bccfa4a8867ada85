//! What was done, narrowly, on its way into the vault.

use std::{collections::BTreeSet, sync::Arc};

use auth::Principal;
use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, Stamped, json};
use search::Rows;
use storage::{Access, Bearing, Change, Key, Lock, Method, Tx, Vault, Work};

use super::{Note, about, said::Said};

/// Patients that one event names, at most.
const PATIENTS_MAX: usize = 100;

/// The longest query that is recorded; a longer one is cut.
const QUERY_BYTES_MAX: usize = 16 << 10;

/// A version that was written.
#[derive(Debug)]
pub(crate) struct Written<'w> {
    /// `create`, `update`, `patch`, `delete`
    pub(crate) interaction: &'static str,
    /// `Observation/1/_history/2`
    pub(crate) reference: String,
    /// Logical ids of the patients whom it is about.
    pub(crate) patients: Vec<Box<str>>,
    pub(crate) who: &'w Principal,
    pub(crate) at: Instant,
    /// The request's id.
    pub(crate) request: &'w str,
}

/// What is recorded of a write.
pub(crate) fn of_write(id: String, written: Written<'_>) -> Access {
    let Written { interaction, reference, patients, who, at, request } = written;
    Access {
        id,
        at,
        bearer: Arc::new(Said::of(who).bearing()),
        interaction: interaction.into(),
        outcome: 0,
        what: reference,
        query: String::new(),
        why: String::new(),
        request: fit(request.to_owned()),
        patients,
    }
}

/// What is recorded of a look, or of a refusal.
pub(super) fn of_note(vault: &Vault, id: String, note: &Note, bearer: Arc<Bearing>) -> Access {
    let (outcome, why) = match note.status {
        0..400 => (0, None),
        400..500 => (4, note.body.as_ref().and_then(diagnostics)),
        _ => (8, None),
    };
    let what = note.asked.reference();
    let query = if what.is_none() { note.asked.address() } else { String::new() };
    Access {
        id,
        at: note.at,
        bearer,
        interaction: note.asked.interaction().into(),
        outcome,
        what: fit(what.unwrap_or_default()),
        query: fit(query),
        why: fit(why.unwrap_or_default()),
        request: fit(note.asked.id.clone()),
        patients: patients(vault, note),
    }
}

/// The patients whose data was shown, and whom the token is for.
fn patients(vault: &Vault, note: &Note) -> Vec<Box<str>> {
    let own = note.who.only_patient();
    let shown = if note.status >= 300 {
        Vec::new()
    } else if let Some(shown) = &note.shown {
        shown.clone()
    } else {
        let body = note.body.as_ref();
        body.map(|body| about::shown(vault, body)).unwrap_or_default().into_iter().collect()
    };
    let mut patients: BTreeSet<Box<str>> = shown.into_iter().take(PATIENTS_MAX).collect();
    patients.extend(own.map(Into::into));
    patients.into_iter().collect()
}

/// As a database takes it.
fn fit(mut text: String) -> String {
    if text.len() > QUERY_BYTES_MAX {
        text.truncate(text.floor_char_boundary(QUERY_BYTES_MAX));
    }
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, "\u{fffd}");
    }
    text
}

/// The sentence of a refusal.
fn diagnostics(body: &Bytes) -> Option<String> {
    let tree = json::parse_trusted(body.clone());
    let issue = tree.root().child("issue")?;
    issue.child_text("diagnostics").map(std::borrow::Cow::into_owned)
}

/// What was noted together, and the papers that it entails.
pub(super) struct Record {
    pub(super) accesses: Arc<Vec<Access>>,
    pub(super) papers: Arc<Vec<Vec<u8>>>,
    /// Why something was refused, by the ids of `accesses`.
    pub(super) reasons: Arc<Vec<(String, String)>>,
    pub(super) vault: Vault,
}

impl Work for Record {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        Vec::new()
    }

    fn changes_resources(&self) -> bool {
        !self.papers.is_empty()
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        if !self.papers.is_empty() {
            let papers = self.papers.iter().map(|paper| (self.vault.new_id(), paper.clone()));
            tx.write(changes(papers, &self.vault)?).await?;
        }
        tx.record(&self.accesses).await?;
        tx.keep_reasons(&self.reasons).await
    }
}

/// New resources of the vault's own making, each under an id.
///
/// # Errors
/// `exception` when one is none.
fn changes(
    resources: impl Iterator<Item = (String, Vec<u8>)>,
    vault: &Vault,
) -> Result<Vec<Change>, Outcome> {
    let made = resources.map(|(id, resource)| Made::of(vault, id, resource));
    made.map(|made| made.map(|made| made.change())).collect()
}

/// A resource of the vault's own making, ready to be written.
pub(super) struct Made {
    pub(super) key: Key,
    body: Arc<Stamped>,
    rows: Arc<Rows>,
    epoch: u64,
}

impl Made {
    /// Under this id.
    ///
    /// # Errors
    /// `exception` when it is no resource.
    pub(super) fn of(vault: &Vault, id: String, resource: Vec<u8>) -> Result<Self, Outcome> {
        let ((registry, epoch), base) = (vault.indexed_by(), vault.index_base());
        let resource = json::parse(Bytes::from(resource), &json::Limits::default());
        let resource = resource.map_err(|refusal| {
            tracing::error!(refusal = ?refusal.issues().first(), "what was recorded is no resource");
            Outcome::new(IssueType::Exception, "An audit event could not be written")
        })?;
        Ok(Self {
            rows: Arc::new(search::extract(&registry, resource.tree(), &base)),
            body: Arc::new(resource.stamp(&id, &[])),
            key: Key::new(resource.resource_type(), id),
            epoch,
        })
    }

    pub(super) fn change(&self) -> Change {
        Change {
            key: self.key.clone(),
            method: Method::Post,
            replaces: None,
            body: Some(Arc::clone(&self.body)),
            rows: Arc::clone(&self.rows),
            epoch: self.epoch,
        }
    }
}
