//! Bodies: read within bounds, inflated within bounds, parsed: <https://hl7.org/fhir/R4/http.html#mime-type>.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
    web::Payload,
};
use bytes::{Bytes, BytesMut};
use fhir_model::{IssueType, Outcome, json, xml};
use futures_util::{FutureExt as _, StreamExt as _};
use interactions::{Body, Fhir, Query, Verb};
use tokio::time::{Instant, timeout};

use crate::{
    admission::Held,
    binary,
    coding::Coding,
    format::{FORMATS, Format},
    media::MediaType,
    refusal::Refusal,
    server::{Door, Limits},
};

/// What a body is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// There is none, or nobody reads it.
    Nothing,
    Resource,
    /// A batch or a transaction.
    Bundle,
    Patch,
    Form,
}

/// Reads the body of a request to the address `pieces`. Its bytes count as long as `held` lives.
///
/// # Errors
/// 408, 413, 415, 503, and 400 for what is in it.
pub(crate) async fn receive(
    door: &Door,
    request: &HttpRequest,
    (verb, pieces): (Verb, &[String]),
    (payload, held): (Payload, &mut Held<'_>),
) -> Result<Body, Refusal> {
    let (fhir, limits) = (&door.fhir, &door.limits);
    let purpose = purpose(verb, pieces);
    if purpose == Purpose::Nothing {
        return Ok(Body::None);
    }
    let bytes_max =
        if purpose == Purpose::Bundle { limits.bundle_bytes_max } else { limits.body_bytes_max };
    let coding = match header(request, CONTENT_ENCODING.as_str()) {
        Some(name) => Coding::of_content(name)?,
        None => None,
    };
    let mut arrival = Arrival::new(payload, limits);
    let mut bytes = arrival.all(announced(request), bytes_max, held).await?;
    if let Some(coding) = coding {
        bytes = coding.inflate(&bytes, bytes_max)?;
        if !held.grow(bytes.len()) {
            return Err(overloaded());
        }
    }
    if bytes.is_empty() {
        return Ok(Body::None);
    }
    if let Some(wrapped) =
        binary::resource(request, pieces, &bytes).filter(|_| purpose == Purpose::Resource)
    {
        let resource = json::parse(wrapped.into(), fhir.limits())?;
        return Ok(Body::Resource(Box::new(resource)));
    }
    parse(fhir, purpose, header(request, CONTENT_TYPE.as_str()), bytes).map_err(Refusal::from)
}

fn purpose(verb: Verb, pieces: &[String]) -> Purpose {
    match (verb, pieces) {
        (Verb::Get | Verb::Delete, _) => Purpose::Nothing,
        (Verb::Patch, _) => Purpose::Patch,
        (Verb::Post, []) => Purpose::Bundle,
        (Verb::Post, [.., last]) if last == "_search" => Purpose::Form,
        (Verb::Post | Verb::Put, _) => Purpose::Resource,
    }
}

fn announced(request: &HttpRequest) -> Option<usize> {
    header(request, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok())
}

/// A body on its way.
struct Arrival<'l> {
    payload: Payload,
    limits: &'l Limits,
    begun: Instant,
    bytes: usize,
}

impl<'l> Arrival<'l> {
    fn new(payload: Payload, limits: &'l Limits) -> Self {
        Self { payload, limits, begun: Instant::now(), bytes: 0 }
    }

    /// All of it, or a refusal that ends the connection, since the rest of the body is still to come.
    async fn all(
        &mut self,
        announced: Option<usize>,
        bytes_max: usize,
        held: &mut Held<'_>,
    ) -> Result<Bytes, Refusal> {
        if announced.is_some_and(|announced| announced > bytes_max) {
            return Err(too_long(bytes_max));
        }
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        if announced == Some(first.len()) {
            return Ok(first);
        }
        let mut whole = BytesMut::with_capacity(announced.unwrap_or(first.len()).min(1 << 20));
        let mut piece = Some(first);
        while let Some(bytes) = piece {
            if whole.len() + bytes.len() > bytes_max {
                return Err(too_long(bytes_max));
            }
            if !held.grow(bytes.len()) {
                return Err(overloaded());
            }
            whole.extend_from_slice(&bytes);
            piece = self.piece().await?;
        }
        Ok(whole.freeze())
    }

    /// The next piece. Only one that is not there yet costs a timer.
    async fn piece(&mut self) -> Result<Option<Bytes>, Refusal> {
        let arrived = match self.payload.next().now_or_never() {
            Some(arrived) => arrived,
            None => timeout(self.patience(), self.payload.next()).await.map_err(|_| {
                Refusal::new(IssueType::Timeout, "The body did not arrive in time").closing()
            })?,
        };
        let piece = arrived.transpose().map_err(|error| broken(&error))?;
        self.bytes += piece.as_ref().map_or(0, Bytes::len);
        Ok(piece)
    }

    /// How long the next piece may take. Who sends a byte now and then runs out of it, too.
    fn patience(&self) -> Duration {
        let limits = self.limits;
        let earned = Duration::from_secs((self.bytes / limits.body_rate_min.max(1)) as u64);
        let total = limits.body_timeout.min(limits.body_idle_timeout + earned);
        limits.body_idle_timeout.min(total.saturating_sub(self.begun.elapsed()))
    }
}

fn too_long(bytes_max: usize) -> Refusal {
    Refusal::new(
        IssueType::TooLong,
        format!("The body is longer than {bytes_max} bytes, the most here"),
    )
    .closing()
}

fn overloaded() -> Refusal {
    Refusal::new(IssueType::Transient, "Too many bodies are being received; ask again in a second")
        .closing()
}

fn broken(error: &PayloadError) -> Refusal {
    let code = if matches!(error, PayloadError::Overflow) {
        IssueType::TooLong
    } else {
        IssueType::Invalid
    };
    Refusal::new(code, "The body breaks off or its chunks are malformed").closing()
}

fn parse(
    fhir: &Fhir,
    purpose: Purpose,
    content_type: Option<&str>,
    bytes: Bytes,
) -> Result<Body, Outcome> {
    let media = content_type.map(MediaType::parse);
    if let Some(charset) = media.and_then(|media| media.parameter("charset"))
        && !["utf-8", "utf8", "us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
    {
        return Err(unsupported("Bodies are in UTF-8 here"));
    }
    let mut limits = *fhir.limits();
    if purpose == Purpose::Bundle {
        // references by search stand in transactions only; what they find is known when they are carried out
        limits.conditional_references = json::ConditionalReferences::Allowed;
    }
    match purpose {
        Purpose::Nothing => Ok(Body::None),
        Purpose::Resource => resource(media, bytes, &limits),
        Purpose::Bundle => bundle(media, bytes, &limits),
        Purpose::Patch => Ok(Body::Patch(patch_type(media, &bytes), bytes)),
        Purpose::Form => form(media, &bytes),
    }
}

fn resource(
    media: Option<MediaType<'_>>,
    bytes: Bytes,
    limits: &json::Limits,
) -> Result<Body, Outcome> {
    let json = match format(media, &bytes)? {
        Format::Json => bytes,
        Format::Xml => xml::to_json(&bytes, limits)?.into(),
    };
    json::parse(json, limits).map(|resource| Body::Resource(Box::new(resource)))
}

fn bundle(
    media: Option<MediaType<'_>>,
    bytes: Bytes,
    limits: &json::Limits,
) -> Result<Body, Outcome> {
    let (json, faults) = match format(media, &bytes)? {
        Format::Json => (bytes, json::EntryFaults::new()),
        Format::Xml => {
            let (json, faults) = xml::bundle_to_json(&bytes, limits)?;
            (json.into(), faults)
        }
    };
    json::parse_bundle(json, faults, limits).map(Body::bundle)
}

/// Without a media type the first character tells.
fn format(media: Option<MediaType<'_>>, bytes: &[u8]) -> Result<Format, Outcome> {
    match media {
        Some(media) => {
            let known = FORMATS.iter().find(|(known, _)| media.is(known)).filter(|_| media.is_r4());
            known.map(|(_, format)| *format).ok_or_else(|| {
                unsupported(
                    "A resource comes as application/fhir+json or application/fhir+xml, FHIR 4.0",
                )
            })
        }
        None => match bytes.trim_ascii_start().first() {
            Some(b'{') => Ok(Format::Json),
            Some(b'<') => Ok(Format::Xml),
            _ => Err(unsupported("Content-Type is missing, and the body is neither JSON nor XML")),
        },
    }
}

fn patch_type(media: Option<MediaType<'_>>, bytes: &[u8]) -> String {
    match media {
        Some(media) => media.essence.to_owned(),
        None if bytes.trim_ascii_start().first() == Some(&b'<') => {
            "application/fhir+xml".to_owned()
        }
        None => "application/json".to_owned(),
    }
}

fn form(media: Option<MediaType<'_>>, bytes: &[u8]) -> Result<Body, Outcome> {
    if media.is_some_and(|media| !media.is("application/x-www-form-urlencoded")) {
        return Err(unsupported(
            "The criteria of a search come as application/x-www-form-urlencoded",
        ));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Outcome::new(IssueType::Structure, "The form is not UTF-8"))?;
    Query::parse(text.trim_end()).map(Body::Form)
}

fn unsupported(text: &'static str) -> Outcome {
    Outcome::new(IssueType::UnsupportedMedia, text)
}

/// A header that is text.
pub(crate) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
