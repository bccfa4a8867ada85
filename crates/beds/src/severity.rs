//! How ill somebody is, as the scores that are used at the bedside. Every score is a table.
//!
//! **Invariant**: a score that is not valid for the patient is refused, and a value that was not
//! measured gives no points: it is named among the missing ones.

mod four_c;
mod mews;
mod news2;
mod qsofa;
mod vitals;

pub use four_c::{FourC, FourCInputs, FourCRisk, four_c};
pub use mews::{Mews, mews};
pub use news2::{News2, NewsBand, news2};
pub use qsofa::{Qsofa, qsofa};
pub use vitals::{Consciousness, NotValid, Parameter, Patient, Scale, Vitals};

/// Points of one measured value; `None` where it was not measured.
pub type Part = (Parameter, Option<u8>);

/// Rows `(greatest value, points)` from the lowest value up. The last row's value is `i32::MAX`.
type Bands = &'static [(i32, u8)];

fn points(bands: Bands, value: i32) -> u8 {
    bands.iter().find(|(greatest, _)| value <= *greatest).map_or(0, |(_, points)| *points)
}

fn sum(parts: &[Part]) -> u8 {
    parts.iter().filter_map(|(_, points)| *points).sum()
}

fn missing(parts: &[Part]) -> impl Iterator<Item = Parameter> {
    parts.iter().filter(|(_, points)| points.is_none()).map(|(parameter, _)| *parameter)
}
