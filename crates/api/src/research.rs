//! The views of studies, `/research/[ResearchStudy]`, and everything below: what patients let research see by their
//! Consents, without who they are.

use std::time::Instant;

use ::auth::Purpose;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{ACCEPT, AUTHORIZATION, HeaderValue},
    },
    web::Data,
};
use fhir_model::IssueType;
use interactions::{Answer, Body, Conditions, Prefer, Query, Request, Verb};

use crate::{
    address,
    auth::{self, Public},
    body::header,
    endpoint,
    format::Wanted,
    refusal::Refusal,
    response::{self, Manner, X_REQUEST_ID},
    server::Door,
};

/// What `Allow` says: whoever asks for a head alone would ask a question of the study, and see no answer.
const ALLOWED: &str = "GET, OPTIONS";

/// When a study whose budget is spent may look again: its oldest question is over some time within a day.
const RETRY_SECONDS: u32 = 3_600;

/// Answers a request.
pub(crate) async fn answer(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let started = Instant::now();
    let id = door.request_ids.of(request.headers().get(&X_REQUEST_ID));
    let mut manner = Manner::default();
    let result = serve(&door, (&request, &id), &mut manner).await;
    let mut response = response::write(&door, &request, (manner, ALLOWED, id), result);
    auth::allow(&door, &request, &mut response, Public::No).await;
    if request.method() == Method::OPTIONS {
        auth::preflight(response.headers_mut());
    }
    let (method, status) = (request.method(), response.status().as_u16());
    let duration = started.elapsed();
    door.metrics.record(method.as_str(), status, duration);
    let duration_ms = duration.as_secs_f64() * 1000.0;
    if status >= 500 {
        tracing::warn!(%method, subject = "research", status, duration_ms, "answered");
    } else {
        tracing::debug!(%method, subject = "research", status, duration_ms, "answered");
    }
    response
}

async fn serve(
    door: &Door,
    (request, id): (&HttpRequest, &HeaderValue),
    manner: &mut Manner,
) -> Result<Answer, Refusal> {
    endpoint::within_limits(request, &door.limits)?;
    let uri = request.uri();
    let mut query = Query::parse(uri.query().unwrap_or_default())?;
    let path = address::pieces(uri.path())?;
    let Some(verb) = Verb::named(request.method().as_str()) else {
        return endpoint::other_method(request);
    };
    if request.method() == Method::HEAD {
        let text = "A question to a study is asked with GET: HEAD would ask it, and show no answer";
        return Err(Refusal::new(IssueType::MethodNotAllowed, text));
    }
    *manner = Manner::Resource(Wanted::of(&mut query, header(request, ACCEPT.as_str()))?);
    let purpose = Purpose::parse(
        header(request, "x-purpose-of-use"),
        header(request, "x-break-glass-reason"),
    )?;
    let caller = auth::caller(door, header(request, AUTHORIZATION.as_str()), purpose).await?;
    door.rates.fhir(request, &caller, (verb, &path))?;
    let _admitted = door.admission.enter().ok_or_else(endpoint::overloaded)?;
    let id = id.to_str().unwrap_or_default().to_owned();
    let (conditions, prefer, body) = (Conditions::default(), Prefer::default(), Body::None);
    let asked = Request { verb, path, query, conditions, prefer, body, id };
    door.fhir.answer_study(&caller, asked).await.map_err(|outcome| {
        let refusal = Refusal::from(outcome);
        if refusal.status == 429 { refusal.retry_after(RETRY_SECONDS) } else { refusal }
    })
}
