//! A resource as its JSON bytes and a flat arena of nodes over them.
//!
//! A node is one FHIR element *item*: a member of a repeating element is a node of its own, and the two
//! JSON members of a primitive (`birthDate`, `_birthDate`) are one node. Nodes lie in document order;
//! a node's subtree is the run of nodes up to its `end`.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;

use crate::{
    definitions::{ElementDef, ResourceType, TypeId},
    json,
};

/// What the JSON value of a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// `{...}`: a complex element or a resource.
    Object,
    /// A JSON string; its span includes the quotes.
    String,
    /// A JSON number; its span is the lexeme.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A primitive without a value: it has only `id` or extensions.
    Absent,
}

/// One element item. Indices point into the arena; spans into the bytes.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Which element of its parent's type this is; `None` for the root.
    pub(crate) element: Option<&'static ElementDef>,
    /// The concrete type: of a choice the chosen one, of a contained resource that resource.
    pub(crate) ty: TypeId,
    /// The JSON kind.
    pub(crate) kind: Kind,
    /// This node is the `_name` half of a primitive: reached through that primitive only.
    pub(crate) is_companion: bool,
    /// First byte of the value.
    pub(crate) start: u32,
    /// One past the last byte of the value.
    pub(crate) stop: u32,
    /// One past the last node of the subtree.
    pub(crate) end: u32,
    /// Of a primitive: the node of its `_name` half; 0 when there is none.
    pub(crate) companion: u32,
}

/// A parsed resource. Cheap to clone the bytes of; the nodes are not shared.
#[derive(Debug, Clone)]
pub struct Tree {
    pub(crate) bytes: Bytes,
    pub(crate) nodes: Vec<Node>,
    /// Whether the checks of [`json::parse`] found nothing.
    pub(crate) is_checked: bool,
    /// Whether there may be whitespace between tokens.
    pub(crate) has_space: bool,
}

impl Tree {
    /// The resource itself.
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef { tree: self, index: 0 }
    }

    /// The bytes the tree lies over.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The type of the root, when it is a resource.
    pub fn resource_type(&self) -> Option<ResourceType> {
        self.root().ty().as_resource()
    }

    /// Every node in document order, companions of primitives left out.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        let all = (0_u32..).zip(&self.nodes);
        all.filter(|(_, node)| !node.is_companion).map(|(index, _)| NodeRef { tree: self, index })
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are no nodes; a parsed tree has at least one.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// One element item of a tree.
#[derive(Debug, Clone, Copy)]
pub struct NodeRef<'t> {
    tree: &'t Tree,
    index: u32,
}

impl PartialEq for NodeRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.tree, other.tree) && self.index == other.index
    }
}

#[expect(clippy::indexing_slicing, reason = "indices and spans come from the parser of this tree")]
impl<'t> NodeRef<'t> {
    fn node(self) -> &'t Node {
        &self.tree.nodes[self.index as usize]
    }

    /// The tree this node belongs to.
    pub fn tree(self) -> &'t Tree {
        self.tree
    }

    /// Position in the arena: unique within the tree, in document order.
    pub fn index(self) -> u32 {
        self.index
    }

    /// The concrete type.
    pub fn ty(self) -> TypeId {
        self.node().ty
    }

    /// The JSON kind of the value.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// The element's row in the definitions; `None` for the root.
    pub fn element(self) -> Option<&'static ElementDef> {
        self.node().element
    }

    /// The name as `FHIRPath` knows it (`value` for `valueQuantity`); the type's name for the root.
    pub fn name(self) -> &'static str {
        self.element().map_or_else(|| self.ty().name(), |element| element.name)
    }

    /// Where the value stands in the bytes.
    pub fn span(self) -> Range<usize> {
        self.node().start as usize..self.node().stop as usize
    }

    /// The value as it stands in the bytes, quotes and escapes included; empty when absent.
    pub fn raw(self) -> &'t [u8] {
        if self.kind() == Kind::Absent { &[] } else { &self.tree.bytes[self.span()] }
    }

    /// The JSON member's name: `valueQuantity` where [`Self::name`] is `value`; for the root the type's name.
    pub fn json_name(self) -> &'static str {
        self.element().map_or_else(|| self.ty().name(), |element| element.json_name)
    }

    /// The text of a primitive: a string without quotes and escapes, a number's lexeme, `true`.
    /// `None` for complex elements and primitives without a value.
    pub fn text(self) -> Option<Cow<'t, str>> {
        match self.kind() {
            Kind::String => Some(json::unquote(self.raw())),
            Kind::Number | Kind::Boolean => Some(String::from_utf8_lossy(self.raw())),
            Kind::Object | Kind::Absent => None,
        }
    }

    /// The subtree as a tree of its own, over its part of the bytes.
    pub(crate) fn to_tree(self) -> Tree {
        let (span, first, end) = (self.span(), self.index, self.node().end);
        let shift = u32::try_from(span.start).unwrap_or_default();
        let nodes = self.tree.nodes[first as usize..end as usize].iter().map(|node| Node {
            start: node.start - shift,
            stop: node.stop - shift,
            end: node.end - first,
            companion: node.companion.saturating_sub(first),
            ..node.clone()
        });
        let mut nodes: Vec<Node> = nodes.collect();
        nodes[0].element = None;
        Tree {
            bytes: self.tree.bytes.slice(span),
            nodes,
            is_checked: self.tree.is_checked,
            has_space: self.tree.has_space,
        }
    }

    /// All logical children in document order; of a primitive its `id` and extensions.
    pub fn children(self) -> Children<'t> {
        let node = self.node();
        let holder = match (node.kind, node.companion) {
            (Kind::Object, _) => self.index,
            (_, 0) => return Children { tree: self.tree, next: 0, end: 0 },
            (_, companion) => companion,
        };
        let end = self.tree.nodes[holder as usize].end;
        Children { tree: self.tree, next: holder + 1, end }
    }

    /// The children of this `FHIRPath` name.
    pub fn named(self, name: &str) -> impl Iterator<Item = NodeRef<'t>> + use<'t, '_> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The first child of this `FHIRPath` name.
    pub fn child(self, name: &str) -> Option<NodeRef<'t>> {
        self.children().find(|child| child.name() == name)
    }

    /// The text of the first child of this name.
    pub fn child_text(self, name: &str) -> Option<Cow<'t, str>> {
        self.child(name).and_then(NodeRef::text)
    }

    /// Of a primitive: the object of its `_name` half, the holder of `id` and extensions.
    pub fn companion(self) -> Option<NodeRef<'t>> {
        let index = self.node().companion;
        (index != 0).then_some(NodeRef { tree: self.tree, index })
    }
}

impl NodeRef<'_> {
    /// The place as `FHIRPath` writes it: `Bundle.entry[2].resource.name[0]`, `Observation.value`. Found
    /// by walking from the root, so meant for answers, not for loops.
    pub fn path(self) -> String {
        path_of(&self.tree.nodes, self.index)
    }
}

/// The place of a node; nodes that are still open end at the end of the arena.
pub(crate) fn path_of(nodes: &[Node], target: u32) -> String {
    let Some(root) = nodes.first() else { return String::new() };
    let mut path = root.ty.name().to_owned();
    let mut at = 0;
    while at != target {
        let Some((holder, step)) = step_towards(nodes, at, target) else { break };
        path.push_str(&step);
        at = holder;
    }
    path
}

/// The child of `parent` whose subtree holds the target, and its name with its number among its likes.
/// Of a companion the name of its primitive.
fn step_towards(nodes: &[Node], parent: u32, target: u32) -> Option<(u32, String)> {
    let mut at = parent + 1;
    // items seen of the latest element, and their companions
    let (mut latest, mut count, mut owner) = (None::<&ElementDef>, 0_usize, 0_usize);
    let holds = |at: u32, node: &Node| at == target || (at < target && target < node.end);
    let holder = loop {
        let node = nodes.get(at as usize)?;
        if holds(at, node) {
            break at;
        }
        at = node.end.max(at + 1);
    };
    let element = nodes.get(holder as usize)?.element?;
    let is_companion = nodes.get(holder as usize)?.is_companion;
    at = parent + 1;
    while let Some(node) = nodes.get(at as usize).filter(|_| at <= holder) {
        if !node.is_companion && node.element.is_some_and(|other| std::ptr::eq(other, element)) {
            latest = node.element;
            if node.companion == holder {
                owner = count;
            }
            count += 1;
        }
        at = node.end.max(at + 1);
    }
    latest?;
    let number = if is_companion { owner } else { count - 1 };
    let step = if element.max > 1 {
        format!(".{}[{number}]", element.name)
    } else {
        format!(".{}", element.name)
    };
    Some((holder, step))
}

/// Iterator over the logical children of a node.
#[derive(Debug, Clone)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

#[expect(clippy::indexing_slicing, reason = "indices come from the parser of this tree")]
impl<'t> Iterator for Children<'t> {
    type Item = NodeRef<'t>;

    fn next(&mut self) -> Option<NodeRef<'t>> {
        while self.next < self.end {
            let node = &self.tree.nodes[self.next as usize];
            let index = self.next;
            self.next = node.end;
            if !node.is_companion {
                return Some(NodeRef { tree: self.tree, index });
            }
        }
        None
    }
}
