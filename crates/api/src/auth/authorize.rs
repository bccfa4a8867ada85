//! `/auth/authorize`: an app sends a person's browser here, and gets it back with a code.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code>

mod consent;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::oauth::{
    Client, Code, Form, Refusal,
    answer::Context,
    authorize::{self, Approved, Chosen, Consent as Answer, Decision, Request, Session, Wrong},
    launch::{Extras, Launch},
    scopes,
};
use fhir_model::Outcome;
use storage::accounts::{Consent, NewCode};

use super::{
    arriving,
    cookie::Browser,
    login, pages,
    picking::{self, Carried, Kind},
    reply,
};
use crate::server::Door;

/// Answers a browser that an app sent with GET.
#[utoipa::path(get, path = "/auth/authorize", tag = "authorization", responses((status = 200, description = "A page for the person", content_type = "text/html"), (status = 303, description = "Back to the app, with a code or an error"), (status = 400, description = "Nobody can be sent back", content_type = "text/html"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn show(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let query = request.uri().query().unwrap_or_default().to_owned();
    answered(&request, converse(&door, &request, &Said { query, ..Said::default() }).await)
}

/// Answers a browser that an app sent with POST: its cookie stays behind then, so it comes again with GET.
#[utoipa::path(post, path = "/auth/authorize", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 303, description = "The same with GET"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn post(door: Data<Door>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let fields = arriving::posted(&door, &request, payload).await;
    let query = fields.map(|fields| {
        arriving::encoded(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    });
    answered(&request, query.map(|query| pages::go(&door, &format!("/auth/authorize?{query}"))))
}

/// Takes the forms of the pages in between.
#[utoipa::path(post, path = "/auth/decide", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "The next page", content_type = "text/html"), (status = 303, description = "Back to the app"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn decide(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let taken = async {
        let fields = arriving::posted(&door, &request, payload).await?;
        converse(&door, &request, &Said::of(fields)).await
    };
    answered(&request, taken.await)
}

fn answered(request: &HttpRequest, response: Result<HttpResponse, Refusal>) -> HttpResponse {
    response.unwrap_or_else(|refusal| reply::refused(request, &refusal))
}

/// What a browser brought along.
#[derive(Debug, Default)]
struct Said {
    /// The app's own request.
    query: String,
    /// Of a form of ours.
    seal: Option<String>,
    patient: String,
    encounter: String,
    name: String,
    answer: Option<String>,
    ticked: Vec<String>,
}

impl Said {
    fn of(fields: arriving::Fields) -> Self {
        let mut said = Self { seal: Some(String::new()), ..Self::default() };
        for (name, value) in fields {
            match name.as_str() {
                "request" => said.query = value,
                "seal" => said.seal = Some(value),
                "patient" => said.patient = value,
                "encounter" => said.encounter = value,
                "name" => said.name = value,
                "answer" => said.answer = Some(value),
                "scope" => said.ticked.push(value),
                _ => {}
            }
        }
        said
    }

    fn consent(&self) -> Option<Answer> {
        match self.answer.as_deref() {
            Some("allow") => Some(Answer::Given(self.ticked.clone())),
            Some(_) => Some(Answer::Denied),
            None => None,
        }
    }

    fn carried(&self) -> Carried<'_> {
        Carried {
            request: &self.query,
            patient: &self.patient,
            encounter: &self.encounter,
            name: &self.name,
        }
    }
}

/// What is known when a decision is due.
struct Known {
    request: Request,
    client: Client,
    launch: Option<Launch>,
}

async fn converse(door: &Door, http: &HttpRequest, said: &Said) -> Result<HttpResponse, Refusal> {
    let trouble = |outcome| reply::trouble(&outcome);
    let browser = Browser::of(door, http).await.map_err(trouble)?;
    let known = match known(door, &said.query).await? {
        Ok(known) => known,
        Err(Wrong::Shown(refusal)) => {
            return Ok(pages::refuse(door, &browser, 400, &refusal.why));
        }
        Err(Wrong::Redirected { redirect_uri, state, refusal }) => {
            return Ok(back(door, &redirect_uri, state.as_deref(), Err(&refusal)));
        }
    };
    if said.seal.as_ref().is_some_and(|seal| !browser.is_sealed(door, &said.query, seal)) {
        let why = "The form is too old, or was made for somebody else; go back to the app and start again";
        return Ok(pages::refuse(door, &browser, 400, why));
    }
    let chosen = chosen(door, &browser, said, &known).await;
    let now = door.accounts().now();
    let decision = authorize::decide(
        &known.request,
        browser.session.as_ref(),
        known.launch.as_ref(),
        &chosen,
        now,
    );
    let request = &known.request;
    match (decision, &browser.session) {
        (Decision::Refuse(refusal), _) => {
            Ok(back(door, &request.redirect_uri, Some(&request.state), Err(&refusal)))
        }
        (Decision::PickPatient, Some(session)) => {
            let who = (request, session);
            let page = picking::page(door, &browser, Kind::Patient, who, said.carried()).await;
            shown(door, request, page)
        }
        (Decision::PickEncounter, Some(session)) => {
            let patient = patient_of(session, &known, &chosen);
            let carried = Carried { patient: &patient, ..said.carried() };
            let page =
                picking::page(door, &browser, Kind::Encounter, (request, session), carried).await;
            shown(door, request, page)
        }
        (Decision::Ask(asked), Some(session)) => {
            let who = (&known.client, session);
            Ok(consent::page(door, &browser, (request, &asked), who, said.carried()))
        }
        (Decision::Issue(approved), Some(session)) => {
            issue(door, &browser, &known, (session, approved)).await
        }
        (_, _) => Ok(login::page(door, &browser, &then(&said.query), None)),
    }
}

/// A page on which somebody is chosen; back to the app when the person may not see anybody.
fn shown(
    door: &Door,
    request: &Request,
    page: Result<HttpResponse, Outcome>,
) -> Result<HttpResponse, Refusal> {
    match page {
        Ok(page) => Ok(page),
        Err(outcome) if (400..500).contains(&outcome.status()) => {
            let why = "The person may not see any record";
            let refusal = Refusal::new(Code::AccessDenied, why);
            Ok(back(door, &request.redirect_uri, Some(&request.state), Err(&refusal)))
        }
        Err(outcome) => Err(reply::trouble(&outcome)),
    }
}

/// Where the browser goes on after a login: the same request, without `prompt=login`, which has been done then.
fn then(query: &str) -> String {
    let fields = arriving::fields(query.as_bytes()).unwrap_or_default();
    let kept = fields.iter().filter(|(name, value)| name != "prompt" || value == "none");
    let query = arriving::encoded(kept.map(|(name, value)| (name.as_str(), value.as_str())));
    format!("/auth/authorize?{query}")
}

async fn known(door: &Door, query: &str) -> Result<Result<Known, Wrong>, Refusal> {
    let form = match arriving::fields(query.as_bytes()).and_then(Form::of) {
        Ok(form) => form,
        Err(refusal) => return Ok(Err(Wrong::Shown(refusal))),
    };
    let trouble = |outcome| reply::trouble(&outcome);
    let accounts = door.accounts();
    let client = match form.get("client_id") {
        Some(id) => accounts.client(id).await.map_err(trouble)?,
        None => None,
    };
    let request = match Request::check(&form, client.as_ref(), door.fhir.base()) {
        Ok(request) => request,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let launch = match &request.launch {
        Some(id) => accounts.launch(id).await.map_err(trouble)?,
        None => None,
    };
    let unknown = || {
        let why = "The app is not registered here";
        Wrong::Shown(Refusal::new(Code::InvalidClient, why))
    };
    Ok(client.map(|client| Known { request, client, launch }).ok_or_else(unknown))
}

/// What a person chose, as far as they may see it.
async fn chosen(door: &Door, browser: &Browser, said: &Said, known: &Known) -> Chosen {
    let mut chosen = Chosen { consent: said.consent(), ..Chosen::default() };
    let Some(session) = &browser.session else { return chosen };
    let user = &session.user;
    if !said.patient.is_empty() && picking::may_see(door, user, "Patient", &said.patient).await {
        chosen.patient = Some(said.patient.clone());
    }
    let patient = patient_of(session, known, &chosen);
    if !said.encounter.is_empty() && picking::is_of(door, user, &said.encounter, &patient).await {
        chosen.encounter = Some(said.encounter.clone());
    }
    chosen
}

fn patient_of(session: &Session, known: &Known, chosen: &Chosen) -> String {
    let launched = known.launch.as_ref().and_then(|launch| launch.patient.clone());
    let own = authorize::own_patient(&session.user);
    own.or(launched).or_else(|| chosen.patient.clone()).unwrap_or_default()
}

async fn issue(
    door: &Door,
    browser: &Browser,
    known: &Known,
    (session, approved): (&Session, Approved),
) -> Result<HttpResponse, Refusal> {
    let request = &known.request;
    let is_online = scopes::has(&approved.scopes, "online_access")
        && !scopes::has(&approved.scopes, "offline_access");
    let consent = Consent {
        client: Some(request.client_id.clone()),
        login: Some(session.user.login.clone()),
        scopes: approved.scopes,
        context: Context {
            patient: approved.patient,
            encounter: approved.encounter,
            extras: known.launch.as_ref().map_or_else(Extras::default, |it| it.extras.clone()),
        },
        nonce: request.nonce.clone(),
        since: Some(session.since),
        session: is_online.then(|| browser.hash()),
    };
    let new = NewCode {
        consent: &consent,
        redirect_uri: &request.redirect_uri,
        challenge: &request.challenge,
        launch: request.launch.as_deref(),
    };
    let code = door.accounts().issue_code(&new).await.map_err(|it| reply::trouble(&it))?;
    let used = || {
        let why = "launch was used before; launch the app again";
        Refusal::new(Code::InvalidRequest, why)
    };
    let code = code.ok_or_else(used);
    let code = code.as_deref();
    Ok(back(door, &request.redirect_uri, Some(&request.state), code))
}

/// Sends a browser back to the app: <https://www.rfc-editor.org/rfc/rfc9207>.
fn back(
    door: &Door,
    redirect_uri: &str,
    state: Option<&str>,
    code: Result<&str, &Refusal>,
) -> HttpResponse {
    let description = code.err().map(Refusal::description);
    let mut fields = match (&code, &description) {
        (Ok(code), _) => vec![("code", *code)],
        (Err(refusal), Some(description)) => {
            vec![("error", refusal.code.name()), ("error_description", description.as_str())]
        }
        (Err(refusal), None) => vec![("error", refusal.code.name())],
    };
    fields.extend(state.map(|state| ("state", state)));
    fields.push(("iss", door.issuer()));
    let query = arriving::encoded(fields.into_iter());
    let sign = if redirect_uri.contains('?') { '&' } else { '?' };
    pages::go(door, &format!("{redirect_uri}{sign}{query}"))
}
