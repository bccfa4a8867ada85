//! `/auth/register`: a client registers itself, and waits for an administrator unless it brings a token that says
//! otherwise. <https://www.rfc-editor.org/rfc/rfc7591>, <https://www.rfc-editor.org/rfc/rfc7592>

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::AUTHORIZATION,
    web::{Data, Path, Payload},
};
use auth::oauth::{
    Client, Code, Refusal,
    client::{About, Method, Status},
    registration, scopes,
};
use serde_json::{Value, json};

use super::{arriving, bearer, reply};
use crate::{body::header, server::Door};

/// The right to register clients that count at once.
const RIGHT: &str = "__register";
/// Clients that wait for an administrator at most: anybody may register.
const PENDING_MAX: i64 = 1000;

/// Registers a client.
#[utoipa::path(post, path = "/auth/register", tag = "authorization", request_body(content = serde_json::Value, content_type = "application/json"), responses((status = 201, description = "The client", content_type = "application/json"), (status = 400, description = "What is wrong with it", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn create(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let made = async {
        let status = standing(&door, &request).await?;
        let about = registration::read(&arriving::json(&door, payload).await?)?;
        let id = storage::accounts::fresh("c").map_err(|it| reply::trouble(&it))?;
        let token = storage::accounts::fresh("vrg_").map_err(|it| reply::trouble(&it))?;
        let secret = secret(&about)?;
        let keyed = secret.as_deref().map(|secret| door.accounts().keyed_secret(secret));
        let client = Client { id, status, organization: None, secret: keyed, about };
        let hash = storage::accounts::hash(&token);
        let kept = door.accounts().keep_client(&client, Some(&hash)).await;
        kept.map_err(|it| reply::trouble(&it))?;
        Ok(reply::private(201, &described(&door, &client, secret.as_deref(), Some(&token))))
    };
    let made = made.await;
    reply::to_client(&door, &request, made).await
}

/// Whether a new client counts at once.
async fn standing(door: &Door, request: &HttpRequest) -> Result<Status, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    if authorization.is_none() {
        let pending = door.accounts().pending_clients().await;
        if pending.map_err(|it| reply::trouble(&it))? >= PENDING_MAX {
            let why = "Too many clients wait for an administrator; try again later";
            return Err(Refusal::new(Code::TemporarilyUnavailable, why));
        }
        return Ok(Status::Pending);
    }
    let grant = bearer::needed(door.accounts(), authorization).await?;
    let may = grant.is_operator() || scopes::has(&grant.scopes, RIGHT);
    if may {
        Ok(Status::Active)
    } else {
        Err(Refusal::new(Code::AccessDenied, "The token lacks the scope __register"))
    }
}

fn secret(about: &About) -> Result<Option<String>, Refusal> {
    let method = about.token_endpoint_auth_method;
    let has = matches!(method, Method::ClientSecretBasic | Method::ClientSecretPost);
    let drawn = has.then(|| storage::accounts::fresh("vcs_")).transpose();
    drawn.map_err(|it| reply::trouble(&it))
}

/// Reads a registration.
#[utoipa::path(get, path = "/auth/register/{client}", tag = "authorization", params(("client" = String, Path, description = "The client's id")), responses((status = 200, description = "The registration", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn read(door: Data<Door>, request: HttpRequest, id: Path<String>) -> HttpResponse {
    match of_token(&door, &request, &id).await {
        Ok(client) => reply::private(200, &described(&door, &client, None, None)),
        Err(refusal) => reply::refused(&request, &refusal),
    }
}

/// Changes a registration. What it may ask for stays within what it had.
#[utoipa::path(put, path = "/auth/register/{client}", tag = "authorization", request_body(content = serde_json::Value, content_type = "application/json"), params(("client" = String, Path, description = "The client's id")), responses((status = 200, description = "The registration", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn update(
    door: Data<Door>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> HttpResponse {
    let changed = async {
        let client = of_token(&door, &request, &id).await?;
        let mut metadata = arriving::json(&door, payload).await?;
        if metadata.get("client_id").and_then(Value::as_str) != Some(&client.id) {
            let why = "client_id has to be that of the registration";
            return Err(Refusal::new(Code::InvalidClientMetadata, why));
        }
        if let Some(members) = metadata.as_object_mut() {
            let method = json!(client.about.token_endpoint_auth_method);
            members.entry("token_endpoint_auth_method").or_insert(method);
        }
        let mut about = registration::read(&metadata)?;
        if about.token_endpoint_auth_method != client.about.token_endpoint_auth_method {
            let why = "token_endpoint_auth_method cannot be changed; register again";
            return Err(Refusal::new(Code::InvalidClientMetadata, why));
        }
        // an administrator approved the old scopes, not new ones
        let kept = about.scope.split_ascii_whitespace();
        let kept: Vec<&str> =
            kept.filter(|scope| scopes::is_subset(scope, &client.about.scope)).collect();
        about.scope = kept.join(" ");
        let client = Client { about, ..client };
        let stored = door.accounts().keep_client(&client, None).await;
        stored.map_err(|it| reply::trouble(&it))?;
        Ok(reply::private(200, &described(&door, &client, None, None)))
    };
    changed.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

/// Ends a client.
#[utoipa::path(delete, path = "/auth/register/{client}", tag = "authorization", params(("client" = String, Path, description = "The client's id")), responses((status = 204, description = "The client is gone"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn delete(
    door: Data<Door>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    let ended = async {
        let client = of_token(&door, &request, &id).await?;
        let revoked = door.accounts().revoke_client(&client.id).await;
        revoked.map_err(|it| reply::trouble(&it))?;
        Ok(reply::empty(204))
    };
    ended.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

/// The client whose registration token the request brings. The same refusal for an unknown client and a wrong token.
async fn of_token(door: &Door, request: &HttpRequest, id: &str) -> Result<Client, Refusal> {
    let invalid = || Refusal::new(Code::InvalidToken, "The registration token is not the client's");
    let authorization = header(request, AUTHORIZATION.as_str());
    let token = authorization.and_then(bearer::token).ok_or_else(invalid)?;
    let found = door.accounts().client_of_registration(id, token).await;
    found.map_err(|it| reply::trouble(&it))?.ok_or_else(invalid)
}

fn described(door: &Door, client: &Client, secret: Option<&str>, token: Option<&str>) -> Value {
    let mut answer = json!(client.about);
    if let Some(members) = answer.as_object_mut() {
        members.insert("client_id".to_owned(), json!(client.id));
        let address = format!("{}/auth/register/{}", door.issuer(), client.id);
        members.insert("registration_client_uri".to_owned(), json!(address));
        members.insert("status".to_owned(), json!(client.status.name()));
        if let Some(secret) = secret {
            members.insert("client_secret".to_owned(), json!(secret));
            members.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        if let Some(token) = token {
            members.insert("registration_access_token".to_owned(), json!(token));
        }
    }
    answer
}
