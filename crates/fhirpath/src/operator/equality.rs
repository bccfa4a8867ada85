//! `=`, `~` and what rests on them: <http://hl7.org/fhirpath/N1/#equality>.

mod element;
mod key;

use std::{cmp::Ordering, collections::BTreeMap};

use rust_decimal::Decimal;

use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result},
    item::Item,
    value::value,
};

pub(super) fn equal<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    Ok(collections_equal(evaluator, left, right)?.into())
}

pub(super) fn not_equal<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    Ok(collections_equal(evaluator, left, right)?.map(|equal| !equal).into())
}

pub(super) fn equivalent<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    Ok(collections_equivalent(evaluator, left, right)?.into())
}

pub(super) fn not_equivalent<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Collection<'t>> {
    Ok((!collections_equivalent(evaluator, left, right)?).into())
}

/// Item by item in order; `None` when a side is empty or a comparison is open.
fn collections_equal<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<Option<bool>> {
    if left.is_empty() || right.is_empty() {
        return Ok(None);
    }
    if left.len() != right.len() {
        return Ok(Some(false));
    }
    for (left, right) in left.iter().zip(right) {
        match items_equal(evaluator, left, right)? {
            Some(true) => {}
            other => return Ok(other),
        }
    }
    Ok(Some(true))
}

/// Whether two items are equal; `None` when their precision leaves it open.
pub(crate) fn items_equal<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &Item<'t>,
    right: &Item<'t>,
) -> Result<Option<bool>> {
    evaluator.charge(1)?;
    if let (Item::Node(left), Item::Node(right)) = (left, right)
        && left == right
    {
        return Ok(Some(true));
    }
    let (Some(left_value), Some(right_value)) = (value(left), value(right)) else {
        return match (left, right) {
            (Item::Node(left), Item::Node(right)) => {
                element::equal(evaluator, *left, *right).map(Some)
            }
            _ => Ok(Some(false)),
        };
    };
    Ok(match (&*left_value, &*right_value) {
        (Item::Quantity(left), Item::Quantity(right)) => match left.compare(right) {
            Some(order) => Some(order == Ordering::Equal),
            // years of the calendar and of UCUM, or different things
            None => left.is_equivalent(right).then_some(()).map_or(Some(false), |()| None),
        },
        (left, right) => match moments(left, right) {
            Some(order) => order.map(|order| order == Ordering::Equal),
            None => Some(values_equal(left, right)),
        },
    })
}

/// The order of two dates or date-times, or of two times; the outer `None` for anything else.
#[expect(clippy::option_option, reason = "no moments, open and decided are three cases")]
pub(super) fn moments(left: &Item<'_>, right: &Item<'_>) -> Option<Option<Ordering>> {
    match (left, right) {
        (Item::Date(left) | Item::DateTime(left), Item::Date(right) | Item::DateTime(right))
        | (Item::Time(left), Item::Time(right)) => Some(left.compare(*right)),
        _ => None,
    }
}

fn values_equal(left: &Item<'_>, right: &Item<'_>) -> bool {
    match (left, right) {
        (Item::Boolean(left), Item::Boolean(right)) => left == right,
        (Item::Integer(left), Item::Integer(right)) => left == right,
        (Item::String(left), Item::String(right)) => left == right,
        (Item::Resolved(left), Item::Resolved(right)) => left == right,
        (Item::Type(left), Item::Type(right)) => left == right,
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        },
    }
}

/// An integer or decimal.
pub(super) fn number(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(number) => Some((*number).into()),
        Item::Decimal(number) => Some(*number),
        _ => None,
    }
}

/// The same items in any order; two empty collections are equivalent.
fn collections_equivalent<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &[Item<'t>],
    right: &[Item<'t>],
) -> Result<bool> {
    if left.len() != right.len() {
        return Ok(false);
    }
    let mut open: Vec<&Item<'t>> = right.iter().collect();
    for item in left {
        let mut place = None;
        for (index, other) in open.iter().enumerate() {
            if items_equivalent(evaluator, item, other)? {
                place = Some(index);
                break;
            }
        }
        let Some(place) = place else { return Ok(false) };
        open.swap_remove(place);
    }
    Ok(true)
}

/// Equal but for the case and blanks of strings, the last digits of decimals, the order of members.
fn items_equivalent<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    left: &Item<'t>,
    right: &Item<'t>,
) -> Result<bool> {
    evaluator.charge(1)?;
    let (Some(left_value), Some(right_value)) = (value(left), value(right)) else {
        return match (left, right) {
            (Item::Node(left), Item::Node(right)) => element::equivalent(evaluator, *left, *right),
            _ => Ok(false),
        };
    };
    Ok(match (&*left_value, &*right_value) {
        (Item::String(left), Item::String(right)) => {
            evaluator.charge((left.len() + right.len()) / 64)?;
            folded(left).eq(folded(right))
        }
        (Item::Quantity(left), Item::Quantity(right)) => left.is_equivalent(right),
        (left, right) => match (moments(left, right), number(left), number(right)) {
            (Some(order), ..) => order == Some(Ordering::Equal),
            (None, Some(left), Some(right)) => {
                let digits = left.normalize().scale().min(right.normalize().scale());
                left.round_dp(digits) == right.round_dp(digits)
            }
            _ => values_equal(left, right),
        },
    })
}

/// Lower case, every run of white space one blank.
fn folded(text: &str) -> impl Iterator<Item = char> {
    let mut words = text.split_whitespace();
    let first = words.next().into_iter();
    first
        .chain(words.flat_map(|word| [" ", word]))
        .flat_map(str::chars)
        .flat_map(char::to_lowercase)
}

/// Whether the collection has an item equal to this one.
pub(crate) fn holds<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    collection: &[Item<'t>],
    item: &Item<'t>,
) -> Result<bool> {
    for other in collection {
        if items_equal(evaluator, other, item)? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The items without repetitions, in order of first appearance.
pub(crate) fn distinct<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
) -> Result<Collection<'t>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let mut set = Set::default();
    for item in items {
        set.insert(evaluator, item)?;
    }
    Ok(set.into_items())
}

/// Up to this many items are compared one by one.
const FEW: usize = 8;

/// A collection without repetitions that stays quick when it is large: equal items have equal keys.
#[derive(Default)]
pub(crate) struct Set<'t> {
    items: Vec<Item<'t>>,
    by_key: BTreeMap<u64, Vec<usize>>,
}

impl<'t> Set<'t> {
    /// Adds an item; whether it is new.
    pub(crate) fn insert(
        &mut self,
        evaluator: &mut Evaluator<'_, 't>,
        item: Item<'t>,
    ) -> Result<bool> {
        if self.contains(evaluator, &item)? {
            return Ok(false);
        }
        self.items.push(item);
        let keyed = match self.items.len() {
            ..=FEW => 0,
            // from here on keys are used, for the first ones too
            len if len == FEW + 1 => len,
            _ => 1,
        };
        let first = self.items.len() - keyed;
        for (index, item) in self.items.iter().enumerate().skip(first) {
            self.by_key.entry(key::of(evaluator, item)?).or_default().push(index);
        }
        Ok(true)
    }

    /// Whether an equal item is there.
    pub(crate) fn contains(
        &self,
        evaluator: &mut Evaluator<'_, 't>,
        item: &Item<'t>,
    ) -> Result<bool> {
        if self.by_key.is_empty() {
            return holds(evaluator, &self.items, item);
        }
        let key = key::of(evaluator, item)?;
        for index in self.by_key.get(&key).into_iter().flatten() {
            let Some(other) = self.items.get(*index) else { continue };
            if items_equal(evaluator, other, item)? == Some(true) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn into_items(self) -> Collection<'t> {
        self.items.into_iter().collect()
    }
}
