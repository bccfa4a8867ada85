//! The FHIR base and everything below it: <https://hl7.org/fhir/R4/http.html>.

use std::time::Instant;

use ::auth::Purpose;
use actix_web::{
    HttpRequest, HttpResponse,
    http::Method,
    http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING},
    web::{Data, Payload},
};
use fhir_model::{IssueType, Outcome};
use interactions::{Answer, Body, Conditions, Prefer, Query, Request, Verb};

use crate::{
    address,
    auth::{self, Public},
    binary,
    body::{self, header},
    format::Wanted,
    refusal::{Connection, Refusal},
    response::{self, Manner, X_REQUEST_ID},
    server::{Door, Limits},
};

/// Answers a request.
pub(crate) async fn answer(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let started = Instant::now();
    let id = door.request_ids.of(request.headers().get(&X_REQUEST_ID));
    let mut visit = Visit::default();
    let result = visit.serve(&door, (&request, &id), payload).await;
    let Visit { manner, allow, subject } = visit;
    let mut response = response::write(&door, &request, (manner, allow, id), result);
    // what is public may be read by any page
    let public = if subject == "metadata" { Public::Yes } else { Public::No };
    auth::allow(&door, &request, &mut response, public).await;
    if request.method() == Method::OPTIONS {
        auth::preflight(response.headers_mut());
    }
    let (method, status) = (request.method(), response.status().as_u16());
    let duration = started.elapsed();
    door.metrics.record(method.as_str(), status, duration);
    let duration_ms = duration.as_secs_f64() * 1000.0;
    if status >= 500 {
        tracing::warn!(%method, subject, status, duration_ms, "answered");
    } else {
        tracing::debug!(%method, subject, status, duration_ms, "answered");
    }
    response
}

/// Answers with a refusal, whatever was asked for.
pub(crate) fn refuse(
    door: &Door,
    request: &HttpRequest,
    (refusal, allow): (Refusal, &'static str),
) -> HttpResponse {
    door.metrics.record(request.method().as_str(), refusal.status, std::time::Duration::ZERO);
    let id = door.request_ids.of(request.headers().get(&X_REQUEST_ID));
    response::write(door, request, (Manner::default(), allow, id), Err(refusal))
}

/// What is known of a request so far.
#[derive(Debug)]
struct Visit {
    manner: Manner,
    /// What `Allow` says of the address.
    allow: &'static str,
    /// What the log says of it.
    subject: &'static str,
}

impl Default for Visit {
    fn default() -> Self {
        let (allow, subject) = (address::allowed(&[]), address::subject(&[]));
        Self { manner: Manner::default(), allow, subject }
    }
}

impl Visit {
    async fn serve(
        &mut self,
        door: &Door,
        (request, id): (&HttpRequest, &HeaderValue),
        payload: Payload,
    ) -> Result<Answer, Refusal> {
        within_limits(request, &door.limits)?;
        let uri = request.uri();
        let mut query = Query::parse(uri.query().unwrap_or_default())?;
        let path = address::pieces(uri.path())?;
        (self.allow, self.subject) = (address::allowed(&path), address::subject(&path));
        let Some(verb) = Verb::named(request.method().as_str()) else {
            return other_method(request);
        };
        let accept = header(request, ACCEPT.as_str());
        let native = binary::asked(request, (verb, &path), &query);
        let wanted = Wanted::of(&mut query, accept.filter(|_| !is_content_only(native)))?;
        self.manner = Manner::Resource(wanted);
        let purpose = Purpose::parse(
            header(request, "x-purpose-of-use"),
            header(request, "x-break-glass-reason"),
        )?;
        let caller = auth::caller(door, header(request, AUTHORIZATION.as_str()), purpose).await?;
        door.rates.fhir(request, &caller, (verb, &path))?;
        let conditions = Conditions::parse(|name| header(request, name))?;
        let prefer = Prefer::parse(header(request, "prefer"));
        let asked = (verb, path.as_slice());
        let mut held = door.admission.hold();
        let received = body::receive(door, request, asked, (payload, &mut held)).await;
        let mut body = match received {
            // to find faults is what was asked for
            Err(refusal) if is_found_fault(&path, &refusal) => {
                return Ok(Answer::ok(refusal.outcome.to_json()));
            }
            received => received?,
        };
        if let Body::Form(form) = &mut body
            && (form.get("_format").is_some() || form.get("_pretty").is_some())
        {
            self.manner = Manner::Resource(Wanted::of(form, accept)?);
        }
        // who is slow to send a body takes nobody's place
        let _admitted = door.admission.enter().ok_or_else(overloaded)?;
        let id = id.to_str().unwrap_or_default().to_owned();
        let asked = Request { verb, path, query, conditions, prefer, body, id };
        let mut answer = match &door.federation {
            // what the issuer of tokens says of itself may change
            Some(federation) if self.subject == "metadata" => {
                let fhir = door.fhir.clone().with_issuer(federation.issuer().await);
                fhir.answer(&caller, asked).await?
            }
            _ => door.fhir.answer(&caller, asked).await?,
        };
        if let Some(asked) = native.filter(|_| answer.status == 200)
            && let Some((content, media_type)) = binary::content(&answer, asked)?
        {
            answer.body = Some(content);
            self.manner = Manner::Native(media_type);
        }
        Ok(answer)
    }
}

/// Whether the types that are asked for are none of resources.
fn is_content_only(asked: Option<binary::Asked<'_>>) -> bool {
    matches!(asked, Some(binary::Asked::Content(_)))
}

/// Whether a body that `$validate` was asked about is at fault.
fn is_found_fault(path: &[String], refusal: &Refusal) -> bool {
    path.last().is_some_and(|last| last == "$validate")
        && [400, 422].contains(&refusal.status)
        && refusal.connection == Connection::Stays
}

pub(crate) fn other_method(request: &HttpRequest) -> Result<Answer, Refusal> {
    if request.method() == Method::OPTIONS {
        return Ok(Answer { status: 204, ..Answer::default() });
    }
    Err(Refusal::new(IssueType::MethodNotAllowed, "FHIR does not use that method"))
}

/// What the head of a request may be. The HTTP library itself refuses more than 96 headers.
pub(crate) fn within_limits(request: &HttpRequest, limits: &Limits) -> Result<(), Refusal> {
    let headers = request.headers();
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > limits.url_bytes_max) {
        let text = format!(
            "The address is longer than {} bytes; a search may be sent with POST to [type]/_search",
            limits.url_bytes_max
        );
        return Err(Refusal::new(IssueType::TooLong, text).with_status(414).closing());
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > limits.header_bytes_max {
        let text = format!("The headers have more than {} bytes", limits.header_bytes_max);
        return Err(Refusal::new(IssueType::TooLong, text).with_status(431).closing());
    }
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        let text = "Content-Length and Transfer-Encoding contradict each other; send one of them";
        return Err(Outcome::new(IssueType::Invalid, text))
            .map_err(|it| Refusal::from(it).closing());
    }
    Ok(())
}

pub(crate) fn overloaded() -> Refusal {
    Refusal::new(
        IssueType::Transient,
        "Too many requests are being answered; ask again in a second",
    )
}
