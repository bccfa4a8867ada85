//! `FHIRPath` Patch: <https://hl7.org/fhir/R4/fhirpatch.html>. The paths are evaluated on the document as
//! the operations before have left it; the edits are made on its JSON.

use bytes::Bytes;
use fhir_model::{
    ElementDef, IssueType, NodeRef, Outcome, Tree, TypeId,
    json::{self, Value},
};
use fhirpath::{Context, Item as PathItem};

use super::{
    depth,
    operation::{self, Kind, New, Operation},
    place::{self, Item, Step},
};

/// Steps that one path may take.
const BUDGET: u64 = 100_000;
/// Bytes that all operations together may read: each reads the document anew.
const READ_MAX: usize = 256 << 20;

/// The operations, in order.
#[derive(Debug, Clone)]
pub struct FhirPathPatch(Vec<Operation>);

impl FhirPathPatch {
    /// Reads a `Parameters` resource that was checked before.
    pub(super) fn read(parameters: &Value) -> Result<Self, Outcome> {
        operation::read_all(parameters).map(Self)
    }

    /// Does all operations, or none and says which one fails.
    pub(super) fn apply(&self, document: &mut Value) -> Result<(), Outcome> {
        let mut read = 0;
        for (n, operation) in self.0.iter().enumerate() {
            let bytes = document.to_vec();
            read += bytes.len();
            let done = if read > READ_MAX {
                let why = "The patch has too many operations for a resource of this size";
                Err(Outcome::new(IssueType::TooCostly, why))
            } else {
                operation.apply(&json::parse_trusted(Bytes::from(bytes)), document)
            };
            done.map_err(|outcome| outcome.at(format!("Parameters.parameter[{n}]")))?;
        }
        Ok(())
    }
}

/// Why an operation cannot be done.
type Reason = String;

impl Operation {
    fn apply(&self, tree: &Tree, document: &mut Value) -> Result<(), Outcome> {
        let nodes = self.nodes(tree)?;
        let done = match &self.kind {
            Kind::Add { name, value } => add(document, &nodes, name, value),
            Kind::Insert { index, value } => insert(document, &nodes, *index, value),
            Kind::Delete => delete(document, &nodes),
            Kind::Replace { value } => replace(document, &nodes, value),
            Kind::Move { source, destination } => shift(document, &nodes, *source, *destination),
        };
        done.map_err(|reason| {
            Outcome::new(IssueType::BusinessRule, format!("{} at {:?}", reason, self.path_text))
        })
    }

    /// What the path points at.
    fn nodes<'t>(&self, tree: &'t Tree) -> Result<Vec<NodeRef<'t>>, Outcome> {
        let root = tree.root();
        let found = self.path.evaluate(&Context::new(root).with_budget(BUDGET), root)?;
        let nodes: Option<Vec<_>> = found.iter().map(PathItem::node).collect();
        nodes.ok_or_else(|| {
            let why = format!("The path {:?} gives computed values, not elements", self.path_text);
            Outcome::new(IssueType::Invalid, why)
        })
    }
}

fn add(document: &mut Value, nodes: &[NodeRef<'_>], name: &str, new: &New) -> Result<(), Reason> {
    let parent = single(nodes)?;
    let element = member(parent.ty(), name, new)?;
    let others = parent.ty().elements().iter().filter(|other| {
        element.choice != 0 && other.choice == element.choice && other.name == element.name
    });
    let is_taken = others.into_iter().any(|other| parent.named(other.name).next().is_some());
    let steps = steps_to(parent)?;
    let item = build(element, new, place::level(&steps))?;
    let members = place::members_at(document, &steps).ok_or(LOST)?;
    let (at, mut items) = place::take(members, element);
    if element.max <= 1 && (is_taken || !items.is_empty()) {
        return Err(format!("`{}` is there already: use replace", element.name));
    }
    items.push(item);
    place::put(members, at, element, items);
    Ok(())
}

fn insert(
    document: &mut Value,
    nodes: &[NodeRef<'_>],
    index: usize,
    new: &New,
) -> Result<(), Reason> {
    let list = List::of(nodes)?;
    let item = build(list.element, new, place::level(&list.parents))?;
    list.edit(document, |items| {
        if index > items.len() {
            return Err(format!(
                "The list has {} items, so there is no index {index}",
                items.len()
            ));
        }
        items.insert(index, item);
        Ok(())
    })
}

fn delete(document: &mut Value, nodes: &[NodeRef<'_>]) -> Result<(), Reason> {
    if nodes.is_empty() {
        return Ok(());
    }
    let mut steps = steps_to(single(nodes)?)?;
    // an element without content is no element: its parent may go with it
    let mut half = Half::Whole;
    while let Some(Step { element, index }) = steps.pop() {
        let members = place::members_at(document, &steps).ok_or(LOST)?;
        let (at, mut items) = place::take(members, element);
        let item = items.get_mut(index).ok_or(LOST)?;
        if half == Half::Companion {
            item.companion = None;
        }
        if half == Half::Whole || *item == Item::default() {
            items.remove(index);
        }
        place::put(members, at, element, items);
        if !members.is_empty() {
            return Ok(());
        }
        let parent_is_primitive =
            steps.last().is_some_and(|step| step.element.ty.primitive().is_some());
        half = if parent_is_primitive { Half::Companion } else { Half::Whole };
    }
    Err("The resource itself cannot be deleted by a patch".to_owned())
}

/// What of an item goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Whole,
    /// Of a primitive: what is not its value.
    Companion,
}

fn replace(document: &mut Value, nodes: &[NodeRef<'_>], new: &New) -> Result<(), Reason> {
    let node = single(nodes)?;
    let mut steps = steps_to(node)?;
    let Some(Step { element, index }) = steps.pop() else {
        return Err("The resource itself cannot be replaced by a patch".to_owned());
    };
    let successor =
        if element.choice == 0 { element } else { member(element.owner, element.name, new)? };
    let item = build(successor, new, place::level(&steps))?;
    let members = place::members_at(document, &steps).ok_or(LOST)?;
    let (at, mut items) = place::take(members, element);
    *items.get_mut(index).ok_or(LOST)? = item;
    place::put(members, at, successor, items);
    Ok(())
}

fn shift(
    document: &mut Value,
    nodes: &[NodeRef<'_>],
    source: usize,
    destination: usize,
) -> Result<(), Reason> {
    List::of(nodes)?.edit(document, |items| {
        let length = items.len();
        if source >= length || destination >= length {
            return Err(format!(
                "The list has {length} items: source and destination lie in 0..{length}"
            ));
        }
        let item = items.remove(source);
        items.insert(destination, item);
        Ok(())
    })
}

/// All items of one repeating element in one parent.
struct List {
    parents: Vec<Step>,
    element: &'static ElementDef,
    length: usize,
}

impl List {
    fn of(nodes: &[NodeRef<'_>]) -> Result<Self, Reason> {
        let first = nodes.first().ok_or("There is nothing")?;
        let mut parents = steps_to(*first)?;
        let element =
            parents.pop().filter(|step| step.element.max > 1).ok_or("There is no list")?.element;
        Ok(Self { parents, element, length: nodes.len() })
    }

    fn edit(
        &self,
        document: &mut Value,
        change: impl FnOnce(&mut Vec<Item>) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        let members = place::members_at(document, &self.parents).ok_or(LOST)?;
        let (at, mut items) = place::take(members, self.element);
        if items.len() != self.length {
            return Err("The path must give one list, and all of it".to_owned());
        }
        change(&mut items)?;
        place::put(members, at, self.element, items);
        Ok(())
    }
}

/// The node and the document come from the same bytes.
const LOST: &str = "The element was not found again";

fn single<'t>(nodes: &[NodeRef<'t>]) -> Result<NodeRef<'t>, Reason> {
    match nodes {
        [node] => Ok(*node),
        [] => Err("There is nothing".to_owned()),
        many => Err(format!("There are {} elements where one is wanted", many.len())),
    }
}

fn steps_to(node: NodeRef<'_>) -> Result<Vec<Step>, Reason> {
    place::steps_to(node).ok_or_else(|| LOST.to_owned())
}

/// The element of this name: `birthDate`; of a choice `value`, `value[x]` or `valueString`.
fn member(ty: TypeId, name: &str, new: &New) -> Result<&'static ElementDef, Reason> {
    let plain = name.strip_suffix("[x]").unwrap_or(name);
    let named = |element: &&ElementDef| element.name == plain || element.json_name == plain;
    let mut candidates = ty.elements().iter().filter(named).peekable();
    let Some(first) = candidates.peek() else {
        return Err(format!("`{}` has no element `{name}`", ty.name()));
    };
    if first.choice == 0 {
        return Ok(first);
    }
    let fits = |element: &&ElementDef| match new {
        New::Typed(suffix, _) => element.json_name.strip_prefix(element.name) == Some(suffix),
        New::Parts(_) | New::Resource(_) => element.json_name == plain,
    };
    candidates.find(fits).ok_or_else(|| format!("`{name}` cannot have a value of this type"))
}

/// The JSON of a new item that will stand at this level.
fn build(element: &'static ElementDef, new: &New, level: usize) -> Result<Item, Reason> {
    let level = level + usize::from(element.max > 1);
    let item = match new {
        New::Typed(_, item) => item.clone(),
        New::Resource(resource) => Item { value: Some(resource.clone()), companion: None },
        New::Parts(parts) => {
            if element.ty.primitive().is_some() {
                return Err(format!(
                    "`{}` is a primitive: give it a value, not parts",
                    element.name
                ));
            }
            let mut members = Vec::new();
            for (name, new) in parts {
                let part = member(element.ty, name, new)?;
                let item = build(part, new, level + 1)?;
                let (at, mut items) = place::take(&mut members, part);
                if part.max <= 1 && !items.is_empty() {
                    return Err(format!("`{name}` may stand only once"));
                }
                items.push(item);
                place::put(&mut members, at, part, items);
            }
            Item { value: Some(Value::Object(members)), companion: None }
        }
    };
    let halves = [&item.value, &item.companion];
    if halves.into_iter().flatten().all(|half| depth::fits(half, level)) {
        Ok(item)
    } else {
        Err("The result would be nested too deep".to_owned())
    }
}
