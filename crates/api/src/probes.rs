//! Probes for orchestrators and monitors.

use actix_web::{HttpResponse, http::header::CACHE_CONTROL, web::Data};

use crate::server::Door;

/// `GET /health/live`: the process runs.
pub(crate) async fn live() -> HttpResponse {
    plain("alive\n")
}

/// `GET /health/ready`: requests are answered. The vault was opened before the address was.
pub(crate) async fn ready() -> HttpResponse {
    plain("ready\n")
}

/// `GET /metrics`: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
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
