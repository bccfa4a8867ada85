//! Three-valued logic: <http://hl7.org/fhirpath/N1/#boolean-logic>. `None` is the empty collection.

use crate::{error::EvalError, evaluator::Result, item::Item, value::value};

/// A collection as a truth value: a single item that is not a boolean counts as `true`.
pub(crate) fn truth(items: &[Item<'_>], place: &'static str) -> Result<Option<bool>> {
    match items {
        [] => Ok(None),
        [Item::Boolean(truth)] => Ok(Some(*truth)),
        [item] => match value(item).as_deref() {
            Some(Item::Boolean(truth)) => Ok(Some(*truth)),
            _ => Ok(Some(true)),
        },
        items => Err(EvalError::NotSingle { place, count: items.len() }),
    }
}

pub(super) fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(super) fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

pub(super) fn xor(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    Some(left? != right?)
}

pub(super) fn implies(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    or(left.map(|left| !left), right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_left_side_decides_holds_for_every_right_side() {
        let truths = [None, Some(false), Some(true)];
        for combine in [and, or, xor, implies] {
            for left in truths {
                if let Some(decided) = combine(left, None) {
                    assert!(truths.iter().all(|right| combine(left, *right) == Some(decided)));
                }
            }
        }
    }
}
