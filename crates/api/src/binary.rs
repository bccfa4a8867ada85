//! Binaries as what they are: <https://hl7.org/fhir/R4/binary.html#rest>.

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json, xml};
use interactions::{Answer, Query, Verb};

use crate::{
    body::header,
    format::{FORMATS, Format},
    media::MediaType,
};

/// How the content of a Binary is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked<'r> {
    /// In one of these types, or whatever its type is.
    Content(&'r str),
    /// In this type, which is also that of resources: content that is of it, else the resource.
    Either(&'r str),
}

/// What a read of a Binary asks for, unless it is the resource: that has to be said by name.
pub(crate) fn asked<'r>(
    request: &'r HttpRequest,
    (verb, pieces): (Verb, &[String]),
    query: &Query,
) -> Option<Asked<'r>> {
    let is_read = verb == Verb::Get && is_binary(pieces) && matches!(pieces.len(), 2 | 4);
    // what shapes a resource asks for one
    let shapes = ["_format", "_pretty", "_elements", "_summary"];
    if !is_read || shapes.iter().any(|name| query.get(name).is_some()) {
        return None;
    }
    let accept = header(request, ACCEPT.as_str()).filter(|accept| !accept.trim().is_empty());
    let accept = accept.unwrap_or(ANY);
    let ranges = accept.split(',').map(MediaType::parse);
    // the first of those with the most weight
    let best =
        ranges.reduce(|best, range| if range.weight() > best.weight() { range } else { best })?;
    match best.essence {
        essence if OF_FHIR.iter().any(|known| known.eq_ignore_ascii_case(essence)) => None,
        essence if is_format(&best) => Some(Asked::Either(essence)),
        _ => Some(Asked::Content(accept)),
    }
}

/// What may be in any type.
const ANY: &str = "*/*";

/// Types that nothing but resources has.
const OF_FHIR: [&str; 4] = [
    "application/fhir+json",
    "application/fhir+xml",
    "application/json+fhir",
    "application/xml+fhir",
];

/// The content of a Binary and its media type; `None` when the resource does as well.
///
/// # Errors
/// 406 when the client takes neither.
pub(crate) fn content(
    answer: &Answer,
    asked: Asked<'_>,
) -> Result<Option<(Bytes, HeaderValue)>, Outcome> {
    let body = answer.body.clone().unwrap_or_default();
    let tree = json::parse_trusted(body);
    let text = |name: &str| tree.root().child_text(name).unwrap_or_default();
    let media_type = text("contentType");
    let media = MediaType::parse(&media_type);
    let accept = match asked {
        Asked::Content(accept) => accept,
        Asked::Either(essence) if media.is(essence) => essence,
        Asked::Either(_) => return Ok(None),
    };
    if !accept.split(',').any(|range| takes(&MediaType::parse(range), &media)) {
        return Err(Outcome::new(
            IssueType::NotAcceptable,
            format!(
                "The content is {media_type}, which Accept does not name; application/fhir+json gets the resource"
            ),
        ));
    }
    let data = text("data");
    let bytes = STANDARD.decode(data.split_ascii_whitespace().collect::<String>());
    let value = HeaderValue::from_str(&media_type);
    match (bytes, value) {
        (Ok(bytes), Ok(value)) if !media_type.is_empty() => Ok(Some((bytes.into(), value))),
        _ if accept.split(',').any(|range| MediaType::parse(range).is(ANY)) => Ok(None),
        _ => Err(Outcome::new(
            IssueType::NotAcceptable,
            "The content cannot be sent on its own; read the resource",
        )),
    }
}

/// The resource that content sent to `/Binary` becomes; `None` when the body is such a resource already.
pub(crate) fn resource(request: &HttpRequest, pieces: &[String], bytes: &[u8]) -> Option<Vec<u8>> {
    let is_content = is_binary(pieces) && pieces.iter().all(|piece| !piece.starts_with('$'));
    let media_type = header(request, CONTENT_TYPE.as_str()).filter(|_| is_content)?;
    let media = MediaType::parse(media_type);
    let format = FORMATS.iter().find(|(known, _)| media.is(known)).map(|(_, format)| *format);
    if format.is_some_and(|format| is_resource(format, bytes)) {
        return None;
    }
    let mut out = br#"{"resourceType":"Binary","#.to_vec();
    let mut member = |before: &[u8], value: &str, after: &[u8]| {
        out.extend_from_slice(before);
        json::write_string(&mut out, value);
        out.extend_from_slice(after);
    };
    if let Some(id) = pieces.get(1) {
        member(br#""id":"#, id, b",");
    }
    member(br#""contentType":"#, media_type, b"");
    if let Some(context) = header(request, "x-security-context") {
        member(br#","securityContext":{"reference":"#, context, b"}");
    }
    member(br#","data":"#, &STANDARD.encode(bytes), b"}");
    Some(out)
}

/// Whether bytes in a format of resources are a Binary. Whatever else they are is content.
fn is_resource(format: Format, bytes: &[u8]) -> bool {
    match format {
        Format::Json => {
            let tree = json::parse_trusted(Bytes::copy_from_slice(bytes));
            tree.resource_type().is_some_and(|ty| ty.name() == BINARY)
        }
        Format::Xml => xml::root_type(bytes).is_some_and(|ty| ty.name() == BINARY),
    }
}

const BINARY: &str = "Binary";

fn is_binary(pieces: &[String]) -> bool {
    pieces.first().is_some_and(|ty| ty == BINARY)
}

fn is_format(media: &MediaType<'_>) -> bool {
    FORMATS.iter().any(|(known, _)| media.is(known))
}

/// Whether a range covers a type.
fn takes(range: &MediaType<'_>, media: &MediaType<'_>) -> bool {
    if range.weight() == 0 {
        return false;
    }
    let family = |essence: &str| essence.split('/').next().unwrap_or_default().to_ascii_lowercase();
    match range.essence.strip_suffix("/*") {
        Some("*") => true,
        Some(wanted) => family(media.essence) == wanted.to_ascii_lowercase(),
        None => range.is(media.essence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_cover_types() {
        let cases = [
            ("image/png", "image/png", true),
            ("image/*", "image/png", true),
            ("*/*", "image/png", true),
            ("image/jpeg", "image/png", false),
            ("text/*", "image/png", false),
            ("image/png;q=0", "image/png", false),
            ("text/plain", "text/plain;charset=utf-8", true),
        ];
        for (range, media, expected) in cases {
            assert_eq!(
                takes(&MediaType::parse(range), &MediaType::parse(media)),
                expected,
                "{range} {media}"
            );
        }
    }
}
