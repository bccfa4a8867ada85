//! The resources inside a resource: <https://hl7.org/fhir/R4/references.html#contained>.

use std::borrow::Cow;

use fhir_model::{NodeRef, ResourceType, TypeId};

use crate::{rows::Target, text};

/// What a resource contains, sorted by id; the first of each id.
pub(super) struct Local<'t>(Vec<Inner<'t>>);

/// A contained resource.
pub(super) struct Inner<'t> {
    pub(super) id: Cow<'t, str>,
    pub(super) ty: ResourceType,
    pub(super) node: NodeRef<'t>,
}

impl<'t> Local<'t> {
    /// What stands in `contained`. Only resources of their own have it; it does not nest.
    pub(super) fn of(root: NodeRef<'t>) -> Self {
        if !root.ty().is_a(TypeId::DOMAIN_RESOURCE) {
            return Self(Vec::new());
        }
        let inner = |node: NodeRef<'t>| {
            Some(Inner { id: node.child_text("id")?, ty: node.ty().as_resource()?, node })
        };
        let mut all: Vec<Inner<'t>> = root.named("contained").filter_map(inner).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|later, first| later.id == first.id);
        Self(all)
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = &Inner<'t>> {
        self.0.iter()
    }

    /// The type of the contained resource with this id, without `#`.
    pub(super) fn ty(&self, id: &str) -> Option<ResourceType> {
        let at = self.0.binary_search_by(|one| (*one.id).cmp(id)).ok()?;
        self.0.get(at).map(|one| one.ty)
    }

    /// What `#x` points to; `None` when it is none, or not there.
    pub(super) fn target(&self, reference: &str) -> Option<Target> {
        let id = reference.strip_prefix('#')?;
        Some(Target::Contained { ty: self.ty(id)?, id: text::key(id).into() })
    }
}
