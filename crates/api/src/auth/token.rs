//! `/auth/token`: <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token>,
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html#obtain-access-token>.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use auth::{
    User,
    oauth::{
        Client, Code, Form, Refusal,
        answer::{self, Context, Tokens},
        exchange::{self, ACCESS_MS, REFRESH_MS, Redemption, Rotation, SYSTEM_ACCESS_MS},
        identity, scopes,
    },
};
use fhir_model::{Instant, Outcome};
use serde_json::Value;
use storage::accounts::{Consent, Kept, Minted, Minting};

use super::{arriving, clients, device, reply};
use crate::server::Door;

/// Answers a client that wants tokens.
#[utoipa::path(post, path = "/auth/token", tag = "authorization", request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses((status = 200, description = "Tokens", content_type = "application/json"), (status = 400, description = "A refusal by RFC 6749", content_type = "application/json"), (status = 401, description = "The client is not let in", content_type = "application/json"), (status = "default", description = "A refusal by RFC 6749", content_type = "application/json")))]
pub(crate) async fn answer(
    door: Data<Door>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let decided = decide(&door, &request, payload).await;
    reply::to_client(&door, &request, decided.map(|body| reply::private(200, &body))).await
}

async fn decide(door: &Door, request: &HttpRequest, payload: Payload) -> Result<Value, Refusal> {
    let form = arriving::form(door, request, payload).await?;
    let grant = form.need("grant_type")?;
    let known = auth::oauth::discovery::GRANTS;
    if !known.contains(&grant) {
        let why = format!("grant_type has to be one of {}", known.join(", "));
        return Err(Refusal::new(Code::UnsupportedGrantType, why));
    }
    let client = match grant {
        "refresh_token" => clients::refreshing(door, request, &form).await?,
        _ => clients::authenticated(door, request, &form).await?,
    };
    match grant {
        "authorization_code" => by_code(door, &form, &client).await,
        "refresh_token" => by_refresh(door, &form, &client).await,
        "client_credentials" => on_its_own(door, &form, &client).await,
        _ => device::tokens(door, &form, &client).await,
    }
}

async fn by_code(door: &Door, form: &Form, client: &Client) -> Result<Value, Refusal> {
    let (accounts, code) = (door.accounts(), form.need("code")?);
    let found = accounts.code(code).await.map_err(trouble)?;
    let decided = exchange::redeem(form, client, found.as_ref().map(|it| &it.0), accounts.now());
    let used_twice = || Refusal::new(Code::InvalidGrant, "The code was used before");
    match (decided, found) {
        (Redemption::Tokens, Some((_, kept))) => {
            let minting = minting(door, &kept, &kept.consent.scopes).await?;
            if let Some(minted) = accounts.redeem(code, &minting).await.map_err(trouble)? {
                return answered(door, &kept, &minted).await;
            }
            accounts.revoke_consent(&kept.id).await.map_err(trouble)?;
            Err(used_twice())
        }
        (Redemption::Theft, Some((_, kept))) => {
            accounts.revoke_consent(&kept.id).await.map_err(trouble)?;
            Err(used_twice())
        }
        (Redemption::Refuse(refusal), _) => Err(refusal),
        (Redemption::Tokens | Redemption::Theft, None) => Err(used_twice()),
    }
}

async fn by_refresh(door: &Door, form: &Form, client: &Client) -> Result<Value, Refusal> {
    let (accounts, token) = (door.accounts(), form.need("refresh_token")?);
    let found = accounts.refreshing(token).await.map_err(trouble)?;
    let invalid = || {
        Refusal::new(
            Code::InvalidGrant,
            "The refresh token is unknown, was taken back or is too old",
        )
    };
    let decided = exchange::refresh(form, client, found.as_ref().map(|it| &it.0), accounts.now());
    let Some((_, kept)) = found else { return Err(invalid()) };
    let rotated = match decided {
        Rotation::New(scopes) => {
            let minting = minting(door, &kept, &scopes).await?;
            match accounts.rotate(token, &minting).await.map_err(trouble)? {
                Some(minted) => Some(minted),
                // somebody was quicker, with the same token, just now
                None => accounts.again(token).await.map_err(trouble)?,
            }
        }
        Rotation::Again(_) => accounts.again(token).await.map_err(trouble)?,
        Rotation::Theft => {
            accounts.revoke_consent(&kept.id).await.map_err(trouble)?;
            None
        }
        Rotation::Refuse(refusal) => return Err(refusal),
    };
    answered(door, &kept, &rotated.ok_or_else(invalid)?).await
}

async fn on_its_own(door: &Door, form: &Form, client: &Client) -> Result<Value, Refusal> {
    let scopes = exchange::on_its_own(form, client)?;
    let accounts = door.accounts();
    let consent = Consent { client: Some(client.id.clone()), scopes, ..Consent::default() };
    let id = accounts.keep_consent(&consent).await.map_err(trouble)?;
    let now = accounts.now();
    let minting = Minting {
        consent: &id,
        scopes: &consent.scopes,
        expires: later(now, SYSTEM_ACCESS_MS),
        refresh_expires: None,
    };
    let minted = accounts.mint(&minting).await.map_err(trouble)?;
    Ok(answer::tokens(&tokens(&minted, None), &Context::default(), "", now))
}

/// What is to be made out of a consent of a person.
pub(super) async fn minting<'m>(
    door: &Door,
    kept: &'m Kept,
    scopes: &'m str,
) -> Result<Minting<'m>, Refusal> {
    let now = door.accounts().now();
    let user = person(door, kept).await?;
    let until = user.as_ref().and_then(|user| user.until);
    let at_most = |end: Instant| until.map_or(end, |until| until.min(end));
    // `online_access` ends with the login in any case, by the session
    let refresh = scopes::wants_refresh(&kept.consent.scopes);
    Ok(Minting {
        consent: &kept.id,
        scopes,
        expires: at_most(later(now, ACCESS_MS)),
        refresh_expires: refresh.then(|| at_most(later(now, REFRESH_MS))),
    })
}

/// The answer with tokens of a consent of a person.
pub(super) async fn answered(door: &Door, kept: &Kept, minted: &Minted) -> Result<Value, Refusal> {
    let accounts = door.accounts();
    let user = person(door, kept).await?;
    let id_token = match &user {
        Some(user) if scopes::has(&minted.scopes, "openid") => {
            Some(id_token(door, kept, (user, minted)).await.map_err(trouble)?)
        }
        _ => None,
    };
    let style = format!("{}/smart-style.json", door.issuer());
    let tokens = tokens(minted, id_token.as_deref());
    Ok(answer::tokens(&tokens, &kept.consent.context, &style, accounts.now()))
}

async fn id_token(
    door: &Door,
    kept: &Kept,
    (user, minted): (&User, &Minted),
) -> Result<String, Outcome> {
    let accounts = door.accounts();
    let subject = subject(door, user);
    let facts = identity::Facts {
        issuer: door.issuer(),
        base: door.fhir.base(),
        client: kept.consent.client.as_deref().unwrap_or_default(),
        user,
        subject: &subject,
        scopes: &minted.scopes,
        nonce: kept.consent.nonce.as_deref(),
        since: kept.consent.since,
        access: &minted.access,
    };
    accounts.signing_key().await?.sign(&identity::claims(&facts, accounts.now()))
}

/// What a person is called towards apps: the same for ever, and not their login.
pub(super) fn subject(door: &Door, user: &User) -> String {
    door.accounts().keyed("subject", &user.login).chars().take(32).collect()
}

/// The person of a consent.
///
/// # Errors
/// `invalid_grant` when their account is no more.
async fn person(door: &Door, kept: &Kept) -> Result<Option<User>, Refusal> {
    let Some(login) = &kept.consent.login else { return Ok(None) };
    let user = door.accounts().user(login).await.map_err(trouble)?;
    let now = door.accounts().now();
    let user = user.filter(|user| user.until.is_none_or(|until| now < until));
    user.map(Some)
        .ok_or_else(|| Refusal::new(Code::InvalidGrant, "The account behind the grant has ended"))
}

fn tokens<'t>(minted: &'t Minted, id_token: Option<&'t str>) -> Tokens<'t> {
    Tokens {
        access: &minted.access,
        expires: minted.expires,
        refresh: minted.refresh.as_deref(),
        id_token,
        scopes: &minted.scopes,
    }
}

fn later(now: Instant, millis: i64) -> Instant {
    Instant::from_millis(now.millis() + millis)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn trouble(outcome: Outcome) -> Refusal {
    reply::trouble(&outcome)
}
