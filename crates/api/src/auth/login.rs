//! A person logs in, and out.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::{
    User,
    oauth::{Form, Refusal},
};
use fhir_model::Outcome;
use maud::{Markup, html};
use storage::accounts::Login;

use super::{
    arriving,
    cookie::{self, Browser},
    pages::{self, Page},
    reply,
    sign_in::Elsewhere,
};
use crate::server::Door;

/// Names of the fields that say where a browser goes after the login.
const THEN: &str = "then";
const SEAL: &str = "seal";
/// Where a browser may go after a login.
const WAYS: [&str; 4] = ["/auth/authorize?", "/auth/manage", "/auth/device", "/auth/launch"];

/// Shows the page.
#[utoipa::path(get, path = "/auth/login", tag = "authorization", responses((status = 200, description = "The page to log in", content_type = "text/html"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn show(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let browser = match Browser::of(&door, &request).await {
        Ok(browser) => browser,
        Err(outcome) => return failed(&request, &outcome),
    };
    page(&door, &browser, "/auth/manage", None)
}

/// Shows the page, to go on to `then` afterwards.
pub(super) fn page(door: &Door, browser: &Browser, then: &str, why: Option<&str>) -> HttpResponse {
    let status = if why.is_some() { 401 } else { 200 };
    let body = form(door, browser, then, why);
    pages::show(door, browser, status, &Page { title: "Log in", body, leads_to: leads_to(door) })
}

fn form(door: &Door, browser: &Browser, then: &str, why: Option<&str>) -> Markup {
    html! {
        @if let Some(why) = why { p role="alert" { (why) } }
        form method="post" action="/auth/login" {
            input type="hidden" name=(THEN) value=(then);
            input type="hidden" name=(SEAL) value=(browser.seal(door, then));
            label class="field" for="login" { "Login" }
            input id="login" type="text" name="login" autocomplete="username" autocapitalize="none" required;
            label class="field" for="password" { "Password" }
            input id="password" type="password" name="password" autocomplete="current-password" required;
            button type="submit" { "Log in" }
        }
        @if let Some(elsewhere) = &door.sign_in {
            form method="post" action="/auth/sign-in" {
                input type="hidden" name=(THEN) value=(then);
                input type="hidden" name=(SEAL) value=(browser.seal(door, then));
                button type="submit" class="plain" { "Sign in with " (elsewhere.name) }
            }
        }
    }
}

/// Where the page's forms may lead besides here.
fn leads_to(door: &Door) -> Option<&str> {
    door.sign_in.as_ref().map(Elsewhere::url)
}

/// Takes the form.
#[utoipa::path(post, path = "/auth/login", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 303, description = "On, with a session"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn post(door: Data<Door>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answered = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let fields = arriving::posted(&door, &request, payload).await?;
        log_in(&door, &browser, &Form::of(fields)?).await
    };
    match answered.await {
        Ok(response) => response,
        Err(refusal) => reply::refused(&request, &refusal),
    }
}

async fn log_in(door: &Door, browser: &Browser, form: &Form) -> Result<HttpResponse, Refusal> {
    let Some(then) = sealed(door, browser, form) else {
        let why = "The form is too old, or cookies are off; open the page again";
        return Ok(pages::refuse(door, browser, 400, why));
    };
    let (login, password) = (form.get("login"), form.get("password"));
    let (login, password) = (login.unwrap_or_default(), password.unwrap_or_default());
    let accounts = door.accounts();
    match accounts.log_in(login, password).await.map_err(|outcome| reply::trouble(&outcome))? {
        Login::Welcome(user) => welcome(door, &user, then).await,
        Login::Wrong => Ok(page(door, browser, then, Some("Login or password is wrong."))),
        Login::Wait(seconds) => {
            let why = format!("Too many tries. Wait {seconds} seconds, then try again.");
            let body = self::form(door, browser, then, Some(&why));
            let page = Page { title: "Log in", body, leads_to: leads_to(door) };
            let mut response = pages::show(door, browser, 429, &page);
            response.headers_mut().insert(actix_web::http::header::RETRY_AFTER, seconds.into());
            Ok(response)
        }
    }
}

/// Where the browser goes on to after a login, when the form is one that this browser was given.
pub(super) fn sealed<'f>(door: &Door, browser: &Browser, form: &'f Form) -> Option<&'f str> {
    let then = form.get(THEN).unwrap_or("/auth/manage");
    let is_ours =
        WAYS.iter().any(|way| then.starts_with(way)) && !then.contains(['\r', '\n', '\\']);
    let is_given = browser.is_sealed(door, then, form.get(SEAL).unwrap_or_default());
    (is_ours && is_given).then_some(then)
}

/// Lets somebody in who proved who they are, and sends them on.
pub(super) async fn welcome(door: &Door, user: &User, then: &str) -> Result<HttpResponse, Refusal> {
    let begun = door.accounts().begin_session(&user.login).await;
    let value = begun.map_err(|outcome| reply::trouble(&outcome))?;
    let mut response = pages::go(door, then);
    drop(response.add_cookie(&cookie::cookie(door, value)));
    Ok(response)
}

/// Logs out.
#[utoipa::path(post, path = "/auth/logout", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 303, description = "To the page to log in"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn leave(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let answered = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let form = Form::of(arriving::posted(&door, &request, payload).await?)?;
        if !browser.is_sealed(&door, "logout", form.get(SEAL).unwrap_or_default()) {
            return Ok(pages::refuse(&door, &browser, 400, "The form is too old"));
        }
        let ended = door.accounts().end_session(browser.value()).await;
        ended.map_err(|outcome| reply::trouble(&outcome))?;
        let mut response = pages::go(&door, "/auth/login");
        drop(response.add_cookie(&cookie::gone(&door)));
        Ok(response)
    };
    match answered.await {
        Ok(response) => response,
        Err(refusal) => reply::refused(&request, &refusal),
    }
}

fn failed(request: &HttpRequest, outcome: &Outcome) -> HttpResponse {
    reply::refused(request, &reply::trouble(outcome))
}
