//! Search as plain values: <https://hl7.org/fhir/R4/search.html>. A resource becomes index [`Rows`],
//! a query string becomes a [`Plan`]; [`matches()`] says what a plan means. No SQL, no I/O, no clock.
//!
//! **Invariant**: rows and tests are made by the same functions (folding, cutting, time ranges), so
//! that a database has to compare only.

mod compartment;
#[cfg(test)]
mod conformance;
mod corpus;
mod extract;
mod globe;
mod matches;
mod parse;
mod plan;
mod provision;
mod quantity;
mod registry;
mod rows;
mod text;
mod timespan;

pub use compartment::patient_compartment;
pub use corpus::{Corpus, Entry, Hit, SortValue};
pub use extract::{
    CONSENT_RULE, COVERED, SECURITY_CONTEXT, SERVICE, SUFFIX_LETTERS, SUFFIX_LETTERS_MIN, extract,
    has_suffixes,
};
pub use fhir_model::definitions::SearchKind;
pub use matches::{Nowhere, Subject, World, matches};
pub use parse::{
    Handling, Reading, compartment_types, parse, parse_system, parse_types, within_compartment,
};
pub use plan::{
    Circle, Comparison, Concepts, Contained, ContainedType, DateTest, Direction, During, Filter,
    Include, IncludeWay, NumberTest, Plan, ReferenceTest, Sort, SortKey, StringTest, Summary,
    System, Test, TokenTest, Total, TypePlan, UnitTest, UriTest, Version, Way, WordScope,
};
pub use provision::{ConsentScope, Datum, Effect, Meaning, Provision, Times, Values};
pub use registry::{
    Custom, Definition, Elements, Holds, ParamId, Parameter, Registry, State, joint,
};
pub use rows::{
    CanonicalRow, CompositeRow, ContainedRows, DateRow, NumberRow, Part, PositionRow, QuantityRow,
    Real, ReferenceRow, Rows, StringRow, SuffixRow, Target, TextRow, TokenRow, UriRow, WordRow,
};
pub use text::{caseless, fold, key, words};
pub use timespan::Timespan;
