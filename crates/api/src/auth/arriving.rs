//! What comes in at the authorization server: forms and JSON of bounded length.

use actix_web::{HttpRequest, http::header::CONTENT_TYPE, web::Payload};
use auth::oauth::{Code, Form, Refusal};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode;
use serde_json::Value;
use tokio::time::timeout;

use crate::{body::header, media::MediaType, server::Door};

/// Bytes of a body here.
const BYTES_MAX: usize = 64 << 10;
/// Fields of a form.
const FIELDS_MAX: usize = 500;

/// Name and value of each field, decoded.
pub(super) type Fields = Vec<(String, String)>;

/// The fields of a form that a program sent: each once, nothing secret in the address.
///
/// # Errors
/// `invalid_request`.
pub(super) async fn form(
    door: &Door,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Form, Refusal> {
    const SECRETS: [&str; 6] =
        ["client_secret", "client_assertion", "code", "refresh_token", "token", "code_verifier"];
    let asked = fields(request.uri().query().unwrap_or_default().as_bytes())?;
    if asked.iter().any(|(name, _)| SECRETS.contains(&name.as_str())) {
        return Err(wrong("Credentials belong into the body, never into the address"));
    }
    Form::of(posted(door, request, payload).await?)
}

/// The fields of a form, with those that come several times.
///
/// # Errors
/// `invalid_request`.
pub(super) async fn posted(
    door: &Door,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Fields, Refusal> {
    let media = header(request, CONTENT_TYPE.as_str()).map(MediaType::parse);
    if !media.is_some_and(|media| media.is("application/x-www-form-urlencoded")) {
        return Err(wrong("The body has to be application/x-www-form-urlencoded"));
    }
    fields(&bytes(door, payload).await?)
}

/// A JSON body.
///
/// # Errors
/// `invalid_request`.
pub(super) async fn json(door: &Door, payload: Payload) -> Result<Value, Refusal> {
    serde_json::from_slice(&bytes(door, payload).await?)
        .map_err(|_| wrong("The body has to be a JSON object"))
}

/// The fields of a query or of a body.
///
/// # Errors
/// `invalid_request` when there are too many or one is no text.
pub(super) fn fields(bytes: &[u8]) -> Result<Fields, Refusal> {
    let pieces = bytes.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
    let found: Option<Fields> = pieces
        .take(FIELDS_MAX + 1)
        .map(|piece| {
            let at = piece.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (piece.get(..at)?, piece.get(at + 1..)?),
                None => (piece, &b""[..]),
            };
            Some((decoded(name)?, decoded(value)?))
        })
        .collect();
    let found = found.ok_or_else(|| wrong("The parameters do not decode to UTF-8 text"))?;
    if found.len() > FIELDS_MAX {
        return Err(wrong("There are too many parameters"));
    }
    Ok(found)
}

/// A value of a form: a plus sign is a blank.
pub(super) fn decoded(bytes: &[u8]) -> Option<String> {
    let blanks: Vec<u8> =
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&blanks).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}

/// Fields as a query.
pub(super) fn encoded<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let pairs: Vec<String> =
        fields.map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
    pairs.join("&")
}

/// A text that means itself in a query.
pub(super) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn bytes(door: &Door, mut payload: Payload) -> Result<Bytes, Refusal> {
    let mut whole = BytesMut::new();
    let all = async {
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_| wrong("The body breaks off"))?;
            if whole.len() + piece.len() > BYTES_MAX {
                return Err(wrong("The body is longer than 64 KiB"));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(())
    };
    let arrived = timeout(door.limits.body_idle_timeout, all).await;
    arrived.map_err(|_| wrong("The body did not arrive in time"))??;
    Ok(whole.freeze())
}

fn wrong(why: &'static str) -> Refusal {
    Refusal::new(Code::InvalidRequest, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_written_alike() {
        let found = fields(b"a=1+2&b=%C3%A4%26&c&&d==").unwrap();
        let pairs: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1 2"), ("b", "\u{e4}&"), ("c", ""), ("d", "=")]);
        assert_eq!(fields(encoded(pairs.into_iter()).as_bytes()).unwrap(), found);
        assert!(fields(b"a=%ff").is_err() && fields(b"a=%00").is_err());
        assert!(fields(&b"a&".repeat(501)).is_err());
    }
}
