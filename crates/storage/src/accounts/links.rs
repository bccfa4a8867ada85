//! Accounts of people who log in through a provider of identities.

use auth::User;
use fhir_model::{IssueType, Outcome};

use super::{Accounts, people};

/// The longest subject: <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>.
const SUBJECT_BYTES_MAX: usize = 255;

impl Accounts {
    /// Ties whom a provider names by a subject to an account; whoever had that subject before loses it.
    ///
    /// # Errors
    /// `not-found` when there is no such account, `invalid` for a subject that will not do.
    pub async fn link(&self, (issuer, subject): (&str, &str), login: &str) -> Result<(), Outcome> {
        if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            let why = "A subject has 1 to 255 bytes";
            return Err(Outcome::new(IssueType::Invalid, why));
        }
        if self.user(login).await?.is_none() {
            return Err(Outcome::new(IssueType::NotFound, format!("There is no account {login}")));
        }
        self.execute(
            "insert into account_link (issuer, subject, login, created)
             values ($1, $2, $3, $4)
             on conflict (issuer, subject) do update set login = excluded.login",
            [issuer.into(), subject.into(), login.into(), self.now().millis().into()],
        )
        .await?;
        Ok(())
    }

    /// Whose account a subject is tied to, when it has not ended.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn linked(&self, (issuer, subject): (&str, &str)) -> Result<Linked, Outcome> {
        let row = self
            .one(
                "select a.login, a.role, a.fhir_user, a.organization, a.supervisor, a.until
                 from   account_link l
                 join   account a on a.login = l.login
                 where  l.issuer = $1 and l.subject = $2",
                [issuer.into(), subject.into()],
            )
            .await?;
        let Some(row) = row else { return Ok(Linked::Nobody) };
        let user = people::user(&row)?;
        let is_over = user.until.is_some_and(|until| self.now() >= until);
        Ok(if is_over { Linked::Ended } else { Linked::To(Box::new(user)) })
    }
}

/// Whom a subject is tied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linked {
    /// This account.
    To(Box<User>),
    /// An account that has ended.
    Ended,
    /// None.
    Nobody,
}
