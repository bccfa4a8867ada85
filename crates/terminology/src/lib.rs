//! What a `ValueSet` selects and what a code subsumes: <https://hl7.org/fhir/R4/valueset.html>,
//! <https://hl7.org/fhir/R4/codesystem.html>. It serves `:in`, `:not-in`, `:above`, `:below` of tokens.
//!
//! The resources lie in a database that is asked asynchronously, so there are two steps: [`needs`] says
//! what to load next until it wants nothing more, then [`expand`] answers without waiting.
//!
//! ```
//! use std::sync::Arc;
//! use fhir_model::json;
//! use terminology::{Library, Limits, Wanted, expand, needs};
//!
//! # fn load(need: &terminology::Need) -> Option<Arc<fhir_model::Tree>> {
//! #     let text = r#"{"resourceType":"ValueSet","status":"active","compose":{"include":[
//! #         {"system":"http://a.example/cs","concept":[{"code":"flu"}]}]}}"#;
//! #     Some(Arc::new(json::parse_trusted(text.into())))
//! # }
//! let (wanted, limits) = (Wanted::Canonical("http://a.example/vs"), Limits::default());
//! let mut library = Library::default();
//! loop {
//!     let missing = needs(wanted, &library, &limits)?;
//!     if missing.is_empty() {
//!         break;
//!     }
//!     for need in missing {
//!         let found = load(&need); // here a caller awaits
//!         library.put(need, found);
//!     }
//! }
//! let concepts = expand(wanted, &library, &limits)?;
//! assert!(concepts.contains(Some("http://a.example/cs"), "flu"));
//! # Ok::<(), terminology::Refusal>(())
//! ```
//!
//! **Invariant**: the same resources give the same answer; the work is counted and bounded by [`Limits`].

mod canonical;
mod code_system;
mod compose;
mod concepts;
mod expand;
mod expansion;
mod filter;
mod hierarchy;
mod implicit;
mod library;
mod limits;
mod needs;
mod refusal;
mod subsumption;

pub use canonical::Canonical;
pub use concepts::{Codes, Concepts};
pub use expand::{Wanted, expand};
pub use library::{Library, Need};
pub use limits::Limits;
pub use needs::needs;
pub use refusal::Refusal;
pub use subsumption::{above, below};
