//! How the values of all search parameters of a type are found in one walk over a resource.

use fhir_model::{ResourceType, TypeId, definitions::SearchKind};
use fhirpath::Expression;

use super::{
    ParamId, Parameter,
    path::{self, Branch, Step},
};

/// A trie of element names, and the expressions that are more than that.
#[derive(Debug)]
pub(crate) struct Program {
    /// The trie; the first state is the resource.
    states: Vec<State>,
    /// What only the `FHIRPath` engine can say.
    expressions: Vec<(Leaf, Expression)>,
}

/// A place in the trie.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Where a child may lead; sorted by name.
    pub(crate) edges: Vec<Edge>,
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
            Self::Always | Self::Resolves(_) | Self::Member { .. } | Self::First => true,
        }
    }
}

impl Default for Program {
    fn default() -> Self {
        Self { states: vec![State::default()], expressions: Vec::new() }
    }
}

impl Program {
    /// Of the parameters of a type. `_id` and `_lastUpdated` are no index rows.
    pub(super) fn compile(ty: ResourceType, parameters: &[Parameter]) -> Self {
        let mut program = Self::default();
        for parameter in parameters.iter().filter(|parameter| is_indexed(parameter)) {
            let leaf = Leaf { param: parameter.id, kind: parameter.kind };
            for text in path::branches(parameter.expression) {
                match path::branch(text, ty) {
                    Branch::Elsewhere => {}
                    Branch::Path(steps) => program.add(&steps, leaf),
                    Branch::Other => {
                        program.expressions.extend(Expression::parse(text).ok().map(|e| (leaf, e)));
                    }
                }
            }
        }
        for state in &mut program.states {
            state.edges.sort_by(|a, b| a.name.cmp(&b.name));
        }
        program
    }

    /// The state of the resource itself.
    pub(crate) fn start(&self) -> Option<&State> {
        self.states.first()
    }

    /// The states that a child of this name leads to, with what must hold.
    pub(crate) fn follow<'p>(
        &'p self,
        state: &'p State,
        name: &str,
    ) -> impl Iterator<Item = (&'p Condition, &'p State)> {
        let from = state.edges.partition_point(|edge| *edge.name < *name);
        let edges = state.edges.iter().skip(from).take_while(move |edge| *edge.name == *name);
        edges.filter_map(|edge| Some((&edge.condition, self.states.get(edge.to)?)))
    }

    pub(crate) fn expressions(&self) -> &[(Leaf, Expression)] {
        &self.expressions
    }

    fn add(&mut self, steps: &[Step], leaf: Leaf) {
        let mut at = 0;
        for step in steps {
            let new = self.states.len();
            let Some(state) = self.states.get_mut(at) else { return };
            let known = state
                .edges
                .iter()
                .find(|edge| edge.name == step.name && edge.condition == step.condition);
            at = known.map_or(new, |edge| edge.to);
            if at == new {
                state.edges.push(Edge {
                    name: step.name.clone(),
                    condition: step.condition.clone(),
                    to: new,
                });
                self.states.push(State::default());
            }
        }
        if let Some(state) = self.states.get_mut(at)
            && !state.leaves.contains(&leaf)
        {
            state.leaves.push(leaf);
        }
    }
}

/// `_id` and `_lastUpdated` are columns of the resource; composites and specials have rules of their own.
pub(crate) fn is_indexed(parameter: &Parameter) -> bool {
    !matches!(parameter.code, "_id" | "_lastUpdated")
        && !matches!(parameter.kind, SearchKind::Composite | SearchKind::Special)
}
