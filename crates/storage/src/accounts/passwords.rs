//! Passwords: argon2id, <https://www.rfc-editor.org/rfc/rfc9106>.

use std::sync::{Arc, atomic::Ordering};

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _, password_hash::Salt,
};
use fhir_model::{IssueType, Outcome};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Accounts, Inner};
use crate::vault::elsewhere;

/// The shortest password that is taken, and the longest.
const CHARS: std::ops::RangeInclusive<usize> = 8..=256;

/// A hash of no password: compared with when there is no account, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5bm9ib2R5bm8$rJr7hxy4ZcC1P0C2r3hXlDkDvG9rJ2oQWnVxYpDqk1U";

/// Hashes a new password.
///
/// # Errors
/// `invalid` when it is too short or too long.
pub(super) async fn hash(password: String) -> Result<String, Outcome> {
    if !CHARS.contains(&password.chars().count()) {
        return Err(Outcome::new(IssueType::Invalid, "A password has 8 to 256 characters"));
    }
    elsewhere(move || {
        let broken = || Outcome::new(IssueType::Exception, "The password could not be hashed");
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| broken())?;
        let text = super::secrets::hex(&bytes);
        let salt = Salt::from_b64(&text).map_err(|_| broken())?;
        let hashed = Argon2::default().hash_password(password.as_bytes(), salt);
        hashed.map(|hash| hash.to_string()).map_err(|_| broken())
    })
    .await
}

impl Accounts {
    /// How many passwords were hashed to be compared since this was opened: as many as there were tries, whoever exists.
    pub fn passwords_compared(&self) -> u64 {
        self.inner.compared.load(Ordering::Relaxed)
    }

    /// Whether a password belongs to a hash. It takes as long when there is none.
    pub(super) async fn verifies(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Outcome> {
        let inner: &Inner = &self.inner;
        let busy = |_| Outcome::new(IssueType::Transient, "The server is stopping");
        let _place = inner.hashing.acquire().await.map_err(busy)?;
        let counted = Arc::clone(&self.inner.compared);
        elsewhere(move || {
            let kept = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY));
            let compare = |kept: PasswordHash<'_>| {
                counted.fetch_add(1, Ordering::Relaxed);
                Argon2::default().verify_password(password.as_bytes(), &kept).is_ok()
            };
            let fits = kept.is_ok_and(compare);
            Ok(fits && hash.is_some())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash() {
        let kept = hash("correct horse".to_owned()).await.unwrap();
        let parsed = PasswordHash::new(&kept).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(Argon2::default().verify_password(b"correct horse", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"battery", &parsed).is_err());
        assert_eq!(hash("short".to_owned()).await.unwrap_err().status(), 400);
        // nobody's hash is as much work as anybody's
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let params = |hash: &PasswordHash<'_>| argon2::Params::try_from(hash).unwrap();
        assert_eq!((nobody.algorithm, nobody.version), (parsed.algorithm, parsed.version));
        assert_eq!(params(&nobody), params(&parsed));
        assert_eq!(nobody.hash.map(|it| it.len()), parsed.hash.map(|it| it.len()));
    }
}
