//! Search as plain values: <https://hl7.org/fhir/R4/search.html>. A resource becomes index [`Rows`],
//! a query string becomes a [`Plan`]; [`matches()`] says what a plan means. No SQL, no I/O, no clock.
//!
//! **Invariant**: rows and tests are made by the same functions (folding, cutting, time ranges), so
//! that a database has to compare only.

mod compartment;
#[cfg(test)]
mod conformance;
mod extract;
mod matches;
mod parse;
mod plan;
mod quantity;
mod registry;
mod rows;
mod text;
mod timespan;

pub use compartment::patient_compartment;
pub use extract::extract;
pub use fhir_model::definitions::SearchKind;
pub use matches::matches;
pub use parse::{Handling, Reading, parse};
pub use plan::{
    Circle, Comparison, Concepts, Contained, ContainedType, DateTest, Direction, Filter, Include,
    IncludeWay, NumberTest, Plan, ReferenceTest, Sort, SortKey, StringTest, Summary, System, Test,
    TokenTest, Total, TypePlan, UnitTest, UriTest, Version, Way, WordScope,
};
pub use registry::{ParamId, Parameter, Registry};
pub use rows::{
    CanonicalRow, CompositeRow, ContainedRows, DateRow, NumberRow, Part, PositionRow, QuantityRow,
    Real, ReferenceRow, Rows, StringRow, Target, TextRow, TokenRow, UriRow, WordRow,
};
pub use text::{fold, words};
pub use timespan::Timespan;
