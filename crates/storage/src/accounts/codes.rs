//! Authorization codes, and assertions that count once.

use auth::oauth::{
    assertion::Genuine,
    exchange::{CODE_MS, Issued, Used},
};
use fhir_model::Outcome;
use sea_orm::TransactionTrait as _;

use super::{Accounts, Consent, Kept, consents, execute, fresh, hash, trouble};

/// A code to be issued.
#[derive(Debug, Clone)]
pub struct NewCode<'c> {
    /// What it stands for.
    pub consent: &'c Consent,
    /// Where it is sent.
    pub redirect_uri: &'c str,
    /// The PKCE challenge.
    pub challenge: &'c str,
    /// The launch that is used up by it.
    pub launch: Option<&'c str>,
}

impl Accounts {
    /// Issues a code; `None` when the launch has been used meanwhile.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn issue_code(&self, new: &NewCode<'_>) -> Result<Option<String>, Outcome> {
        let (code, now) = (fresh("")?, self.now());
        let transaction = self.inner.database.begin().await.map_err(|error| trouble(&error))?;
        if let Some(launch) = new.launch {
            let sql = "update launch_context set used = $2 where hash = $1 and used is null";
            let values = [hash(launch).into(), now.millis().into()];
            if execute(&transaction, sql, values).await? == 0 {
                return Ok(None);
            }
        }
        let id = consents::keep(&transaction, new.consent, now).await?;
        execute(
            &transaction,
            "insert into oauth_code (hash, grant_id, redirect_uri, challenge, expires)
             values ($1, $2, $3, $4, $5)",
            [
                hash(&code).into(),
                id.into(),
                new.redirect_uri.into(),
                new.challenge.into(),
                (now.millis() + CODE_MS).into(),
            ],
        )
        .await?;
        transaction.commit().await.map_err(|error| trouble(&error))?;
        Ok(Some(code))
    }

    /// A code, and what it stands for.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn code(&self, code: &str) -> Result<Option<(Issued, Kept)>, Outcome> {
        let sql = format!(
            "select c.redirect_uri, c.challenge, c.expires, c.used, {}
             from   oauth_code c
             join   oauth_grant g on g.id = c.grant_id
             where  c.hash = $1",
            consents::COLUMNS
        );
        let Some(row) = self.one(&sql, [hash(code).into()]).await? else { return Ok(None) };
        let kept = consents::kept(&row)?;
        let issued = Issued {
            client: kept.consent.client.clone().unwrap_or_default(),
            redirect_uri: row.get("redirect_uri")?,
            challenge: row.get("challenge")?,
            expires: row.time("expires")?,
            state: row.some_time("used")?.map_or(Used::Not, Used::At),
        };
        Ok(Some((issued, kept)))
    }

    /// Remembers an assertion; false when it was seen before. Of two at the same time one is the first.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn is_first(&self, issuer: &str, assertion: &Genuine) -> Result<bool, Outcome> {
        let sql = "insert into oauth_jti (issuer, jti, expires) values ($1, $2, $3)
                   on conflict (issuer, jti) do nothing";
        let expires = assertion.expires.millis();
        let values = [issuer.into(), assertion.jti.as_str().into(), expires.into()];
        Ok(self.execute(sql, values).await? > 0)
    }
}
