//! FHIR R4 as plain values: resources as bytes plus a tree over them. No I/O, no clock, no database.
//!
//! **Invariant**: the JSON bytes are the truth. A [`Tree`] is a view over them, never a copy of them.

pub mod definitions;
mod instant;
pub mod json;
mod outcome;
mod primitive;
mod resource;
mod tree;
#[cfg(feature = "fhirbolt")]
pub mod typed;
pub mod xml;

pub use definitions::{ElementDef, ResourceType, TypeId};
pub use instant::Instant;
pub use outcome::{Issue, IssueType, Outcome, Severity, VAULT_ISSUE};
pub use resource::{Stamped, Stored, Valid};
pub use tree::{Children, Kind, NodeRef, Tree};
