//! `/auth/revoke`: <https://www.rfc-editor.org/rfc/rfc7009>. A token that is unknown is as good as revoked.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::oauth::Refusal;

use super::{arriving, clients, reply};
use crate::server::Door;

/// Takes back a token of the client that asks.
#[utoipa::path(post, path = "/auth/revoke", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "The token is good for nothing any more"), (status = 401, description = "The client is not let in", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn answer(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let decided = decide(&door, &request, payload).await;
    reply::to_client(&door, &request, decided.map(|()| reply::empty(200))).await
}

async fn decide(door: &Door, request: &HttpRequest, payload: Payload) -> Result<(), Refusal> {
    let form = arriving::form(door, request, payload).await?;
    let client = clients::authenticated(door, request, &form).await?;
    let revoked = door.accounts().revoke_token(form.need("token")?, &client.id).await;
    revoked.map_err(|outcome| reply::trouble(&outcome))
}
