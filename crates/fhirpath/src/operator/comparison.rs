//! `<`, `<=`, `>`, `>=`: <http://hl7.org/fhirpath/N1/#comparison>.

use std::cmp::Ordering;

use super::equality::{moments, number};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result},
    item::Item,
    value::{single_value, wrong_type},
};

/// An operator of this family: which orders satisfy it.
macro_rules! comparison {
    ($name:ident, $symbol:literal, $test:expr) => {
        pub(super) fn $name<'t>(
            _: &mut Evaluator<'_, 't>,
            left: &[Item<'t>],
            right: &[Item<'t>],
        ) -> Result<Collection<'t>> {
            let test: fn(Ordering) -> bool = $test;
            Ok(compare(left, right, $symbol)?.map(test).into())
        }
    };
}

comparison!(less, "<", Ordering::is_lt);
comparison!(less_or_equal, "<=", Ordering::is_le);
comparison!(greater, ">", Ordering::is_gt);
comparison!(greater_or_equal, ">=", Ordering::is_ge);

fn compare(left: &[Item<'_>], right: &[Item<'_>], place: &'static str) -> Result<Option<Ordering>> {
    match (single_value(left, place)?, single_value(right, place)?) {
        (Some(left), Some(right)) => order(&left, &right, place),
        _ => Ok(None),
    }
}

/// The order of two values; `None` when their precision or dimension leaves it open, an error when
/// they have none.
pub(crate) fn order(
    left: &Item<'_>,
    right: &Item<'_>,
    place: &'static str,
) -> Result<Option<Ordering>> {
    if let Some(order) = moments(left, right) {
        return Ok(order);
    }
    match (left, right) {
        (Item::String(left), Item::String(right)) => Ok(Some(left.cmp(right))),
        (Item::Integer(left), Item::Integer(right)) => Ok(Some(left.cmp(right))),
        (Item::Quantity(left), Item::Quantity(right)) => Ok(left.compare(right)),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => Ok(Some(left.cmp(&right))),
            (None, _) => Err(wrong_type(left, place)),
            (Some(_), None) => Err(wrong_type(right, place)),
        },
    }
}
