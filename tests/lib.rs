//! The acceptance stories; see `acceptance.rs`.
