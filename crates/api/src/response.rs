//! From an answer to HTTP: <https://hl7.org/fhir/R4/http.html#summary>.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{
            ACCEPT_ENCODING, ALLOW, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_ENCODING,
            CONTENT_LOCATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
            LAST_MODIFIED, LOCATION, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY, VARY,
            WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use bytes::Bytes;
use fhir_model::IssueType;
use interactions::Answer;

use crate::{
    body::header,
    coding::Coding,
    format::Wanted,
    refusal::{Connection, Refusal},
    server::Door,
};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// <https://hl7.org/fhir/R4/async.html>
const X_PROGRESS: HeaderName = HeaderName::from_static("x-progress");

/// On every answer that is not a page: nothing in it is to be run, framed or told to others.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    ),
    (VARY, HeaderValue::from_static("Accept, Accept-Encoding, Authorization")),
];

/// Where the vault is reached by https, it is reached by nothing else for the next year.
const ONLY_HTTPS: (HeaderName, HeaderValue) =
    (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));

/// What the body of an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A resource as JSON, to be written as wanted.
    Resource(Wanted),
    /// The content of a Binary.
    Native(HeaderValue),
}

impl Default for Manner {
    fn default() -> Self {
        Self::Resource(Wanted::default())
    }
}

/// Writes what came out of a request.
pub(crate) fn write(
    door: &Door,
    request: &HttpRequest,
    (manner, allow, id): (Manner, &'static str, HeaderValue),
    result: Result<Answer, Refusal>,
) -> HttpResponse {
    let mut retry_after = None;
    let (answer, connection) = match result {
        Ok(answer) => (answer, Connection::Stays),
        Err(refusal) => {
            let mut issues = refusal.outcome.issues().iter();
            let is_locked = issues.next().is_some_and(|it| it.code == IssueType::Locked);
            retry_after = refusal.retry_after.or(is_locked.then_some(1));
            let answer = Answer { status: refusal.status, ..Answer::refusal(&refusal.outcome) };
            (answer, refusal.connection)
        }
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in ALWAYS {
        response.insert_header((name, value));
    }
    if door.fhir.base().starts_with("https:") {
        response.insert_header(ONLY_HTTPS);
    }
    response.insert_header((X_REQUEST_ID, id));
    for_status(&mut response, status, (allow, request.headers().contains_key(AUTHORIZATION)));
    if let Some(seconds) = retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    if connection == Connection::Closes {
        response.force_close();
    }
    of_version(&mut response, request, &answer);
    match answer.body {
        Some(body) if status != StatusCode::NOT_MODIFIED && status != StatusCode::NO_CONTENT => {
            let (content_type, body) = match manner {
                Manner::Resource(wanted) => (wanted.format.content_type(), wanted.write(body)),
                Manner::Native(media_type) => {
                    // whatever it is, a browser is not to open it as a page of ours
                    response.insert_header((CONTENT_DISPOSITION, "attachment"));
                    (media_type, body)
                }
            };
            response.insert_header((CONTENT_TYPE, content_type));
            send(&mut response, request, body)
        }
        _ => response.finish(),
    }
}

/// Headers that belong to a status.
fn for_status(
    response: &mut HttpResponseBuilder,
    status: StatusCode,
    (allow, has_token): (&'static str, bool),
) {
    match status {
        // also the answer to OPTIONS
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NO_CONTENT => {
            response.insert_header((ALLOW, allow));
        }
        StatusCode::UNAUTHORIZED => {
            let says = if has_token { "Bearer error=\"invalid_token\"" } else { "Bearer" };
            response.insert_header((WWW_AUTHENTICATE, says));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            response.insert_header((RETRY_AFTER, "1"));
        }
        _ => {}
    }
}

/// Headers that name the version.
fn of_version(response: &mut HttpResponseBuilder, request: &HttpRequest, answer: &Answer) {
    if let Some(tag) = answer.entity_tag() {
        response.insert_header((ETAG, tag));
    }
    if let Some(updated) = answer.updated {
        response.insert_header((LAST_MODIFIED, updated.http_date()));
    }
    // a conditional create tells where what was there already is
    let is_written = answer.status == 201 || request.method() == Method::POST;
    let text =
        |value: &Option<String>| value.as_deref().and_then(|it| HeaderValue::from_str(it).ok());
    if let Some(address) = text(&answer.content_location) {
        response.insert_header((CONTENT_LOCATION, address));
    }
    if let Some(progress) = text(&answer.progress) {
        response.insert_header((X_PROGRESS, progress));
        response.insert_header((RETRY_AFTER, "1"));
    }
    if let Some(location) = answer.location.as_deref().filter(|_| is_written) {
        response.insert_header((LOCATION, location));
    }
}

/// Sends a body, compressed when the client takes that and it pays.
pub(crate) fn send(
    response: &mut HttpResponseBuilder,
    request: &HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let coding = header(request, ACCEPT_ENCODING.as_str()).and_then(Coding::accepted);
    match coding.and_then(|coding| Some((coding, coding.deflate(&body)?))) {
        Some((coding, deflated)) => {
            response.insert_header((CONTENT_ENCODING, coding.name()));
            response.body(deflated)
        }
        None => response.body(body),
    }
}
