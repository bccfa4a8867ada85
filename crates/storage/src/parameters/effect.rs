//! What new versions of `SearchParameter` resources change. Pure: what there was and the resources in, what there
//! is and a refusal out.

use std::sync::Arc;

use fhir_model::{Instant, IssueType, Outcome, Tree, json};
use search::{Custom, Definition, ParamId, Registry};

use super::{Entry, Parameters, Stage, registry_of};
use crate::Change;

/// The type whose resources have an effect.
pub(crate) const TYPE: &str = "SearchParameter";

/// What a transaction does to the parameters.
#[derive(Debug)]
pub(crate) struct Effect {
    /// What there will be.
    pub(crate) next: Arc<Parameters>,
    /// The entries that are new or different.
    pub(crate) changed: Vec<Entry>,
}

impl Effect {
    /// Of these changes; `None` when they change nothing that is extracted or asked for.
    ///
    /// # Errors
    /// Which change is refused, and what is wrong with the definition, each with its element.
    pub(crate) fn of(
        now: &Parameters,
        changes: &[Change],
    ) -> Result<Option<Self>, (usize, Outcome)> {
        if changes.iter().all(|change| change.key.resource_type.name() != TYPE) {
            return Ok(None);
        }
        let mut draft = Draft { entries: now.entries.clone(), last: now.last };
        for (at, change) in changes.iter().enumerate() {
            if change.key.resource_type.name() == TYPE {
                draft.take(change).map_err(|refusal| (at, refusal))?;
            }
        }
        let changed: Vec<Entry> =
            draft.entries.iter().filter(|entry| !now.entries.contains(entry)).cloned().collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let next = Parameters::new(now.epoch + 1, draft.entries, draft.last);
        Ok(Some(Self { next: Arc::new(next), changed }))
    }
}

/// The parameters while they change.
struct Draft {
    entries: Vec<Entry>,
    last: u32,
}

impl Draft {
    /// Takes a new version in.
    fn take(&mut self, change: &Change) -> Result<(), Outcome> {
        let id = &change.key.id;
        let wanted = match &change.body {
            Some(body) => {
                let tree = json::parse_trusted(body.bytes(1, Instant::from_millis(0)));
                self.definitions(id, &tree)?
            }
            None => Vec::new(),
        };
        self.become_what(id, wanted)
    }

    /// What a resource defines. Only what is active has an effect; drafts and what is retired are kept only.
    fn definitions(&self, id: &str, tree: &Tree) -> Result<Vec<Definition>, Outcome> {
        let root = tree.root();
        if root.child_text("status").as_deref() != Some("active") || is_of_r4(tree) {
            return Ok(Vec::new());
        }
        // a new version is compared with what others define
        let others: Vec<&Entry> = self.entries.iter().filter(|entry| entry.id != id).collect();
        if others.iter().any(|entry| entry.stage.is_extracted()) {
            Custom::validate(tree, &registry_of(others))
        } else {
            Custom::validate(tree, Registry::r4())
        }
    }

    /// Makes the parameters of a resource those that are wanted.
    fn become_what(&mut self, id: &str, mut wanted: Vec<Definition>) -> Result<(), Outcome> {
        for entry in self.entries.iter_mut().filter(|entry| entry.stage.is_extracted()) {
            if entry.id != id {
                if let Some(double) = wanted.iter().find(|one| is_asked_alike(one, entry)) {
                    return Err(taken(double, entry));
                }
                continue;
            }
            match wanted.iter().position(|one| is_extracted_alike(one, &entry.definition)) {
                Some(at) => entry.definition = wanted.swap_remove(at),
                None => entry.stage = Stage::Leaving,
            }
        }
        wanted.sort_by_key(|definition| definition.ty);
        for definition in wanted {
            self.last += 1;
            let (param, id) = (ParamId(self.last), id.to_owned());
            self.entries.push(Entry { param, id, definition, stage: Stage::Building });
        }
        Ok(())
    }
}

/// One of R4's own definitions, as HL7 publishes it: it says what is so already.
fn is_of_r4(tree: &Tree) -> bool {
    let text = |name: &str| tree.root().child_text(name);
    let (url, code, expression) = (text("url"), text("code"), text("expression"));
    Registry::r4().all().iter().any(|own| {
        Some(&*own.url) == url.as_deref()
            && Some(&*own.code) == code.as_deref()
            && expression.as_deref().unwrap_or_default() == own.expression
    })
}

/// Whether both are asked for by one name.
fn is_asked_alike(wanted: &Definition, entry: &Entry) -> bool {
    (wanted.ty, &wanted.code) == (entry.definition.ty, &entry.definition.code)
}

/// Whether the index rows are the same, so that only the URL changes.
fn is_extracted_alike(a: &Definition, b: &Definition) -> bool {
    let same_url = Definition { url: b.url.clone(), ..a.clone() };
    same_url == *b
}

fn taken(double: &Definition, by: &Entry) -> Outcome {
    let text =
        format!("{}?{}= is defined by SearchParameter/{} already", double.ty, double.code, by.id);
    Outcome::new(IssueType::BusinessRule, text).at("SearchParameter.code")
}
