//! `/auth/userinfo`: <https://openid.net/specs/openid-connect-core-1_0.html#UserInfo>.

use actix_web::{HttpRequest, HttpResponse, http::header::AUTHORIZATION, web::Data};
use auth::oauth::{Code, Refusal, identity, scopes};
use serde_json::Value;

use super::{bearer, reply, token};
use crate::{body::header, server::Door};

/// Answers who the person behind a token is.
#[utoipa::path(get, path = "/auth/userinfo", tag = "authorization", responses((status = 200, description = "Who logged in", content_type = "application/json"), (status = 401, description = "The token is not good, or not for this", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn answer(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let decided = decide(&door, &request).await;
    reply::to_client(&door, &request, decided.map(|body| reply::private(200, &body))).await
}

async fn decide(door: &Door, request: &HttpRequest) -> Result<Value, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    let grant = bearer::needed(door.accounts(), authorization).await?;
    match &grant.user {
        Some(user) if scopes::has(&grant.scopes, "openid") => {
            let subject = token::subject(door, user);
            let base = door.fhir.base();
            Ok(Value::Object(identity::person(user, &subject, &grant.scopes, base)))
        }
        _ => Err(Refusal::new(Code::InvalidToken, "The token has no scope openid")),
    }
}
