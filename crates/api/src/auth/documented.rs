//! These addresses in the `OpenAPI` document.

use super::{
    authorize, brands, device, discovery, introspect, launch, login, manage, register, revoke,
    sign_in, token, userinfo,
};

/// The addresses of the authorization server.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        discovery::smart,
        discovery::openid,
        discovery::keys,
        discovery::style,
        brands::answer,
        authorize::show,
        authorize::post,
        authorize::decide,
        login::show,
        login::post,
        login::leave,
        sign_in::begin,
        sign_in::end,
        token::answer,
        introspect::answer,
        revoke::answer,
        register::create,
        register::read,
        register::update,
        register::delete,
        launch::show,
        launch::post,
        manage::show,
        manage::post,
        userinfo::answer,
        device::begin,
        device::show,
        device::post,
    ),
    tags((name = "authorization", description = "SMART App Launch 2.2 and OpenID Connect"))
)]
pub(crate) struct Documented;
