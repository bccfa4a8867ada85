//! A resource on its way in: bytes, then [`Valid`], then [`Stamped`] with its identity, then [`Stored`].

use std::ops::Range;

use bytes::Bytes;

use crate::{Instant, Kind, NodeRef, ResourceType, Tree, TypeId, json};

/// A resource whose structure was checked against the definitions. Only [`crate::json::parse`] makes one.
#[derive(Debug, Clone)]
pub struct Valid {
    pub(crate) tree: Tree,
    pub(crate) resource_type: ResourceType,
}

impl Valid {
    /// `Patient`, `Observation`, ...
    pub fn resource_type(&self) -> ResourceType {
        self.resource_type
    }

    /// The checked tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// A nested resource (`Bundle.entry.resource`) of a checked document, as a resource of its own over
    /// its part of the bytes. `None` when the node is not a resource or its tree was not checked.
    pub fn from_node(node: NodeRef<'_>) -> Option<Valid> {
        let resource_type = node.ty().as_resource()?;
        let tree = node.tree().is_checked.then(|| node.to_tree())?;
        Some(Valid { tree, resource_type })
    }

    /// The bytes to be stored under `id`. `replacements` are spans of the source, sorted and apart, with
    /// the JSON text to put there (the resolved `urn:uuid` references of a transaction).
    pub fn stamp(&self, id: &str, replacements: &[(Range<usize>, String)]) -> Stamped {
        json::stamp(&self.tree, id, replacements)
    }

    /// Every value that may name another entry of a transaction Bundle: `Reference.reference` and all
    /// of type `uri`, `url`, `oid`, `uuid`: <https://hl7.org/fhir/R4/http.html#trules>. Narratives come
    /// too, for the links in them.
    pub fn references(&self) -> impl Iterator<Item = NodeRef<'_>> {
        self.tree.nodes().filter(|node| match node.ty() {
            TypeId::URI | TypeId::URL | TypeId::OID | TypeId::UUID | TypeId::XHTML => {
                node.kind() == Kind::String
            }
            TypeId::STRING => node.element().is_some_and(|element| {
                element.owner == TypeId::REFERENCE && element.name == "reference"
            }),
            _ => false,
        })
    }
}

/// The bytes to be stored, complete but for `versionId` and `lastUpdated`, which only the commit knows.
/// Whitespace is gone; member order, digits and escapes are as sent; `id` is set; the hole lies at the
/// start of `meta`.
#[derive(Debug, Clone)]
pub struct Stamped {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hole: usize,
}

impl Stamped {
    /// The bytes of this version.
    pub fn bytes(&self, version: u64, updated: Instant) -> Bytes {
        use std::io::Write as _;
        let (before, after) = self.bytes.split_at_checked(self.hole).unwrap_or_default();
        let mut out = Vec::with_capacity(self.bytes.len() + 80);
        out.extend_from_slice(before);
        // writing to a Vec cannot fail
        let _written = write!(out, r#""versionId":"{version}","lastUpdated":"{updated}""#);
        out.extend_from_slice(after);
        out.into()
    }
}

/// A version as the vault keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// `Patient`, `Observation`, ...
    pub resource_type: ResourceType,
    /// The logical id.
    pub id: String,
    /// Counts up from 1 without gaps; a deletion is a version too.
    pub version: u64,
    /// `meta.lastUpdated`; for a deletion its time.
    pub updated: Instant,
    /// The JSON exactly as served; `None` for a deletion.
    pub body: Option<Bytes>,
}
