//! What the search index holds of one resource.
//!
//! **Invariant**: every list is sorted and without duplicates, so two versions are compared by merging.

use std::cmp::Ordering;

use fhir_model::ResourceType;

use crate::{registry::ParamId, timespan::Timespan};

/// A finite number with a total order.
#[derive(Debug, Clone, Copy)]
pub struct Real(pub f64);

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A code with its system. Both are cut by [`crate::text::key`] when long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenRow {
    /// The parameter.
    pub param: ParamId,
    /// The code, the identifier's value, `true`, ...; empty when there is a system only.
    pub code: Box<str>,
    /// The code system or namespace.
    pub system: Option<Box<str>>,
}

/// What a reference points to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A resource of this server, whether or not it exists.
    Local {
        /// Its type.
        ty: ResourceType,
        /// Its logical id.
        id: Box<str>,
    },
    /// Something elsewhere: an absolute URL, a `urn:`, a canonical.
    Url {
        /// The URL, of a canonical without its version; cut by [`crate::text::key`].
        url: Box<str>,
        /// The version of a canonical: what follows `|`.
        version: Option<Box<str>>,
    },
}

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReferenceRow {
    /// The parameter.
    pub param: ParamId,
    /// Where it points to.
    pub target: Target,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StringRow {
    /// The parameter.
    pub param: ParamId,
    /// Lower case, without accents: [`crate::text::fold`].
    pub folded: Box<str>,
    /// As it is in the resource; cut by [`crate::text::cut`].
    pub exact: Box<str>,
}

/// A date, a time or a period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateRow {
    /// The parameter.
    pub param: ParamId,
    /// From when until when.
    pub span: Timespan,
}

/// A number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberRow {
    /// The parameter.
    pub param: ParamId,
    /// The value, a point.
    pub value: Real,
}

/// A number with a unit. A range is two rows, its bounds; a missing bound is the largest or least
/// finite number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuantityRow {
    /// The parameter.
    pub param: ParamId,
    /// The value, a point.
    pub value: Real,
    /// The system of the unit's code.
    pub system: Option<Box<str>>,
    /// The unit's code, of money the currency.
    pub code: Option<Box<str>>,
    /// The unit as people read it.
    pub unit: Option<Box<str>>,
}

/// A URI.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UriRow {
    /// The parameter.
    pub param: ParamId,
    /// As it is in the resource; cut by [`crate::text::key`].
    pub uri: Box<str>,
}

/// All index rows of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    /// Values of token parameters.
    pub tokens: Vec<TokenRow>,
    /// `Reference.identifier` of reference parameters, for `:identifier`.
    pub identifiers: Vec<TokenRow>,
    /// Values of reference parameters.
    pub references: Vec<ReferenceRow>,
    /// Values of string parameters.
    pub strings: Vec<StringRow>,
    /// Values of date parameters.
    pub dates: Vec<DateRow>,
    /// Values of number parameters.
    pub numbers: Vec<NumberRow>,
    /// Values of quantity parameters.
    pub quantities: Vec<QuantityRow>,
    /// Values of uri parameters.
    pub uris: Vec<UriRow>,
    /// Parameters whose element is there although it gives no row of the parameter's kind, for example
    /// a reference that has a display only: `:missing` counts them as present.
    pub valueless: Vec<ParamId>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
            + self.identifiers.len()
            + self.references.len()
            + self.strings.len()
            + self.dates.len()
            + self.numbers.len()
            + self.quantities.len()
            + self.uris.len()
            + self.valueless.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to take out of and what to put into the index when `new` replaces `old`.
    pub fn diff(old: Self, new: Self) -> (Self, Self) {
        let mut out = (Self::default(), Self::default());
        (out.0.tokens, out.1.tokens) = diff(old.tokens, new.tokens);
        (out.0.identifiers, out.1.identifiers) = diff(old.identifiers, new.identifiers);
        (out.0.references, out.1.references) = diff(old.references, new.references);
        (out.0.strings, out.1.strings) = diff(old.strings, new.strings);
        (out.0.dates, out.1.dates) = diff(old.dates, new.dates);
        (out.0.numbers, out.1.numbers) = diff(old.numbers, new.numbers);
        (out.0.quantities, out.1.quantities) = diff(old.quantities, new.quantities);
        (out.0.uris, out.1.uris) = diff(old.uris, new.uris);
        (out.0.valueless, out.1.valueless) = diff(old.valueless, new.valueless);
        out
    }

    /// Makes the invariant true.
    pub(crate) fn settle(&mut self) {
        settle(&mut self.tokens);
        settle(&mut self.identifiers);
        settle(&mut self.references);
        settle(&mut self.strings);
        settle(&mut self.dates);
        settle(&mut self.numbers);
        settle(&mut self.quantities);
        settle(&mut self.uris);
        settle(&mut self.valueless);
    }
}

fn settle<T: Ord>(rows: &mut Vec<T>) {
    if !rows.is_sorted_by(|a, b| a < b) {
        rows.sort_unstable();
        rows.dedup();
    }
}

/// Splits two sorted lists into what only the first and what only the second has.
fn diff<T: Ord>(old: Vec<T>, new: Vec<T>) -> (Vec<T>, Vec<T>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return (removed, added),
        };
        match order {
            Ordering::Less => removed.extend(old.next()),
            Ordering::Greater => added.extend(new.next()),
            Ordering::Equal => drop((old.next(), new.next())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_splits_two_versions() {
        let cases: [[&[i32]; 4]; 5] = [
            [&[], &[], &[], &[]],
            [&[1, 2], &[], &[1, 2], &[]],
            [&[], &[1], &[], &[1]],
            [&[1, 2, 4], &[2, 3, 4, 5], &[1], &[3, 5]],
            [&[1, 2], &[1, 2], &[], &[]],
        ];
        for [old, new, removed, added] in cases {
            assert_eq!(diff(old.to_vec(), new.to_vec()), (removed.to_vec(), added.to_vec()));
        }
    }
}
