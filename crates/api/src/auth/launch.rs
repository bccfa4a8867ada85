//! `/auth/launch`: an EHR, or a person who is logged in here, launches an app with what is open in front of them.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch>

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{AUTHORIZATION, CONTENT_TYPE},
    web::{Data, Payload},
};
use auth::oauth::{
    Client, Code, Form, Refusal,
    client::Status,
    launch::{Extras, LIFE_MS, Launch},
    scopes,
};
use fhir_model::Instant;
use maud::html;
use serde_json::{Value, json};

use super::{
    arriving, bearer,
    cookie::Browser,
    login,
    pages::{self, Page},
    picking, reply,
};
use crate::{body::header, media::MediaType, server::Door};

/// The right of a system to mint launches.
const RIGHT: &str = "__launch-context";
const SEAL: &str = "launch";

/// Shows the apps that can be launched.
#[utoipa::path(get, path = "/auth/launch", tag = "authorization", responses((status = 200, description = "The apps that can be launched", content_type = "text/html"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn show(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let page = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        if browser.session.is_none() {
            return Ok(login::page(&door, &browser, "/auth/launch", None));
        }
        let clients = door.accounts().clients().await.map_err(|it| reply::trouble(&it))?;
        let apps: Vec<&Client> = clients
            .iter()
            .map(|it| &it.client)
            .filter(|it| it.status == Status::Active && !it.about.launch_uris.is_empty())
            .collect();
        let body = html! {
            @if apps.is_empty() { p role="status" { "No app that can be launched is registered." } }
            form method="post" action="/auth/launch" {
                input type="hidden" name="seal" value=(browser.seal(&door, SEAL));
                label class="field" for="patient" { "Patient (id)" }
                input id="patient" type="text" name="patient";
                label class="field" for="encounter" { "Visit (id), if there is one" }
                input id="encounter" type="text" name="encounter";
                @for app in &apps {
                    button type="submit" class="choice" name="client_id" value=(app.id) { "Open " (app.name()) }
                }
            }
        };
        // whose form may lead to any registered app
        let page = Page { title: "Open an app", body, leads_to: Some("https:") };
        Ok(pages::show(&door, &browser, 200, &page))
    };
    page.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

/// Mints a launch: JSON with a token gives the id, the form sends the browser to the app.
#[utoipa::path(post, path = "/auth/launch", tag = "authorization", request_body(content = serde_json::Value, content_type = "application/json"), responses((status = 201, description = "The launch id, and where the app is", content_type = "application/json"), (status = 303, description = "On to the app, for a browser"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn post(door: Data<Door>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let media = header(&request, CONTENT_TYPE.as_str()).map(MediaType::parse);
    let is_json = media.is_some_and(|media| media.is("application/json"));
    let minted = if is_json {
        by_program(&door, &request, payload).await
    } else {
        by_person(&door, &request, payload).await
    };
    minted.unwrap_or_else(|refusal| reply::refused(&request, &refusal))
}

async fn by_program(
    door: &Door,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    let grant = bearer::needed(door.accounts(), authorization).await?;
    if !grant.is_operator() && !scopes::has(&grant.scopes, RIGHT) {
        let why = "The token lacks the scope __launch-context";
        return Err(Refusal::new(Code::AccessDenied, why));
    }
    let asked = arriving::json(door, payload).await?;
    let text = |name: &str| asked.get(name).and_then(Value::as_str);
    let client = app(door, text("client_id").unwrap_or_default()).await?;
    let extras = Extras::of(&asked).map_err(|why| Refusal::new(Code::InvalidRequest, why))?;
    let login = text("login").map(str::to_owned);
    let login = login.or_else(|| grant.user.as_ref().map(|user| user.login.clone()));
    let context = (text("patient"), text("encounter"));
    let (id, uri) = mint(door, &client, login, context, extras).await?;
    Ok(reply::private(201, &json!({ "launch": id, "iss": door.fhir.base(), "launch_uri": uri })))
}

async fn by_person(
    door: &Door,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Refusal> {
    let browser = Browser::of(door, request).await.map_err(|it| reply::trouble(&it))?;
    let form = Form::of(arriving::posted(door, request, payload).await?)?;
    let Some(session) = &browser.session else {
        return Ok(login::page(door, &browser, "/auth/launch", None));
    };
    if !browser.is_sealed(door, SEAL, form.get("seal").unwrap_or_default()) {
        return Ok(pages::refuse(door, &browser, 400, "The form is too old; open the page again"));
    }
    let client = app(door, form.get("client_id").unwrap_or_default()).await?;
    let (patient, encounter) = (form.get("patient"), form.get("encounter"));
    let user = &session.user;
    let sees = match (patient, encounter) {
        (Some(patient), Some(encounter)) => {
            picking::may_see(door, user, "Patient", patient).await
                && picking::is_of(door, user, encounter, patient).await
        }
        (Some(patient), None) => picking::may_see(door, user, "Patient", patient).await,
        (None, Some(_)) => false,
        (None, None) => true,
    };
    if !sees {
        let why = "There is no such record, or none that you may see";
        return Ok(pages::refuse(door, &browser, 404, why));
    }
    let login = Some(user.login.clone());
    let context = (patient, encounter);
    let (id, uri) = mint(door, &client, login, context, Extras::default()).await?;
    let fields = [("iss", door.fhir.base()), ("launch", id.as_str())];
    let sign = if uri.contains('?') { '&' } else { '?' };
    let query = arriving::encoded(fields.into_iter());
    Ok(pages::go(door, &format!("{uri}{sign}{query}")))
}

/// The app that is to be launched.
async fn app(door: &Door, id: &str) -> Result<Client, Refusal> {
    let found = door.accounts().client(id).await.map_err(|it| reply::trouble(&it))?;
    found.filter(|client| client.status == Status::Active).ok_or_else(|| {
        Refusal::new(Code::InvalidRequest, "client_id is not that of a registered app")
    })
}

async fn mint(
    door: &Door,
    client: &Client,
    login: Option<String>,
    (patient, encounter): (Option<&str>, Option<&str>),
    extras: Extras,
) -> Result<(String, String), Refusal> {
    let launch = Launch {
        client: Some(client.id.clone()),
        login,
        patient: patient.map(str::to_owned),
        encounter: encounter.map(str::to_owned),
        extras,
        expires: Instant::from_millis(door.accounts().now().millis() + LIFE_MS),
    };
    let id = door.accounts().keep_launch(&launch).await.map_err(|it| reply::trouble(&it))?;
    Ok((id, client.about.launch_uris.first().cloned().unwrap_or_default()))
}
