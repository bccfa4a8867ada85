//! Beds: ordered, requested, allocated, confirmed, left and cleaned.

mod allocation;
mod hospital;
mod invariant;
mod walk;
