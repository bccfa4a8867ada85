//! How a body lies in the database: one byte that names the packing, then the packed JSON.

use bytes::Bytes;
use fhir_model::{IssueType, Outcome};

/// The JSON as it is.
const PLAIN: u8 = 0;

/// The bytes to store.
pub(crate) fn pack(json: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(json.len() + 1);
    packed.push(PLAIN);
    packed.extend_from_slice(json);
    packed
}

/// The bytes to serve.
///
/// # Errors
/// `exception` for a packing that this version does not know: the database is newer, or damaged.
pub(crate) fn unpack(packed: &[u8]) -> Result<Bytes, Outcome> {
    match packed.split_first() {
        Some((&PLAIN, json)) => Ok(Bytes::copy_from_slice(json)),
        _ => Err(Outcome::new(IssueType::Exception, "A stored body is packed in an unknown way")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_what_is_unknown_is_refused() {
        assert_eq!(unpack(&pack(b"{}")).unwrap(), Bytes::from_static(b"{}"));
        assert_eq!(unpack(b"\xff{}").unwrap_err().status(), 500);
        assert_eq!(unpack(b"").unwrap_err().status(), 500);
    }
}
