//! Browsers that somebody logged in at.

use auth::oauth::authorize::Session;
use fhir_model::{Instant, Outcome};

use super::{Accounts, fresh, hash, people};

/// For how long a login lasts: a working day.
const LIFE_MS: i64 = 8 * 3_600_000;

impl Accounts {
    /// Lets a person in; the cookie that proves it.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn begin_session(&self, login: &str) -> Result<String, Outcome> {
        let (cookie, now) = (fresh("")?, self.now().millis());
        self.execute(
            "insert into web_session (hash, login, since, expires) values ($1, $2, $3, $4)",
            [hash(&cookie).into(), login.into(), now.into(), (now + LIFE_MS).into()],
        )
        .await?;
        Ok(cookie)
    }

    /// Who is behind a cookie, and when their session ends.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn session(&self, cookie: &str) -> Result<Option<(Session, Instant)>, Outcome> {
        let row = self
            .one(
                "select a.login, a.role, a.fhir_user, a.organization, a.supervisor, a.until,
                        s.since, s.expires
                 from   web_session s
                 join   account a on a.login = s.login
                 where  s.hash = $1
                   and  s.expires > $2
                   and  (a.until is null or a.until > $2)",
                [hash(cookie).into(), self.now().millis().into()],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let session = Session { user: people::user(&row)?, since: row.time("since")? };
        Ok(Some((session, row.time("expires")?)))
    }

    /// Logs a browser out, with all access that was to last as long as the login.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn end_session(&self, cookie: &str) -> Result<(), Outcome> {
        let hash = hash(cookie);
        self.execute("delete from web_session where hash = $1", [hash.as_str().into()]).await?;
        let sql = "update oauth_grant set revoked = $2 where session = $1 and revoked is null";
        if self.execute(sql, [hash.into(), self.now().millis().into()]).await? > 0 {
            self.settle().await;
        }
        Ok(())
    }
}
