//! Binaries as what they are: <https://hl7.org/fhir/R4/binary.html#rest>.

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, CONTENT_TYPE, HeaderValue},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json};
use interactions::{Answer, Query, Verb};

use crate::{body::header, format::FORMATS, media::MediaType};

/// The `Accept` of a read of a Binary that would rather have the content than the resource: what it
/// likes best is neither a format of resources nor anything at all.
pub(crate) fn accept<'r>(
    request: &'r HttpRequest,
    (verb, pieces): (Verb, &[String]),
    query: &Query,
) -> Option<&'r str> {
    let is_read = verb == Verb::Get && is_binary(pieces) && matches!(pieces.len(), 2 | 4);
    let accept =
        header(request, ACCEPT.as_str()).filter(|_| is_read && query.get("_format").is_none())?;
    let ranges = accept.split(',').map(MediaType::parse);
    // the first of those with the most weight
    let best =
        ranges.reduce(|best, range| if range.weight() > best.weight() { range } else { best })?;
    let is_resource = best.essence.is_empty() || best.is("*/*") || is_format(&best);
    (!is_resource).then_some(accept)
}

/// The content of a Binary and its media type, when the client takes that.
///
/// # Errors
/// 406 when it does not.
pub(crate) fn content(answer: &Answer, accept: &str) -> Result<(Bytes, HeaderValue), Outcome> {
    let body = answer.body.clone().unwrap_or_default();
    let tree = json::parse_trusted(body);
    let text = |name: &str| tree.root().child_text(name).unwrap_or_default();
    let media_type = text("contentType");
    if !accept
        .split(',')
        .any(|range| takes(&MediaType::parse(range), &MediaType::parse(&media_type)))
    {
        return Err(Outcome::new(
            IssueType::NotAcceptable,
            format!(
                "The content is {media_type}, which Accept does not name; */* gets the resource"
            ),
        ));
    }
    let data = text("data");
    let bytes = STANDARD.decode(data.split_ascii_whitespace().collect::<String>());
    let value = HeaderValue::from_str(&media_type);
    match (bytes, value) {
        (Ok(bytes), Ok(value)) => Ok((bytes.into(), value)),
        _ => Err(Outcome::new(
            IssueType::NotAcceptable,
            "The content cannot be sent on its own; read the resource",
        )),
    }
}

/// The resource that content sent to `/Binary` becomes; `None` when the body is a resource already.
pub(crate) fn resource(request: &HttpRequest, pieces: &[String], bytes: &[u8]) -> Option<Vec<u8>> {
    let media_type = header(request, CONTENT_TYPE.as_str()).filter(|_| is_binary(pieces))?;
    if is_format(&MediaType::parse(media_type)) {
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

fn is_binary(pieces: &[String]) -> bool {
    pieces.first().is_some_and(|ty| ty == "Binary")
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
