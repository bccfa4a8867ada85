//! The vault as a resource server only: access tokens come from an issuer that the operator trusts, as signed tokens or as
//! opaque ones that it is asked about. Whoever cannot be verified is not let in, also when the issuer does not answer.
//! <https://www.rfc-editor.org/rfc/rfc9068>, <https://www.rfc-editor.org/rfc/rfc7662>

use auth::{
    Grant,
    jose::Jws,
    oauth::external::{self, Expected},
};
use fhir_model::{Instant, IssueType, Outcome};
use interactions::TokenIssuer;
use serde_json::{Map, Value};

use super::{
    arriving::encoded,
    fetch::Posted,
    provider::{Issuer, Provider},
};

/// The issuer whose access tokens are taken instead of our own.
#[derive(Debug)]
pub(crate) struct Federation {
    provider: Provider,
    /// The FHIR base, for which tokens have to be.
    base: String,
}

impl Federation {
    pub(crate) fn new(issuer: Issuer, base: &str) -> Self {
        Self { provider: Provider::new(issuer), base: base.to_owned() }
    }

    /// What a token stands for.
    ///
    /// # Errors
    /// `login` when it is not good for this vault, `transient` when the issuer cannot be asked.
    pub(super) async fn grant(&self, token: &str, now: Instant) -> Result<Grant, Outcome> {
        let claims = match Jws::parse(token) {
            Some(jws) => self.provider.verified(&jws).await?.map_err(refused)?,
            None if token.split('.').count() == 3 => {
                return Err(refused("it is not signed as is asked for"));
            }
            None => self.opaque(token).await?,
        };
        let issuer = &self.provider.issuer.url;
        let expected = Expected { issuer, audience: &self.base, now };
        external::grant(&claims, expected).map_err(refused)
    }

    /// What the issuer says of itself: for discovery.
    ///
    /// # Errors
    /// `transient` when it cannot be asked.
    pub(super) async fn configuration(&self) -> Result<Map<String, Value>, Outcome> {
        Ok(self.provider.known(None).await?.configuration().clone())
    }

    /// The issuer's addresses, for the `CapabilityStatement`; none when it cannot be asked.
    pub(crate) async fn issuer(&self) -> TokenIssuer {
        let said = self.configuration().await.unwrap_or_default().into_iter();
        let addresses = said.filter_map(|(name, at)| Some((name, at.as_str()?.to_owned())));
        TokenIssuer::Other(addresses.collect())
    }

    /// Asks the issuer, each time anew: it may have taken the token back.
    async fn opaque(&self, token: &str) -> Result<Map<String, Value>, Outcome> {
        let Some(basic) = self.provider.issuer.known_as.clone() else {
            return Err(refused("it is opaque, and the issuer is not asked about such"));
        };
        let known = self.provider.known(None).await?;
        let address = known.address("introspection_endpoint");
        let address =
            address.ok_or_else(|| refused("it is opaque, and the issuer tells nothing"))?;
        let body = encoded([("token", token), ("token_type_hint", "access_token")].into_iter());
        let mut claims = self.provider.post(address.to_owned(), Posted { basic, body }).await?;
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(refused("it is not active"));
        }
        // what the issuer was asked about is its own, where it does not say so
        claims.entry("iss").or_insert_with(|| self.provider.issuer.url.as_str().into());
        Ok(claims)
    }
}

fn refused(why: &str) -> Outcome {
    Outcome::new(IssueType::Login, format!("The access token is not good here: {why}"))
}
