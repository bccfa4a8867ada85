//! Compact signed tokens: <https://www.rfc-editor.org/rfc/rfc7515#section-3.1>.

use ring::{
    rand::SecureRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Map, Value, json};

use super::{Algorithm, Jwk, decode, encode};

/// The longest token that is read.
const BYTES_MAX: usize = 16 << 10;

/// What a token says of itself before anybody has verified it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// `alg`
    pub algorithm: Algorithm,
    /// `kid`
    pub kid: Option<String>,
    /// `typ`
    pub typ: Option<String>,
    /// `jku`
    pub jku: Option<String>,
}

/// A token that nobody has verified yet.
#[derive(Debug, Clone)]
pub struct Jws<'t> {
    header: Header,
    signed: &'t str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'t> Jws<'t> {
    /// Takes a token apart. `None` when it is none, or says `crit`, or names an algorithm that is not trusted.
    pub fn parse(token: &'t str) -> Option<Self> {
        if token.len() > BYTES_MAX {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header: Map<String, Value> = serde_json::from_slice(&decode(header)?).ok()?;
        if header.contains_key("crit") {
            return None;
        }
        let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
        let header = Header {
            algorithm: Algorithm::named(&text("alg")?)?,
            kid: text("kid"),
            typ: text("typ"),
            jku: text("jku"),
        };
        Some(Self { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Who it says it is from. To be used only to find the key that verifies it.
    pub fn unverified_issuer(&self) -> Option<String> {
        let claims: Map<String, Value> = serde_json::from_slice(&self.payload).ok()?;
        claims.get("iss").and_then(Value::as_str).map(str::to_owned)
    }

    /// The claims, when the signature is that key's.
    pub fn verify(&self, key: &Jwk) -> Option<Map<String, Value>> {
        let message = self.signed.as_bytes();
        if key.verifies(self.header.algorithm, message, &self.signature) {
            serde_json::from_slice(&self.payload).ok()
        } else {
            None
        }
    }
}

/// Signs claims with an RSA key of ours. The randomness blinds the computation; it does not show in the token.
pub fn sign_rs256(
    key: &RsaKeyPair,
    kid: &str,
    claims: &Value,
    random: &dyn SecureRandom,
) -> Option<String> {
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": kid });
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, random, signed.as_bytes(), &mut signature).ok()?;
    Some(format!("{signed}.{}", encode(signature)))
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };

    use super::*;
    use crate::jose::JwkSet;

    fn key() -> (EcdsaKeyPair, JwkSet) {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der.as_ref(), &random);
        let pair = pair.unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({
            "kty": "EC", "crv": "P-384", "kid": "k", "x": encode(&point[1..49]), "y": encode(&point[49..]),
        });
        (pair, JwkSet::of(&json!({ "keys": [jwk] })).unwrap())
    }

    fn signed(pair: &EcdsaKeyPair, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature))
    }

    #[test]
    fn a_signature_holds_for_its_own_key_and_text_only() {
        let ((pair, keys), (_, others)) = (key(), key());
        let token = signed(&pair, &json!({"alg": "ES384", "kid": "k"}), &json!({"iss": "me"}));
        let jws = Jws::parse(&token).unwrap();
        let own = keys.only("k", Algorithm::Es384).unwrap();
        assert_eq!(jws.verify(own).unwrap()["iss"], "me");
        assert!(jws.verify(others.only("k", Algorithm::Es384).unwrap()).is_none());
        let (head, rest) = token.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let altered = format!("{head}.{}.{signature}", encode(r#"{"iss":"you"}"#));
        assert!(Jws::parse(&altered).unwrap().verify(own).is_none());
    }

    #[test]
    fn what_is_no_trusted_token_is_not_parsed() {
        let (pair, _) = key();
        let claims = json!({});
        let cases = [
            signed(&pair, &json!({"alg": "none"}), &claims),
            signed(&pair, &json!({"alg": "HS256"}), &claims),
            signed(&pair, &json!({"alg": "ES384", "crit": ["x"]}), &claims),
            signed(&pair, &json!({"kid": "k"}), &claims),
            "a.b".to_owned(),
            "....".to_owned(),
            String::new(),
            "x".repeat(BYTES_MAX + 1),
        ];
        for token in cases {
            assert!(Jws::parse(&token).is_none(), "{token}");
        }
    }
}
