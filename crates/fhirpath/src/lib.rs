//! `FHIRPath` N1 (<http://hl7.org/fhirpath/N1/>) with the additions of FHIR R4
//! (<https://hl7.org/fhir/R4/fhirpath.html>) over [`fhir_model::Tree`].
//!
//! A text is compiled once into an [`Expression`], which is evaluated on any element. **Invariant**: the
//! same expression, element and [`Context`] give the same result; nothing else is asked, and the steps
//! are counted.
//!
//! ```
//! use fhir_model::json;
//! use fhirpath::{Context, Expression};
//!
//! let patient = json::parse_trusted(br#"{"resourceType":"Patient","name":[{"family":"Rao"}]}"#[..].into());
//! let family = Expression::parse("Patient.name.where(family.exists()).family")?;
//! let items = family.evaluate(&Context::new(patient.root()), patient.root())?;
//! assert_eq!(items[0].to_string(), "Rao");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "operators and functions name the types they are defined for; all others are one case"
)]

mod check;
mod collection;
mod context;
mod error;
mod evaluator;
mod expression;
mod functions;
mod item;
mod lexer;
mod moment;
mod operator;
mod parser;
mod quantity;
mod type_specifier;
mod value;
mod variables;

pub use context::{Context, Resolver, Tracer};
pub use error::{EvalError, ParseError, TypeError};
pub use expression::Expression;
pub use item::{Item, TypeInfo};
pub use moment::{Moment, Precision};
pub use quantity::{Calendar, Quantity, Unit, ucum};
