//! `resolve()`: <https://hl7.org/fhir/R4/fhirpath.html#functions>. Looked for are contained resources,
//! then the entries of the Bundle around, then whatever the resolver of the context finds. Without a
//! resolver the type that the reference tells is the answer.

use fhir_model::{NodeRef, ResourceType, TypeId, definitions::TypeKind};

use super::{Function, bare};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result},
    item::Item,
};

pub(super) const FUNCTIONS: &[Function] = &[bare("resolve", resolve)];

fn resolve<'t>(evaluator: &mut Evaluator<'_, 't>, items: Collection<'t>) -> Result<Collection<'t>> {
    let mut found = Collection::Empty;
    for item in items.iter() {
        if let Some(target) = target(evaluator, item)? {
            found.push(target);
        }
    }
    Ok(found)
}

fn target<'t>(evaluator: &mut Evaluator<'_, 't>, item: &Item<'t>) -> Result<Option<Item<'t>>> {
    let (text, from) = match item {
        Item::Node(node) if node.ty() == TypeId::REFERENCE => (node.child_text("reference"), *node),
        Item::Node(node) => (node.text(), *node),
        Item::String(text) => (Some(text.clone()), evaluator.context.resource),
        _ => return Ok(None),
    };
    let Some(text) = text else { return Ok(item.node().and_then(stated_type)) };
    if let Some(id) = text.strip_prefix('#') {
        return Ok(contained(evaluator, from, id)?.map(Item::Node));
    }
    let root = from.tree().root();
    if root.ty() == TypeId::BUNDLE
        && let Some(resource) = entry(evaluator, root, &text)?
    {
        return Ok(Some(Item::Node(resource)));
    }
    if let Some(resolver) = evaluator.context.resolver {
        return Ok(resolver(&text).map(Item::Node));
    }
    let told = type_in(&text).map(Item::Resolved);
    Ok(told.or_else(|| item.node().and_then(stated_type)))
}

/// `Reference.type`
fn stated_type(reference: NodeRef<'_>) -> Option<Item<'_>> {
    ResourceType::named(&reference.child_text("type")?).map(Item::Resolved)
}

/// The type in `Patient/1`, `http://example.org/fhir/Patient/1/_history/2`, `Patient?identifier=x`,
/// `http://hl7.org/fhir/ValueSet/x|4.0.1`.
pub(crate) fn type_in(reference: &str) -> Option<ResourceType> {
    let path = reference.split(['?', '|']).next().unwrap_or_default();
    let mut segments = path.rsplit('/');
    let last = segments.next()?;
    if path.len() < reference.len()
        && let Some(ty) = ResourceType::named(last)
    {
        return Some(ty);
    }
    let mut before = segments.next()?;
    if before == "_history" {
        segments.next()?;
        before = segments.next()?;
    }
    ResourceType::named(before)
}

/// The contained resource with this id, in the resource that holds `from`; without an id that resource.
fn contained<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    from: NodeRef<'t>,
    id: &str,
) -> Result<Option<NodeRef<'t>>> {
    let container = container(evaluator, from)?;
    if id.is_empty() {
        return Ok(Some(container));
    }
    for child in container.children() {
        evaluator.charge(1)?;
        if child.name() == "contained" && child.child_text("id").is_some_and(|found| found == id) {
            return Ok(Some(child));
        }
    }
    Ok(None)
}

/// The innermost resource around a node that is not itself contained.
pub(crate) fn container<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    node: NodeRef<'t>,
) -> Result<NodeRef<'t>> {
    let root = node.tree().root();
    let (mut container, mut at) = (root, root);
    while at.index() < node.index() {
        // the last child that does not begin behind the node is the one around it
        let mut next = None;
        for child in at.children() {
            evaluator.charge(1)?;
            if child.index() > node.index() {
                break;
            }
            next = Some(child);
        }
        let Some(child) = next else { break };
        if child.name() == "contained" {
            break;
        }
        if child.ty().kind() == TypeKind::Resource {
            container = child;
        }
        at = child;
    }
    Ok(container)
}

/// The resource of the entry with this `fullUrl`, or with a `fullUrl` that ends in this relative one.
fn entry<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    bundle: NodeRef<'t>,
    reference: &str,
) -> Result<Option<NodeRef<'t>>> {
    for entry in bundle.children().filter(|child| child.name() == "entry") {
        evaluator.charge(1)?;
        let is_it = entry.child_text("fullUrl").is_some_and(|url| {
            let base = url.strip_suffix(reference);
            base.is_some_and(|base| base.is_empty() || base.ends_with('/'))
        });
        if is_it {
            return Ok(entry.child("resource"));
        }
    }
    Ok(None)
}
