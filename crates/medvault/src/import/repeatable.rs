//! Makes what is imported repeatable: the second time it finds what the first time stored. A `POST` becomes a
//! `PUT` under the id that the resource carries; a resource without one gets an id that follows from its
//! bytes.

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

use fhir_model::{NodeRef, Tree, json};
use sha2::{Digest as _, Sha256};

/// What a Bundle is to an import, by `Bundle.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be carried out, all or nothing.
    Transaction,
    /// To be carried out entry by entry.
    Batch,
    /// Several resources in one file.
    Parcel,
    /// One thing, to be kept as it is: a document, a message.
    Whole,
}

const PURPOSES: &[(&str, Purpose)] = &[
    ("transaction", Purpose::Transaction),
    ("batch", Purpose::Batch),
    ("collection", Purpose::Parcel),
    ("searchset", Purpose::Parcel),
    ("history", Purpose::Parcel),
];

/// An entry of a parcel.
#[derive(Debug, Clone)]
pub(super) struct Item<'t> {
    /// Which entry, from 0.
    pub(super) number: usize,
    pub(super) full_url: Option<Cow<'t, str>>,
    pub(super) resource: NodeRef<'t>,
}

/// A resource with the address that it is put to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) resource_type: &'static str,
    pub(super) id: String,
    pub(super) json: Vec<u8>,
}

impl Purpose {
    /// What this resource is; `None` when it is no Bundle.
    pub(super) fn of(tree: &Tree) -> Option<Self> {
        if tree.resource_type()?.name() != "Bundle" {
            return None;
        }
        let kind = tree.root().child_text("type").unwrap_or_default();
        let known = PURPOSES.iter().find(|(name, _)| *name == kind);
        Some(known.map_or(Self::Whole, |(_, purpose)| *purpose))
    }
}

/// A batch or transaction with each plain `POST` made a `PUT`. Nothing else moves, so that faults are found
/// where the file has them.
pub(super) fn bundle(tree: &Tree) -> Vec<u8> {
    let digest = Sha256::digest(tree.bytes());
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for (n, entry) in tree.root().named("entry").enumerate() {
        let (Some(request), Some(resource)) = (entry.child("request"), entry.child("resource"))
        else {
            continue;
        };
        let (Some(method), Some(url)) = (request.child("method"), request.child("url")) else {
            continue;
        };
        let ty = resource.ty().name();
        let is_create = method.text().as_deref() == Some("POST")
            && url.text().is_some_and(|url| url.trim_matches('/') == ty)
            && request.child("ifNoneExist").is_none();
        if !is_create {
            continue;
        }
        let id = resource.child_text("id").map_or_else(
            || {
                let id = derived_id(&[&digest, &n.to_be_bytes()]);
                let start = resource.span().start + 1;
                edits.push((start..start, format!("\"id\":\"{id}\",")));
                id
            },
            Cow::into_owned,
        );
        edits.push((method.span(), "\"PUT\"".to_owned()));
        edits.push((url.span(), quoted(&format!("{ty}/{id}"))));
    }
    edited(tree.bytes(), edits)
}

/// The resources of a parcel that are to be stored: of a history the newest versions, of a search what was
/// found and not what is said about it.
pub(super) fn items(tree: &Tree) -> Vec<Item<'_>> {
    let root = tree.root();
    let is_history = root.child_text("type").as_deref() == Some("history");
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for (number, entry) in root.named("entry").enumerate() {
        let full_url = entry.child_text("fullUrl");
        // newest first: what was seen before was replaced, or deleted, later
        let is_old = is_history && full_url.as_ref().is_some_and(|url| !seen.insert(url.clone()));
        let mode = entry.child("search").and_then(|search| search.child_text("mode"));
        if is_old || mode.as_deref() == Some("outcome") {
            continue;
        }
        items.extend(entry.child("resource").map(|resource| Item { number, full_url, resource }));
    }
    items
}

impl Put {
    /// Puts a resource under its own id, or under one that follows from its bytes.
    pub(super) fn of(resource: NodeRef<'_>) -> Self {
        let (json, resource_type) = (resource.raw(), resource.ty().name());
        if let Some(id) = resource.child_text("id") {
            return Self { resource_type, id: id.into_owned(), json: json.to_vec() };
        }
        let id = derived_id(&[resource_type.as_bytes(), json]);
        let json = edited(json, vec![(1..1, format!("\"id\":\"{id}\","))]);
        Self { resource_type, id, json }
    }
}

/// A transaction that puts resources; each with its `fullUrl`, if it has one.
pub(super) fn transaction<'p>(puts: impl Iterator<Item = (Option<&'p str>, &'p Put)>) -> Vec<u8> {
    let mut out = br#"{"resourceType":"Bundle","type":"transaction","entry":["#.to_vec();
    for (n, (full_url, put)) in puts.enumerate() {
        out.extend_from_slice(if n == 0 { b"{" } else { b",{" });
        if let Some(full_url) = full_url {
            out.extend_from_slice(br#""fullUrl":"#);
            json::write_string(&mut out, full_url);
            out.push(b',');
        }
        out.extend_from_slice(br#""resource":"#);
        out.extend_from_slice(&put.json);
        out.extend_from_slice(br#","request":{"method":"PUT","url":"#);
        json::write_string(&mut out, &format!("{}/{}", put.resource_type, put.id));
        out.extend_from_slice(b"}}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// An id in the shape of a UUID that follows from bytes:
/// <https://www.rfc-editor.org/rfc/rfc9562#section-5.8>.
fn derived_id(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut bytes = [0; 16];
    for (byte, digest) in bytes.iter_mut().zip(hash.finalize()) {
        *byte = digest;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

fn edited(source: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(source.len() + 64 * edits.len());
    let mut done = 0;
    for (span, text) in edits {
        out.extend_from_slice(source.get(done..span.start).unwrap_or_default());
        out.extend_from_slice(text.as_bytes());
        done = span.end;
    }
    out.extend_from_slice(source.get(done..).unwrap_or_default());
    out
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}
