//! Which client sends a request: by its secret, by an assertion, or by its name alone when it is public.
//! <https://www.rfc-editor.org/rfc/rfc6749#section-2.3>

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use auth::oauth::{Client, Code, Form, Refusal, assertion, client::Method, exchange};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;

use super::{arriving, reply};
use crate::{body::header, server::Door};

/// The client behind a request. It has proved itself by the way that it registered, and by no other.
///
/// # Errors
/// `invalid_client`, the same for a client that is unknown and for a wrong secret.
pub(super) async fn authenticated(
    door: &Door,
    request: &HttpRequest,
    form: &Form,
) -> Result<Client, Refusal> {
    let authorization = header(request, AUTHORIZATION.as_str());
    let basic = authorization.map(basic).transpose()?.flatten();
    let ways = [
        basic.is_some(),
        form.get("client_secret").is_some(),
        form.get("client_assertion").is_some(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        let why = "The client proves itself in more than one way";
        return Err(Refusal::new(Code::InvalidRequest, why));
    }
    if form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some() {
        return by_assertion(door, form).await;
    }
    if let Some((id, secret)) = basic {
        if form.get("client_id").is_some_and(|named| named != id) {
            return Err(unknown());
        }
        return by_secret(door, (&id, &secret), Method::ClientSecretBasic).await;
    }
    let id = form
        .get("client_id")
        .ok_or_else(|| Refusal::new(Code::InvalidClient, "The client does not say who it is"))?;
    if let Some(secret) = form.get("client_secret") {
        return by_secret(door, (id, secret), Method::ClientSecretPost).await;
    }
    let client = known(door, id).await?;
    exchange::let_in(&client, Method::None)?;
    Ok(client)
}

/// The client behind a refresh. SMART does not ask a public client for its name there, as the token tells it:
/// <https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token>.
///
/// # Errors
/// See [`authenticated`]; `invalid_grant` for a token that tells nothing.
pub(super) async fn refreshing(
    door: &Door,
    request: &HttpRequest,
    form: &Form,
) -> Result<Client, Refusal> {
    let is_named = header(request, AUTHORIZATION.as_str()).is_some()
        || ["client_id", "client_assertion", "client_assertion_type"]
            .iter()
            .any(|name| form.get(name).is_some());
    if is_named {
        return authenticated(door, request, form).await;
    }
    let found = door.accounts().refreshing(form.need("refresh_token")?).await;
    let found = found.map_err(|outcome| reply::trouble(&outcome))?;
    let (token, _) = found.ok_or_else(|| {
        let why = "The refresh token is unknown, was taken back or is too old";
        Refusal::new(Code::InvalidGrant, why)
    })?;
    let client = known(door, &token.client).await?;
    exchange::let_in(&client, Method::None)?;
    Ok(client)
}

async fn known(door: &Door, id: &str) -> Result<Client, Refusal> {
    let found = door.accounts().client(id).await.map_err(|outcome| reply::trouble(&outcome))?;
    found.ok_or_else(unknown)
}

async fn by_secret(
    door: &Door,
    (id, secret): (&str, &str),
    method: Method,
) -> Result<Client, Refusal> {
    let client = known(door, id).await?;
    exchange::let_in(&client, method)?;
    let sent = door.accounts().keyed_secret(secret);
    let kept = client.secret.clone().unwrap_or_default();
    // both are hashes under the vault's secret: nobody can try prefixes of one
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"compare");
    let tag = hmac::sign(&key, kept.as_bytes());
    let is_same = hmac::verify(&key, sent.as_bytes(), tag.as_ref()).is_ok();
    if is_same && !kept.is_empty() { Ok(client) } else { Err(unknown()) }
}

async fn by_assertion(door: &Door, form: &Form) -> Result<Client, Refusal> {
    let (jws, id) = assertion::read(form)?;
    let client = known(door, &id).await?;
    exchange::let_in(&client, Method::PrivateKeyJwt)?;
    let audience = format!("{}/auth/token", door.issuer());
    let wants = jws.header().kid.clone().unwrap_or_default();
    let keys = door.keys.of(&client, &wants).await?;
    let now = door.accounts().now();
    let genuine = assertion::check(&jws, &client, &keys, &[&audience], now)?;
    let is_first = door.accounts().is_first(&id, &genuine).await;
    if is_first.map_err(|outcome| reply::trouble(&outcome))? {
        Ok(client)
    } else {
        Err(Refusal::new(Code::InvalidClient, "The assertion's jti was used before"))
    }
}

/// Name and secret: <https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1>. `None`: another scheme.
fn basic(authorization: &str) -> Result<Option<(String, String)>, Refusal> {
    let Some((scheme, rest)) = authorization.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("Basic") {
        return Ok(None);
    }
    let read = || {
        let bytes = BASE64_STANDARD.decode(rest.trim()).ok()?;
        let at = bytes.iter().position(|byte| *byte == b':')?;
        let (id, secret) = (bytes.get(..at)?, bytes.get(at + 1..)?);
        Some((arriving::decoded(id)?, arriving::decoded(secret)?))
    };
    let pair = read().ok_or_else(|| {
        Refusal::new(Code::InvalidClient, "Authorization: Basic holds no id and secret")
    })?;
    Ok(Some(pair))
}

fn unknown() -> Refusal {
    Refusal::new(Code::InvalidClient, "The client is unknown or its secret is wrong")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_decoded_as_the_rfc_says() {
        let pair = |text: &str| basic(&format!("Basic {}", BASE64_STANDARD.encode(text)));
        let expected = ("a b".to_owned(), "s:%".to_owned());
        assert_eq!(pair("a+b:s%3A%25").unwrap(), Some(expected));
        assert!(pair("no colon").is_err());
        assert!(basic("Basic ***").is_err());
        assert_eq!(basic("Bearer x").unwrap(), None);
    }
}
