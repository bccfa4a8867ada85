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

#[cfg(test)]
mod tests {
    use fhir_model::ResourceType;

    use super::*;
    use crate::{Key, Method};

    fn change(id: &str, body: Option<String>) -> Change {
        let stamp = |body: String| {
            let resource = json::parse(body.into(), &json::Limits::default()).unwrap();
            Arc::new(resource.stamp(id, &[]))
        };
        Change {
            key: Key::new(ResourceType::named(TYPE).unwrap(), id),
            method: Method::Put,
            replaces: None,
            body: body.map(stamp),
            rows: Arc::default(),
            epoch: 0,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as a change takes it")]
    fn defined(status: &str, code: &str, url: &str, expression: &str) -> Option<String> {
        Some(format!(
            r#"{{"resourceType":"SearchParameter","url":"{url}","name":"x","status":"{status}","description":"x",
                "code":"{code}","base":["Observation","Patient"],"type":"token","expression":"{expression}"}}"#
        ))
    }

    const LANGUAGES: &str = "Observation.language | Patient.language";

    fn after(now: &Parameters, change: Change) -> Arc<Parameters> {
        Effect::of(now, &[change]).unwrap().unwrap().next
    }

    fn told(parameters: &Parameters) -> Vec<(u32, Stage)> {
        parameters.entries.iter().map(|entry| (entry.param.0, entry.stage)).collect()
    }

    #[test]
    fn a_number_is_given_once_and_means_one_thing() {
        use Stage::{Building, Leaving};
        let none = Parameters::new(0, Vec::new(), super::super::FIRST);
        let first = after(&none, change("a", defined("active", "tongue", "http://a", LANGUAGES)));
        assert_eq!(told(&first), [(1_000_001, Building), (1_000_002, Building)]);
        assert_eq!(first.epoch, 1);
        // another URL is no other meaning
        let moved = after(&first, change("a", defined("active", "tongue", "http://b", LANGUAGES)));
        assert_eq!(told(&moved), told(&first));
        assert_eq!(moved.entries[0].definition.url, "http://b");
        // another expression is
        let other = "Observation.language | Patient.gender";
        let changed = after(&first, change("a", defined("active", "tongue", "http://a", other)));
        assert_eq!(
            told(&changed),
            [
                (1_000_001, Leaving),
                (1_000_002, Leaving),
                (1_000_003, Building),
                (1_000_004, Building)
            ]
        );
        for gone in [None, defined("retired", "tongue", "http://a", LANGUAGES)] {
            let gone = after(&first, change("a", gone));
            assert_eq!(told(&gone), [(1_000_001, Leaving), (1_000_002, Leaving)]);
            let back = defined("active", "tongue", "http://a", LANGUAGES);
            let back = after(&gone, change("a", back));
            assert_eq!(told(&back)[2..], [(1_000_003, Building), (1_000_004, Building)]);
        }
    }

    #[test]
    fn what_changes_nothing_has_no_effect() {
        let none = Parameters::new(0, Vec::new(), super::super::FIRST);
        let of_r4 = Registry::r4().all().iter().find(|one| one.code == "birthdate").unwrap();
        let cases = [
            change("a", defined("draft", "tongue", "http://a", "no expression (")),
            change("a", None),
            change("a", defined("active", &of_r4.code, &of_r4.url, &of_r4.expression)),
        ];
        for change in cases {
            assert!(Effect::of(&none, &[change]).unwrap().is_none());
        }
        let body = || defined("active", "tongue", "http://a", LANGUAGES);
        let first = after(&none, change("a", body()));
        assert!(Effect::of(&first, &[change("a", body())]).unwrap().is_none());
    }

    #[test]
    fn one_name_has_one_meaning() {
        let none = Parameters::new(0, Vec::new(), super::super::FIRST);
        let body = || defined("active", "tongue", "http://a", LANGUAGES);
        let both = [change("a", body()), change("b", body())];
        let (at, refusal) = Effect::of(&none, &both).unwrap_err();
        assert_eq!((at, refusal.status()), (1, 422));
        assert_eq!(refusal.issues()[0].expression.as_deref(), Some("SearchParameter.code"));
        // the name is free again once its owner went
        let first = after(&none, change("a", body()));
        let moved = Effect::of(&first, &[change("a", None), change("b", body())]).unwrap();
        let ids: Vec<&str> =
            moved.as_ref().unwrap().next.entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["a", "a", "b", "b"]);
    }
}
