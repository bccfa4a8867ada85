//! The rows that were found so far.

use fhir_model::{Kind, NodeRef, TypeId};
use fhirpath::Item;

use super::{composite, date, local::Local, number, position, reference, string, token};
use crate::{
    SearchKind,
    registry::{Leaf, ParamId, Program},
    rows::{Rows, UriRow},
    text,
};

/// Gathers the rows of one resource.
pub(super) struct Found<'t> {
    pub(super) rows: Rows,
    pub(super) program: &'t Program,
    pub(super) root: NodeRef<'t>,
    pub(super) base: &'t str,
    pub(super) local: &'t Local<'t>,
    /// How many rows of composites there may still be.
    pub(super) composites_left: usize,
    /// Parts of composites that are the same for all elements of the resource.
    pub(super) common: Vec<(ParamId, Rows)>,
}

impl<'t> Found<'t> {
    pub(super) fn new(
        program: &'t Program,
        root: NodeRef<'t>,
        base: &'t str,
        local: &'t Local<'t>,
    ) -> Self {
        let composites_left = composite::ROWS_MAX;
        Self {
            rows: Rows::default(),
            program,
            root,
            base,
            local,
            composites_left,
            common: Vec::new(),
        }
    }

    pub(super) fn item(&mut self, leaf: Leaf, item: &Item<'t>) {
        if let Some(node) = item.node() {
            self.node(leaf, node);
        } else if leaf.kind != SearchKind::Composite && !computed(&mut self.rows, leaf, item) {
            self.rows.valueless.push(leaf.param);
        }
    }

    pub(super) fn node(&mut self, leaf: Leaf, node: NodeRef<'t>) {
        if leaf.kind == SearchKind::Composite {
            composite::extract(self, leaf.param, node);
            return;
        }
        if node.kind() == Kind::Absent {
            return;
        }
        let Some(node) = value_of(node) else { return };
        if !element(&mut self.rows, leaf, node, self.base, self.local) {
            self.rows.valueless.push(leaf.param);
        }
    }

    /// Sorts, and leaves a parameter among the valueless ones only if it has no rows.
    pub(super) fn settle(mut self) -> Rows {
        let mut valueless = std::mem::take(&mut self.rows.valueless);
        valueless.sort_unstable();
        valueless.dedup();
        let rows = &self.rows;
        valueless.retain(|param| {
            !(rows.tokens.iter().any(|row| row.param == *param)
                || rows.identifiers.iter().any(|row| row.param == *param)
                || rows.references.iter().any(|row| row.param == *param)
                || rows.strings.iter().any(|row| row.param == *param)
                || rows.dates.iter().any(|row| row.param == *param)
                || rows.numbers.iter().any(|row| row.param == *param)
                || rows.quantities.iter().any(|row| row.param == *param)
                || rows.uris.iter().any(|row| row.param == *param)
                || rows.positions.iter().any(|row| row.param == *param))
        });
        self.rows.valueless = valueless;
        self.rows.settle();
        self.rows
    }
}

/// The element itself; of an extension its value.
pub(super) fn value_of(node: NodeRef<'_>) -> Option<NodeRef<'_>> {
    if node.ty() == TypeId::EXTENSION { node.child("value") } else { Some(node) }
}

/// Whether the element gave rows.
pub(super) fn element(
    rows: &mut Rows,
    leaf: Leaf,
    node: NodeRef<'_>,
    base: &str,
    local: &Local<'_>,
) -> bool {
    let param = leaf.param;
    match leaf.kind {
        SearchKind::Token => token::extract(rows, param, node),
        SearchKind::Reference => reference::extract(rows, param, node, base, local),
        SearchKind::String => string::extract(&mut rows.strings, leaf, node),
        SearchKind::Date => date::extract(&mut rows.dates, param, node),
        SearchKind::Number => number::numbers(&mut rows.numbers, param, node),
        SearchKind::Quantity => number::quantities(rows, param, node),
        SearchKind::Uri => node.text().is_some_and(|uri| {
            rows.uris.push(UriRow { param, uri: text::key(&uri).into() });
            true
        }),
        SearchKind::Special => position::extract(&mut rows.positions, param, node),
        SearchKind::Composite => false,
    }
}

/// A value that is no element. Whether it gave rows.
pub(super) fn computed(rows: &mut Rows, leaf: Leaf, item: &Item<'_>) -> bool {
    let param = leaf.param;
    match (leaf.kind, item) {
        (SearchKind::Token, Item::String(text)) => {
            token::push_text(&mut rows.tokens, param, text);
            true
        }
        (SearchKind::Token, Item::Boolean(_) | Item::Integer(_)) => {
            token::push(&mut rows.tokens, param, None, &item.to_string());
            true
        }
        (SearchKind::String, Item::String(text)) => {
            string::push(&mut rows.strings, param, text);
            true
        }
        (SearchKind::Date, Item::Date(_) | Item::DateTime(_)) => {
            date::push(&mut rows.dates, param, &item.to_string())
        }
        (SearchKind::Number, Item::Integer(_) | Item::Decimal(_)) => {
            number::push(&mut rows.numbers, param, &item.to_string())
        }
        (SearchKind::Uri, Item::String(uri)) => {
            rows.uris.push(UriRow { param, uri: text::key(uri).into() });
            true
        }
        _ => false,
    }
}
