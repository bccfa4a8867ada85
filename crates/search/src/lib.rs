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
    Comparison, DateTest, Direction, Filter, NumberTest, Plan, ReferenceTest, Sort, SortKey,
    StringTest, Summary, System, Test, TokenTest, Total, UnitTest,
};
pub use registry::{ParamId, Parameter, Registry};
pub use rows::{
    DateRow, NumberRow, QuantityRow, Real, ReferenceRow, Rows, StringRow, Target, TokenRow, UriRow,
};
pub use text::fold;
pub use timespan::Timespan;
