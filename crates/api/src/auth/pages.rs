//! What a person sees: pages without script, that load our own style sheet and nothing else, readable by every screen
//! reader and usable by keyboard. <https://www.w3.org/TR/WCAG22/>

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION,
            REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
};
use maud::{DOCTYPE, Markup, html};

use super::cookie::Browser;
use crate::server::Door;

const STYLE: &str = include_str!("style.css");

/// A page that is to be shown.
pub(super) struct Page<'p> {
    /// Its heading.
    pub(super) title: &'p str,
    /// What stands under it.
    pub(super) body: Markup,
    /// Where its forms may lead in the end, besides here: an app.
    pub(super) leads_to: Option<&'p str>,
}

/// Shows a page.
pub(super) fn show(door: &Door, browser: &Browser, status: u16, page: &Page<'_>) -> HttpResponse {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (page.title) " · MedVault" }
                link rel="stylesheet" href="/auth/style.css";
            }
            body {
                header { p { strong { "MedVault" } " · your medical records" } }
                main { h1 { (page.title) } (page.body) }
            }
        }
    };
    let mut response = bare(door, status);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy(page.leads_to));
    if let Some(cookie) = browser.cookie(door) {
        // a cookie of ours is always well formed
        drop(response.add_cookie(&cookie));
    }
    response.map_body(|head, _| {
        head.headers_mut().insert(
            actix_web::http::header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        actix_web::body::BoxBody::new(markup.into_string())
    })
}

/// Says in words what is wrong. Nobody is sent anywhere.
pub(super) fn refuse(door: &Door, browser: &Browser, status: u16, why: &str) -> HttpResponse {
    let body = html! {
        p role="alert" { (why) "." }
        p { "Nothing was shared. You can close this page, or go back to the app and try again." }
    };
    show(door, browser, status, &Page { title: "This did not work", body, leads_to: None })
}

/// Sends a browser on with GET.
pub(super) fn go(door: &Door, to: &str) -> HttpResponse {
    let mut response = bare(door, 303);
    match HeaderValue::from_str(to) {
        Ok(to) => response.headers_mut().insert(LOCATION, to),
        Err(_) => return bare(door, 400),
    };
    response
}

/// The style sheet of these pages.
pub(crate) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(STYLE)
}

fn bare(door: &Door, status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((X_FRAME_OPTIONS, "DENY"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .insert_header((HeaderName::from_static("cross-origin-resource-policy"), "same-origin"));
    if door.issuer().starts_with("https:") {
        response.insert_header((STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    response.finish()
}

/// A form may be sent here, and from here a browser may be sent on to the app.
fn policy(leads_to: Option<&str>) -> HeaderValue {
    let target = leads_to.map_or_else(String::new, |uri| match auth::oauth::client::origin(uri) {
        Some(origin) => format!(" {origin}"),
        None => uri.split_once(':').map_or_else(String::new, |(scheme, _)| format!(" {scheme}:")),
    });
    let text = format!(
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'{target}; base-uri 'none'; frame-ancestors 'none'"
    );
    let closed = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    HeaderValue::from_str(&text).unwrap_or(closed)
}
