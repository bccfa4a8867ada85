//! Probes for orchestrators and monitors.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web::Data};

use crate::server::Door;

/// Whether the process runs.
#[utoipa::path(get, path = "/health/live", tag = "server", responses((status = 200, description = "The process runs", content_type = "text/plain")))]
pub(crate) async fn live() -> HttpResponse {
    plain("alive\n")
}

/// Whether requests are answered. The vault was opened before the address was.
#[utoipa::path(get, path = "/health/ready", tag = "server", responses((status = 200, description = "Requests are answered", content_type = "text/plain")))]
pub(crate) async fn ready() -> HttpResponse {
    plain("ready\n")
}

/// Counters for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", responses((status = 200, description = "Counters", content_type = "text/plain")))]
pub(crate) async fn metrics(door: Data<Door>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(door.metrics.text(door.admission.in_flight()))
}

fn plain(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text)
}
