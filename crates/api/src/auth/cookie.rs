//! The cookie that a browser is known by: <https://www.rfc-editor.org/rfc/rfc6265>. Before a login it only ties a form to
//! the browser that asked for it; a login draws a new one.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite},
};
use auth::oauth::authorize::Session;
use fhir_model::Outcome;
use ring::hmac;

use crate::server::Door;

const NAME: &str = "medvault_session";

/// A browser, and who is logged in at it.
pub(super) struct Browser {
    /// What the cookie holds.
    value: String,
    /// Whether the cookie still has to be set.
    is_new: bool,
    /// Who is logged in.
    pub(super) session: Option<Session>,
}

impl Browser {
    /// The browser behind a request.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn of(door: &Door, request: &HttpRequest) -> Result<Self, Outcome> {
        let sent = request.cookie(NAME).map(|cookie| cookie.value().to_owned());
        let Some(value) = sent.filter(|value| value.len() == 43) else {
            return Ok(Self { value: storage::accounts::fresh("")?, is_new: true, session: None });
        };
        let session = door.accounts().session(&value).await?.map(|(session, _)| session);
        Ok(Self { value, is_new: false, session })
    }

    /// The hash under which its session is kept.
    pub(super) fn hash(&self) -> String {
        storage::accounts::hash(&self.value)
    }

    /// What the cookie holds.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// What a form for `purpose` has to bring along: nobody else can know it.
    pub(super) fn seal(&self, door: &Door, purpose: &str) -> String {
        door.accounts().keyed("form", &format!("{}\n{purpose}", self.value))
    }

    /// Whether a form brought it along.
    pub(super) fn is_sealed(&self, door: &Door, purpose: &str, brought: &str) -> bool {
        // a new browser has never been given a form
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"compare");
        let tag = hmac::sign(&key, self.seal(door, purpose).as_bytes());
        !self.is_new && hmac::verify(&key, brought.as_bytes(), tag.as_ref()).is_ok()
    }

    /// The cookie, where it still has to be set.
    pub(super) fn cookie(&self, door: &Door) -> Option<Cookie<'static>> {
        self.is_new.then(|| cookie(door, self.value.clone()))
    }
}

/// The cookie with that value.
pub(super) fn cookie(door: &Door, value: String) -> Cookie<'static> {
    Cookie::build(NAME, value)
        .path("/auth")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(door.issuer().starts_with("https:"))
        .finish()
}

/// The cookie that takes it away.
pub(super) fn gone(door: &Door) -> Cookie<'static> {
    let mut cookie = cookie(door, String::new());
    cookie.make_removal();
    cookie
}
