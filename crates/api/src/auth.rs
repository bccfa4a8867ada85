//! The authorization server's addresses: <https://hl7.org/fhir/smart-app-launch/STU2.2/>. What is decided is decided in
//! [`::auth::oauth`]; here requests come in, the accounts are asked, and answers go out.

mod arriving;
mod bearer;
mod clients;
mod cors;
mod discovery;
mod introspect;
mod keys;
mod reply;
mod revoke;
mod token;
mod userinfo;

pub(crate) use bearer::caller;
pub(crate) use cors::{Public, allow, preflight};
pub(crate) use keys::KeySource;

use actix_web::{HttpRequest, HttpResponse, web};
use fhir_model::IssueType;

use crate::{endpoint, refusal::Refusal, server::Door};

/// All addresses outside of the FHIR base.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    let options = || web::route().method(actix_web::http::Method::OPTIONS);
    for (path, handler) in [
        ("/fhir/.well-known/smart-configuration", web::get().to(discovery::smart)),
        ("/fhir/.well-known/openid-configuration", web::get().to(discovery::openid)),
        ("/.well-known/openid-configuration", web::get().to(discovery::openid)),
        ("/auth/jwks.json", web::get().to(discovery::keys)),
        ("/smart-style.json", web::get().to(discovery::style)),
    ] {
        app.service(
            web::resource(path)
                .route(handler)
                .route(options().to(discovery::preflight_any))
                .default_service(web::to(refuse_method)),
        );
    }
    for (path, handler) in [
        ("/auth/token", web::post().to(token::answer)),
        ("/auth/introspect", web::post().to(introspect::answer)),
        ("/auth/revoke", web::post().to(revoke::answer)),
    ] {
        app.service(
            web::resource(path)
                .route(handler)
                .route(options().to(cors::preflight_auth))
                .default_service(web::to(refuse_method)),
        );
    }
    app.service(
        web::resource("/auth/userinfo")
            .route(web::get().to(userinfo::answer))
            .route(web::post().to(userinfo::answer))
            .route(options().to(cors::preflight_auth)),
    );
}

/// Answers methods that an address does not have.
async fn refuse_method(door: web::Data<Door>, request: HttpRequest) -> HttpResponse {
    let refusal = Refusal::new(IssueType::MethodNotAllowed, "This address has another method");
    endpoint::refuse(&door, &request, (refusal, ""))
}
