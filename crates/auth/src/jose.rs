//! Signed tokens: JWS and JWK over ring, <https://www.rfc-editor.org/rfc/rfc7515>,
//! <https://www.rfc-editor.org/rfc/rfc7517>.
//!
//! **Invariant**: an algorithm that is not on the list of [`Algorithm`] does not exist here: no `none`, no HMAC.

mod algorithm;
mod jwk;
mod jws;

pub use algorithm::Algorithm;
pub use jwk::{Jwk, JwkSet};
pub use jws::{Header, Jws, sign_rs256};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

/// Bytes as base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of base64url without padding; `None` when it is something else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(text).ok()
}
