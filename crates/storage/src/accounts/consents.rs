//! What somebody granted: a consent, and with it the family of tokens that come of it.

use auth::oauth::{answer::Context, exchange::Family, launch::Extras};
use fhir_model::{Instant, Outcome};
use sea_orm::ConnectionTrait;

use super::{Accounts, Row, execute, fresh};

/// What is granted, to whom, by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// The client; `None`: whoever holds the token.
    pub client: Option<String>,
    /// The person; `None`: a system on its own.
    pub login: Option<String>,
    /// What.
    pub scopes: String,
    /// About whom.
    pub context: Context,
    /// As the app asked; comes back in the `id_token`.
    pub nonce: Option<String>,
    /// When the person gave their password.
    pub since: Option<Instant>,
    /// The hash of the browser session that it ends with.
    pub session: Option<String>,
}

/// A consent that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: String,
    /// What was granted.
    pub consent: Consent,
    /// Whether it still holds.
    pub family: Family,
}

/// A line of the page on which a person takes access back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The client.
    pub client: Option<String>,
    /// What was granted.
    pub scopes: String,
    /// About whom.
    pub patient: Option<String>,
    /// When.
    pub created: Instant,
}

/// Of a table `g`.
pub(super) const COLUMNS: &str = "g.id as grant_id, g.client, g.login, g.scopes as granted, g.patient, \
     g.encounter, g.extras, g.nonce, g.auth_time, g.session, g.revoked as grant_revoked";

impl Accounts {
    /// Keeps a consent; its id.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_consent(&self, consent: &Consent) -> Result<String, Outcome> {
        keep(&self.inner.database, consent, self.now()).await
    }

    /// What a person granted that still holds, newest first.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn consents_of(&self, login: &str) -> Result<Vec<Listed>, Outcome> {
        let rows = self
            .all(
                "-- with a token that can still be used
                 select g.id, g.client, g.scopes, g.patient, g.created
                 from   oauth_grant g
                 where  g.login = $1
                   and  g.revoked is null
                   and  exists (select 1
                                from   oauth_token t
                                where  t.grant_id = g.id
                                  and  t.expires > $2
                                  and  t.used is null
                                  and  t.revoked is null)
                 order  by g.created desc, g.id",
                [login.into(), self.now().millis().into()],
            )
            .await?;
        let listed = |row: &Row| {
            Ok(Listed {
                id: row.get("id")?,
                client: row.get("client")?,
                scopes: row.get("scopes")?,
                patient: row.get("patient")?,
                created: row.time("created")?,
            })
        };
        rows.iter().map(listed).collect()
    }

    /// Takes back a consent, with all tokens that came of it.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn revoke_consent(&self, id: &str) -> Result<(), Outcome> {
        let sql = "update oauth_grant set revoked = $2 where id = $1 and revoked is null";
        self.execute(sql, [id.into(), self.now().millis().into()]).await?;
        self.settle().await;
        Ok(())
    }

    /// The same for a person, who can take back their own only; whether it was theirs.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn revoke_consent_of(&self, login: &str, id: &str) -> Result<bool, Outcome> {
        let sql = "update oauth_grant set revoked = $3
                   where id = $1 and login = $2 and revoked is null";
        let values = [id.into(), login.into(), self.now().millis().into()];
        let was_theirs = self.execute(sql, values).await? > 0;
        self.settle().await;
        Ok(was_theirs)
    }
}

pub(super) async fn keep<C: ConnectionTrait>(
    database: &C,
    consent: &Consent,
    now: Instant,
) -> Result<String, Outcome> {
    let id = fresh("")?;
    execute(
        database,
        "insert into oauth_grant
                (id, client, login, scopes, patient, encounter, extras, nonce, auth_time, session, created)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            id.as_str().into(),
            consent.client.clone().into(),
            consent.login.clone().into(),
            consent.scopes.as_str().into(),
            consent.context.patient.clone().into(),
            consent.context.encounter.clone().into(),
            consent.context.extras.text().into(),
            consent.nonce.clone().into(),
            consent.since.map(Instant::millis).into(),
            consent.session.clone().into(),
            now.millis().into(),
        ],
    )
    .await?;
    Ok(id)
}

/// Out of [`COLUMNS`].
pub(super) fn kept(row: &Row) -> Result<Kept, Outcome> {
    let is_revoked = row.get::<Option<i64>>("grant_revoked")?.is_some();
    Ok(Kept {
        id: row.get("grant_id")?,
        family: if is_revoked { Family::Revoked } else { Family::Lives },
        consent: Consent {
            client: row.get("client")?,
            login: row.get("login")?,
            scopes: row.get("granted")?,
            context: Context {
                patient: row.get("patient")?,
                encounter: row.get("encounter")?,
                extras: Extras::kept(&row.get::<String>("extras")?),
            },
            nonce: row.get("nonce")?,
            since: row.some_time("auth_time")?,
            session: row.get("session")?,
        },
    })
}
