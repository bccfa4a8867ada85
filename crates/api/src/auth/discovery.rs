//! What apps read first, from any origin: <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    web::Data,
};
use auth::oauth::discovery;
use serde_json::{Value, json};

use super::{cors, reply};
use crate::server::Door;

/// `smart-configuration`, which is JSON whatever `Accept` says.
#[utoipa::path(get, path = "/fhir/.well-known/smart-configuration", tag = "authorization", responses((status = 200, description = "What SMART apps read first", content_type = "application/json")))]
pub(crate) async fn smart(door: Data<Door>) -> HttpResponse {
    public(&discovery::smart(door.issuer()))
}

/// The same where tokens are another issuer's: its addresses.
pub(crate) async fn elsewhere(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let Some(federation) = &door.federation else { return reply::empty(404) };
    match federation.configuration().await {
        Ok(theirs) => public(&discovery::elsewhere(&theirs, door.issuer())),
        Err(outcome) => reply::refused(&request, &reply::trouble(&outcome)),
    }
}

/// What OpenID clients read first.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "authorization", responses((status = 200, description = "What OpenID clients read first", content_type = "application/json")))]
pub(crate) async fn openid(door: Data<Door>) -> HttpResponse {
    public(&discovery::openid(door.issuer()))
}

/// The keys that verify `id_token`s.
#[utoipa::path(get, path = "/auth/jwks.json", tag = "authorization", responses((status = 200, description = "Keys that verify id_tokens", content_type = "application/json")))]
pub(crate) async fn keys(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    match door.accounts().signing_key().await {
        Ok(key) => public(&key.published()),
        Err(outcome) => reply::refused(&request, &reply::trouble(&outcome)),
    }
}

/// How apps may look here: <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling>.
#[utoipa::path(get, path = "/smart-style.json", tag = "authorization", responses((status = 200, description = "Colours and sizes for apps", content_type = "application/json")))]
pub(crate) async fn style() -> HttpResponse {
    public(&json!({
        "color_background": "#ffffff",
        "color_error": "#b00020",
        "color_highlight": "#0b5c8a",
        "color_modal_backdrop": "",
        "color_success": "#1b7f4b",
        "color_text": "#1b1b1b",
        "dim_border_radius": "4px",
        "dim_font_size": "16px",
        "dim_spacing_size": "16px",
        "font_family_body": "system-ui, sans-serif",
        "font_family_heading": "system-ui, sans-serif",
    }))
}

/// Answers a browser that asks before it reads.
pub(crate) async fn preflight_any() -> HttpResponse {
    let mut response =
        HttpResponse::NoContent().insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*")).finish();
    cors::preflight(response.headers_mut());
    response
}

fn public(document: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(document.to_string())
}
