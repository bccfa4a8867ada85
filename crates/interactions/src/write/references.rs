//! References between the entries of a transaction, and references by search:
//! <https://hl7.org/fhir/R4/http.html#trules>.

use std::{collections::BTreeMap, ops::Range};

use auth::Action;
use fhir_model::{IssueType, NodeRef, Outcome, ResourceType, TypeId, Valid, json};
use search::{Handling, Reading};
use storage::{Key, Tx};

use super::{
    Write,
    catalogue::Catalogue,
    commit::{Act, Context, Entry},
    identity::{Identity, Seen},
    prepare::Prepared,
};
use crate::Query;

/// What the entries call each other: `Bundle.entry.fullUrl` to `Patient/1`.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_full_url: BTreeMap<String, Name>,
}

/// What stands behind a `fullUrl`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// This resource.
    Known(String),
    /// This resource, of which the first version is being made.
    Made(String),
    /// Only the vault can tell.
    Open,
}

/// The names as one entry uses them.
#[derive(Debug)]
pub(super) struct Resolved<'n> {
    names: &'n Names,
    /// `Patient?identifier=x` to `Patient/1`, as far as looked up.
    criteria: BTreeMap<String, String>,
    /// The base of the entry's own `fullUrl`: its relative references are meant under it.
    base: Option<&'n str>,
}

impl Names {
    pub(super) fn new(entries: &[Entry], identities: &[Identity]) -> Self {
        let name = |(entry, identity): (&Entry, &Identity)| {
            let url = entry.full_url.clone()?;
            let known = identity.key().map(|key| format!("{}/{}", key.resource_type, key.id));
            match (known, identity) {
                (Some(made), Identity::New(_)) => Some((url, Name::Made(made))),
                (Some(known), _) => Some((url, Name::Known(known))),
                (None, Identity::Open(_)) => Some((url, Name::Open)),
                (None, _) => None,
            }
        };
        Self { by_full_url: entries.iter().zip(identities).filter_map(name).collect() }
    }

    /// As an entry uses them, without a look into the vault.
    pub(super) fn alone<'n>(&'n self, entry: &'n Entry) -> Resolved<'n> {
        let base = entry.full_url.as_deref().and_then(base_of);
        Resolved { names: self, criteria: BTreeMap::new(), base }
    }

    /// The same, with the entry's references by search looked up.
    ///
    /// # Errors
    /// A search that finds nothing or more than one.
    pub(super) async fn with_criteria<'n>(
        &'n self,
        context: &Context,
        entry: &'n Entry,
        all: (&Catalogue<'_>, &Seen),
        tx: &mut Tx<'_>,
    ) -> Result<Resolved<'n>, Outcome> {
        let mut resolved = self.alone(entry);
        let settled = entry.prepared().is_some_and(Prepared::is_settled);
        let Act::Write(Write::Create { resource, .. } | Write::Update { resource, .. }) =
            &entry.action
        else {
            return Ok(resolved);
        };
        if settled {
            return Ok(resolved);
        }
        for (_, text) in references(resource).filter(|(_, text)| is_search(text)) {
            let found = look_up(context, &text, all, tx).await?;
            resolved.criteria.insert(text, found);
        }
        Ok(resolved)
    }
}

impl Resolved<'_> {
    /// Which spans of the source become what, and whether that settles all references.
    pub(super) fn replacements(&self, resource: &Valid) -> (Vec<(Range<usize>, String)>, bool) {
        let mut replacements = Vec::new();
        let mut is_settled = true;
        for node in resource.references() {
            if node.ty() == TypeId::XHTML {
                replacements.extend(self.narrative(node).map(|text| (node.span(), text)));
                continue;
            }
            let Some(text) = node.text() else { continue };
            let is_reference = is_reference(node);
            let name = match self.name(&text, node) {
                Some(Name::Known(name)) => Some(versioned(name, version_of(&text))),
                // there is no other version to mean
                Some(Name::Made(name)) => Some(versioned(name, version_of(&text).map(|_| "1"))),
                Some(Name::Open) => {
                    is_settled = false;
                    None
                }
                None if is_reference && is_search(&text) => {
                    let found = self.criteria.get(&*text).cloned();
                    is_settled &= found.is_some();
                    found
                }
                None => None,
            };
            replacements.extend(name.map(|name| (node.span(), quoted(&name))));
        }
        (replacements, is_settled)
    }

    /// What an entry is called here: by its `fullUrl`, or relative to the same base.
    fn name(&self, text: &str, node: NodeRef<'_>) -> Option<&Name> {
        if self.names.by_full_url.is_empty() {
            return None;
        }
        let text = text.split_once(HISTORY).map_or(text, |(unversioned, _)| unversioned);
        let exact = self.names.by_full_url.get(text);
        exact.or_else(|| {
            let base = self.base.filter(|_| is_reference(node) && !text.contains(':'))?;
            self.names.by_full_url.get(&format!("{base}{text}"))
        })
    }

    /// The narrative with its links renamed; `None` when it has none.
    fn narrative(&self, node: NodeRef<'_>) -> Option<String> {
        let raw = std::str::from_utf8(node.raw()).ok()?;
        if !raw.contains("urn:") {
            return None;
        }
        let mut text = raw.to_owned();
        for (url, name) in
            self.names.by_full_url.iter().filter(|(url, _)| raw.contains(url.as_str()))
        {
            if let Name::Known(name) | Name::Made(name) = name {
                text = text.replace(url.as_str(), name);
            }
        }
        Some(text)
    }
}

/// Stands before the version in a reference to one.
const HISTORY: &str = "/_history/";

/// The version that a reference names.
fn version_of(text: &str) -> Option<&str> {
    text.split_once(HISTORY).map(|(_, version)| version)
}

/// What names a version goes on naming one: <https://hl7.org/fhir/R4/http.html#trules>.
fn versioned(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name}{HISTORY}{version}"))
}

/// The texts of all `Reference.reference`.
fn references(resource: &Valid) -> impl Iterator<Item = (NodeRef<'_>, String)> {
    let nodes = resource.references().filter(|node| is_reference(*node));
    nodes.filter_map(|node| Some((node, node.text()?.into_owned())))
}

fn is_reference(node: NodeRef<'_>) -> bool {
    node.ty() == TypeId::STRING
}

/// `Patient?identifier=x`
fn is_search(text: &str) -> bool {
    criteria(text).is_some()
}

fn criteria(text: &str) -> Option<(ResourceType, &str)> {
    let (ty, query) = text.split_once('?')?;
    Some((ResourceType::named(ty)?, query))
}

/// `http://a/fhir/` of `http://a/fhir/Patient/1`.
fn base_of(full_url: &str) -> Option<&str> {
    let (rest, _) = full_url.rsplit_once('/')?;
    let (base, ty) = rest.rsplit_once('/')?;
    ResourceType::named(ty)?;
    full_url.get(..=base.len())
}

fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// The one resource that a reference by search means: in the vault, or created by this transaction.
async fn look_up(
    context: &Context,
    text: &str,
    (catalogue, seen): (&Catalogue<'_>, &Seen),
    tx: &mut Tx<'_>,
) -> Result<String, Outcome> {
    let (ty, query) =
        criteria(text).ok_or_else(|| refused(text, IssueType::Unmatched, "is no search"))?;
    let query = Query::parse(query)?;
    let reading = Reading { handling: Handling::Strict, base: &context.base, now: tx.now() };
    let (plan, _) = search::parse(&context.registry, ty, query.pairs(), &reading)?;
    crate::search::concepts::refuse(&plan)?;
    if plan.filters().is_empty() {
        return Err(refused(text, IssueType::MultipleMatches, "has no criteria"));
    }
    let found = tx.matching(&plan, seen.limit(), &[Action::Search, Action::Read]).await?;
    let found = found.into_iter().map(|version| Key::new(version.resource_type, version.id));
    let mut keys: Vec<Key> = found.filter(|key| !seen.is_deleted(key)).collect();
    if keys.is_empty() {
        keys = catalogue.matching(&plan, tx.now())?;
    }
    match (keys.len(), keys.pop()) {
        (1, Some(key)) => Ok(format!("{}/{}", key.resource_type, key.id)),
        (0, _) => Err(refused(text, IssueType::Unmatched, "matches nothing")),
        _ => Err(refused(text, IssueType::MultipleMatches, "matches more than one resource")),
    }
}

fn refused(text: &str, code: IssueType, why: &str) -> Outcome {
    // the criteria may hold identifiers of a person: only their type and names are repeated
    let shown = text.split('=').next().unwrap_or_default();
    Outcome::new(code, format!("The reference by search {shown}=... {why}"))
}
