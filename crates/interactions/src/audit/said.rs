//! Who had a token and what for, as it is kept beside what they did.

use auth::{Principal, Role};
use serde::{Deserialize, Serialize};
use storage::Bearing;

/// What an event says of who did it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Names the token; nobody can call with it.
    pub(super) token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<Person>,
    /// A code of <http://terminology.hl7.org/CodeSystem/v3-ActReason>, when they named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<String>,
    /// Why it was an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// The person at the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) login: String,
    pub(super) role: String,
    /// `Practitioner/1`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) itself: Option<String>,
}

/// The part that somebody's account gives them.
fn part(who: &Principal) -> &'static str {
    // within a study they are still who they are
    if who.role() == Role::Study { Role::Researcher } else { who.role() }.name()
}

impl Said {
    pub(super) fn of(who: &Principal) -> Self {
        let grant = who.grant();
        let person = |user: &auth::User| Person {
            login: user.login.clone(),
            role: part(who).to_owned(),
            itself: user.fhir_user.clone(),
        };
        Self {
            token: grant.token_id.clone(),
            client: grant.client.clone(),
            user: grant.user.as_ref().map(person),
            purpose: who.purpose_code().map(str::to_owned),
            reason: who.emergency().map(str::to_owned),
        }
    }

    /// Whether it says what there is to say of somebody.
    pub(super) fn is_of(&self, who: &Principal) -> bool {
        let grant = who.grant();
        let is_person = match (&self.user, &grant.user) {
            (Some(said), Some(user)) => {
                said.login == user.login && said.itself == user.fhir_user && said.role == part(who)
            }
            (said, user) => said.is_none() && user.is_none(),
        };
        is_person
            && self.token == grant.token_id
            && self.client == grant.client
            && self.purpose.as_deref() == who.purpose_code()
            && self.reason.as_deref() == who.emergency()
    }

    pub(super) fn bearing(&self) -> Bearing {
        Bearing::new(serde_json::to_string(self).unwrap_or_default())
    }

    /// Read back. What cannot be read says nothing.
    pub(super) fn read(bearing: &Bearing) -> Self {
        serde_json::from_str(bearing.said()).unwrap_or_default()
    }
}
