//! What can be done with resources: <https://hl7.org/fhir/R4/http.html>, one file each.
//!
//! A plain request, an entry of a Bundle, a line of an import and an operation all become an
//! [`Interaction`] and go through [`Fhir::answer`].

mod answer;
mod audit;
mod batch;
mod bundle;
mod capabilities;
mod cursor;
mod elements;
mod entry;
mod fhir;
mod history;
mod interaction;
mod met;
mod operation;
mod page;
pub mod patch;
mod prefer;
mod query;
mod read;
mod reindex;
mod request;
mod research;
mod search;
mod search_parameter;
mod standing;
mod transaction;
pub mod verhoeff;
mod view;
mod write;

pub use answer::Answer;
pub use capabilities::TokenIssuer;
pub use fhir::{Fhir, Software};
pub use interaction::Interaction;
pub use operation::{Call, Operation};
pub use prefer::{Prefer, Return};
pub use query::Query;
pub use request::{Body, Conditions, Request, Verb};
pub use search::Reach;
