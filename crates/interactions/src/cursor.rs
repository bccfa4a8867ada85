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

/// Bytes that tell whose cursor it is.
const OWNER_BYTES: usize = 8;

/// What stands in the place of a position where there is none yet.
const START: u8 = b'0';

/// A link's cursor.
pub(crate) fn seal(fhir: &Fhir, of: (&str, &str), turn: &Turn) -> Option<String> {
    match turn {
        Turn::First => None,
        Turn::After(position) => sealed(fhir, of, b'>', &position.to_bytes()),
        Turn::Before(position) => sealed(fhir, of, b'<', &position.to_bytes()),
    }
}

/// The cursor of a page that begins with the first resource, after one that held something else.
pub(crate) fn seal_start(fhir: &Fhir, of: (&str, &str)) -> Option<String> {
    sealed(fhir, of, START, &[])
}

fn sealed(fhir: &Fhir, of: (&str, &str), way: u8, position: &[u8]) -> Option<String> {
    let mut payload = whose(fhir, of.1);
    payload.push(way);
    payload.extend_from_slice(position);
    let tag = sign(fhir, of.0, &payload);
    let mut sealed = tag.as_ref().get(..SEAL_BYTES)?.to_vec();
    sealed.extend_from_slice(&payload);
    Some(URL_SAFE_NO_PAD.encode(sealed))
}

/// Reads a cursor back.
///
/// # Errors
/// `invalid` when it was altered or belongs to another query, `not-found` when it is somebody else's.
pub(crate) fn open(
    fhir: &Fhir,
    (of, bearer): (&str, &str),
    cursor: Option<&str>,
) -> Result<Turn, Outcome> {
    let Some(cursor) = cursor else { return Ok(Turn::First) };
    let (owner, turn) = read(fhir, of, cursor).ok_or_else(|| {
        Outcome::new(
            IssueType::Invalid,
            "The paging link was altered, or belongs to another query; start again from the first page",
        )
    })?;
    if owner != whose(fhir, bearer) {
        return Err(Outcome::new(IssueType::NotFound, "There is no such page"));
    }
    Ok(turn)
}

/// Stands for who holds a cursor. Their next token may go on where the last one was.
fn whose(fhir: &Fhir, bearer: &str) -> Vec<u8> {
    let tag = sign(fhir, "bearer", bearer.as_bytes());
    tag.as_ref().iter().copied().take(OWNER_BYTES).collect()
}

fn read(fhir: &Fhir, of: &str, cursor: &str) -> Option<(Vec<u8>, Turn)> {
    let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (seal, payload) = sealed.split_at_checked(SEAL_BYTES)?;
    let expected = sign(fhir, of, payload);
    let expected = expected.as_ref().get(..SEAL_BYTES)?;
    // compared in constant time: a seal cannot be guessed byte by byte
    let differs = seal.iter().zip(expected).fold(0, |bits, (a, b)| bits | (a ^ b));
    if differs != 0 {
        return None;
    }
    let (owner, payload) = payload.split_at_checked(OWNER_BYTES)?;
    let (way, rest) = payload.split_first()?;
    let turn = match *way {
        START => Turn::First,
        b'>' => Turn::After(Position::from_bytes(rest)?),
        b'<' => Turn::Before(Position::from_bytes(rest)?),
        _ => return None,
    };
    Some((owner.to_vec(), turn))
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
