//! A query, understood: every name looked up, every value parsed, every default left to the caller.

use fhir_model::ResourceType;

use crate::{SearchKind, registry::ParamId, timespan::Timespan};

/// A search over one resource type: all filters hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The type that is searched.
    pub ty: ResourceType,
    /// Each must hold.
    pub filters: Vec<Filter>,
    /// In which order; empty: the server's own.
    pub sort: Vec<Sort>,
    /// `_count`, at most 1,000; 0 asks for the total alone.
    pub count: Option<u32>,
    /// `_total`.
    pub total: Option<Total>,
    /// `_summary`.
    pub summary: Summary,
    /// `_elements`: top-level elements by their names without `[x]`; empty: all.
    pub elements: Vec<Box<str>>,
    /// The parameters as they were understood, for the `self` link.
    pub understood: Vec<(String, String)>,
}

/// One condition on a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// The logical id is one of these, or with `negated` none of them. There may be none, when nothing
    /// that was asked for can be an id: then nothing (with `negated` everything) is found.
    Id {
        /// `:not`
        negated: bool,
        /// The ids.
        any: Vec<Box<str>>,
    },
    /// `meta.lastUpdated` satisfies one of the tests.
    Updated {
        /// The tests.
        any: Vec<DateTest>,
    },
    /// At least one index row of the parameter satisfies at least one test; with `negated` none does
    /// (also when there are no rows).
    Value {
        /// The parameter.
        param: ParamId,
        /// `:not`
        negated: bool,
        /// The tests, one at least, all of one variant.
        any: Vec<Test>,
    },
    /// `:missing`: the parameter has no index rows (of `kind`, nor valueless ones), or has some.
    Missing {
        /// The parameter.
        param: ParamId,
        /// Its kind: the table to look into. For references also `identifiers`.
        kind: SearchKind,
        /// `true`: it has none.
        missing: bool,
    },
}

/// A condition on one index row; the variant names the rows it looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `rows.tokens`
    Token(TokenTest),
    /// `rows.identifiers`: a reference with `:identifier`.
    Identifier(TokenTest),
    /// `rows.references`
    Reference(ReferenceTest),
    /// `rows.strings`
    String(StringTest),
    /// `rows.dates`
    Date(DateTest),
    /// `rows.numbers`
    Number(NumberTest),
    /// `rows.quantities`
    Quantity(NumberTest, UnitTest),
    /// `rows.uris`: exactly this.
    Uri(Box<str>),
}

/// The system of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum System {
    /// `code`: whatever the system.
    Any,
    /// `|code`: there is no system.
    None,
    /// `system|code`
    Is(Box<str>),
}

/// `[code]`, `[system]|[code]`, `|[code]`, `[system]|`; see `TokenRow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTest {
    /// The system; not [`System::Any`] when there is no code.
    pub system: System,
    /// The code; `None`: any.
    pub code: Option<Box<str>>,
}

/// What the reference points to; see [`crate::Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceTest {
    /// To this resource of this server.
    Local {
        /// Its type.
        ty: ResourceType,
        /// Its id.
        id: Box<str>,
    },
    /// To a resource of this server with this id and one of these types.
    Id {
        /// The parameter's target types; empty: any type.
        types: Vec<ResourceType>,
        /// The id.
        id: Box<str>,
    },
    /// To this URL.
    Url {
        /// The URL.
        url: Box<str>,
        /// The version of a canonical; `None`: any or none.
        version: Option<Box<str>>,
    },
}

/// A condition on text; see `StringRow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StringTest {
    /// `folded` starts with this (folded) text.
    StartsWith(Box<str>),
    /// `exact` is this text.
    Exact(Box<str>),
    /// `folded` contains this (folded) text.
    Contains(Box<str>),
}

/// A prefix: <https://hl7.org/fhir/R4/search.html#prefix>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `eq`: the value searched for contains the resource's.
    Equal,
    /// `ne`: it does not.
    NotEqual,
    /// `gt`: some of the resource's value lies above.
    Greater,
    /// `lt`: some of it lies below.
    Less,
    /// `ge`: `gt` or `eq`.
    GreaterOrEqual,
    /// `le`: `lt` or `eq`.
    LessOrEqual,
    /// `sa`: all of it lies above.
    StartsAfter,
    /// `eb`: all of it lies below.
    EndsBefore,
    /// `ap`: they overlap (the value searched for is widened already).
    Approximate,
}

/// A condition on a [`Timespan`]. With `a = span.lo`, `b = span.hi` of the test:
/// `eq` `lo >= a and hi <= b` · `ne` `lo < a or hi > b` · `gt` `hi > b` · `lt` `lo < a` ·
/// `ge` `lo >= a or hi > b` · `le` `lo < a or hi <= b` · `sa` `lo >= b` · `eb` `hi <= a` ·
/// `ap` `lo < b and hi > a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTest {
    /// The prefix.
    pub comparison: Comparison,
    /// The time searched for.
    pub span: Timespan,
}

/// A condition on a number, which is a point: only the number searched for has a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberTest {
    /// `lo <= value and value < hi`: `eq`, `ap`
    Within(f64, f64),
    /// `value < lo or value >= hi`: `ne`
    Outside(f64, f64),
    /// `value > x`: `gt`, `sa`
    Greater(f64),
    /// `value >= x`: `ge`
    GreaterOrEqual(f64),
    /// `value < x`: `lt`, `eb`
    Less(f64),
    /// `value <= x`: `le`
    LessOrEqual(f64),
}

/// The unit of a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitTest {
    /// `[number]`: whatever the unit.
    Any,
    /// `[number]|[system]|[code]`: both are these.
    Coded {
        /// The system.
        system: Box<str>,
        /// The code.
        code: Box<str>,
    },
    /// `[number]||[code]`: the code or the human unit is this.
    Named(Box<str>),
}

/// One sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Which way.
    pub direction: Direction,
}

/// What to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// `_id`
    Id,
    /// `_lastUpdated`
    Updated,
}

/// Which way to sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest, oldest first.
    Ascending,
    /// `-`: largest, newest first.
    Descending,
}

/// `_total`: <https://hl7.org/fhir/R4/search.html#total>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// No total is wanted.
    None,
    /// A rough one will do.
    Estimate,
    /// The exact one.
    Accurate,
}

/// `_summary`: <https://hl7.org/fhir/R4/search.html#summary>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// Whole resources.
    #[default]
    False,
    /// The total alone.
    Count,
}
