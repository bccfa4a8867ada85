//! FHIR JSON: <https://hl7.org/fhir/R4/json.html>. One schema-directed pass over the bytes gives the
//! structure checks and the [`Tree`]; nothing is copied.

mod batch;
mod coded;
mod faults;
mod format;
mod lexer;
mod lookahead;
mod narrative;
mod object;
mod parser;
mod reference;
mod scalar;
mod shape;
mod stamp;
mod string;
mod value;

use bytes::Bytes;
use parser::Parser;

pub(crate) use batch::PLACEHOLDER;
pub use batch::{EntryFaults, parse_bundle};
pub use format::{minify_into, pretty};
pub(crate) use stamp::stamp;
pub use string::{unquote, write_string};
pub use value::Value;

use crate::{IssueType, Outcome, Tree, Valid};

/// How much one document may ask of us, and which forms of reference it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of objects and arrays.
    pub depth: u16,
    /// Bytes of a string, `base64Binary` aside.
    pub string_bytes: usize,
    /// Items of one array.
    pub array_items: usize,
    /// Items of `Bundle.entry`.
    pub bundle_entries: usize,
    /// Characters of a number.
    pub number_bytes: usize,
    /// Nodes of the tree.
    pub nodes: usize,
    /// Faults that are reported together.
    pub issues: usize,
    /// Whether `Reference.reference` may be a search such as `Patient?identifier=x`.
    pub conditional_references: ConditionalReferences,
}

/// Whether references by search are allowed: <https://hl7.org/fhir/R4/http.html#trules>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConditionalReferences {
    /// Everywhere else.
    #[default]
    Refused,
    /// Inside the entries of a transaction.
    Allowed,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            string_bytes: 1 << 20,
            array_items: 50_000,
            bundle_entries: 10_000,
            number_bytes: 64,
            nodes: 1_000_000,
            issues: 50,
            conditional_references: ConditionalReferences::Refused,
        }
    }
}

/// Reads and checks a resource. Several faults are reported together, each with its place.
pub fn parse(bytes: Bytes, limits: &Limits) -> Result<Valid, Outcome> {
    if bytes.len() > BYTES_MAX {
        return Err(Outcome::new(IssueType::TooLong, "A document may have 4 GiB at most"));
    }
    let text = utf8(&bytes)?;
    let mut parser = Parser::<true>::new(text, limits);
    parser.document();
    if let Some(outcome) = parser.faults.into_outcome() {
        return Err(outcome);
    }
    let (nodes, has_space) = (parser.nodes, parser.lexer.saw_space);
    let tree = Tree { bytes, nodes, is_checked: true, has_space };
    match tree.resource_type() {
        Some(resource_type) => Ok(Valid { tree, resource_type }),
        None => Err(Outcome::new(IssueType::Structure, "A resource must be a JSON object")),
    }
}

/// Reads bytes that [`parse`] has accepted before. Checks nothing and never fails: what is not
/// understood is left out of the tree.
pub fn parse_trusted(bytes: Bytes) -> Tree {
    let readable = bytes.get(..bytes.len().min(BYTES_MAX)).unwrap_or_default();
    let text = match std::str::from_utf8(readable) {
        Ok(text) => text,
        Err(error) => utf8(readable.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or(""),
    };
    let mut parser = Parser::<false>::new(text, &TRUSTED);
    parser.document();
    let (nodes, has_space) = (parser.nodes, parser.lexer.saw_space);
    Tree { bytes, nodes, is_checked: false, has_space }
}

/// Offsets have 32 bits.
const BYTES_MAX: usize = u32::MAX as usize - 1;

/// Stored bytes were held to the limits when they came in.
const TRUSTED: Limits = Limits {
    depth: lexer::DEPTH_MAX,
    string_bytes: usize::MAX,
    array_items: usize::MAX,
    bundle_entries: usize::MAX,
    number_bytes: usize::MAX,
    nodes: usize::MAX,
    issues: usize::MAX,
    conditional_references: ConditionalReferences::Allowed,
};

/// JSON is UTF-8.
fn utf8(bytes: &[u8]) -> Result<&str, Outcome> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = lexer::line_and_column(bytes, error.valid_up_to());
        let text = format!("Not UTF-8 at line {line}, column {column}");
        Outcome::new(IssueType::Structure, text)
    })
}
