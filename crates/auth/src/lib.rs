//! Who asks, and what they may. Pure: a [`Caller`] in, a [`Permit`] or a refusal out.
//!
//! **Invariant**: storage asks for a [`Permit`] in every method, and only [`authorize`] makes one.

mod caller;
mod grant;
pub mod jose;
pub mod oauth;
mod permit;
pub mod scope;

pub use caller::{Caller, Mode};
pub use grant::{Grant, User};
pub use permit::{Permit, authorize};
pub use scope::{Action, Actions, Scope, ScopeSet};
