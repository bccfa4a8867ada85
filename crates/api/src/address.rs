//! Addresses: what follows the base, and which methods it has:
//! <https://hl7.org/fhir/R4/http.html#summary>.

use fhir_model::{IssueType, Outcome, ResourceType};
use percent_encoding::percent_decode_str;

/// The pieces of the path below the base, or below the views of studies, decoded. A slash too many is nothing.
///
/// # Errors
/// `invalid` when a piece does not decode to text.
pub(crate) fn pieces(path: &str) -> Result<Vec<String>, Outcome> {
    let below = ["/fhir", "/research"].iter().find_map(|base| path.strip_prefix(base));
    let below = below.unwrap_or(path);
    below.split('/').filter(|piece| !piece.is_empty()).map(decode).collect()
}

fn decode(piece: &str) -> Result<String, Outcome> {
    let decoded = percent_decode_str(piece).decode_utf8().ok();
    let text = decoded.filter(|text| !text.contains('\0'));
    text.map(Into::into).ok_or_else(|| {
        Outcome::new(IssueType::Invalid, "The address does not decode to UTF-8 text")
    })
}

const INSTANCE: &str = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS";
const TYPE: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
const SEARCH: &str = "GET, HEAD, POST, OPTIONS";
const OPERATION: &str = "POST, OPTIONS";
const CALL: &str = "GET, HEAD, POST, OPTIONS";
const READ: &str = "GET, HEAD, OPTIONS";

/// What `Allow` says of an address.
pub(crate) fn allowed(pieces: &[String]) -> &'static str {
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    match pieces.as_slice() {
        [] | [.., "_search"] => SEARCH,
        ["metadata" | "_history" | "$reindex-status"] | [_, "_history"] => READ,
        [.., "$reindex"] => OPERATION,
        [.., last] if last.starts_with('$') => CALL,
        [_] => TYPE,
        [_, _] => INSTANCE,
        _ => READ,
    }
}

/// What a log may say of an address: the type, never an id.
pub(crate) fn subject(pieces: &[String]) -> &'static str {
    match pieces.first().map(String::as_str) {
        None | Some("_search") => "system",
        Some("metadata") => "metadata",
        Some("_history") => "_history",
        Some("$reindex" | "$reindex-status") => "$reindex",
        Some(name) => ResourceType::named(name).map_or("unknown", ResourceType::name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_and_decoded() {
        let cases: &[(&str, &[&str])] = &[
            ("/fhir", &[]),
            ("/fhir/", &[]),
            ("/fhir/Patient/1", &["Patient", "1"]),
            ("/fhir//Patient/", &["Patient"]),
            ("/fhir/Patient/a%2Fb", &["Patient", "a/b"]),
            ("/research/study/Patient", &["study", "Patient"]),
            ("/fhir/Patient/%24everything", &["Patient", "$everything"]),
        ];
        for (path, expected) in cases {
            assert_eq!(pieces(path).unwrap(), *expected, "{path}");
        }
        for path in ["/fhir/%ff", "/fhir/Patient/%00"] {
            assert_eq!(pieces(path).unwrap_err().status(), 400, "{path}");
        }
    }

    #[test]
    fn a_log_line_never_holds_an_id() {
        for (path, expected) in [
            ("/fhir", "system"),
            ("/fhir/metadata", "metadata"),
            ("/fhir/Patient/secret/_history/1", "Patient"),
            ("/fhir/secret", "unknown"),
        ] {
            assert_eq!(subject(&pieces(path).unwrap()), expected, "{path}");
        }
    }
}
