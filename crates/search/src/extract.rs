//! A resource's index rows: <https://hl7.org/fhir/R4/searchparameter.html>.

mod date;
mod number;
#[cfg(test)]
mod oracle;
mod reference;
mod string;
#[cfg(test)]
mod tests;
mod token;

use fhir_model::{Kind, NodeRef, Tree};
use fhirpath::{Context, Item};

pub(crate) use reference::{is_id, target};

use crate::{
    SearchKind,
    registry::{Condition, Leaf, Program, Registry, State},
    rows::{Rows, UriRow},
    text,
};

/// The index rows of a resource. `base` is the server's own URL without a slash at the end: absolute
/// references under it are local; empty: none are.
pub fn extract(registry: &Registry, tree: &Tree, base: &str) -> Rows {
    let mut found = Found { rows: Rows::default(), base };
    let program = tree.resource_type().and_then(|ty| registry.program(ty));
    if let Some(program) = program {
        if let Some(start) = program.start() {
            walk(program, start, tree.root(), &mut found);
        }
        evaluate(program, tree.root(), &mut found);
    }
    found.settle()
}

/// What was found so far.
struct Found<'b> {
    rows: Rows,
    base: &'b str,
}

/// Follows the trie; it is as deep as the longest path of a parameter.
fn walk(program: &Program, state: &State, node: NodeRef<'_>, found: &mut Found<'_>) {
    for child in node.children() {
        for (condition, next) in program.follow(state, child.name()) {
            if !holds(condition, node, child) {
                continue;
            }
            for leaf in &next.leaves {
                found.node(*leaf, child);
            }
            if !next.edges.is_empty() {
                walk(program, next, child, found);
            }
        }
    }
}

fn holds(condition: &Condition, parent: NodeRef<'_>, node: NodeRef<'_>) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Type(_) => condition.allows(node.ty()),
        Condition::Resolves(ty) => reference::resolves_to(node, *ty),
        Condition::Member { name, text } => {
            node.named(name).any(|child| child.text().is_some_and(|value| *value == **text))
        }
        Condition::First => parent.child(node.name()) == Some(node),
    }
}

/// The expressions that are more than paths. One that fails (over its budget) yields nothing.
fn evaluate(program: &Program, root: NodeRef<'_>, found: &mut Found<'_>) {
    for (leaf, expression) in program.expressions() {
        let items = expression.evaluate(&Context::new(root), root);
        for item in items.into_iter().flatten() {
            found.item(*leaf, &item);
        }
    }
}

impl Found<'_> {
    fn item(&mut self, leaf: Leaf, item: &Item<'_>) {
        if let Item::Node(node) = item {
            self.node(leaf, *node);
        } else if let (Item::Boolean(value), SearchKind::Token) = (item, leaf.kind) {
            let code = if *value { "true" } else { "false" };
            token::push(&mut self.rows.tokens, leaf.param, None, code);
        } else {
            self.rows.valueless.push(leaf.param);
        }
    }

    fn node(&mut self, leaf: Leaf, node: NodeRef<'_>) {
        if node.kind() == Kind::Absent {
            return;
        }
        let node = if node.ty() == fhir_model::TypeId::EXTENSION {
            let Some(value) = node.child("value") else { return };
            value
        } else {
            node
        };
        let (rows, param) = (&mut self.rows, leaf.param);
        let gave_rows = match leaf.kind {
            SearchKind::Token => token::extract(&mut rows.tokens, param, node),
            SearchKind::Reference => reference::extract(rows, param, node, self.base),
            SearchKind::String => string::extract(&mut rows.strings, param, node),
            SearchKind::Date => date::extract(&mut rows.dates, param, node),
            SearchKind::Number => number::numbers(&mut rows.numbers, param, node),
            SearchKind::Quantity => number::quantities(&mut rows.quantities, param, node),
            SearchKind::Uri => node.text().is_some_and(|uri| {
                rows.uris.push(UriRow { param, uri: text::key(&uri).into() });
                true
            }),
            SearchKind::Composite | SearchKind::Special => false,
        };
        if !gave_rows {
            rows.valueless.push(param);
        }
    }

    /// Sorts, and leaves a parameter among the valueless ones only if it has no rows.
    fn settle(mut self) -> Rows {
        let mut valueless = std::mem::take(&mut self.rows.valueless);
        let rows = &self.rows;
        valueless.retain(|param| {
            !(rows.tokens.iter().any(|row| row.param == *param)
                || rows.identifiers.iter().any(|row| row.param == *param)
                || rows.references.iter().any(|row| row.param == *param)
                || rows.strings.iter().any(|row| row.param == *param)
                || rows.dates.iter().any(|row| row.param == *param)
                || rows.numbers.iter().any(|row| row.param == *param)
                || rows.quantities.iter().any(|row| row.param == *param)
                || rows.uris.iter().any(|row| row.param == *param))
        });
        self.rows.valueless = valueless;
        self.rows.settle();
        self.rows
    }
}
