//! How often somebody may ask: a bucket each, that fills steadily and from which every request takes one. Who finds it
//! empty is told when to come back: <https://www.rfc-editor.org/rfc/rfc6585#section-4>.

mod bucket;

use std::time::Instant;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::RETRY_AFTER},
    middleware::Next,
    web::Data,
};
use auth::Caller;
use fhir_model::IssueType;
use interactions::Verb;

use crate::{
    body::header,
    endpoint,
    refusal::Refusal,
    server::{Door, Limits},
};
use bucket::{Buckets, Rate};

/// Seconds for which a full bucket lasts at the steady rate, of requests to the FHIR API and to the authorization server.
const FHIR_BURST_S: u32 = 5;
const AUTH_BURST_S: u32 = 20;

/// The buckets of a server.
#[derive(Debug)]
pub(crate) struct Rates {
    reads: Rate,
    writes: Rate,
    public: Rate,
    auth: Rate,
    is_forwarded: bool,
    buckets: Buckets,
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Self {
        let fhir = |per_second| Rate { per_second, burst_seconds: FHIR_BURST_S };
        Self {
            reads: fhir(limits.reads_per_s),
            writes: fhir(limits.writes_per_s),
            public: fhir(limits.public_per_s),
            auth: Rate { per_second: limits.auth_per_s, burst_seconds: AUTH_BURST_S },
            is_forwarded: limits.is_forwarded,
            buckets: Buckets::default(),
        }
    }

    /// Takes one from the bucket of who asks.
    ///
    /// # Errors
    /// `throttled` with when to come back.
    pub(crate) fn fhir(
        &self,
        request: &HttpRequest,
        caller: &Caller,
        (verb, path): (Verb, &[String]),
    ) -> Result<(), Refusal> {
        let is_read = verb == Verb::Get || path.last().is_some_and(|last| last == "_search");
        match caller {
            Caller::Operator => Ok(()),
            Caller::Anonymous => self.of_address(request, ("public", self.public)),
            Caller::Bearer(who) => {
                let (kind, rate) = if is_read { ("r", self.reads) } else { ("w", self.writes) };
                if rate.per_second == 0 {
                    return Ok(());
                }
                let grant = who.grant();
                let user = grant.user.as_ref().map_or("", |user| &user.login);
                let client = grant.client.as_deref().unwrap_or_default();
                self.take((kind, client, user), rate)
            }
        }
    }

    fn of_address(&self, request: &HttpRequest, (kind, rate): (&str, Rate)) -> Result<(), Refusal> {
        if rate.per_second == 0 {
            return Ok(());
        }
        let forwarded = header(request, "x-forwarded-for").filter(|_| self.is_forwarded);
        // the proxy adds the address that it was asked from at the end
        let forwarded = forwarded.and_then(|value| value.rsplit(',').next()).map(str::trim);
        let peer = request.peer_addr().map(|address| address.ip().to_canonical().to_string());
        let address = forwarded.or(peer.as_deref()).unwrap_or_default();
        self.take((kind, address, ""), rate)
    }

    fn take(&self, who: (&str, &str, &str), rate: Rate) -> Result<(), Refusal> {
        self.buckets.take(who, rate, Instant::now()).map_err(|seconds| {
            let text = format!("Too many requests; ask again in {seconds} s");
            Refusal::new(IssueType::Throttled, text).retry_after(seconds)
        })
    }
}

/// Holds what comes to the authorization server to its rate, by the address that it comes from. What is only looked at is
/// not counted.
pub(crate) async fn auth(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let refused = if request.method() == Method::POST { refusal(request.request()) } else { None };
    match refused {
        Some(response) => Ok(request.into_response(response)),
        None => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    }
}

fn refusal(request: &HttpRequest) -> Option<HttpResponse> {
    let door = request.app_data::<Data<Door>>()?;
    let refusal = door.rates.of_address(request, ("auth", door.rates.auth)).err()?;
    let seconds = refusal.retry_after.unwrap_or(1);
    let is_api =
        ["token", "introspect", "revoke", "device_authorization", "register"].iter().any(|name| {
            request.path().strip_prefix("/auth/").is_some_and(|rest| rest.starts_with(name))
        });
    if !is_api {
        return Some(endpoint::refuse(door, request, (refusal, "")));
    }
    // RFC 6749 has no word for it; RFC 8628 has one that clients know
    let body = serde_json::json!({
        "error": "slow_down",
        "error_description": format!("Too many requests; ask again in {seconds} s"),
    });
    let mut response = HttpResponse::TooManyRequests();
    response
        .insert_header((RETRY_AFTER, seconds))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("pragma", "no-cache"))
        .insert_header(("x-content-type-options", "nosniff"));
    Some(response.content_type("application/json").body(body.to_string()))
}
