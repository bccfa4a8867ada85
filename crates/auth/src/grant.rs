//! What an access token stands for: <https://datatracker.ietf.org/doc/html/rfc7662#section-2.2>.

use fhir_model::Instant;

/// A valid access token, looked up. Made anew for each look-up in the vault's accounts, never by a client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Names the token in the audit trail; nobody can call with it.
    pub token_id: String,
    /// The client that holds the token; `None` for one minted without a client.
    pub client: Option<String>,
    /// The organization that the client acts for: `Organization/1`.
    pub client_organization: Option<String>,
    /// Origins that the client's pages run at: systems of the codes by which it keeps its state.
    pub origins: Vec<String>,
    /// The person at the client; `None` for a system's own token.
    pub user: Option<User>,
    /// Logical id of the patient in context.
    pub patient: Option<String>,
    /// Logical id of the encounter in context.
    pub encounter: Option<String>,
    /// The scopes as granted, separated by blanks.
    pub scopes: String,
    /// From when on nobody may use it: the end of the token or of the account, whichever comes first.
    pub expires: Instant,
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// The name they log in with.
    pub login: String,
    /// The role given to the account: `patient`, `proxy`, `doctor`, `intern` and so on.
    pub role: String,
    /// Who they are in the record: `Practitioner/1`.
    pub fhir_user: Option<String>,
    /// The organization they work for: `Organization/1`.
    pub organization: Option<String>,
    /// An intern's supervisor: `Practitioner/1`.
    pub supervisor: Option<String>,
    /// When the account ends.
    pub until: Option<Instant>,
}

impl Grant {
    /// Whether it is the token of the vault's operator: minted at the database, for no client and no user.
    pub fn is_operator(&self) -> bool {
        self.client.is_none() && self.user.is_none()
    }

    /// Whether it is over.
    pub fn is_over(&self, now: Instant) -> bool {
        now >= self.expires
    }
}
