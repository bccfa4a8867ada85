//! `/auth/introspect`: <https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html>.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::AUTHORIZATION,
    web::{Data, Payload},
};
use auth::{
    Grant,
    oauth::{
        Code, Form, Refusal,
        answer::{self, Active, Context},
        scopes,
    },
};
use serde_json::Value;

use super::{arriving, bearer, clients, reply, token};
use crate::{body::header, server::Door};

/// The right to look at anybody's tokens: for resource servers.
const RIGHT: &str = "__introspect";

/// Answers what a token is good for.
#[utoipa::path(post, path = "/auth/introspect", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "What a token is good for", content_type = "application/json"), (status = 401, description = "Who asks is not known", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn answer(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let decided = decide(&door, &request, payload).await;
    reply::to_client(&door, &request, decided.map(|body| reply::private(200, &body))).await
}

/// Whose tokens somebody may look at.
enum Sees {
    All,
    /// Those of this client, and those of this person.
    Own(Option<String>, Option<String>),
}

async fn decide(door: &Door, request: &HttpRequest, payload: Payload) -> Result<Value, Refusal> {
    let form = arriving::form(door, request, payload).await?;
    let sees = authorized(door, request, &form).await?;
    let asked = form.need("token")?;
    let accounts = door.accounts();
    let found = accounts.grant(asked).await.map_err(|outcome| reply::trouble(&outcome))?;
    let Some(grant) = found.filter(|grant| is_seen(&sees, grant)) else {
        return Ok(answer::inactive());
    };
    let kept = accounts.consent_behind(asked).await.map_err(|outcome| reply::trouble(&outcome))?;
    let context = kept.map_or_else(Context::default, |kept| kept.consent.context);
    Ok(described(door, &grant, &context))
}

async fn authorized(door: &Door, request: &HttpRequest, form: &Form) -> Result<Sees, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    if authorization.and_then(bearer::token).is_some() {
        let grant = bearer::needed(door.accounts(), authorization).await?;
        if grant.is_operator() || scopes::has(&grant.scopes, RIGHT) {
            return Ok(Sees::All);
        }
        let login = grant.user.as_ref().map(|user| user.login.clone());
        return Ok(Sees::Own(grant.client.clone(), login));
    }
    let client = clients::authenticated(door, request, form).await?;
    if client.is_public() {
        let why = "A public client introspects with an access token of its own";
        return Err(Refusal::new(Code::InvalidClient, why));
    }
    let sees_all = scopes::has(&client.about.scope, RIGHT);
    Ok(if sees_all { Sees::All } else { Sees::Own(Some(client.id), None) })
}

fn is_seen(sees: &Sees, grant: &Grant) -> bool {
    match sees {
        Sees::All => true,
        Sees::Own(client, login) => {
            let is_clients = client.is_some() && *client == grant.client;
            let of_user = grant.user.as_ref().map(|user| &user.login);
            is_clients || login.is_some() && login.as_ref() == of_user
        }
    }
}

fn described(door: &Door, grant: &Grant, context: &Context) -> Value {
    let person = grant.user.as_ref().map(|user| {
        let reference = user.fhir_user.as_ref();
        (token::subject(door, user), reference.map(|it| format!("{}/{it}", door.fhir.base())))
    });
    let person = person.as_ref().filter(|_| scopes::has(&grant.scopes, "openid"));
    let active = Active {
        client: grant.client.as_deref(),
        scopes: &grant.scopes,
        expires: grant.expires,
        person: person.map(|(subject, reference)| (subject.as_str(), reference.clone())),
        issuer: door.issuer(),
    };
    answer::active(&active, context)
}
