//! Who asks, and what they may. Pure: a [`Caller`] in, a [`Permit`] or a refusal out.
//!
//! **Invariant**: storage asks for a [`Permit`] in every method, and only [`authorize`] makes one. What a permit does
//! not open does not exist for its bearer.

mod caller;
mod grant;
mod guard;
pub mod jose;
pub mod oauth;
mod permit;
mod policy;
mod principal;
mod purpose;
mod role;
mod rows;
pub mod scope;
mod view;

pub use caller::{Caller, Mode};
pub use grant::{Grant, User};
pub use guard::{Named, check, guarded, guarded_within};
pub use permit::{Permit, authorize};
pub use policy::{Basis, Policy, Rule};
pub use principal::{Principal, Standing, Study};
pub use purpose::Purpose;
pub use role::Role;
pub use rows::{APP_STATE, Rows, Terms, Way, Why, judged_by, judged_by_terms};
pub use scope::{Action, Actions, Scope, ScopeSet};
pub use view::View;
