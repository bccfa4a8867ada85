//! Compares complex elements: member by member, whatever order JSON has them in.

use fhir_model::NodeRef;

use super::{items_equal, items_equivalent};
use crate::{
    evaluator::{Evaluator, Result},
    item::Item,
};

pub(super) fn equal<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: NodeRef<'t>,
    right: NodeRef<'t>,
) -> Result<bool> {
    let (left, right) = (members(evaluator, left)?, members(evaluator, right)?);
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.into_iter().zip(right) {
        let is_equal = left.name() == right.name()
            && items_equal(evaluator, &Item::Node(left), &Item::Node(right))? == Some(true);
        if !is_equal {
            return Ok(false);
        }
    }
    Ok(true)
}

/// As [`equal`], but with equivalent members, and without the ids of elements.
pub(super) fn equivalent<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: NodeRef<'t>,
    right: NodeRef<'t>,
) -> Result<bool> {
    let (mut left, mut right) = (members(evaluator, left)?, members(evaluator, right)?);
    left.retain(|member| member.name() != "id");
    right.retain(|member| member.name() != "id");
    if left.len() != right.len() {
        return Ok(false);
    }
    for member in left {
        let mut place = None;
        for (index, other) in right.iter().enumerate() {
            let is_equivalent = member.name() == other.name()
                && items_equivalent(evaluator, &Item::Node(member), &Item::Node(*other))?;
            if is_equivalent {
                place = Some(index);
                break;
            }
        }
        let Some(place) = place else { return Ok(false) };
        right.swap_remove(place);
    }
    Ok(true)
}

/// The members in the order of the definition.
fn members<'t>(evaluator: &mut Evaluator<'_, 't>, node: NodeRef<'t>) -> Result<Vec<NodeRef<'t>>> {
    let mut members: Vec<_> = node.children().collect();
    evaluator.charge(members.len())?;
    members.sort_by_key(|member| member.element().map(|element| element.order));
    Ok(members)
}
