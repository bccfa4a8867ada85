//! Accounts of people, and their logins.

use auth::{User, oauth::throttle};
use fhir_model::{Instant, IssueType, Outcome};

use super::{Accounts, Row, passwords};

/// An account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Who.
    pub user: User,
    /// The password; `None`: nobody logs in with one.
    pub password: Option<String>,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: User,
    /// When it was made.
    pub created: Instant,
}

/// What came of a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// They are who they say.
    Welcome(Box<User>),
    /// Name or password is wrong, or the account is over.
    Wrong,
    /// Too many were wrong; the next try counts after so many seconds.
    Wait(i64),
}

const COLUMNS: &str = "login, password, role, fhir_user, organization, supervisor, until, created";

impl Accounts {
    /// Makes an account, or changes the one of that name.
    ///
    /// # Errors
    /// `invalid` for a name or password that will not do.
    pub async fn add_user(&self, account: NewAccount) -> Result<(), Outcome> {
        let NewAccount { user, password } = account;
        let is_fit = !user.login.is_empty()
            && user.login.len() <= 200
            && !user.login.chars().any(|c| c.is_control() || c.is_whitespace());
        if !is_fit {
            let why = "A login has 1 to 200 bytes, and no blanks";
            return Err(Outcome::new(IssueType::Invalid, why));
        }
        let password = match password {
            Some(password) => Some(passwords::hash(password).await?),
            None => None,
        };
        let values = [
            user.login.into(),
            password.into(),
            user.role.into(),
            user.fhir_user.into(),
            user.organization.into(),
            user.supervisor.into(),
            user.until.map(Instant::millis).into(),
            self.now().millis().into(),
        ];
        self.execute(
            "insert into account
                    (login, password, role, fhir_user, organization, supervisor, until, created)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (login) do update
             set password = coalesce(excluded.password, account.password),
                 role = excluded.role, fhir_user = excluded.fhir_user,
                 organization = excluded.organization, supervisor = excluded.supervisor,
                 until = excluded.until",
            values,
        )
        .await?;
        self.settle().await;
        Ok(())
    }

    /// All accounts, by name.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn users(&self) -> Result<Vec<Account>, Outcome> {
        let rows = self.all(&format!("select {COLUMNS} from account order by login"), []).await?;
        rows.iter()
            .map(|row| Ok(Account { user: user(row)?, created: row.time("created")? }))
            .collect()
    }

    /// An account.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn user(&self, login: &str) -> Result<Option<User>, Outcome> {
        let sql = format!("select {COLUMNS} from account where login = $1");
        self.one(&sql, [login.into()]).await?.as_ref().map(user).transpose()
    }

    /// Ends an account, with everything that it granted; whether there was one.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn expire_user(&self, login: &str) -> Result<bool, Outcome> {
        let now = self.now().millis();
        let sql =
            "update account set until = $2 where login = $1 and (until is null or until > $2)";
        let ended = self.execute(sql, [login.into(), now.into()]).await? > 0;
        self.execute("delete from web_session where login = $1", [login.into()]).await?;
        self.settle().await;
        Ok(ended || self.user(login).await?.is_some())
    }

    /// Checks a name and a password. It takes as long whether there is such a name or not, and wrong tries are
    /// counted for both alike.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<Login, Outcome> {
        let key = self.keyed("login", login);
        let now = self.now();
        let sql = "select tries, last from login_try where login_hash = $1";
        if let Some(row) = self.one(sql, [key.as_str().into()]).await? {
            let ago = now.millis() - row.get::<i64>("last")?;
            let wait = throttle::wait_ms(row.get("tries")?, ago);
            if wait > 0 {
                return Ok(Login::Wait(wait.div_euclid(1000) + 1));
            }
        }
        // counted before it is known to be wrong: tries at the same time count as well
        self.execute(
            "insert into login_try (login_hash, tries, last)
             values ($1, 1, $2)
             on conflict (login_hash) do update
             set tries = login_try.tries + 1, last = excluded.last",
            [key.as_str().into(), now.millis().into()],
        )
        .await?;
        let sql = format!("select {COLUMNS} from account where login = $1");
        let row = self.one(&sql, [login.into()]).await?;
        let hash = row.as_ref().map(|row| row.get::<Option<String>>("password")).transpose()?;
        let verified = self.verifies(password.to_owned(), hash.flatten()).await?;
        let user = row.as_ref().filter(|_| verified).map(user).transpose()?;
        let is_over = |user: &User| user.until.is_some_and(|until| now >= until);
        let Some(user) = user.filter(|user| !is_over(user)) else { return Ok(Login::Wrong) };
        let sql = "delete from login_try where login_hash = $1";
        self.execute(sql, [key.as_str().into()]).await?;
        Ok(Login::Welcome(Box::new(user)))
    }
}

/// Out of columns of that name.
pub(super) fn user(row: &Row) -> Result<User, Outcome> {
    Ok(User {
        login: row.get("login")?,
        role: row.get("role")?,
        fhir_user: row.get("fhir_user")?,
        organization: row.get("organization")?,
        supervisor: row.get("supervisor")?,
        until: row.some_time("until")?,
    })
}
