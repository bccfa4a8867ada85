//! Which pages of other origins may talk to us: discovery to all of them, the rest to those of registered clients, and
//! never with cookies. <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support>

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, HeaderMap,
        HeaderValue, ORIGIN, VARY,
    },
    web::Data,
};
use auth::Mode;

use super::bearer;
use crate::{body::header, server::Door};

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Location, Content-Location, ETag, Last-Modified, Retry-After, X-Request-Id, WWW-Authenticate",
);
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-Modified-Since, If-None-Exist, X-Request-Id, X-Purpose-Of-Use, X-Break-Glass-Reason",
);

/// Adds to an answer what lets a page of a registered origin read it; any page when it is public.
pub(crate) async fn allow(
    door: &Door,
    request: &HttpRequest,
    response: &mut HttpResponse,
    is_public: Public,
) {
    let Some(origin) = header(request, ORIGIN.as_str()) else { return };
    if is_public == Public::Yes {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        return;
    }
    let is_known = door.mode == Mode::Smart && is_known(door, request, origin).await;
    if let Some(origin) = HeaderValue::from_str(origin).ok().filter(|_| is_known) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

/// Whether a page of that origin belongs to the client whose token comes along, or to any client when none does.
async fn is_known(door: &Door, request: &HttpRequest, origin: &str) -> bool {
    let accounts = door.accounts();
    let token = header(request, AUTHORIZATION.as_str()).and_then(bearer::token);
    if let Some(token) = token
        && let Ok(Some(grant)) = accounts.grant(token).await
        && let Some(id) = &grant.client
    {
        let client = accounts.client(id).await.unwrap_or_default();
        return client.is_some_and(|client| client.is_at(origin));
    }
    accounts.has_origin(origin).await.unwrap_or(false)
}

/// Whether everybody may read an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Public {
    Yes,
    No,
}

/// Adds what a browser asks for before the request itself.
pub(crate) fn preflight(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}

/// Answers a browser that asks before it posts to us.
pub(super) async fn preflight_auth(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let mut response = super::reply::empty(204);
    preflight(response.headers_mut());
    allow(&door, &request, &mut response, Public::No).await;
    response
}
