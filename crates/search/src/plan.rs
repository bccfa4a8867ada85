//! A query, understood: every name looked up, every value parsed, every default left to the caller.

use fhir_model::ResourceType;

use crate::{SearchKind, registry::ParamId, timespan::Timespan};

/// A search: what to find, in which order, and how to show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is searched, a type each; one, but for searches over the whole system or a compartment.
    pub types: Vec<TypePlan>,
    /// In which order; empty: the server's own. Resources without the value come last either way.
    pub sort: Vec<Sort>,
    /// `_count`, at most 1,000; 0 asks for the total alone.
    pub count: Option<u32>,
    /// `_total`.
    pub total: Option<Total>,
    /// `_summary`.
    pub summary: Summary,
    /// `_elements`: top-level elements by their names without `[x]`; empty: all.
    pub elements: Vec<Box<str>>,
    /// `_include` and `_revinclude`, in their order.
    pub includes: Vec<Include>,
    /// `_contained` and `_containedType`.
    pub contained: Contained,
    /// The parameters as they were understood, for the `self` link.
    pub understood: Vec<(String, String)>,
}

/// What is asked of the resources of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct TypePlan {
    /// The type that is searched.
    pub ty: ResourceType,
    /// Each must hold.
    pub filters: Vec<Filter>,
}

impl Plan {
    /// A search over one type that asks for nothing.
    pub fn over(ty: ResourceType) -> Self {
        Self {
            types: vec![TypePlan { ty, filters: Vec::new() }],
            sort: Vec::new(),
            count: None,
            total: None,
            summary: Summary::default(),
            elements: Vec::new(),
            includes: Vec::new(),
            contained: Contained::default(),
            understood: Vec::new(),
        }
    }

    /// What must hold, when one type is searched; else nothing.
    pub fn filters(&self) -> &[Filter] {
        match self.types.as_slice() {
            [one] => &one.filters,
            _ => &[],
        }
    }

    /// The type, when one type is searched.
    pub fn ty(&self) -> Option<ResourceType> {
        match self.types.as_slice() {
            [one] => Some(one.ty),
            _ => None,
        }
    }
}

/// One condition on a resource.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Each holds.
    All(Vec<Filter>),
    /// One at least holds.
    Any(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// The logical id is one of these. There may be none, when nothing that was asked for can be an id:
    /// then nothing is found.
    Id(Vec<Box<str>>),
    /// `meta.lastUpdated` satisfies one of the tests.
    Updated(Vec<DateTest>),
    /// At least one index row of one of the parameters satisfies at least one test.
    Value {
        /// The parameters whose rows are looked at: [`crate::Parameter::sources`].
        params: Vec<ParamId>,
        /// The tests, one at least, all of one variant.
        any: Vec<Test>,
    },
    /// One of the parameters has a value (`:missing=false`): an index row of `kind`, of references also an
    /// identifier, or an element that gives none.
    Present {
        /// The parameters.
        params: Vec<ParamId>,
        /// Their kind: the table to look into.
        kind: SearchKind,
    },
    /// A chain: it references a resource of one of these types that satisfies the filters, in this vault or
    /// contained in it. What is contained is searched like the rest: its rows are those of [`crate::Contained`].
    Chain {
        /// The reference parameters.
        params: Vec<ParamId>,
        /// What must hold of the target, a type each.
        targets: Vec<TypePlan>,
    },
    /// `_has`: a resource that satisfies the filters references it. `_list` is one: by `List.item`.
    Has {
        /// The reference parameters of the other type.
        params: Vec<ParamId>,
        /// What must hold of the other.
        source: Box<TypePlan>,
    },
    /// `_text` and `_content`: one of the lists of words occurs, each of its words.
    Words {
        /// Where the words stand.
        scope: WordScope,
        /// Folded words: [`crate::words()`].
        any: Vec<Vec<Box<str>>>,
    },
    /// `near`: one of the positions of the parameter lies within one of the circles.
    Near {
        /// The parameter.
        params: Vec<ParamId>,
        /// The circles.
        any: Vec<Circle>,
    },
    /// Something of another type is about the same, and at the time of this: a Coverage of the patient on the day of a
    /// service. No query asks for it, only the gate.
    During(Box<During>),
}

/// See [`Filter::During`].
#[derive(Debug, Clone, PartialEq)]
pub struct During {
    /// By which parameters a resource refers to what it is about.
    pub about: Vec<ParamId>,
    /// The type of that.
    pub middle: ResourceType,
    /// The parameter of its time.
    pub at: ParamId,
    /// What must hold of the other.
    pub other: TypePlan,
    /// By which parameters the other refers to the same.
    pub refers: Vec<ParamId>,
    /// The parameter of the other's time, in which the whole of one of this lies.
    pub within: ParamId,
}

impl During {
    /// The same of a resource of which the time is known: what must hold of it then. It says nothing of what has no such
    /// time, which does not satisfy it.
    pub fn at(&self, time: Timespan) -> Filter {
        // a moment has something in common with a time when it lies in it
        let test = Test::Date(DateTest { comparison: Comparison::Approximate, span: time });
        let mut other = self.other.clone();
        other.filters.push(Filter::Value { params: vec![self.within], any: vec![test] });
        let has = Filter::Has { params: self.refers.clone(), source: Box::new(other) };
        let middle = TypePlan { ty: self.middle, filters: vec![has] };
        Filter::Chain { params: self.about.clone(), targets: vec![middle] }
    }
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordScope {
    /// `_text`: the narrative.
    Narrative,
    /// `_content`: every text of the resource, the narrative too.
    Content,
}

/// A circle on the globe, as a ball around a point of the unit sphere: a place is inside when the straight
/// line to it is at most `chord` long, `2 sin(d / 2r)` for the distance `d` on a globe of radius `r`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    /// The middle, on the unit sphere.
    pub middle: [f64; 3],
    /// The longest straight line, in radii.
    pub chord: f64,
}

/// A condition on one index row; the variant names the rows it looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `rows.tokens`
    Token(TokenTest),
    /// `rows.identifiers`: a reference with `:identifier`.
    Identifier(TokenTest),
    /// `rows.typed`: `:of-type`. The system is that of the identifier's type, the code `[code]|[value]`.
    Typed(TokenTest),
    /// `rows.tokens`: a code that is this or this with parameters (`text/xml; charset=UTF-8`): `:below` on
    /// mime types. `text` is below itself and holds `text/xml`.
    Mime(Box<str>),
    /// What only other resources can say: `rows.tokens`: the code is in a value set or a hierarchy; `rows.references` and
    /// `rows.uris`: the URL is that of what is found. Other tests take its place before a database sees the plan.
    Concepts(Concepts),
    /// `rows.texts`: `:text` on tokens.
    Text(StringTest),
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
    /// `rows.canonical`: the value in UCUM base units, whose canonical text this is.
    Canonical(NumberTest, Box<str>),
    /// `rows.uris`
    Uri(UriTest),
    /// `rows.composites`: a row with this key whose other part satisfies the test. The part is a `Token`,
    /// `String`, `Date`, `Number`, `Quantity`, `Canonical` or `Reference`, or `Numbers`.
    Composite {
        /// What the token among the parts must be.
        key: TokenTest,
        /// What the other part must be.
        part: Box<Test>,
    },
    /// Inside a composite: two numbers.
    Numbers(NumberTest, NumberTest),
}

/// Codes that a terminology knows, and URLs of what a search finds.
#[derive(Debug, Clone, PartialEq)]
pub enum Concepts {
    /// `:in`: those of this value set, by its canonical URL or as `ValueSet/id`.
    ValueSet(Box<str>),
    /// `:below`: the code itself and what it subsumes.
    Below(TokenTest),
    /// `:above`: the code itself and what subsumes it.
    Above(TokenTest),
    /// A chain along canonicals: those of what satisfies one of the plans.
    Canonicals(Vec<TypePlan>),
    /// `_has` along canonicals, of a parameter for URLs: those by which what satisfies the plan refers.
    Referring {
        /// What must hold of what refers.
        source: TypePlan,
        /// By which parameters it does.
        params: Vec<ParamId>,
        /// The parameter of the URL of what is referred to.
        url: Vec<ParamId>,
        /// That of its version.
        version: Vec<ParamId>,
    },
}

/// What a URI must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UriTest {
    /// Exactly this. `:above` is one of several.
    Is(Box<str>),
    /// `:below`: this, or what starts with it and a slash.
    Below(Box<str>),
}

/// The system of a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum System {
    /// `code`: whatever the system.
    Any,
    /// `|code`: there is no system.
    None,
    /// `system|code`
    Is(Box<str>),
}

/// `[code]`, `[system]|[code]`, `|[code]`, `[system]|`; see `TokenRow`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
        /// The version of a canonical.
        version: Version,
    },
    /// `:above`, `:below`: to this resource, or to one that it is part of, or that is part of it.
    Hierarchy {
        /// Its type.
        ty: ResourceType,
        /// Its id.
        id: Box<str>,
        /// The reference parameter of that type that leads from a part to the whole.
        part_of: ParamId,
        /// Which way.
        way: Way,
    },
}

/// The version of a canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Any or none.
    Any,
    /// This one.
    Is(Box<str>),
    /// `:below`: this one, or one that starts with it and a dot.
    Below(Box<str>),
    /// Of a resource, which may have one: it, or none, which stands for any.
    Of(Option<Box<str>>),
}

/// Which way in a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the whole.
    Above,
    /// To the parts.
    Below,
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
    /// `folded` is this (folded) text: `eq` of `_filter`.
    Is(Box<str>),
    /// `folded` ends with this (folded) text: `ew` of `_filter`.
    EndsWith(Box<str>),
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
    /// The least value of these parameters, descending the greatest: a text folded, a code without its
    /// system, of a time its begin (descending its end), a reference's id, a number as given.
    Value {
        /// The parameters, of all types that are searched.
        params: Vec<ParamId>,
        /// Their kind; neither composite nor special.
        kind: SearchKind,
    },
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
    /// Elements that the definitions mark as summary.
    True,
    /// The narrative and mandatory elements.
    Text,
    /// Everything but the narrative.
    Data,
}

/// `_include` or `_revinclude`: <https://hl7.org/fhir/R4/search.html#revinclude>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Which way the references are followed.
    pub way: IncludeWay,
    /// `:iterate`: also from what was included.
    pub iterate: bool,
    /// The type that holds the references; `None`: any.
    pub source: Option<ResourceType>,
    /// By which parameters of that type; `None`: all (`*`).
    pub params: Option<Vec<ParamId>>,
    /// To which type; `None`: any.
    pub target: Option<ResourceType>,
}

/// Which way references are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncludeWay {
    /// `_include`: to what is referenced.
    Forwards,
    /// `_revinclude`: to what references.
    Backwards,
}

/// `_contained` and `_containedType`: <https://hl7.org/fhir/R4/search.html#contained>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Contained {
    /// Only resources of their own.
    #[default]
    No,
    /// Only contained ones.
    Only(ContainedType),
    /// Both.
    Both(ContainedType),
}

/// What is returned for a contained resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContainedType {
    /// What contains it.
    #[default]
    Container,
    /// The contained resource alone.
    Contained,
}
