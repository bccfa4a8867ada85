//! These addresses in the `OpenAPI` document.

use super::{
    authorize, device, discovery, introspect, launch, manage, register, revoke, token, userinfo,
};

/// The addresses of the authorization server.
#[derive(utoipa::OpenApi)]
#[openapi(
    paths(
        discovery::smart,
        discovery::openid,
        discovery::keys,
        discovery::style,
        authorize::show,
        authorize::post,
        token::answer,
        introspect::answer,
        revoke::answer,
        register::create,
        launch::post,
        manage::show,
        userinfo::answer,
        device::begin,
    ),
    tags((name = "authorization", description = "SMART App Launch 2.2 and OpenID Connect"))
)]
pub(crate) struct Documented;
