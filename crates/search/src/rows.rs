//! What the search index holds of one resource.
//!
//! **Invariant**: every list is sorted and without duplicates, so two versions are compared by merging.

use std::cmp::Ordering;

use fhir_model::ResourceType;

use crate::{plan::WordScope, registry::ParamId, timespan::Timespan};

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
    /// Whether it is the least row of its parameter and code: exactly one of them is, so that one code in
    /// two systems counts once.
    pub first: bool,
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
    /// A resource inside this one: `#x`.
    Contained {
        /// Its type.
        ty: ResourceType,
        /// `x`
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
    /// As it is in the resource; cut by [`crate::text::exact`].
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

/// A number with a UCUM unit, in base units.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalRow {
    /// The parameter.
    pub param: ParamId,
    /// The value.
    pub value: Real,
    /// The base units, in canonical order.
    pub unit: Box<str>,
}

/// The text of a code, for `:text`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextRow {
    /// The parameter.
    pub param: ParamId,
    /// [`crate::text::fold`]
    pub folded: Box<str>,
}

/// The parts of one element that a composite parameter binds together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompositeRow {
    /// The parameter.
    pub param: ParamId,
    /// The code of the part that is a token.
    pub code: Box<str>,
    /// Its system.
    pub system: Option<Box<str>>,
    /// The other part.
    pub part: Part,
}

/// The part of a composite that is not its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A second token.
    Token {
        /// The code.
        code: Box<str>,
        /// Its system.
        system: Option<Box<str>>,
    },
    /// A text.
    String {
        /// As in [`StringRow`].
        folded: Box<str>,
        /// As in [`StringRow`].
        exact: Box<str>,
    },
    /// A time.
    Date(Timespan),
    /// A number.
    Number(Real),
    /// Two numbers.
    Numbers(Real, Real),
    /// A quantity as given.
    Quantity {
        /// The value.
        value: Real,
        /// As in [`QuantityRow`].
        system: Option<Box<str>>,
        /// As in [`QuantityRow`].
        code: Option<Box<str>>,
        /// As in [`QuantityRow`].
        unit: Option<Box<str>>,
    },
    /// A quantity in UCUM base units.
    Canonical {
        /// The value.
        value: Real,
        /// The base units.
        unit: Box<str>,
    },
    /// A reference.
    Reference(Target),
}

/// Where something is, on the unit sphere: x towards 0° 0°, y towards 90° east, z towards the north pole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositionRow {
    /// The parameter.
    pub param: ParamId,
    /// x, y, z
    pub place: [Real; 3],
}

/// A word of the resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordRow {
    /// A word of the narrative is a row of its own beside the one of the content.
    pub scope: WordScope,
    /// Folded.
    pub word: Box<str>,
}

/// How a string parameter's value ends, from one of its letters on, for `:contains`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SuffixRow {
    /// The parameter.
    pub param: ParamId,
    /// Folded, its first [`crate::SUFFIX_LETTERS`]; empty: the values are longer than is kept, and may contain anything.
    pub suffix: Box<str>,
}

/// A resource inside another, with its own rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedRows {
    /// Its type.
    pub ty: ResourceType,
    /// Its id inside its container, without `#`.
    pub id: Box<str>,
    /// What it is found by; what it contains itself, words are none of its rows.
    pub rows: Rows,
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
    /// Types with values of identifiers, for `:of-type`; the code is `[code]|[value]`.
    pub typed: Vec<TokenRow>,
    /// Texts of token parameters, for `:text`.
    pub texts: Vec<TextRow>,
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
    /// Values of quantity parameters that have a UCUM unit, in base units.
    pub canonical: Vec<CanonicalRow>,
    /// Values of uri parameters.
    pub uris: Vec<UriRow>,
    /// Values of composite parameters.
    pub composites: Vec<CompositeRow>,
    /// Values of `near`.
    pub positions: Vec<PositionRow>,
    /// Words, for `_text` and `_content`.
    pub words: Vec<WordRow>,
    /// Suffixes of the values of string parameters, for `:contains`.
    pub suffixes: Vec<SuffixRow>,
    /// Parameters whose element is there although it gives no row of the parameter's kind, for example
    /// a reference that has a display only: `:missing` counts them as present.
    pub valueless: Vec<ParamId>,
    /// What the resource contains, sorted by id.
    pub contained: Vec<ContainedRows>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
            + self.identifiers.len()
            + self.typed.len()
            + self.texts.len()
            + self.references.len()
            + self.strings.len()
            + self.dates.len()
            + self.numbers.len()
            + self.quantities.len()
            + self.canonical.len()
            + self.uris.len()
            + self.composites.len()
            + self.positions.len()
            + self.words.len()
            + self.suffixes.len()
            + self.valueless.len()
            + self.contained.iter().map(|one| one.rows.len()).sum::<usize>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to take out of and what to put into the index when `new` replaces `old`. What is contained stays
    /// when it is the same, and is taken out and put in as a whole when it is not.
    pub fn diff(old: Self, new: Self) -> (Self, Self) {
        let mut out = (Self::default(), Self::default());
        (out.0.tokens, out.1.tokens) = diff(old.tokens, new.tokens);
        (out.0.identifiers, out.1.identifiers) = diff(old.identifiers, new.identifiers);
        (out.0.typed, out.1.typed) = diff(old.typed, new.typed);
        (out.0.texts, out.1.texts) = diff(old.texts, new.texts);
        (out.0.references, out.1.references) = diff(old.references, new.references);
        (out.0.strings, out.1.strings) = diff(old.strings, new.strings);
        (out.0.dates, out.1.dates) = diff(old.dates, new.dates);
        (out.0.numbers, out.1.numbers) = diff(old.numbers, new.numbers);
        (out.0.quantities, out.1.quantities) = diff(old.quantities, new.quantities);
        (out.0.canonical, out.1.canonical) = diff(old.canonical, new.canonical);
        (out.0.uris, out.1.uris) = diff(old.uris, new.uris);
        (out.0.composites, out.1.composites) = diff(old.composites, new.composites);
        (out.0.positions, out.1.positions) = diff(old.positions, new.positions);
        (out.0.words, out.1.words) = diff(old.words, new.words);
        (out.0.suffixes, out.1.suffixes) = diff(old.suffixes, new.suffixes);
        (out.0.valueless, out.1.valueless) = diff(old.valueless, new.valueless);
        if old.contained != new.contained {
            (out.0.contained, out.1.contained) = (old.contained, new.contained);
        }
        out
    }

    /// Makes the invariant true.
    pub(crate) fn settle(&mut self) {
        settle(&mut self.tokens);
        settle(&mut self.identifiers);
        settle(&mut self.typed);
        settle(&mut self.texts);
        settle(&mut self.references);
        settle(&mut self.strings);
        settle(&mut self.dates);
        settle(&mut self.numbers);
        settle(&mut self.quantities);
        settle(&mut self.canonical);
        settle(&mut self.uris);
        settle(&mut self.composites);
        settle(&mut self.positions);
        settle(&mut self.words);
        settle(&mut self.suffixes);
        settle(&mut self.valueless);
        for tokens in [&mut self.tokens, &mut self.identifiers, &mut self.typed] {
            mark_first(tokens);
        }
        self.contained.sort_by(|a, b| a.id.cmp(&b.id));
    }
}

/// Sets [`TokenRow::first`] in a sorted list.
fn mark_first(rows: &mut [TokenRow]) {
    for same in rows.chunk_by_mut(|a, b| (a.param, &a.code) == (b.param, &b.code)) {
        for (n, row) in same.iter_mut().enumerate() {
            row.first = n == 0;
        }
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
