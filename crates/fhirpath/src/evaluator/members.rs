//! Goes from elements to their members.

use fhir_model::NodeRef;

use super::{Evaluator, Result};
use crate::{collection::Collection, item::Item};

impl<'t> Evaluator<'_, 't> {
    /// The members of all items along the names, in order.
    pub(super) fn members(
        &mut self,
        items: &Collection<'t>,
        names: &[Box<str>],
    ) -> Result<Collection<'t>> {
        let mut found = Collection::Empty;
        for item in items.iter() {
            match item {
                Item::Node(node) => self.walk(*node, names, &mut found)?,
                _ => {
                    if let ([name], Some(value)) = (names, part(item, names)) {
                        debug_assert!(!name.is_empty());
                        found.push(value);
                    }
                }
            }
        }
        Ok(found)
    }

    /// As deep as the resource at most.
    fn walk(
        &mut self,
        node: NodeRef<'t>,
        names: &[Box<str>],
        found: &mut Collection<'t>,
    ) -> Result<()> {
        let [name, rest @ ..] = names else {
            found.push(Item::Node(node));
            return Ok(());
        };
        let mut seen = 0;
        for child in node.children() {
            seen += 1;
            if child.name() == &**name {
                self.walk(child, rest, found)?;
            }
        }
        self.charge(seen)
    }
}

/// The parts of values that are no elements.
fn part<'t>(item: &Item<'t>, names: &[Box<str>]) -> Option<Item<'t>> {
    let name = names.first()?;
    match (item, &**name) {
        (Item::Type(info), "namespace") => Some(Item::text(info.namespace)),
        (Item::Type(info), "name") => Some(Item::text(info.name)),
        (Item::Quantity(quantity), "value") => Some(Item::Decimal(quantity.value)),
        (Item::Quantity(quantity), "unit" | "code") => {
            Some(Item::String(quantity.unit_text().to_owned().into()))
        }
        _ => None,
    }
}
