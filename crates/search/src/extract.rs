//! A resource's index rows: <https://hl7.org/fhir/R4/searchparameter.html>.

mod composite;
mod consent;
mod contents;
mod context;
mod date;
mod found;
mod local;
mod number;
#[cfg(test)]
mod oracle;
mod position;
mod reference;
mod service;
mod string;
mod suffix;
#[cfg(test)]
mod tests;
mod token;
mod xhtml;

use fhir_model::{NodeRef, Tree};
use fhirpath::Context;

pub use consent::CONSENT_RULE;
pub use context::SECURITY_CONTEXT;
pub(crate) use reference::{is_id, target};
pub use service::{COVERED, SERVICE};
pub(crate) use string::{ADDRESS_PARTS, HUMAN_NAME_PARTS};
pub use suffix::{SUFFIX_LETTERS, SUFFIX_LETTERS_MIN, has_suffixes};

use crate::{
    registry::{Condition, Place, Program, Registry},
    rows::{ContainedRows, Rows},
};
use found::Found;
use local::Local;

/// The index rows of a resource. `base` is the server's own URL without a slash at the end: absolute
/// references under it are local; empty: none are.
pub fn extract(registry: &Registry, tree: &Tree, base: &str) -> Rows {
    let local = Local::of(tree.root());
    let mut rows = of_resource(registry, tree.root(), base, &local);
    context::add(&mut rows, tree.root(), base);
    service::add(&mut rows, tree.root());
    if registry.has_words() {
        rows.words = contents::words(tree);
        rows.tokens.extend(consent::rules(tree.root(), base));
        rows.tokens.sort();
    }
    rows.contained = local
        .resources()
        .map(|one| ContainedRows {
            ty: one.ty,
            id: one.id.as_ref().into(),
            rows: of_resource(registry, one.node, base, &local),
        })
        .filter(|one| registry.has_words() || !one.rows.is_empty())
        .collect();
    rows
}

/// The rows of a resource, contained or not, without its words and what it contains.
fn of_resource(registry: &Registry, root: NodeRef<'_>, base: &str, local: &Local<'_>) -> Rows {
    let program = root.ty().as_resource().and_then(|ty| registry.program(ty));
    let Some(program) = program else { return Rows::default() };
    let mut found = Found::new(program, root, base, local);
    if let Some(start) = program.start() {
        for leaf in &start.leaves {
            found.node(*leaf, root);
        }
        walk(program, start, root, &mut found);
    }
    evaluate(program, root, &mut found);
    let mut rows = found.settle();
    rows.suffixes = suffix::of_strings(&rows.strings);
    rows
}

/// Follows the trie; it is as deep as the longest path of a parameter.
fn walk<'t>(program: &Program, place: &Place, node: NodeRef<'t>, found: &mut Found<'t>) {
    let mut before = "";
    for child in node.children() {
        let name = child.name();
        for (condition, next) in program.follow(place, name) {
            let is_chosen = *condition != Condition::First || before != name;
            if !is_chosen || !holds(condition, child, found.local) {
                continue;
            }
            for leaf in &next.leaves {
                found.node(*leaf, child);
            }
            if !next.edges.is_empty() {
                walk(program, next, child, found);
            }
        }
        before = name;
    }
}

/// Whether an element satisfies a condition that is about the element alone.
fn holds(condition: &Condition, node: NodeRef<'_>, local: &Local<'_>) -> bool {
    match condition {
        Condition::Always | Condition::First => true,
        Condition::Type(_) => condition.allows(node.ty()),
        Condition::Resolves(ty) => reference::resolves_to(node, *ty, local),
        Condition::ResolvesElsewhere(types) => {
            !types.iter().any(|ty| reference::resolves_to(node, *ty, local))
        }
        Condition::Member { name, text } => {
            node.named(name).any(|child| child.text().is_some_and(|value| *value == **text))
        }
    }
}

/// The expressions that are more than paths. One that fails (over its budget) yields nothing.
fn evaluate<'t>(program: &Program, root: NodeRef<'t>, found: &mut Found<'t>) {
    for (leaf, expression) in program.expressions() {
        let items = expression.evaluate(&Context::new(root), root);
        for item in items.into_iter().flatten() {
            found.item(*leaf, &item);
        }
    }
}
