//! A `CodeSystem`, indexed once and then asked often: <https://hl7.org/fhir/R4/codesystem.html>.

use std::{borrow::Cow, collections::BTreeMap};

use fhir_model::{NodeRef, Tree};

use crate::{
    Refusal,
    hierarchy::{Direction, Hierarchy},
    limits::{BYTES_PER_STEP, Budget},
};

/// The namespace of the properties that FHIR itself defines.
const DEFINED: &str = "http://hl7.org/fhir/concept-properties#";

/// How much of the code system the resource holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Every concept.
    Complete,
    /// Some.
    Partial,
    /// None: not-present, or a supplement to another code system.
    Absent,
}

/// The concepts of a `CodeSystem`, by code and by place.
#[derive(Debug)]
pub(crate) struct CodeSystem<'t> {
    content: Content,
    ignores_case: bool,
    concepts: Vec<Concept<'t>>,
    by_code: BTreeMap<Cow<'t, str>, usize>,
    /// As the author drew it, whatever it means.
    drawn: Hierarchy,
    /// Where the upper one subsumes the lower.
    subsumption: Hierarchy,
    /// The properties that are declared or used: the name there, and the name that FHIR has for it.
    properties: BTreeMap<Cow<'t, str>, Cow<'t, str>>,
    /// The price of a look at every concept.
    size: usize,
}

#[derive(Debug)]
struct Concept<'t> {
    code: Cow<'t, str>,
    node: NodeRef<'t>,
}

/// What a filter may look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Property {
    /// `code`, `concept`: the concept itself.
    Code,
    /// `display`, `definition`.
    Text(&'static str),
    /// `parent`, `child`: the codes right above or below.
    Neighbours(Direction),
    /// A `concept.property`; with a value for those concepts that have none.
    Own(String, Option<&'static str>),
}

impl<'t> CodeSystem<'t> {
    /// Indexes the resource, at the price of its size.
    pub(crate) fn new(tree: &'t Tree, budget: &mut Budget) -> Result<Self, Refusal> {
        budget.charge(tree.len() + tree.bytes().len() / BYTES_PER_STEP)?;
        let root = tree.root();
        let mut system = Self {
            content: content(root),
            ignores_case: root.child_text("caseSensitive").as_deref() == Some("false"),
            concepts: Vec::new(),
            by_code: BTreeMap::new(),
            drawn: Hierarchy::default(),
            subsumption: Hierarchy::default(),
            properties: declared(root),
            size: tree.bytes().len() / BYTES_PER_STEP,
        };
        let drawn_subsumes = drawn_subsumes(root);
        system.read_concepts(root, drawn_subsumes);
        system.read_relations(drawn_subsumes);
        Ok(system)
    }

    pub(crate) fn content(&self) -> Content {
        self.content
    }

    /// The price of a look at every concept: elements passed, and text.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// All concepts, by number.
    pub(crate) fn all(&self) -> std::ops::Range<usize> {
        0..self.concepts.len()
    }

    /// The code as the code system writes it.
    pub(crate) fn code(&self, at: usize) -> &str {
        self.concepts.get(at).map_or("", |concept| &concept.code)
    }

    /// The concept of this code.
    pub(crate) fn find(&self, code: &str) -> Option<usize> {
        self.by_code.get(&*self.folded(code)).copied()
    }

    /// The concept and all that it subsumes, or all that subsume it.
    pub(crate) fn reach(&self, from: usize, direction: Direction) -> Vec<usize> {
        self.subsumption.reach(from, direction)
    }

    /// How codes are compared here: as they are, or without case.
    pub(crate) fn folded<'c>(&self, code: &'c str) -> Cow<'c, str> {
        if self.ignores_case { code.to_lowercase().into() } else { code.into() }
    }

    /// What a filter means by this name; `None` when there is no such property.
    pub(crate) fn property(&self, name: &str) -> Option<Property> {
        let meaning = self.properties.get(name).map_or(name, |meaning| &**meaning);
        Some(match meaning {
            "code" | "concept" => Property::Code,
            "display" => Property::Text("display"),
            "definition" => Property::Text("definition"),
            "parent" => Property::Neighbours(Direction::Up),
            "child" => Property::Neighbours(Direction::Down),
            "inactive" => Property::Own(name.to_owned(), Some("false")),
            "notSelectable" | "deprecated" | "status" => Property::Own(name.to_owned(), None),
            _ if self.properties.contains_key(name) => Property::Own(name.to_owned(), None),
            _ => return None,
        })
    }

    /// The length of all values that the concept has for the property.
    pub(crate) fn text_bytes(&self, at: usize, property: &Property) -> usize {
        let mut bytes = 0;
        self.any(at, property, |value| {
            bytes += value.len();
            false
        });
        bytes
    }

    /// Whether one of the values that the concept has for the property passes the test.
    pub(crate) fn any(
        &self,
        at: usize,
        property: &Property,
        mut test: impl FnMut(&str) -> bool,
    ) -> bool {
        let Some(concept) = self.concepts.get(at) else { return false };
        match property {
            Property::Code => test(&concept.code),
            Property::Text(name) => concept.node.child_text(name).is_some_and(|text| test(&text)),
            Property::Neighbours(direction) => {
                self.drawn.next(at, *direction).iter().any(|other| test(self.code(*other)))
            }
            Property::Own(name, default) => {
                let mut values = own_properties(concept.node)
                    .filter(|(code, _)| code == name)
                    .filter_map(|(_, value)| value)
                    .peekable();
                match default {
                    Some(default) if values.peek().is_none() => test(default),
                    _ => values.any(|value| test(&value)),
                }
            }
        }
    }

    /// Whether the concept was taken out of use: property `inactive`, or a `status` that says so.
    pub(crate) fn is_inactive(&self, at: usize) -> bool {
        let Some(concept) = self.concepts.get(at) else { return false };
        own_properties(concept.node).any(|(code, value)| {
            let meaning = self.properties.get(&code).map_or("", |meaning| &**meaning);
            match (meaning, value.as_deref()) {
                ("inactive", Some(value)) => value == "true",
                ("status", Some(value)) => matches!(value, "retired" | "inactive"),
                _ => false,
            }
        })
    }

    /// Walks the tree of concepts in document order. A code that comes twice is one concept.
    fn read_concepts(&mut self, root: NodeRef<'t>, drawn_subsumes: Subsumes) {
        let mut open: Vec<(NodeRef<'t>, Option<usize>)> = vec![(root, None)];
        while let Some((node, parent)) = open.pop() {
            let at = match node.child_text("code") {
                _ if node == root => None,
                Some(code) => Some(self.concept_at(code, node)),
                None => parent,
            };
            if let (Some(parent), Some(at)) = (parent, at) {
                self.relate(parent, at, drawn_subsumes);
            }
            let first = open.len();
            open.extend(node.named("concept").map(|child| (child, at)));
            if let Some(children) = open.get_mut(first..) {
                children.reverse();
            }
        }
    }

    fn concept_at(&mut self, code: Cow<'t, str>, node: NodeRef<'t>) -> usize {
        let next = self.concepts.len();
        let key = if self.ignores_case { code.to_lowercase().into() } else { code.clone() };
        let at = *self.by_code.entry(key).or_insert(next);
        if at == next {
            self.concepts.push(Concept { code, node });
        }
        at
    }

    /// Reads the properties that relate concepts, now that all of them are known.
    fn read_relations(&mut self, drawn_subsumes: Subsumes) {
        for at in self.all() {
            let Some(node) = self.concepts.get(at).map(|concept| concept.node) else { break };
            self.size += node.children().count();
            for (name, value) in own_properties(node) {
                let meaning =
                    self.properties.entry(name.clone()).or_insert_with(|| name.clone()).clone();
                let Some(other) = value.and_then(|value| self.find(&value)) else { continue };
                match &*meaning {
                    "parent" => self.relate(other, at, drawn_subsumes),
                    "child" => self.relate(at, other, drawn_subsumes),
                    "subsumedBy" => self.subsumption.put(other, at),
                    _ => {}
                }
            }
        }
    }

    fn relate(&mut self, parent: usize, child: usize, drawn_subsumes: Subsumes) {
        self.size += 1;
        self.drawn.put(parent, child);
        if drawn_subsumes == Subsumes::Yes {
            self.subsumption.put(parent, child);
        }
    }
}

/// Whether a concept subsumes those that are drawn below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subsumes {
    Yes,
    No,
}

/// Below a group or a whole there are members and parts, but not kinds of it. Without a word on it, the
/// hierarchy is taken for is-a.
fn drawn_subsumes(root: NodeRef<'_>) -> Subsumes {
    match root.child_text("hierarchyMeaning").as_deref() {
        Some("grouped-by" | "part-of") => Subsumes::No,
        _ => Subsumes::Yes,
    }
}

fn content(root: NodeRef<'_>) -> Content {
    match root.child_text("content").as_deref() {
        Some("complete") => Content::Complete,
        Some("not-present" | "supplement") => Content::Absent,
        _ if root.child("concept").is_none() => Content::Absent,
        _ => Content::Partial,
    }
}

/// `CodeSystem.property`: its code, and the code that FHIR has for the same.
fn declared(root: NodeRef<'_>) -> BTreeMap<Cow<'_, str>, Cow<'_, str>> {
    root.named("property")
        .filter_map(|property| {
            let code = property.child_text("code")?;
            let uri = property.child_text("uri");
            let defined = uri.as_deref().and_then(|uri| uri.strip_prefix(DEFINED));
            let meaning = defined.map_or_else(|| code.clone(), |name| name.to_owned().into());
            Some((code, meaning))
        })
        .collect()
}

/// `concept.property`: code and value; of a Coding its code.
fn own_properties(
    concept: NodeRef<'_>,
) -> impl Iterator<Item = (Cow<'_, str>, Option<Cow<'_, str>>)> {
    concept.named("property").filter_map(|property| {
        let code = property.child_text("code")?;
        let value = property.child("value");
        Some((code, value.and_then(|value| value.text().or_else(|| value.child_text("code")))))
    })
}
