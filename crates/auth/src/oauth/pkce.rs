//! Proof Key for Code Exchange, S256 only: <https://www.rfc-editor.org/rfc/rfc7636>.

use ring::digest::{SHA256, digest};

use crate::jose::encode;

/// Whether a verifier belongs to a challenge.
pub fn verifies(verifier: &str, challenge: &str) -> bool {
    let is_fit = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_fit && challenge_of(verifier) == challenge
}

/// The challenge of a verifier.
pub fn challenge_of(verifier: &str) -> String {
    encode(digest(&SHA256, verifier.as_bytes()))
}

/// Whether it looks like a challenge: 32 bytes as base64url.
pub fn is_challenge(text: &str) -> bool {
    crate::jose::decode(text).is_some_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_holds_and_nothing_else() {
        // https://www.rfc-editor.org/rfc/rfc7636#appendix-B
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(verifies(verifier, challenge) && is_challenge(challenge));
        for wrong in ["", challenge, &verifier[1..], "dBjftJeZ4CVP+mB92K27uhbUJU1p1r_wW1gFWFOEjXk"]
        {
            assert!(!verifies(wrong, challenge), "{wrong}");
        }
        assert!(!verifies(&"a".repeat(129), &challenge_of(&"a".repeat(129))));
        assert!(verifies(&"a".repeat(128), &challenge_of(&"a".repeat(128))));
        assert!(!is_challenge("short") && !is_challenge(""));
    }
}
