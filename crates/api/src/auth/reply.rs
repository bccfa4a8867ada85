//! Answers of the authorization server to programs.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{
            AUTHORIZATION, CACHE_CONTROL, HeaderValue, PRAGMA, REFERRER_POLICY, RETRY_AFTER,
            WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use auth::oauth::{Code, Refusal};
use fhir_model::Outcome;
use serde_json::Value;

use super::cors;
use crate::{body::header, server::Door};

/// An answer that nobody keeps: <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>.
pub(super) fn private(status: u16, body: &Value) -> HttpResponse {
    started(status).content_type("application/json").body(body.to_string())
}

/// What was decided for a client, which may be a page of a registered origin.
pub(super) async fn to_client(
    door: &Door,
    request: &HttpRequest,
    decided: Result<HttpResponse, Refusal>,
) -> HttpResponse {
    let mut response = decided.unwrap_or_else(|refusal| refused(request, &refusal));
    cors::allow(door, request, &mut response, cors::Public::No).await;
    response
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> HttpResponse {
    started(status).finish()
}

fn started(status: u16) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((PRAGMA, "no-cache"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"));
    response
}

/// A refusal, with what HTTP says beside it.
pub(super) fn refused(request: &HttpRequest, refusal: &Refusal) -> HttpResponse {
    let mut response = private(refusal.code.status(), &refusal.json());
    let basic = header(request, AUTHORIZATION.as_str())
        .and_then(|value| value.get(..6))
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    let says = if refusal.code == Code::InvalidToken {
        Some("Bearer error=\"invalid_token\"")
    } else {
        Some("Basic realm=\"medvault\"").filter(|_| basic && refusal.code == Code::InvalidClient)
    };
    if let Some(says) = says {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(says));
    }
    if refusal.code == Code::TemporarilyUnavailable {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Trouble of the vault's own; what it was stands in the log.
pub(super) fn trouble(outcome: &Outcome) -> Refusal {
    tracing::error!(%outcome, "authorization server");
    Refusal::new(Code::TemporarilyUnavailable, "The server cannot answer right now")
}
