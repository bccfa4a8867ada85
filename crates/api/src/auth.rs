//! The authorization server's addresses: <https://hl7.org/fhir/smart-app-launch/STU2.2/>. What is decided is decided in
//! [`::auth::oauth`]; here requests come in, the accounts are asked, and answers go out.

mod arriving;
mod authorize;
mod bearer;
mod brands;
mod clients;
mod cookie;
mod cors;
mod device;
mod discovery;
mod documented;
mod federation;
mod fetch;
mod introspect;
mod keys;
mod launch;
mod login;
mod manage;
mod pages;
mod picking;
mod provider;
mod register;
mod reply;
mod revoke;
mod sign_in;
mod token;
mod userinfo;

pub(crate) use bearer::caller;
pub(crate) use cors::{Public, allow, preflight};
pub(crate) use documented::Documented;
pub(crate) use federation::Federation;
pub(crate) use keys::KeySource;
pub use provider::Issuer;
pub(crate) use sign_in::Elsewhere;
pub use sign_in::{Newcomers, SignIn};

use actix_web::{HttpRequest, HttpResponse, middleware::from_fn, web};
use fhir_model::IssueType;

use crate::{endpoint, rate, refusal::Refusal, server::Door};

/// The addresses of a vault that takes another issuer's tokens: where that is, and nothing to get a token by.
pub(crate) fn routes_of_resource_server(app: &mut web::ServiceConfig) {
    for (path, handler) in [
        ("/fhir/.well-known/smart-configuration", web::get().to(discovery::elsewhere)),
        ("/smart-style.json", web::get().to(discovery::style)),
        ("/brands", web::get().to(brands::answer)),
    ] {
        let options = web::route().method(actix_web::http::Method::OPTIONS);
        app.service(
            web::resource(path)
                .route(handler)
                .route(options.to(discovery::preflight_any))
                .default_service(web::to(refuse_method)),
        );
    }
}

/// All addresses outside of the FHIR base.
pub(crate) fn routes(app: &mut web::ServiceConfig) {
    let options = || web::route().method(actix_web::http::Method::OPTIONS);
    for (path, handler) in [
        ("/fhir/.well-known/smart-configuration", web::get().to(discovery::smart)),
        ("/fhir/.well-known/openid-configuration", web::get().to(discovery::openid)),
        ("/.well-known/openid-configuration", web::get().to(discovery::openid)),
        ("/auth/jwks.json", web::get().to(discovery::keys)),
        ("/smart-style.json", web::get().to(discovery::style)),
        ("/brands", web::get().to(brands::answer)),
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
        ("/auth/device_authorization", web::post().to(device::begin)),
        ("/auth/register", web::post().to(register::create)),
    ] {
        app.service(
            web::resource(path)
                .wrap(from_fn(rate::auth))
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
    )
    .service(
        web::resource("/auth/register/{client}")
            .route(web::get().to(register::read))
            .route(web::put().to(register::update))
            .route(web::delete().to(register::delete)),
    );
    pages_of(app);
}

/// What a person sees.
fn pages_of(app: &mut web::ServiceConfig) {
    app.service(
        web::resource("/auth/authorize")
            .wrap(from_fn(rate::auth))
            .route(web::get().to(authorize::show))
            .route(web::post().to(authorize::post)),
    )
    .service(web::resource("/auth/decide").route(web::post().to(authorize::decide)))
    .service(
        web::resource("/auth/login")
            .wrap(from_fn(rate::auth))
            .route(web::get().to(login::show))
            .route(web::post().to(login::post)),
    )
    .service(
        web::resource("/auth/sign-in")
            .route(web::get().to(sign_in::end))
            .route(web::post().to(sign_in::begin)),
    )
    .service(web::resource("/auth/logout").route(web::post().to(login::leave)))
    .service(
        web::resource("/auth/launch")
            .route(web::get().to(launch::show))
            .route(web::post().to(launch::post)),
    )
    .service(
        web::resource("/auth/manage")
            .route(web::get().to(manage::show))
            .route(web::post().to(manage::post)),
    )
    .service(
        web::resource("/auth/device")
            .wrap(from_fn(rate::auth))
            .route(web::get().to(device::show))
            .route(web::post().to(device::post)),
    )
    .service(web::resource("/auth/style.css").route(web::get().to(pages::style)));
}

/// Answers methods that an address does not have.
async fn refuse_method(door: web::Data<Door>, request: HttpRequest) -> HttpResponse {
    let refusal = Refusal::new(IssueType::MethodNotAllowed, "This address has another method");
    endpoint::refuse(&door, &request, (refusal, ""))
}
