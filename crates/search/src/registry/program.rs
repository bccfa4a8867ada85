//! How the values of all search parameters of a type are found in one walk over a resource.

use fhir_model::{ResourceType, TypeId, definitions::SearchKind};
use fhirpath::Expression;

use super::{
    ParamId, Parameter,
    composite::Composite,
    path::Step,
    sources::{Owned, Share, What},
};

/// A trie of element names, and the expressions that are more than that.
#[derive(Debug)]
pub(crate) struct Program {
    /// The trie; the first place is the resource.
    places: Vec<Place>,
    /// What only the `FHIRPath` engine can say.
    expressions: Vec<(Leaf, Expression)>,
    /// By number.
    composites: Vec<Composite>,
}

/// A place in the trie.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Where a child may lead; sorted by name.
    pub(crate) edges: Vec<Edge>,
    /// A bit for each name in `edges`: most children lead nowhere, and are told by that.
    names: u64,
    /// The parameters that this element is a value of.
    pub(crate) leaves: Vec<Leaf>,
}

/// To the children of a name.
#[derive(Debug)]
pub(crate) struct Edge {
    name: Box<str>,
    condition: Condition,
    to: usize,
}

/// A parameter whose value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) param: ParamId,
    pub(crate) kind: SearchKind,
    /// Of a name or an address as text: the parts that are rows of this parameter, a bit each.
    pub(crate) parts: u8,
}

/// Which of the children of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// All.
    Always,
    /// `as(X)`
    Type(TypeId),
    /// `where(resolve() is X)`
    Resolves(ResourceType),
    /// To none of these types, whose references are rows of other parameters.
    ResolvesElsewhere(Box<[ResourceType]>),
    /// `where(name='text')`
    Member { name: Box<str>, text: Box<str> },
    /// `[0]`
    First,
}

impl Condition {
    /// Whether elements of this type can satisfy it. A cast to a primitive takes the very type: string
    /// and code are alternatives of one choice; other casts take derived types too.
    pub(crate) fn allows(&self, ty: TypeId) -> bool {
        match self {
            Self::Type(wanted) => {
                ty == *wanted || (wanted.primitive().is_none() && ty.is_a(*wanted))
            }
            Self::Always
            | Self::Resolves(_)
            | Self::ResolvesElsewhere(_)
            | Self::Member { .. }
            | Self::First => true,
        }
    }
}

impl Default for Program {
    fn default() -> Self {
        Self { places: vec![Place::default()], expressions: Vec::new(), composites: Vec::new() }
    }
}

impl Program {
    /// Adds what a parameter indexes. `_id` and `_lastUpdated` are no index rows. A composite that cannot be
    /// compiled, and an expression that the engine does not understand, give none.
    pub(super) fn add(
        &mut self,
        parameter: &Parameter,
        share: &Share,
        kind_of: impl Fn(ResourceType, &str) -> Option<SearchKind>,
    ) {
        if !is_indexed(parameter) {
            return;
        }
        if parameter.kind == SearchKind::Composite {
            let Some(composite) = Composite::compile(parameter, kind_of) else { return };
            self.composites.push(composite);
        }
        for Owned { what, parts } in &share.branches {
            let leaf = Leaf { param: parameter.id, kind: parameter.kind, parts: *parts };
            match what {
                What::Path(steps) => self.add_path(steps, leaf),
                What::Text(text) => {
                    self.expressions.extend(Expression::parse(text).ok().map(|it| (leaf, it)));
                }
            }
        }
    }

    /// To be called when all is added.
    pub(super) fn finish(mut self) -> Self {
        for place in &mut self.places {
            place.edges.sort_by(|a, b| a.name.cmp(&b.name));
            place.names = place.edges.iter().fold(0, |bits, edge| bits | bit(&edge.name));
        }
        self.composites.sort_by_key(|composite| composite.param);
        self
    }

    /// The place of the resource itself.
    pub(crate) fn start(&self) -> Option<&Place> {
        self.places.first()
    }

    /// The places that a child of this name leads to, with what must hold.
    pub(crate) fn follow<'p>(
        &'p self,
        place: &'p Place,
        name: &str,
    ) -> impl Iterator<Item = (&'p Condition, &'p Place)> {
        let edges = if place.names & bit(name) == 0 { &[] } else { place.edges.as_slice() };
        let from = edges.partition_point(|edge| *edge.name < *name);
        let edges = edges.iter().skip(from).take_while(move |edge| *edge.name == *name);
        edges.filter_map(|edge| Some((&edge.condition, self.places.get(edge.to)?)))
    }

    pub(crate) fn expressions(&self) -> &[(Leaf, Expression)] {
        &self.expressions
    }

    pub(crate) fn composite(&self, param: ParamId) -> Option<&Composite> {
        let at = self.composites.binary_search_by_key(&param, |one| one.param).ok()?;
        self.composites.get(at)
    }

    fn add_path(&mut self, steps: &[Step], leaf: Leaf) {
        let mut at = 0;
        for step in steps {
            let new = self.places.len();
            let Some(place) = self.places.get_mut(at) else { return };
            let known = place
                .edges
                .iter()
                .find(|edge| edge.name == step.name && edge.condition == step.condition);
            at = known.map_or(new, |edge| edge.to);
            if at == new {
                place.edges.push(Edge {
                    name: step.name.clone(),
                    condition: step.condition.clone(),
                    to: new,
                });
                self.places.push(Place::default());
            }
        }
        if let Some(place) = self.places.get_mut(at)
            && !place.leaves.contains(&leaf)
        {
            place.leaves.push(leaf);
        }
    }
}

/// One of 64 bits for a name, by its length and its ends.
fn bit(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = bytes.first().zip(bytes.last()).map_or(0, |(a, b)| a.wrapping_mul(7) ^ b);
    1 << ((usize::from(ends) + bytes.len()) % 64)
}

/// `_id` and `_lastUpdated` are columns of the resource; what is special, but for `near`, has rules of its own.
pub(crate) fn is_indexed(parameter: &Parameter) -> bool {
    !matches!(&*parameter.code, "_id" | "_lastUpdated") && !parameter.expression.is_empty()
}
