//! `/auth/manage`: a person sees which apps have access, and takes it back; at once.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ACCEPT,
    web::{Data, Payload},
};
use auth::oauth::{Form, Refusal, authorize::Session, scopes};
use maud::{Markup, html};
use serde_json::json;
use storage::accounts::Listed;

use super::{
    arriving,
    cookie::Browser,
    login,
    pages::{self, Page},
    reply,
};
use crate::{body::header, server::Door};

/// Shows the page, or the same as JSON.
#[utoipa::path(get, path = "/auth/manage", tag = "authorization", responses((status = 200, description = "Which apps have access", content((String = "text/html"), (serde_json::Value = "application/json"))), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn show(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let page = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let Some(session) = &browser.session else {
            return Ok(login::page(&door, &browser, "/auth/manage", None));
        };
        let accounts = door.accounts();
        let found = accounts.consents_of(&session.user.login).await;
        let found = found.map_err(|it| reply::trouble(&it))?;
        let accept = header(&request, ACCEPT.as_str()).unwrap_or_default();
        if accept.contains("application/json") {
            return Ok(as_json(&found));
        }
        let clients = accounts.clients().await.map_err(|it| reply::trouble(&it))?;
        let names: BTreeMap<String, String> = clients
            .into_iter()
            .map(|it| (it.client.id.clone(), it.client.name().to_owned()))
            .collect();
        let body = body(&door, &browser, session, (&found, &names));
        let page = Page { title: "Your apps", body, leads_to: None };
        Ok(pages::show(&door, &browser, 200, &page))
    };
    page.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

fn body(
    door: &Door,
    browser: &Browser,
    session: &Session,
    (found, names): (&[Listed], &BTreeMap<String, String>),
) -> Markup {
    html! {
        p { "You are logged in as " strong { (session.user.login) } "." }
        @if found.is_empty() { p role="status" { "No app has access through you." } }
        @for consent in found {
            fieldset {
                legend { (name(consent, names)) }
                p { "since " (consent.created.to_string().get(..10).unwrap_or_default()) }
                ul { @for scope in consent.scopes.split_ascii_whitespace() { li { (scopes::in_words(scope).1) } } }
                form method="post" action="/auth/manage" {
                    input type="hidden" name="seal" value=(browser.seal(door, "manage"));
                    button type="submit" name="revoke" value=(consent.id) { "Take access back" }
                }
            }
        }
        form method="post" action="/auth/logout" {
            input type="hidden" name="seal" value=(browser.seal(door, "logout"));
            button type="submit" class="plain" { "Log out" }
        }
    }
}

fn name(consent: &Listed, names: &BTreeMap<String, String>) -> String {
    let client = consent.client.as_ref();
    let name = client.and_then(|id| names.get(id).cloned());
    name.unwrap_or_else(|| "A script of yours".to_owned())
}

fn as_json(found: &[Listed]) -> HttpResponse {
    let grants: Vec<_> = found
        .iter()
        .map(|it| {
            json!({
                "id": it.id, "client_id": it.client, "scope": it.scopes, "patient": it.patient,
                "created": it.created.to_string(),
            })
        })
        .collect();
    reply::private(200, &json!({ "grants": grants }))
}

/// Takes access back.
#[utoipa::path(post, path = "/auth/manage", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 303, description = "Back to the page"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn post(door: Data<Door>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let done = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let form = Form::of(arriving::posted(&door, &request, payload).await?)?;
        let Some(session) = &browser.session else {
            return Ok(login::page(&door, &browser, "/auth/manage", None));
        };
        if !browser.is_sealed(&door, "manage", form.get("seal").unwrap_or_default()) {
            let why = "The form is too old; open the page again";
            return Ok(pages::refuse(&door, &browser, 400, why));
        }
        let login = &session.user.login;
        let id = form.need("revoke")?;
        let was_theirs = door.accounts().revoke_consent_of(login, id).await;
        if was_theirs.map_err(|it| reply::trouble(&it))? {
            Ok(pages::go(&door, "/auth/manage"))
        } else {
            Ok(pages::refuse(&door, &browser, 404, "That access has been taken back before"))
        }
    };
    done.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}
