//! Devices without a keyboard: they show a code and a QR picture, a person agrees at a browser.
//! <https://www.rfc-editor.org/rfc/rfc8628>

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::oauth::{
    Client, Code, Form, Refusal, answer::Context, authorize::own_patient, client::Status,
    launch::Extras, scopes,
};
use fhir_model::Instant;
use maud::html;
use qrcode::{QrCode, render::svg};
use serde_json::{Value, json};
use storage::accounts::{Consent, Device, DeviceState};

use super::{
    arriving, clients,
    cookie::Browser,
    login,
    pages::{self, Page},
    picking, reply, token,
};
use crate::server::Door;

/// The name of the grant.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// For how long a code may be typed, and how often a device may ask, in seconds.
const LIFE_S: i64 = 600;
const INTERVAL_S: i64 = 5;

/// Answers a device that wants a code.
#[utoipa::path(post, path = "/auth/device_authorization", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "A code for the person, and one for the device", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn begin(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let begun = async {
        let form = arriving::form(&door, &request, payload).await?;
        let client = clients::authenticated(&door, &request, &form).await?;
        uses(&client)?;
        let scope = form.need("scope")?;
        let granted = scopes::narrow(scope, &client.about.scope, scopes::Flow::Person)?;
        let now = door.accounts().now();
        let device = Device {
            client: client.id,
            scopes: granted,
            expires: Instant::from_millis(now.millis() + LIFE_S * 1000),
            polled: Instant::from_millis(0),
            state: DeviceState::Waiting,
        };
        let kept = door.accounts().keep_device(&device).await;
        let (code, user_code) = kept.map_err(|it| reply::trouble(&it))?;
        let address = format!("{}/auth/device", door.issuer());
        let complete = format!("{address}?user_code={user_code}");
        Ok(reply::private(
            200,
            &json!({
                "device_code": code, "user_code": user_code, "verification_uri": address,
                "verification_uri_complete": complete, "expires_in": LIFE_S, "interval": INTERVAL_S,
                // our own: the address as a picture that a phone reads
                "verification_qr_svg": qr(&complete),
            }),
        ))
    };
    let begun = begun.await;
    reply::to_client(&door, &request, begun).await
}

/// Answers a device at the token endpoint.
///
/// # Errors
/// `authorization_pending`, `slow_down`, `access_denied`, `expired_token`.
pub(super) async fn tokens(door: &Door, form: &Form, client: &Client) -> Result<Value, Refusal> {
    uses(client)?;
    let (accounts, code) = (door.accounts(), form.need("device_code")?);
    let found = accounts.poll_device(code).await.map_err(|it| reply::trouble(&it))?;
    let refuse = |code, why: &'static str| Err(Refusal::new(code, why));
    let Some(device) = found.filter(|device| device.client == client.id) else {
        return refuse(Code::InvalidGrant, "The device_code is not one that this client was given");
    };
    let now = accounts.now();
    if now >= device.expires {
        return refuse(Code::ExpiredToken, "Nobody agreed in time; begin again");
    }
    match device.state {
        DeviceState::Waiting if now.millis() - device.polled.millis() < INTERVAL_S * 1000 => {
            refuse(Code::SlowDown, "Ask every five seconds at most")
        }
        DeviceState::Waiting => refuse(Code::AuthorizationPending, "Nobody has agreed yet"),
        DeviceState::Denied => refuse(Code::AccessDenied, "The person said no"),
        DeviceState::Used => refuse(Code::InvalidGrant, "The device_code was used before"),
        DeviceState::Approved => {
            let kept = accounts.spend_device(code).await.map_err(|it| reply::trouble(&it))?;
            let Some(kept) = kept else {
                return refuse(Code::InvalidGrant, "The device_code was used before");
            };
            let minting = token::minting(door, &kept, &kept.consent.scopes).await?;
            let minted = accounts.mint(&minting).await.map_err(|it| reply::trouble(&it))?;
            token::answered(door, &kept, &minted).await
        }
    }
}

fn uses(client: &Client) -> Result<(), Refusal> {
    if client.uses(GRANT) {
        return Ok(());
    }
    let why = "The client is not registered for the device grant";
    Err(Refusal::new(Code::UnauthorizedClient, why))
}

/// The address as a QR picture.
fn qr(address: &str) -> String {
    let code = QrCode::new(address.as_bytes());
    code.map(|code| code.render::<svg::Color<'_>>().min_dimensions(200, 200).build())
        .unwrap_or_default()
}

/// Shows the page on which a person types the code, or what it is for.
#[utoipa::path(get, path = "/auth/device", tag = "authorization", params(("user_code" = Option<String>, Query, description = "The code")), responses((status = 200, description = "The page for the code that a device shows", content_type = "text/html"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn show(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let page = async {
        let query = arriving::fields(request.uri().query().unwrap_or_default().as_bytes())?;
        let form = Form::of(query)?;
        let user_code = typed(form.get("user_code").unwrap_or_default());
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        if browser.session.is_none() {
            let then = if user_code.is_empty() {
                "/auth/device".to_owned()
            } else {
                format!("/auth/device?user_code={user_code}")
            };
            return Ok(login::page(&door, &browser, &then, None));
        }
        if user_code.is_empty() {
            return Ok(ask_for_code(&door, &browser, None));
        }
        ask(&door, &browser, &user_code).await
    };
    page.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

fn ask_for_code(door: &Door, browser: &Browser, why: Option<&str>) -> HttpResponse {
    let body = html! {
        @if let Some(why) = why { p role="alert" { (why) } }
        form method="get" action="/auth/device" {
            label class="field" for="user_code" { "Code that the device shows" }
            input id="user_code" type="text" name="user_code" autocapitalize="characters" autocomplete="off" required;
            button type="submit" { "Continue" }
        }
    };
    let status = if why.is_some() { 404 } else { 200 };
    pages::show(door, browser, status, &Page { title: "Connect a device", body, leads_to: None })
}

async fn ask(door: &Door, browser: &Browser, user_code: &str) -> Result<HttpResponse, Refusal> {
    let Some((device, client)) = waiting(door, user_code).await? else {
        let why = "No device waits with that code. It may be too old.";
        return Ok(ask_for_code(door, browser, Some(why)));
    };
    let own = browser.session.as_ref().and_then(|session| own_patient(&session.user));
    let needs_patient = own.is_none() && needs_patient(&device.scopes);
    let body = html! {
        p { strong { (client.name()) } " asks for access. Does it show this code?" }
        p class="code" { (user_code) }
        form method="post" action="/auth/device" {
            input type="hidden" name="user_code" value=(user_code);
            input type="hidden" name="seal" value=(browser.seal(door, user_code));
            @if needs_patient {
                label class="field" for="patient" { "Patient (id)" }
                input id="patient" type="text" name="patient" required;
            }
            fieldset {
                legend { "What it may do" }
                @for scope in device.scopes.split_ascii_whitespace() {
                    label {
                        input type="checkbox" name="scope" value=(scope) checked;
                        " " (scopes::in_words(scope).1)
                    }
                }
            }
            button type="submit" name="answer" value="allow" { "Allow" }
            button type="submit" class="plain" name="answer" value="deny" { "Do not allow" }
        }
    };
    let title = format!("Connect {}?", client.name());
    Ok(pages::show(door, browser, 200, &Page { title: &title, body, leads_to: None }))
}

async fn waiting(door: &Door, user_code: &str) -> Result<Option<(Device, Client)>, Refusal> {
    let accounts = door.accounts();
    let found = accounts.device_by_user_code(user_code).await;
    let now = accounts.now();
    let found = found.map_err(|it| reply::trouble(&it))?;
    let is_waiting = |it: &Device| it.state == DeviceState::Waiting && now < it.expires;
    let Some(device) = found.filter(is_waiting) else { return Ok(None) };
    let client = accounts.client(&device.client).await.map_err(|it| reply::trouble(&it))?;
    let client = client.filter(|client| client.status == Status::Active);
    Ok(client.map(|client| (device, client)))
}

/// Takes the answer.
#[utoipa::path(post, path = "/auth/device", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "What became of it", content_type = "text/html"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn post(door: Data<Door>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let done = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let fields = arriving::posted(&door, &request, payload).await?;
        answer(&door, &browser, &fields).await
    };
    done.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

async fn answer(
    door: &Door,
    browser: &Browser,
    fields: &arriving::Fields,
) -> Result<HttpResponse, Refusal> {
    let get = |wanted: &str| {
        fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value.as_str())
    };
    let user_code = get("user_code");
    let Some(session) =
        browser.session.as_ref().filter(|_| browser.is_sealed(door, user_code, get("seal")))
    else {
        return Ok(pages::refuse(door, browser, 400, "The form is too old; open the page again"));
    };
    let Some((device, client)) = waiting(door, user_code).await? else {
        return Ok(ask_for_code(door, browser, Some("No device waits with that code.")));
    };
    let ticked: Vec<&str> = fields
        .iter()
        .filter(|(name, value)| name == "scope" && scopes::has(&device.scopes, value))
        .map(|(_, value)| value.as_str())
        .collect();
    let granted = ticked.join(" ");
    let user = &session.user;
    let patient = own_patient(user).or_else(|| Some(get("patient").to_owned()));
    let patient = patient.filter(|_| needs_patient(&granted));
    if let Some(id) = &patient
        && !picking::may_see(door, user, "Patient", id).await
    {
        let why = "There is no such record, or none that you may see";
        return Ok(pages::refuse(door, browser, 404, why));
    }
    let consent = Consent {
        client: Some(client.id),
        login: Some(user.login.clone()),
        scopes: granted,
        context: Context { patient, encounter: None, extras: Extras::default() },
        nonce: None,
        since: Some(session.since),
        session: None,
    };
    let says_yes = get("answer") == "allow" && !consent.scopes.is_empty();
    let answered = door.accounts().answer_device(user_code, says_yes.then_some(&consent)).await;
    if !answered.map_err(|it| reply::trouble(&it))? {
        return Ok(ask_for_code(door, browser, Some("No device waits with that code.")));
    }
    let body = html! {
        p role="status" { @if says_yes { "The device is connected. You can go back to it." } @else { "The device gets no access." } }
    };
    Ok(pages::show(door, browser, 200, &Page { title: "Done", body, leads_to: None }))
}

fn needs_patient(granted: &str) -> bool {
    scopes::has(granted, "launch/patient") || granted.contains("patient/")
}

/// A code as a person types it: any case, with or without the hyphen.
fn typed(text: &str) -> String {
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).take(8).collect();
    let letters = letters.to_ascii_uppercase();
    match letters.split_at_checked(4) {
        Some((head, tail)) if !tail.is_empty() => format!("{head}-{tail}"),
        _ => letters,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for text in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk "] {
            assert_eq!(typed(text), "BCDF-GHJK", "{text}");
        }
        assert_eq!(typed("<script>"), "SCRI-PT");
        assert!(qr("https://v.example/auth/device?user_code=BCDF-GHJK").contains("<svg"));
    }
}
