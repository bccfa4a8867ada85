//! The schema-directed pass: bytes in, nodes and faults out. Without checks (`CHECKED` is false) the same
//! pass leaves out what it does not understand.

use crate::{
    ElementDef, IssueType, ResourceType, TypeId,
    tree::{Kind, Node, path_of},
};

use super::{
    Limits,
    faults::{Faults, did_you_mean, nearest},
    lexer::{Lexer, Stop},
    lookahead::Lookahead,
};

/// Everything that one pass carries along.
pub(super) struct Parser<'a, const CHECKED: bool> {
    pub(super) lexer: Lexer<'a>,
    pub(super) nodes: Vec<Node>,
    pub(super) faults: Faults,
    pub(super) limits: &'a Limits,
    /// Objects and arrays that are open.
    pub(super) depth: u16,
    /// Primitives of the open objects, so that their two halves find each other.
    pub(super) halves: Vec<Half>,
    /// `Reference` nodes that point into `contained`, of the open resources.
    pub(super) fragments: Vec<u32>,
    /// Whether a contained resource is being read.
    pub(super) in_contained: bool,
    pub(super) lookahead: Lookahead,
}

/// A primitive member of which at least one half was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half {
    /// The element's number within its type.
    pub(super) number: u8,
    /// Node of the first item.
    pub(super) first: u32,
    /// How many items.
    pub(super) count: u32,
}

/// An open node ends here until it is closed.
pub(super) const OPEN: u32 = u32::MAX;

impl<'a, const CHECKED: bool> Parser<'a, CHECKED> {
    pub(super) fn new(text: &'a str, limits: &'a Limits) -> Self {
        // a node every 24 bytes is more than real resources have
        let expected = (text.len() / 24 + 8).min(limits.nodes);
        Self {
            lexer: Lexer::new(text),
            nodes: Vec::with_capacity(expected),
            faults: Faults::new(limits.issues),
            limits,
            depth: 0,
            halves: Vec::with_capacity(32),
            fragments: Vec::new(),
            in_contained: false,
            lookahead: Lookahead::default(),
        }
    }

    /// Reads the whole text. There is a root node whatever happens.
    pub(super) fn document(&mut self) {
        self.lexer.next_token();
        let read = self.resource(None).and_then(|()| self.lexer.end());
        if let (Err(Stop), Some(broken)) = (read, self.lexer.broken) {
            self.faults.add_broken(self.lexer.text().as_bytes(), broken);
        }
        if self.nodes.is_empty() {
            self.nodes.push(node(None, TypeId::RESOURCE, Kind::Object, self.lexer.at));
        }
        let end = self.next_index();
        let stop = offset(self.lexer.at);
        for open in self.nodes.iter_mut().filter(|node| node.end == OPEN) {
            (open.end, open.stop) = (end, stop);
        }
    }

    /// Reads a resource: the root, or an item of an element whose type is `Resource`.
    pub(super) fn resource(&mut self, element: Option<&'static ElementDef>) -> Result<(), Stop> {
        if self.lexer.peek() != b'{' {
            self.fault_here(element, IssueType::Structure, "A resource must be a JSON object")?;
            return self.lexer.skip_value();
        }
        let Some(resource_type) = self.resource_type(element)? else {
            return self.lexer.skip_value();
        };
        let index = self.push(node(element, resource_type.ty(), Kind::Object, self.lexer.at))?;
        let is_contained = element.is_some_and(|element| element.name == "contained");
        if CHECKED && is_contained && self.in_contained {
            let text = "A contained resource cannot contain others (dom-2)";
            self.fault(IssueType::Invariant, index, text)?;
        }
        let fragments = self.fragments.len();
        let was_contained = std::mem::replace(&mut self.in_contained, is_contained);
        self.object(index)?;
        self.in_contained = was_contained;
        if CHECKED && !is_contained && self.fragments.len() > fragments {
            self.check_fragments(index, fragments)?;
        }
        Ok(())
    }

    /// The type of the resource that starts here; `None` after a fault.
    fn resource_type(
        &mut self,
        element: Option<&'static ElementDef>,
    ) -> Result<Option<ResourceType>, Stop> {
        let Some(text) = self.lookahead.resource_type(&self.lexer) else {
            let text = "A resource needs 'resourceType', the name of its type as a JSON string";
            self.fault_here(element, IssueType::Required, text)?;
            return Ok(None);
        };
        let name = self.lexer.unquoted(text);
        let resource_type = ResourceType::named(&name);
        if CHECKED && resource_type.is_none() {
            let names = ResourceType::all().iter().map(|resource_type| resource_type.name());
            let hint = did_you_mean(nearest(&name, names));
            let text = format!("R4 has no resource type '{}'{hint}", shown(&name));
            self.fault_here(element, IssueType::Structure, text)?;
        }
        Ok(resource_type)
    }

    /// Adds a node at the end of the arena.
    #[inline]
    pub(super) fn push(&mut self, node: Node) -> Result<u32, Stop> {
        let index = self.next_index();
        if self.nodes.len() >= self.limits.nodes {
            return self.too_many_nodes();
        }
        self.nodes.push(node);
        Ok(index)
    }

    #[cold]
    fn too_many_nodes(&mut self) -> Result<u32, Stop> {
        let text = format!("A document may have {} elements", self.limits.nodes);
        self.faults.add(IssueType::TooLong, String::new(), text)?;
        Err(Stop)
    }

    /// The index that the next node gets.
    #[inline]
    pub(super) fn next_index(&self) -> u32 {
        // there are fewer nodes than bytes, and fewer bytes than 2^32
        offset(self.nodes.len())
    }

    /// Steps into an object or array.
    #[inline]
    pub(super) fn enter(&mut self, index: u32) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > self.limits.depth { self.too_deep(index) } else { Ok(()) }
    }

    #[cold]
    fn too_deep(&mut self, index: u32) -> Result<(), Stop> {
        let text = format!("Objects and arrays may nest {} deep", self.limits.depth);
        self.fault(IssueType::Structure, index, text)?;
        Err(Stop)
    }

    /// Notes a fault of a node.
    #[cold]
    pub(super) fn fault(
        &mut self,
        code: IssueType,
        index: u32,
        text: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result<(), Stop> {
        if !CHECKED {
            return Ok(());
        }
        self.faults.add(code, path_of(&self.nodes, index), text)
    }

    /// Notes a fault of a member that has no node.
    #[cold]
    pub(super) fn fault_in(
        &mut self,
        open: u32,
        code: IssueType,
        name: &str,
        text: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result<(), Stop> {
        if !CHECKED {
            return Ok(());
        }
        let path = format!("{}.{}", path_of(&self.nodes, open), shown(name));
        self.faults.add(code, path, text)
    }

    /// Notes a fault of an item that would come next, but gets no node of its own.
    #[cold]
    pub(super) fn fault_here(
        &mut self,
        element: Option<&'static ElementDef>,
        code: IssueType,
        text: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Result<(), Stop> {
        if !CHECKED {
            return Ok(());
        }
        let path = if element.is_some() {
            // for the time of the question only
            self.nodes.push(node(element, TypeId::ELEMENT, Kind::Absent, self.lexer.at));
            let path = path_of(&self.nodes, offset(self.nodes.len() - 1));
            self.nodes.pop();
            path
        } else {
            String::new()
        };
        self.faults.add(code, path, text)
    }
}

/// A node that is open if it is an object.
#[inline]
pub(super) fn node(
    element: Option<&'static ElementDef>,
    ty: TypeId,
    kind: Kind,
    start: usize,
) -> Node {
    let start = offset(start);
    Node { element, ty, kind, is_companion: false, start, stop: start, end: OPEN, companion: 0 }
}

/// An offset into a document of less than 4 GiB.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "longer documents are refused at the door")]
pub(super) const fn offset(at: usize) -> u32 {
    at as u32
}

/// A name as sent, fit to be shown: cut, and nothing but plain characters.
pub(super) fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.:/".contains(c) { c } else { '?' };
    name.chars().take(64).map(plain).collect()
}
