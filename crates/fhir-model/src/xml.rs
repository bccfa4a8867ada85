//! The XML format: <https://hl7.org/fhir/R4/xml.html>.
//!
//! **Invariant**: XML is never stored. It is turned into JSON text at the door, which then passes the
//! same checks as any JSON; an answer is turned into XML on the way out.

mod narrative;
mod primitive;
mod read;
mod source;
mod write;

pub use read::{bundle_to_json, root_type, to_json};
pub use write::{from_tree, from_tree_pretty};

/// The namespace of every FHIR element.
const FHIR: &str = "http://hl7.org/fhir";

/// The namespace of narratives.
const XHTML: &str = "http://www.w3.org/1999/xhtml";
