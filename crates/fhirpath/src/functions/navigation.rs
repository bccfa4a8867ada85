//! Tree navigation: <http://hl7.org/fhirpath/N1/#tree-navigation>.

use super::{Function, bare};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result},
    item::Item,
};

pub(super) const FUNCTIONS: &[Function] =
    &[bare("children", children), bare("descendants", descendants)];

fn children<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
) -> Result<Collection<'t>> {
    let children: Collection<'t> = items
        .iter()
        .filter_map(Item::node)
        .flat_map(|node| node.children().map(Item::Node))
        .collect();
    evaluator.charge(children.len())?;
    Ok(children)
}

/// In document order.
fn descendants<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
) -> Result<Collection<'t>> {
    let mut found = Collection::Empty;
    for node in items.iter().filter_map(Item::node) {
        let mut open = vec![node.children()];
        while let Some(children) = open.last_mut() {
            let Some(child) = children.next() else {
                open.pop();
                continue;
            };
            evaluator.charge(1)?;
            found.push(Item::Node(child));
            open.push(child.children());
        }
    }
    Ok(found)
}
