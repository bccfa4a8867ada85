//! A request for authorization, decided:
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code>.

use fhir_model::Instant;

use super::{Client, Code, Form, Refusal, client::Status, launch::Launch, pkce, scopes};
use crate::{User, scope::Context};

/// The longest `state` and `nonce`.
const TEXT_MAX: usize = 2048;

/// What an app asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `client_id`
    pub client_id: String,
    /// Where the browser goes back to; a registered address.
    pub redirect_uri: String,
    /// Comes back as it was.
    pub state: String,
    /// As asked for.
    pub scope: String,
    /// The PKCE challenge.
    pub challenge: String,
    /// The launch from an EHR that this belongs to.
    pub launch: Option<String>,
    /// Comes back in the `id_token`.
    pub nonce: Option<String>,
    /// `none`, `login`, `consent`
    pub prompt: Vec<String>,
    /// How many seconds ago the person may have logged in at most.
    pub max_age: Option<i64>,
    /// Who is meant to log in.
    pub login_hint: Option<String>,
}

/// Why a request cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// Nobody may be sent back: it is shown.
    Shown(Refusal),
    /// The app is told, by the browser.
    Redirected {
        /// Where it is.
        redirect_uri: String,
        /// As it came.
        state: Option<String>,
        /// Why.
        refusal: Refusal,
    },
}

/// Somebody at a browser who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: User,
    /// When they gave their password.
    pub since: Instant,
}

/// What the person has chosen so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The patient, checked to be one that the person may see.
    pub patient: Option<String>,
    /// The encounter, the same.
    pub encounter: Option<String>,
    /// The answer on the page that asks for consent.
    pub consent: Option<Consent>,
}

/// The answer on the page that asks for consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consent {
    /// No.
    Denied,
    /// Yes, to these.
    Given(Vec<String>),
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The person logs in.
    Login,
    /// The person picks a patient.
    PickPatient,
    /// The person picks an encounter of the patient.
    PickEncounter,
    /// The person is asked for these scopes.
    Ask(String),
    /// A code is given.
    Issue(Approved),
    /// The app is refused.
    Refuse(Refusal),
}

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The scopes.
    pub scopes: String,
    /// The patient in context.
    pub patient: Option<String>,
    /// The encounter in context.
    pub encounter: Option<String>,
}

impl Request {
    /// Checks what came in. `base` is the FHIR base.
    ///
    /// # Errors
    /// What is wrong, and whom to tell.
    pub fn check(form: &Form, client: Option<&Client>, base: &str) -> Result<Self, Wrong> {
        let shown = |refusal| Wrong::Shown(refusal);
        let client_id = form.need("client_id").map_err(shown)?;
        let client = client.filter(|client| client.status == Status::Active).ok_or_else(|| {
            shown(Refusal::new(Code::InvalidClient, "The app is not registered here"))
        })?;
        let redirect_uri = form.need("redirect_uri").map_err(shown)?;
        client.redirection(redirect_uri).map_err(shown)?;
        let state = form.get("state").filter(|state| state.len() <= TEXT_MAX);
        let told = |refusal| Wrong::Redirected {
            redirect_uri: redirect_uri.to_owned(),
            state: state.map(str::to_owned),
            refusal,
        };
        let refuse = |code, why: &'static str| told(Refusal::new(code, why));
        if form.need("response_type").map_err(told)? != "code" {
            let why = "response_type has to be code";
            return Err(refuse(Code::UnsupportedResponseType, why));
        }
        if !client.uses("authorization_code") {
            let why = "The client is not registered for authorization_code";
            return Err(refuse(Code::UnauthorizedClient, why));
        }
        let state = state.ok_or_else(|| {
            refuse(Code::InvalidRequest, "state is missing, or longer than 2048 bytes")
        })?;
        audience(form, base).map_err(told)?;
        let challenge = challenge(form).map_err(told)?;
        let scope = form.need("scope").map_err(told)?;
        let scope = scopes::narrow(scope, &client.about.scope, scopes::Flow::Person);
        let short = |name| form.get(name).filter(|text| text.len() <= TEXT_MAX).map(str::to_owned);
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: state.to_owned(),
            scope: scope.map_err(told)?,
            challenge,
            launch: short("launch"),
            nonce: short("nonce"),
            prompt: form.get("prompt").map_or_else(Vec::new, |text| {
                text.split_ascii_whitespace().map(str::to_owned).collect()
            }),
            max_age: form.get("max_age").and_then(|text| text.parse().ok()),
            login_hint: short("login_hint"),
        })
    }

    fn is_prompted(&self, how: &str) -> bool {
        self.prompt.iter().any(|prompt| prompt == how)
    }
}

/// The server whose resources are asked for: `aud`, or `resource` of <https://www.rfc-editor.org/rfc/rfc8707>.
fn audience(form: &Form, base: &str) -> Result<(), Refusal> {
    let aud = form.get("aud").or_else(|| form.get("resource"));
    let aud = aud.ok_or_else(|| {
        Refusal::new(Code::InvalidRequest, format!("aud is missing; it has to be {base}"))
    })?;
    if aud.strip_suffix('/').unwrap_or(aud) == base {
        return Ok(());
    }
    Err(Refusal::new(Code::InvalidRequest, format!("aud has to be {base}")))
}

fn challenge(form: &Form) -> Result<String, Refusal> {
    let refuse = |why| Err(Refusal::new(Code::InvalidRequest, why));
    match (form.get("code_challenge"), form.get("code_challenge_method")) {
        (None, _) => refuse("code_challenge is missing; PKCE is needed"),
        (Some(_), Some("S256")) => match form.get("code_challenge") {
            Some(challenge) if pkce::is_challenge(challenge) => Ok(challenge.to_owned()),
            _ => refuse("code_challenge is not the base64url of a SHA-256"),
        },
        (Some(_), _) => refuse("code_challenge_method has to be S256"),
    }
}

/// Decides what happens next.
pub fn decide(
    request: &Request,
    session: Option<&Session>,
    launch: Option<&Launch>,
    chosen: &Chosen,
    now: Instant,
) -> Decision {
    let refuse = |code, why: &'static str| Decision::Refuse(Refusal::new(code, why));
    if let Some(refused) = refused_launch(request, session, launch, now) {
        return Decision::Refuse(refused);
    }
    let is_silent = request.is_prompted("none");
    let Some(session) = session.filter(|session| is_fresh(request, session, now)) else {
        return if is_silent {
            refuse(Code::LoginRequired, "Nobody is logged in")
        } else {
            Decision::Login
        };
    };
    let context = Circumstances::of(request, session, launch, chosen);
    if is_silent && chosen.consent.is_none() {
        return refuse(Code::ConsentRequired, "The person has to be asked");
    }
    if context.needs_patient && context.patient.is_none() {
        return Decision::PickPatient;
    }
    if context.needs_encounter && context.encounter.is_none() {
        return Decision::PickEncounter;
    }
    match &chosen.consent {
        None => Decision::Ask(request.scope.clone()),
        Some(Consent::Denied) => refuse(Code::AccessDenied, "The person said no"),
        Some(Consent::Given(ticked)) => {
            let mut granted = granted(&request.scope, ticked);
            // who is nobody in the record cannot be named
            granted.retain(|scope| scope != "fhirUser" || session.user.fhir_user.is_some());
            if granted.is_empty() {
                return refuse(Code::AccessDenied, "The person left nothing ticked");
            }
            Decision::Issue(Approved {
                scopes: granted.join(" "),
                patient: context.patient,
                encounter: context.encounter,
            })
        }
    }
}

/// Why the launch that is named cannot be used.
fn refused_launch(
    request: &Request,
    session: Option<&Session>,
    launch: Option<&Launch>,
    now: Instant,
) -> Option<Refusal> {
    let refuse = |why: &'static str| Some(Refusal::new(Code::InvalidRequest, why));
    let Some(launch) = launch else {
        return if request.launch.is_some() {
            refuse("launch is unknown, used or too old; launch the app again")
        } else if scopes::has(&request.scope, "launch") {
            refuse("The scope launch needs the parameter launch that the EHR gave")
        } else {
            None
        };
    };
    if now >= launch.expires || launch.client.as_ref().is_some_and(|id| *id != request.client_id) {
        return refuse("launch is unknown, used or too old; launch the app again");
    }
    match (&launch.login, session) {
        (Some(login), Some(session)) if *login != session.user.login => {
            Some(Refusal::new(Code::AccessDenied, "Somebody else launched the app"))
        }
        _ => None,
    }
}

fn is_fresh(request: &Request, session: &Session, now: Instant) -> bool {
    let is_recent = request.max_age.is_none_or(|seconds| {
        now.millis() - session.since.millis() <= seconds.saturating_mul(1000)
    });
    is_recent && !request.is_prompted("login") && session.user.until.is_none_or(|until| now < until)
}

/// What is in context so far, and what has to be.
struct Circumstances {
    patient: Option<String>,
    encounter: Option<String>,
    needs_patient: bool,
    needs_encounter: bool,
}

impl Circumstances {
    fn of(request: &Request, session: &Session, launch: Option<&Launch>, chosen: &Chosen) -> Self {
        let scope = &request.scope;
        let launched = |id: fn(&Launch) -> &Option<String>| launch.and_then(|it| id(it).clone());
        // a patient is their own patient, whatever anybody chose
        let patient = own_patient(&session.user)
            .or_else(|| launched(|launch| &launch.patient))
            .or_else(|| chosen.patient.clone());
        let encounter = launched(|launch| &launch.encounter).or_else(|| chosen.encounter.clone());
        let needs_patient = scopes::has(scope, "launch/patient")
            || scopes::has(scope, "launch/encounter")
            || scopes::has_context(scope, Context::Patient);
        Self {
            needs_patient,
            needs_encounter: scopes::has(scope, "launch/encounter"),
            // what nobody asked for is not told
            patient: patient.filter(|_| needs_patient || launch.is_some()),
            encounter: encounter.filter(|_| needs_patient || launch.is_some()),
        }
    }
}

/// The record of a person who is a patient.
pub fn own_patient(user: &User) -> Option<String> {
    let is_patient = user.role == "patient";
    let id = user.fhir_user.as_deref()?.strip_prefix("Patient/")?;
    is_patient.then(|| id.to_owned())
}

/// What was ticked of what was offered: the scopes themselves, or finer ones in their place.
fn granted(offered: &str, ticked: &[String]) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    for scope in offered.split_ascii_whitespace() {
        let is_ticked = |wanted: &str| ticked.iter().any(|word| word == wanted);
        if is_ticked(scope) {
            granted.push(scope.to_owned());
        } else {
            let finer = scopes::sub_scopes(scope);
            granted.extend(finer.into_iter().filter(|finer| is_ticked(finer)));
        }
    }
    granted
}

#[cfg(test)]
mod tests;
