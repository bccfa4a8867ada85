//! Secrets: drawn, hashed, derived.

use fhir_model::{IssueType, Outcome};
use ring::{
    digest, hmac,
    rand::{SecureRandom as _, SystemRandom},
};

/// 256 random bits as text, behind a prefix that tells people and scanners what it is.
///
/// # Errors
/// When the system gives no random bytes.
pub fn fresh(prefix: &str) -> Result<String, Outcome> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Outcome::new(IssueType::Exception, "The system gives no random bytes"))?;
    Ok(format!("{prefix}{}", auth::jose::encode(bytes)))
}

/// What is kept of a secret of 256 random bits: its SHA-256. Nothing slower is needed, as nobody can guess it.
pub fn hash(secret: &str) -> String {
    hex(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
}

/// The raw SHA-256.
pub(super) fn digest_of(secret: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    bytes
}

/// An HMAC under the vault's secret, as hexadecimal digits.
pub(super) fn keyed(secret: &[u8], purpose: &str, text: &str) -> String {
    hex(mac(secret, purpose, text).as_ref())
}

/// A secret that follows from another one: the same each time, and nobody else can tell it.
pub(super) fn derived(secret: &[u8], prefix: &str, from: &str) -> String {
    format!("{prefix}{}", auth::jose::encode(mac(secret, prefix, from)))
}

fn mac(secret: &[u8], purpose: &str, text: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(text.as_bytes());
    context.sign()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_never_the_same() {
        let (one, other) = (fresh("vat_").unwrap(), fresh("vat_").unwrap());
        assert_eq!(one.len(), 4 + 43);
        assert_ne!(one, other);
        // https://www.di-mgt.com.au/sha_testvectors.html
        assert!(hash("abc").starts_with("ba7816bf8f01cfea"));
        assert_ne!(keyed(b"k", "a", "bc"), keyed(b"k", "ab", "c"));
        assert_ne!(derived(b"k", "vat_", &one), derived(b"l", "vat_", &one));
    }
}
