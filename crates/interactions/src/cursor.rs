//! Paging links that cannot be altered: a position, the query it belongs to, and a seal over both.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fhir_model::{IssueType, Outcome};
use ring::hmac;
use storage::{Position, Turn};

use crate::Fhir;

/// The name of the parameter.
pub(crate) const PARAMETER: &str = "_cursor";

/// Bytes of the seal that are kept: 128 bits.
const SEAL_BYTES: usize = 16;

/// A link's cursor.
pub(crate) fn seal(fhir: &Fhir, of: &str, turn: &Turn) -> Option<String> {
    let (way, position) = match turn {
        Turn::First => return None,
        Turn::After(position) => (b'>', position),
        Turn::Before(position) => (b'<', position),
    };
    let mut payload = vec![way];
    payload.extend_from_slice(&position.to_bytes());
    let tag = sign(fhir, of, &payload);
    let mut sealed = tag.as_ref().get(..SEAL_BYTES)?.to_vec();
    sealed.extend_from_slice(&payload);
    Some(URL_SAFE_NO_PAD.encode(sealed))
}

/// Reads a cursor back.
///
/// # Errors
/// `invalid` when it was altered or belongs to another query.
pub(crate) fn open(fhir: &Fhir, of: &str, cursor: Option<&str>) -> Result<Turn, Outcome> {
    let Some(cursor) = cursor else { return Ok(Turn::First) };
    read(fhir, of, cursor).ok_or_else(|| {
        Outcome::new(
            IssueType::Invalid,
            "The paging link was altered, or belongs to another query; start again from the first page",
        )
    })
}

fn read(fhir: &Fhir, of: &str, cursor: &str) -> Option<Turn> {
    let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (seal, payload) = sealed.split_at_checked(SEAL_BYTES)?;
    let expected = sign(fhir, of, payload);
    let expected = expected.as_ref().get(..SEAL_BYTES)?;
    // compared in constant time: a seal cannot be guessed byte by byte
    let differs = seal.iter().zip(expected).fold(0, |bits, (a, b)| bits | (a ^ b));
    if differs != 0 {
        return None;
    }
    let (way, rest) = payload.split_first()?;
    let position = Position::from_bytes(rest)?;
    match way {
        b'>' => Some(Turn::After(position)),
        b'<' => Some(Turn::Before(position)),
        _ => None,
    }
}

fn sign(fhir: &Fhir, of: &str, payload: &[u8]) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA256, fhir.vault.secret());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"cursor\0");
    context.update(of.as_bytes());
    context.update(b"\0");
    context.update(payload);
    context.sign()
}
