//! Logging in at a provider of identities: the browser goes there with a code challenge and a nonce, and comes back with a
//! code. <https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth>
//!
//! Nothing is kept in between. `state` carries where the browser goes on to, sealed with its cookie; nonce and verifier
//! follow from the cookie and the salt in `state` by HMAC, so that only this browser can finish what it began.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::{
    User,
    jose::{self, Jws},
    oauth::{
        Form, Refusal, pkce,
        sign_in::{self, Expected, Identity},
    },
};
use fhir_model::Outcome;
use serde_json::Value;
use storage::accounts::{Linked, NewAccount};

use super::{
    arriving,
    cookie::Browser,
    fetch::Posted,
    login, pages,
    provider::{Issuer, Provider},
    reply,
};
use crate::server::Door;

/// Where people may log in besides here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The provider, and who we are to it.
    pub issuer: Issuer,
    /// What people call it.
    pub name: String,
    /// What becomes of somebody without an account.
    pub newcomers: Newcomers,
}

/// What becomes of somebody whom the provider knows and the vault does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newcomers {
    /// They are sent away.
    #[default]
    Refused,
    /// Whom the provider calls a Patient of this vault, by `fhirUser`, gets the account of a patient.
    Patients,
}

/// The same, with what is known of the provider.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    provider: Provider,
    pub(super) name: String,
    newcomers: Newcomers,
}

impl Elsewhere {
    pub(crate) fn new(to: SignIn) -> Self {
        let SignIn { issuer, name, newcomers } = to;
        Self { provider: Provider::new(issuer), name, newcomers }
    }

    /// Where the browser is sent.
    pub(super) fn url(&self) -> &str {
        &self.provider.issuer.url
    }

    /// Who we are to the provider.
    fn client(&self) -> (&str, &str) {
        let known_as = self.provider.issuer.known_as.as_ref();
        known_as.map_or(("", ""), |(name, secret)| (name, secret))
    }
}

/// Sends a browser to the provider.
#[utoipa::path(post, path = "/auth/sign-in", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 303, description = "On to the provider of identities"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn begin(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let begun = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let form = Form::of(arriving::posted(&door, &request, payload).await?)?;
        let (Some(elsewhere), Some(then)) = (&door.sign_in, login::sealed(&door, &browser, &form))
        else {
            let why = "The form is too old, or cookies are off; open the page again";
            return Ok(pages::refuse(&door, &browser, 400, why));
        };
        match address(&door, &browser, elsewhere, then).await {
            Ok(address) => Ok(pages::go(&door, &address)),
            Err(_) => Ok(unreachable(&door, &browser, elsewhere)),
        }
    };
    begun.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

async fn address(
    door: &Door,
    browser: &Browser,
    elsewhere: &Elsewhere,
    then: &str,
) -> Result<String, Outcome> {
    let known = elsewhere.provider.known(None).await?;
    let endpoint = known.address("authorization_endpoint").unwrap_or_default();
    let trip = Trip { salt: storage::accounts::fresh("")?, then: then.to_owned() };
    let (state, challenge) =
        (trip.state(door, browser), pkce::challenge_of(&trip.verifier(door, browser)));
    let (redirect, nonce) = (redirect_uri(door), trip.nonce(door, browser));
    let fields = [
        ("response_type", "code"),
        ("client_id", elsewhere.client().0),
        ("redirect_uri", &redirect),
        ("scope", "openid profile"),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let sign = if endpoint.contains('?') { '&' } else { '?' };
    Ok(format!("{endpoint}{sign}{}", arriving::encoded(fields.into_iter())))
}

/// Takes a browser back from the provider.
#[utoipa::path(get, path = "/auth/sign-in", tag = "authorization", params(("code" = Option<String>, Query, description = "What the provider gave"), ("state" = Option<String>, Query, description = "What the vault gave along")), responses((status = 303, description = "On, with a session"), (status = "default", description = "What is wrong: a page, or a refusal by RFC 6749")))]
pub(crate) async fn end(door: Data<Door>, request: HttpRequest) -> HttpResponse {
    let ended = async {
        let browser = Browser::of(&door, &request).await.map_err(|it| reply::trouble(&it))?;
        let form =
            Form::of(arriving::fields(request.uri().query().unwrap_or_default().as_bytes())?)?;
        let trip = form.get("state").and_then(|state| Trip::of(&door, &browser, state));
        let (Some(elsewhere), Some(trip)) = (&door.sign_in, trip) else {
            let why = "This login was begun elsewhere, or too long ago; begin again";
            return Ok(pages::refuse(&door, &browser, 400, why));
        };
        let identity = match arrived(&door, &browser, elsewhere, (&form, &trip)).await {
            Ok(Ok(identity)) => identity,
            Ok(Err(why)) => {
                tracing::warn!(why, "a login at the provider of identities");
                let text = format!("{} did not say who you are", elsewhere.name);
                return Ok(pages::refuse(&door, &browser, 401, &text));
            }
            Err(_) => return Ok(unreachable(&door, &browser, elsewhere)),
        };
        let account = account(&door, elsewhere, identity).await;
        let Some(user) = account.map_err(|it| reply::trouble(&it))? else {
            let text = format!("Whom {} knows you as has no account here", elsewhere.name);
            return Ok(pages::refuse(&door, &browser, 403, &text));
        };
        login::welcome(&door, &user, &trip.then).await
    };
    ended.await.unwrap_or_else(|refusal: Refusal| reply::refused(&request, &refusal))
}

/// Redeems the code and reads the `id_token`.
async fn arrived(
    door: &Door,
    browser: &Browser,
    elsewhere: &Elsewhere,
    (form, trip): (&Form, &Trip),
) -> Result<Result<Identity, &'static str>, Outcome> {
    let provider = &elsewhere.provider;
    // https://www.rfc-editor.org/rfc/rfc9207#section-2.4
    if form.get("iss").is_some_and(|iss| iss != provider.issuer.url) {
        return Ok(Err("another provider answered"));
    }
    let Some(code) = form.get("code") else { return Ok(Err("there is no code")) };
    let known = provider.known(None).await?;
    let Some(endpoint) = known.address("token_endpoint") else {
        return Ok(Err("the provider has no token endpoint"));
    };
    let (redirect, verifier) = (redirect_uri(door), trip.verifier(door, browser));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &redirect),
        ("code_verifier", &verifier),
    ];
    let (client, secret) = elsewhere.client();
    let basic = (client.to_owned(), secret.to_owned());
    let posted = Posted { basic, body: arriving::encoded(fields.into_iter()) };
    let answer = provider.post(endpoint.to_owned(), posted).await?;
    let token = answer.get("id_token").and_then(Value::as_str).unwrap_or_default();
    let Some(jws) = Jws::parse(token) else { return Ok(Err("there is no signed id_token")) };
    let claims = match provider.verified(&jws).await? {
        Ok(claims) => claims,
        Err(why) => return Ok(Err(why)),
    };
    let expected = Expected {
        issuer: &provider.issuer.url,
        client,
        nonce: &trip.nonce(door, browser),
        now: door.accounts().now(),
    };
    Ok(sign_in::identity(&claims, expected))
}

/// The account of somebody whom the provider named.
async fn account(
    door: &Door,
    elsewhere: &Elsewhere,
    who: Identity,
) -> Result<Option<User>, Outcome> {
    let (accounts, issuer) = (door.accounts(), elsewhere.url());
    match accounts.linked((issuer, &who.subject)).await? {
        Linked::To(user) => return Ok(Some(*user)),
        Linked::Ended => return Ok(None),
        Linked::Nobody => {}
    }
    let base = door.fhir.base();
    let patient = who.fhir_user.as_deref().and_then(|it| it.strip_prefix(base)?.strip_prefix('/'));
    let is_patient = patient.is_some_and(|it| {
        it.strip_prefix("Patient/").is_some_and(|id| !id.is_empty() && !id.contains('/'))
    });
    if elsewhere.newcomers != Newcomers::Patients || !is_patient {
        return Ok(None);
    }
    let user = User {
        login: storage::accounts::fresh("u-")?,
        role: "patient".to_owned(),
        fhir_user: patient.map(str::to_owned),
        organization: None,
        supervisor: None,
        until: None,
    };
    accounts.add_user(NewAccount { user: user.clone(), password: None }).await?;
    accounts.link((issuer, &who.subject), &user.login).await?;
    Ok(Some(user))
}

fn unreachable(door: &Door, browser: &Browser, elsewhere: &Elsewhere) -> HttpResponse {
    let text = format!("{} does not answer right now; try again later", elsewhere.name);
    pages::refuse(door, browser, 503, &text)
}

fn redirect_uri(door: &Door) -> String {
    format!("{}/auth/sign-in", door.issuer())
}

/// A login on its way to the provider and back.
struct Trip {
    /// New for each.
    salt: String,
    /// Where the browser goes on to.
    then: String,
}

impl Trip {
    fn of(door: &Door, browser: &Browser, state: &str) -> Option<Self> {
        let (salt, rest) = state.split_once('.')?;
        let (then, seal) = rest.split_once('.')?;
        let then = String::from_utf8(jose::decode(then)?).ok()?;
        let trip = Self { salt: salt.to_owned(), then };
        browser.is_sealed(door, &trip.purpose(), seal).then_some(trip)
    }

    fn state(&self, door: &Door, browser: &Browser) -> String {
        let then = jose::encode(&self.then);
        format!("{}.{then}.{}", self.salt, browser.seal(door, &self.purpose()))
    }

    fn purpose(&self) -> String {
        format!("sign-in\n{}\n{}", self.salt, self.then)
    }

    fn nonce(&self, door: &Door, browser: &Browser) -> String {
        door.accounts().keyed("sign-in nonce", &format!("{}\n{}", browser.value(), self.salt))
    }

    fn verifier(&self, door: &Door, browser: &Browser) -> String {
        door.accounts().keyed("sign-in verifier", &format!("{}\n{}", browser.value(), self.salt))
    }
}
