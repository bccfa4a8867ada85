//! A number that equal items share, for finding repetitions among many items.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use fhir_model::NodeRef;

use super::number;
use crate::{
    evaluator::{Evaluator, Result},
    item::Item,
    value::value,
};

pub(super) fn of<'t>(evaluator: &mut Evaluator<'_, 't>, item: &Item<'t>) -> Result<u64> {
    evaluator.charge(1)?;
    let mut hasher = DefaultHasher::new();
    match (value(item).as_deref(), item) {
        (Some(Item::Boolean(truth)), _) => truth.hash(&mut hasher),
        (Some(Item::String(text)), _) => text.hash(&mut hasher),
        (Some(Item::Date(moment) | Item::DateTime(moment) | Item::Time(moment)), _) => {
            moment.key().hash(&mut hasher);
        }
        (Some(Item::Quantity(quantity)), _) => quantity.key().hash(&mut hasher),
        (Some(Item::Resolved(resource)), _) => resource.hash(&mut hasher),
        (Some(Item::Type(info)), _) => info.name.hash(&mut hasher),
        (Some(other), _) => number(other).map(|number| number.normalize()).hash(&mut hasher),
        (None, Item::Node(node)) => return of_element(evaluator, *node),
        (None, _) => {}
    }
    Ok(hasher.finish())
}

/// The sum over the members, so that their order does not matter.
fn of_element<'t>(evaluator: &mut Evaluator<'_, 't>, node: NodeRef<'t>) -> Result<u64> {
    let mut sum = 0u64;
    for member in node.children() {
        let mut hasher = DefaultHasher::new();
        member.name().hash(&mut hasher);
        of(evaluator, &Item::Node(member))?.hash(&mut hasher);
        sum = sum.wrapping_add(hasher.finish());
    }
    Ok(sum)
}
