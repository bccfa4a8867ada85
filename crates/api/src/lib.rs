//! HTTP: bytes to [`interactions::Request`] and [`interactions::Answer`] to bytes, with every limit that a
//! stranger's request is held to: <https://hl7.org/fhir/R4/http.html>.
//!
//! **Invariants**: only this crate knows actix. Every refusal is an `OperationOutcome`. A log line holds
//! neither ids nor queries.

mod address;
mod admission;
mod auth;
mod binary;
mod body;
mod coding;
mod endpoint;
mod format;
mod media;
mod metrics;
mod openapi;
mod pages;
mod probes;
mod rate;
mod refusal;
mod request_id;
mod research;
mod response;
mod server;
mod tls;

pub use auth::{Issuer, Newcomers, SignIn};
pub use server::{Config, Limits, Server};
pub use tls::Tls;
