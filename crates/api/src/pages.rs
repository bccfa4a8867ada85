//! Pages for people: what this is, and the documentation of the API. No script, nothing from elsewhere.

mod docs;

use std::sync::OnceLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
    web::Data,
};
use bytes::Bytes;
use fhir_model::IssueType;

use crate::{endpoint, openapi as document, refusal::Refusal, response, server::Door};

const INDEX: &str = include_str!("pages/index.html");
const STYLE: &str = include_str!("pages/style.css");

/// Pages load our own style sheet and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What is made once, when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Made {
    openapi: OnceLock<Bytes>,
    docs: OnceLock<Bytes>,
}

/// What this is.
#[utoipa::path(get, path = "/", tag = "server", responses((status = 200, description = "A page with links", content_type = "text/html")))]
pub(crate) async fn index(request: HttpRequest) -> HttpResponse {
    page(&request, "text/html; charset=utf-8", Bytes::from_static(INDEX.as_bytes()))
}

/// The style sheet of our pages.
pub(crate) async fn style(request: HttpRequest) -> HttpResponse {
    page(&request, "text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "server", responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(crate) async fn openapi(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    if door.made.openapi.get().is_none()
        && let Some(document) = document::document(&door).await
    {
        door.made.openapi.get_or_init(|| document.to_string().into());
    }
    made(&door, &request, (&door.made.openapi, "application/json"))
}

/// This document, for people.
#[utoipa::path(get, path = "/docs", tag = "server", responses((status = 200, description = "A page that needs no network", content_type = "text/html")))]
pub(crate) async fn docs(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    if door.made.docs.get().is_none()
        && let Some(document) = document::document(&door).await
    {
        door.made.docs.get_or_init(|| docs::render(&document).into());
    }
    made(&door, &request, (&door.made.docs, "text/html; charset=utf-8"))
}

fn made(
    door: &Door,
    request: &HttpRequest,
    (body, content_type): (&OnceLock<Bytes>, &'static str),
) -> HttpResponse {
    if let Some(body) = body.get() {
        return page(request, content_type, body.clone());
    }
    let refusal = Refusal::new(IssueType::Exception, "The server could not describe itself");
    endpoint::refuse(door, request, (refusal, "GET, HEAD"))
}

fn page(request: &HttpRequest, content_type: &'static str, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .content_type(content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
        .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
        .insert_header((CACHE_CONTROL, "no-cache"));
    response::send(&mut response, request, body)
}
