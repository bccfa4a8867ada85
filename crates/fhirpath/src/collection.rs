//! An ordered collection that needs no heap for none or one item, which most have.

use crate::item::Item;

/// Zero, one or many items.
#[derive(Debug, Clone, Default)]
pub(crate) enum Collection<'t> {
    #[default]
    Empty,
    One(Item<'t>),
    Many(Vec<Item<'t>>),
}

impl<'t> Collection<'t> {
    pub(crate) fn as_slice(&self) -> &[Item<'t>] {
        match self {
            Self::Empty => &[],
            Self::One(item) => std::slice::from_ref(item),
            Self::Many(items) => items,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Item<'t>> {
        self.as_slice().iter()
    }

    pub(crate) fn push(&mut self, item: Item<'t>) {
        match self {
            Self::Empty => *self = Self::One(item),
            Self::One(_) => {
                let mut items = Vec::with_capacity(4);
                if let Self::One(first) = std::mem::take(self) {
                    items.push(first);
                }
                items.push(item);
                *self = Self::Many(items);
            }
            Self::Many(items) => items.push(item),
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Item<'t>> {
        match self {
            Self::Empty => Vec::new(),
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
    }
}

impl<'t> From<Item<'t>> for Collection<'t> {
    fn from(item: Item<'t>) -> Self {
        Self::One(item)
    }
}

impl From<bool> for Collection<'_> {
    fn from(value: bool) -> Self {
        Self::One(Item::Boolean(value))
    }
}

impl<'t, T: Into<Item<'t>>> From<Option<T>> for Collection<'t> {
    fn from(item: Option<T>) -> Self {
        item.map_or(Self::Empty, |item| Self::One(item.into()))
    }
}

impl From<bool> for Item<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Item<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<String> for Item<'_> {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<rust_decimal::Decimal> for Item<'_> {
    fn from(value: rust_decimal::Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl<'t> FromIterator<Item<'t>> for Collection<'t> {
    fn from_iter<I: IntoIterator<Item = Item<'t>>>(items: I) -> Self {
        let mut collection = Self::Empty;
        collection.extend(items);
        collection
    }
}

impl<'t> Extend<Item<'t>> for Collection<'t> {
    fn extend<I: IntoIterator<Item = Item<'t>>>(&mut self, items: I) {
        for item in items {
            self.push(item);
        }
    }
}

impl<'t> IntoIterator for Collection<'t> {
    type Item = Item<'t>;
    type IntoIter = IntoIter<'t>;

    fn into_iter(self) -> IntoIter<'t> {
        match self {
            Self::Empty => IntoIter::Few(None.into_iter()),
            Self::One(item) => IntoIter::Few(Some(item).into_iter()),
            Self::Many(items) => IntoIter::Many(items.into_iter()),
        }
    }
}

/// The items by value.
pub(crate) enum IntoIter<'t> {
    Few(std::option::IntoIter<Item<'t>>),
    Many(std::vec::IntoIter<Item<'t>>),
}

impl<'t> Iterator for IntoIter<'t> {
    type Item = Item<'t>;

    fn next(&mut self) -> Option<Item<'t>> {
        match self {
            Self::Few(items) => items.next(),
            Self::Many(items) => items.next(),
        }
    }
}
