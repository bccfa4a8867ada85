//! Public keys: <https://www.rfc-editor.org/rfc/rfc7517>.

use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value, json};

use super::{Algorithm, algorithm::Verification, decode, encode};

/// Keys of one client at most.
const KEYS_MAX: usize = 50;
/// An RSA modulus in bytes: 2048 to 8192 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Members that belong to private or symmetric keys.
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that can verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: String,
    /// What the key is for, when it says so.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A curve's point as ring takes it.
    Point {
        crv: &'static str,
        bytes: Vec<u8>,
    },
}

/// The public keys of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a set that somebody registers.
    ///
    /// # Errors
    /// What is wrong with it: no keys, too many, a private or symmetric part, a weak or unknown key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|_| "A JWK set is a JSON object".to_owned())?;
        Self::of(&value)
    }

    /// The same from a value.
    ///
    /// # Errors
    /// See [`Self::parse`].
    pub fn of(value: &Value) -> Result<Self, String> {
        let keys = value.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("A JWK set has an array `keys`")?;
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(format!("A JWK set holds 1 to {KEYS_MAX} keys"));
        }
        let keys: Result<Vec<Jwk>, String> = keys
            .iter()
            .enumerate()
            .map(|(n, key)| Jwk::of(key).map_err(|why| format!("keys[{n}]: {why}")))
            .collect();
        Ok(Self { keys: keys? })
    }

    /// Reads a set that was fetched: what cannot be used is left out.
    pub fn lenient(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let keys = value.get("keys")?.as_array()?.iter().take(KEYS_MAX);
        Some(Self { keys: keys.filter_map(|key| Jwk::of(key).ok()).collect() })
    }

    /// The one key of that id which goes with the algorithm; `None` when there are none or several:
    /// <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#signature-verification>.
    pub fn only(&self, kid: &str, algorithm: Algorithm) -> Option<&Jwk> {
        let mut found = self.keys.iter().filter(|key| key.kid == kid && key.goes_with(algorithm));
        found.next().filter(|_| found.next().is_none())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Jwk {
    /// Reads a key.
    fn of(value: &Value) -> Result<Self, String> {
        let key = value.as_object().ok_or("a key is an object")?;
        if SECRET_MEMBERS.iter().any(|member| key.contains_key(*member)) {
            return Err("it holds a private or symmetric part; register public keys only".into());
        }
        let kid = text(key, "kid").filter(|kid| !kid.is_empty()).ok_or("it has no `kid`")?;
        if text(key, "use").is_some_and(|usage| usage != "sig") {
            return Err("its `use` is not `sig`".into());
        }
        let algorithm = match text(key, "alg") {
            None => None,
            Some(name) => Some(
                Algorithm::named(name)
                    .ok_or("its `alg` is none of RS256, RS384, ES256, ES384, EdDSA")?,
            ),
        };
        let material = Material::of(key)?;
        Ok(Self { kid: kid.to_owned(), algorithm, material })
    }

    /// An RSA public key of ours, to be published.
    pub fn published_rsa(kid: &str, n: &[u8], e: &[u8]) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": encode(n), "e": encode(e),
        })
    }

    fn goes_with(&self, algorithm: Algorithm) -> bool {
        let (kind, curve) = algorithm.key_type();
        let is_of_kind = match &self.material {
            Material::Rsa { .. } => kind == "RSA",
            Material::Point { crv, .. } => curve == Some(*crv),
        };
        is_of_kind && self.algorithm.is_none_or(|only| only == algorithm)
    }

    /// Whether the signature is this key's.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.goes_with(algorithm) {
            return false;
        }
        match (algorithm.verification(), &self.material) {
            (Verification::Rsa(parameters), Material::Rsa { n, e }) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature).is_ok()
            }
            (Verification::Point(how), Material::Point { bytes, .. }) => {
                UnparsedPublicKey::new(how, bytes).verify(message, signature).is_ok()
            }
            (Verification::Rsa(_), Material::Point { .. })
            | (Verification::Point(_), Material::Rsa { .. }) => false,
        }
    }
}

impl Material {
    fn of(key: &Map<String, Value>) -> Result<Self, String> {
        match (text(key, "kty"), text(key, "crv")) {
            (Some("RSA"), _) => {
                let mut n = bytes(key, "n")?;
                let leading = n.iter().take_while(|byte| **byte == 0).count();
                n.drain(..leading);
                if !RSA_BYTES.contains(&n.len()) {
                    return Err("an RSA key has 2048 to 8192 bits here".into());
                }
                Ok(Self::Rsa { n, e: bytes(key, "e")? })
            }
            (Some("EC"), Some("P-256")) => Self::affine(key, "P-256", 32),
            (Some("EC"), Some("P-384")) => Self::affine(key, "P-384", 48),
            (Some("OKP"), Some("Ed25519")) => {
                let x = bytes(key, "x")?;
                if x.len() != 32 {
                    return Err("its `x` has not 32 bytes".into());
                }
                Ok(Self::Point { crv: "Ed25519", bytes: x })
            }
            _ => Err("it is none of RSA, EC on P-256 or P-384, OKP on Ed25519".into()),
        }
    }

    /// An uncompressed point: <https://www.rfc-editor.org/rfc/rfc7518#section-6.2.1>.
    fn affine(key: &Map<String, Value>, crv: &'static str, length: usize) -> Result<Self, String> {
        let (x, y) = (bytes(key, "x")?, bytes(key, "y")?);
        if x.len() != length || y.len() != length {
            return Err(format!("its `x` and `y` have not {length} bytes each"));
        }
        Ok(Self::Point { crv, bytes: [&[4], x.as_slice(), y.as_slice()].concat() })
    }
}

fn text<'k>(key: &'k Map<String, Value>, member: &str) -> Option<&'k str> {
    key.get(member).and_then(Value::as_str)
}

fn bytes(key: &Map<String, Value>, member: &str) -> Result<Vec<u8>, String> {
    text(key, member)
        .and_then(decode)
        .ok_or_else(|| format!("its `{member}` is missing or not base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: &Value) -> String {
        JwkSet::of(&json!({ "keys": [key] })).unwrap_err()
    }

    #[test]
    fn only_strong_public_keys_are_taken() {
        let n = encode([0xff; 256]);
        let good = json!({"kty": "RSA", "kid": "a", "n": n, "e": "AQAB"});
        assert_eq!(JwkSet::of(&json!({"keys": [good]})).unwrap().len(), 1);
        let cases = [
            (json!({"kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "d": "AQ"}), "private"),
            (json!({"kty": "oct", "kid": "a", "k": "AQ"}), "symmetric"),
            (json!({"kty": "RSA", "kid": "a", "n": encode([0xff; 128]), "e": "AQAB"}), "2048"),
            (json!({"kty": "RSA", "n": n, "e": "AQAB"}), "kid"),
            (json!({"kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "use": "enc"}), "use"),
            (json!({"kty": "RSA", "kid": "a", "n": n, "e": "AQAB", "alg": "HS256"}), "alg"),
            (json!({"kty": "EC", "kid": "a", "crv": "P-384", "x": "AQ", "y": "AQ"}), "48"),
            (json!({"kty": "EC", "kid": "a", "crv": "secp256k1"}), "none of"),
        ];
        for (key, why) in cases {
            assert!(refused(&key).contains(why), "{key}");
        }
        assert!(JwkSet::parse("{\"keys\":[]}").is_err());
        assert!(JwkSet::parse("[]").is_err());
        assert!(JwkSet::lenient(r#"{"keys":[{"kty":"oct"}]}"#).unwrap().is_empty());
    }

    #[test]
    fn two_keys_of_one_id_are_no_key() {
        let key = json!({"kty": "RSA", "kid": "a", "n": encode([0xff; 256]), "e": "AQAB"});
        let set = JwkSet::of(&json!({ "keys": [key, key] })).unwrap();
        assert_eq!(set.only("a", Algorithm::Rs384), None);
        let set = JwkSet::of(&json!({ "keys": [key] })).unwrap();
        assert!(set.only("a", Algorithm::Rs384).is_some());
        assert_eq!(set.only("a", Algorithm::Es384), None);
        assert_eq!(set.only("b", Algorithm::Rs384), None);
    }
}
