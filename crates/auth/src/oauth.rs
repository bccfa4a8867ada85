//! The decisions of the authorization server, as pure functions: what came in and what is known go in, what to do
//! comes out. <https://hl7.org/fhir/smart-app-launch/STU2.2/>, <https://www.rfc-editor.org/rfc/rfc6749>.
//!
//! **Invariant**: time and fresh secrets are handed in; nothing here reads a clock or draws a number.

pub mod answer;
pub mod assertion;
pub mod authorize;
pub mod client;
pub mod discovery;
pub mod exchange;
pub mod external;
mod form;
pub mod identity;
pub mod launch;
pub mod pkce;
mod refusal;
pub mod registration;
pub mod scopes;
pub mod sign_in;
pub mod throttle;

pub use client::Client;
pub use form::Form;
pub use refusal::{Code, Refusal};
