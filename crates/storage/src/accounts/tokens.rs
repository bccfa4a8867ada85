//! Access and refresh tokens: opaque, 256 random bits, kept as SHA-256.
//! <https://datatracker.ietf.org/doc/html/rfc6749#section-1.4>

use std::sync::Arc;

use auth::{
    Grant,
    oauth::exchange::{Refreshing, Used},
};
use fhir_model::{Instant, Outcome};
use sea_orm::{ConnectionTrait, TransactionTrait as _};

use super::{
    Accounts, Kept, Row, clients, consents, execute, fresh, hash, people, secrets, trouble,
};

/// What tokens are called.
const ACCESS: &str = "vat_";
const REFRESH: &str = "vrt_";

/// Tokens to be made.
#[derive(Debug, Clone)]
pub struct Minting<'m> {
    /// The consent that they come of.
    pub consent: &'m str,
    /// What of it they open.
    pub scopes: &'m str,
    /// When the access token ends.
    pub expires: Instant,
    /// When the refresh token ends, if there is one.
    pub refresh_expires: Option<Instant>,
}

/// Tokens that were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// The access token.
    pub access: String,
    /// When it ends.
    pub expires: Instant,
    /// What it opens.
    pub scopes: String,
    /// The refresh token.
    pub refresh: Option<String>,
}

impl Accounts {
    /// Makes tokens.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn mint(&self, minting: &Minting<'_>) -> Result<Minted, Outcome> {
        self.sweep().await?;
        let minted = drawn(minting)?;
        insert(&self.inner.database, minting, &minted).await?;
        Ok(minted)
    }

    /// Uses up a code and makes tokens; `None` when somebody else has used it meanwhile.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn redeem(
        &self,
        code: &str,
        minting: &Minting<'_>,
    ) -> Result<Option<Minted>, Outcome> {
        self.sweep().await?;
        let sql = "update oauth_code set used = $2 where hash = $1 and used is null";
        self.spend(sql, code, (minting, drawn(minting)?)).await
    }

    /// Uses up a refresh token and makes new ones, which follow from it, so that they can be given once more; `None`
    /// when somebody else has used it meanwhile.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn rotate(
        &self,
        refresh: &str,
        minting: &Minting<'_>,
    ) -> Result<Option<Minted>, Outcome> {
        self.sweep().await?;
        let minted = self.following(refresh, minting);
        let sql = "update oauth_token set used = $2
                   where hash = $1 and used is null and revoked is null";
        self.spend(sql, refresh, (minting, minted)).await
    }

    /// The tokens that came of a refresh token a moment ago; `None` when they are gone.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn again(&self, refresh: &str) -> Result<Option<Minted>, Outcome> {
        let secret = &self.inner.secret;
        let access = secrets::derived(secret, ACCESS, refresh);
        let sql = "select scopes, expires from oauth_token where hash = $1 and revoked is null";
        let Some(row) = self.one(sql, [hash(&access).into()]).await? else { return Ok(None) };
        Ok(Some(Minted {
            access,
            expires: row.time("expires")?,
            scopes: row.get("scopes")?,
            refresh: Some(secrets::derived(secret, REFRESH, refresh)),
        }))
    }

    /// A refresh token, and the consent that it came of.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn refreshing(&self, token: &str) -> Result<Option<(Refreshing, Kept)>, Outcome> {
        let Some((row, kept)) = self.token(token, "refresh").await? else { return Ok(None) };
        let refreshing = Refreshing {
            client: kept.consent.client.clone().unwrap_or_default(),
            family: kept.family,
            expires: row.time("expires")?,
            // what was granted, not what the last refresh asked for
            scopes: kept.consent.scopes.clone(),
            state: row.some_time("used")?.map_or(Used::Not, Used::At),
        };
        Ok(Some((refreshing, kept)))
    }

    /// The consent that an access token came of, whether it still holds or not.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn consent_behind(&self, access: &str) -> Result<Option<Kept>, Outcome> {
        Ok(self.token(access, "access").await?.map(|(_, kept)| kept))
    }

    /// What an access token stands for; `None` when it is unknown, over or revoked.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn grant(&self, access: &str) -> Result<Option<Arc<Grant>>, Outcome> {
        let key = secrets::digest_of(access);
        let grant = if let Some(grant) = self.inner.live.token(&key) {
            grant
        } else {
            let ticket = self.inner.live.ticket();
            let Some(grant) = self.looked_up(&secrets::hex(&key)).await? else { return Ok(None) };
            let grant = Arc::new(grant);
            self.inner.live.keep_token(&ticket, key, &grant);
            grant
        };
        Ok(Some(grant).filter(|grant| !grant.is_over(self.now())))
    }

    /// Takes back a token of that client: an access token alone, a refresh token with its whole family. What is no
    /// token of the client is left alone.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn revoke_token(&self, token: &str, client: &str) -> Result<(), Outcome> {
        let is_theirs = |kept: &Kept| kept.consent.client.as_deref() == Some(client);
        if let Some((_, kept)) = self.token(token, "refresh").await?.filter(|(_, it)| is_theirs(it))
        {
            return self.revoke_consent(&kept.id).await;
        }
        if self.token(token, "access").await?.is_some_and(|(_, kept)| is_theirs(&kept)) {
            let sql = "update oauth_token set revoked = $2 where hash = $1";
            self.execute(sql, [hash(token).into(), self.now().millis().into()]).await?;
            self.settle().await;
        }
        Ok(())
    }

    async fn looked_up(&self, hash: &str) -> Result<Option<Grant>, Outcome> {
        let row = self
            .one(
                "-- a token, unless it, its consent, its client or its person is no more
                 select t.hash, t.scopes, t.expires, g.client, g.patient, g.encounter,
                        c.organization as client_organization, c.about,
                        a.login, a.role, a.fhir_user, a.organization, a.supervisor, a.until
                 from   oauth_token t
                 join   oauth_grant g on g.id = t.grant_id
                 left join oauth_client c on c.id = g.client
                 left join account a on a.login = g.login
                 where  t.hash = $1
                   and  t.kind = 'access'
                   and  t.revoked is null
                   and  g.revoked is null
                   and  (g.client is null or c.status = 'active')
                   and  (g.login is null or a.login is not null)",
                [hash.into()],
            )
            .await?;
        row.as_ref().map(grant).transpose()
    }

    async fn token(&self, token: &str, kind: &str) -> Result<Option<(Row, Kept)>, Outcome> {
        let sql = format!(
            "select t.expires, t.used, t.scopes, {}
             from   oauth_token t
             join   oauth_grant g on g.id = t.grant_id
             where  t.hash = $1
               and  t.kind = $2
               and  t.revoked is null",
            consents::COLUMNS
        );
        let Some(row) = self.one(&sql, [hash(token).into(), kind.into()]).await? else {
            return Ok(None);
        };
        let kept = consents::kept(&row)?;
        Ok(Some((row, kept)))
    }

    /// Marks something as used, and makes what it is used for, both or neither.
    async fn spend(
        &self,
        mark: &str,
        secret: &str,
        (minting, minted): (&Minting<'_>, Minted),
    ) -> Result<Option<Minted>, Outcome> {
        let transaction = self.inner.database.begin().await.map_err(|error| trouble(&error))?;
        let values = [hash(secret).into(), self.now().millis().into()];
        if execute(&transaction, mark, values).await? == 0 {
            return Ok(None);
        }
        insert(&transaction, minting, &minted).await?;
        transaction.commit().await.map_err(|error| trouble(&error))?;
        Ok(Some(minted))
    }

    fn following(&self, refresh: &str, minting: &Minting<'_>) -> Minted {
        let secret = &self.inner.secret;
        Minted {
            access: secrets::derived(secret, ACCESS, refresh),
            expires: minting.expires,
            scopes: minting.scopes.to_owned(),
            refresh: minting.refresh_expires.map(|_| secrets::derived(secret, REFRESH, refresh)),
        }
    }
}

fn drawn(minting: &Minting<'_>) -> Result<Minted, Outcome> {
    Ok(Minted {
        access: fresh(ACCESS)?,
        expires: minting.expires,
        scopes: minting.scopes.to_owned(),
        refresh: minting.refresh_expires.map(|_| fresh(REFRESH)).transpose()?,
    })
}

async fn insert<C: ConnectionTrait>(
    database: &C,
    minting: &Minting<'_>,
    minted: &Minted,
) -> Result<(), Outcome> {
    let access = Some((minted.access.as_str(), "access", minting.expires));
    let refresh = minted.refresh.as_deref().zip(minting.refresh_expires);
    let refresh = refresh.map(|(token, expires)| (token, "refresh", expires));
    for (token, kind, expires) in access.into_iter().chain(refresh) {
        execute(
            database,
            "insert into oauth_token (hash, kind, grant_id, scopes, expires)
             values ($1, $2, $3, $4, $5)",
            [
                hash(token).into(),
                kind.into(),
                minting.consent.into(),
                minting.scopes.into(),
                expires.millis().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

fn grant(row: &Row) -> Result<Grant, Outcome> {
    let user = match row.get::<Option<String>>("login")? {
        Some(_) => Some(people::user(row)?),
        None => None,
    };
    let expires = row.time("expires")?;
    let until = user.as_ref().and_then(|user| user.until);
    let hash: String = row.get("hash")?;
    Ok(Grant {
        token_id: hash.chars().take(16).collect(),
        client: row.get("client")?,
        client_organization: row.get("client_organization")?,
        origins: clients::origins(row)?,
        user,
        patient: row.get("patient")?,
        encounter: row.get("encounter")?,
        scopes: row.get("scopes")?,
        expires: until.map_or(expires, |until| until.min(expires)),
    })
}
