//! The key that signs `id_token`s: RSA of 2048 bits, made once by `rsa`, used by ring. RUSTSEC-2023-0071 is about
//! operations with a private key by `rsa`, of which there are none here.

use std::sync::Arc;

use auth::jose::{self, Jwk};
use fhir_model::{IssueType, Outcome};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
    rsa::PublicKeyComponents,
    signature::RsaKeyPair,
};
use rsa::{
    RsaPrivateKey,
    pkcs8::EncodePrivateKey as _,
    rand_core::{CryptoRng, Error, RngCore},
};
use serde_json::{Value, json};

use super::{Accounts, fresh};
use crate::vault::elsewhere;

const BITS: usize = 2048;

/// A key that signs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SigningKey {
    kid: Arc<str>,
    pair: Arc<RsaKeyPair>,
}

impl SigningKey {
    /// The public part, as a set.
    pub fn published(&self) -> Value {
        let public: PublicKeyComponents<Vec<u8>> = self.pair.public().into();
        json!({ "keys": [Jwk::published_rsa(&self.kid, &public.n, &public.e)] })
    }

    /// Claims, signed.
    ///
    /// # Errors
    /// When ring cannot sign.
    pub fn sign(&self, claims: &Value) -> Result<String, Outcome> {
        jose::sign_rs256(&self.pair, &self.kid, claims, &SystemRandom::new())
            .ok_or_else(|| broken("The id_token could not be signed"))
    }
}

impl Accounts {
    /// The key that signs; made at the first call in the life of a vault.
    ///
    /// # Errors
    /// The database's own trouble, or a key that was sealed by another vault.
    pub async fn signing_key(&self) -> Result<SigningKey, Outcome> {
        self.inner.signing.get_or_try_init(|| self.load_key()).await.cloned()
    }

    async fn load_key(&self) -> Result<SigningKey, Outcome> {
        if let Some(kept) = self.kept_key().await? {
            return Ok(kept);
        }
        let der = elsewhere(|| {
            let key = RsaPrivateKey::new(&mut FromSystem(SystemRandom::new()), BITS);
            let der = key.ok().and_then(|key| key.to_pkcs8_der().ok());
            der.ok_or_else(|| broken("The signing key could not be made"))
        })
        .await?;
        let kid = fresh("")?.chars().take(16).collect::<String>();
        let sealed = self.seal(&kid, der.as_bytes())?;
        self.execute(
            "insert into signing_key (kid, sealed, created) values ($1, $2, $3)",
            [kid.into(), sealed.into(), self.now().millis().into()],
        )
        .await?;
        // two servers that start at once agree on the first
        self.kept_key().await?.ok_or_else(|| broken("The signing key is gone"))
    }

    async fn kept_key(&self) -> Result<Option<SigningKey>, Outcome> {
        let sql = "select kid, sealed from signing_key order by created, kid limit 1";
        let Some(row) = self.one(sql, []).await? else { return Ok(None) };
        let (kid, sealed): (String, String) = (row.get("kid")?, row.get("sealed")?);
        let pair =
            self.open_sealed(&kid, &sealed).and_then(|der| RsaKeyPair::from_pkcs8(&der).ok());
        let pair = pair.ok_or_else(|| broken("The signing key cannot be opened"))?;
        Ok(Some(SigningKey { kid: kid.into(), pair: Arc::new(pair) }))
    }

    pub(super) fn seal(&self, kid: &str, plain: &[u8]) -> Result<String, Outcome> {
        let trouble = || broken("A key could not be sealed");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| trouble())?;
        let mut text = plain.to_vec();
        let key = self.sealing_key().ok_or_else(trouble)?;
        let of = Aad::from(kid.as_bytes());
        let unique = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(unique, of, &mut text).map_err(|_| trouble())?;
        Ok(jose::encode([nonce.as_slice(), &text].concat()))
    }

    pub(super) fn open_sealed(&self, kid: &str, sealed: &str) -> Option<Vec<u8>> {
        let sealed = jose::decode(sealed)?;
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let mut text = text.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let of = Aad::from(kid.as_bytes());
        self.sealing_key()?.open_in_place(nonce, of, &mut text).ok().map(|plain| plain.to_vec())
    }

    fn sealing_key(&self) -> Option<LessSafeKey> {
        let own = hmac::Key::new(hmac::HMAC_SHA256, &self.inner.secret);
        let key = hmac::sign(&own, b"signing-key");
        UnboundKey::new(&AES_256_GCM, key.as_ref()).ok().map(LessSafeKey::new)
    }
}

/// ring's randomness, as `rsa` takes it.
struct FromSystem(SystemRandom);

impl CryptoRng for FromSystem {}

impl RngCore for FromSystem {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    #[expect(
        clippy::expect_used,
        reason = "a key made without randomness would be worse than none"
    )]
    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.try_fill_bytes(bytes).expect("the system gives random bytes");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.0.fill(bytes).map_err(|_| Error::from(std::num::NonZeroU32::MIN))
    }
}

fn broken(why: &'static str) -> Outcome {
    Outcome::new(IssueType::Exception, why)
}
