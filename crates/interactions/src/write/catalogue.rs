//! What a transaction is about to write, found by its codes, so that conditional entries are not each compared
//! with all the others.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use fhir_model::{Instant, IssueType, Outcome, ResourceType};
use search::{Filter, Nowhere, Plan, Rows, Subject, Test};
use storage::Key;

use super::{
    Target, Write,
    commit::{Act, Entry},
};

/// Comparisons that one transaction may ask for: a fraction of a second.
const COMPARISONS_MAX: usize = 500_000;

/// The resources of a transaction, as far as settled.
#[derive(Debug)]
pub(super) struct Catalogue<'e> {
    items: Vec<(Key, &'e Rows)>,
    by_type: BTreeMap<ResourceType, Vec<usize>>,
    by_code: BTreeMap<(ResourceType, &'e str), Vec<usize>>,
    comparisons: AtomicUsize,
    /// Whether anybody will ask.
    is_needed: bool,
}

impl<'e> Catalogue<'e> {
    /// An empty one for these entries.
    pub(super) fn new(entries: &[Entry]) -> Self {
        let asks = |entry: &Entry| match &entry.action {
            Act::Write(Write::Create { if_none_exist: Some(_), .. }) => true,
            Act::Write(Write::Update { target: Target::Criteria(..), .. }) if entries.len() > 1 => {
                true
            }
            Act::Write(_) => entry.prepared().is_some_and(|prepared| !prepared.is_settled()),
            Act::Read(_) | Act::Search(..) => false,
        };
        Self {
            items: Vec::new(),
            by_type: BTreeMap::new(),
            by_code: BTreeMap::new(),
            comparisons: AtomicUsize::new(0),
            is_needed: entries.iter().any(asks),
        }
    }

    /// Takes in what an entry writes.
    pub(super) fn add(&mut self, entry: &'e Entry, key: &Key) {
        let Some(prepared) = entry.prepared().filter(|_| self.is_needed) else { return };
        let (n, ty) = (self.items.len(), key.resource_type);
        let rows: &'e Rows = prepared.rows();
        self.by_type.entry(ty).or_default().push(n);
        for row in &rows.tokens {
            let numbers = self.by_code.entry((ty, &*row.code)).or_default();
            if numbers.last() != Some(&n) {
                numbers.push(n);
            }
        }
        self.items.push((key.clone(), rows));
    }

    /// The resources that a search would find.
    ///
    /// # Errors
    /// `too-costly` when there is too much to compare.
    pub(super) fn matching(&self, plan: &Plan, now: Instant) -> Result<Vec<Key>, Outcome> {
        let mut found = Vec::new();
        for n in self.candidates(plan) {
            if self.comparisons.fetch_add(1, Ordering::Relaxed) >= COMPARISONS_MAX {
                return Err(Outcome::new(
                    IssueType::TooCostly,
                    "Too many conditional entries are to be compared with each other; split the \
                     transaction, or use identifiers as criteria",
                ));
            }
            if let Some((key, rows)) = self.items.get(n)
                && is_found(plan, (key, rows), now)
            {
                found.push(key.clone());
            }
        }
        Ok(found)
    }

    /// Those that have a code which the search asks for; all of the type when it asks for none.
    fn candidates(&self, plan: &Plan) -> Vec<usize> {
        let Some(ty) = plan.ty() else { return Vec::new() };
        let Some(codes) = plan.filters().iter().find_map(codes) else {
            return self.by_type.get(&ty).cloned().unwrap_or_default();
        };
        let lists = codes.iter().filter_map(|code| self.by_code.get(&(ty, *code)));
        let mut numbers: Vec<usize> = lists.flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// What is in the same transaction is no target of a chain yet.
fn is_found(plan: &Plan, (key, rows): (&Key, &Rows), updated: Instant) -> bool {
    let subject = Subject { ty: key.resource_type, id: &key.id, updated, rows, container: None };
    search::matches(plan.filters(), subject, &Nowhere)
}

/// The codes of a filter that nothing satisfies without one of them.
fn codes(filter: &Filter) -> Option<Vec<&str>> {
    let Filter::Value { any, .. } = filter else { return None };
    any.iter().map(code).collect()
}

fn code(test: &Test) -> Option<&str> {
    let Test::Token(token) = test else { return None };
    token.code.as_deref()
}
