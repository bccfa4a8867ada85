//! Registered clients.

use std::collections::BTreeSet;

use auth::oauth::client::{About, Client, Status};
use fhir_model::{Instant, IssueType, Outcome};

use super::{Accounts, Row};

/// A client, with when it came.
#[derive(Debug, Clone)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// When it was registered.
    pub created: Instant,
}

const COLUMNS: &str = "id, status, organization, secret, about, created";

impl Accounts {
    /// Keeps a client, or changes the one of that id. `registration` is the hash of the token that may read and change it.
    ///
    /// # Errors
    /// `invalid` for an id that will not do.
    pub async fn keep_client(
        &self,
        client: &Client,
        registration: Option<&str>,
    ) -> Result<(), Outcome> {
        let id = &client.id;
        if id.is_empty() || id.len() > 200 || !id.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        {
            let why = "A client's id has 1 to 200 printable characters, no blank and no colon";
            return Err(Outcome::new(IssueType::Invalid, why));
        }
        let about = serde_json::to_string(&client.about)
            .map_err(|_| Outcome::new(IssueType::Exception, "The client cannot be written"))?;
        self.execute(
            "insert into oauth_client
                    (id, status, organization, secret, registration, about, created)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (id) do update
             set status = excluded.status, organization = excluded.organization,
                 secret = excluded.secret, about = excluded.about,
                 registration = coalesce(excluded.registration, oauth_client.registration)",
            [
                id.as_str().into(),
                client.status.name().into(),
                client.organization.clone().into(),
                client.secret.clone().into(),
                registration.map(str::to_owned).into(),
                about.into(),
                self.now().millis().into(),
            ],
        )
        .await?;
        self.settle().await;
        Ok(())
    }

    /// A client.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn client(&self, id: &str) -> Result<Option<Client>, Outcome> {
        let sql = format!("select {COLUMNS} from oauth_client where id = $1");
        self.one(&sql, [id.into()]).await?.as_ref().map(client).transpose()
    }

    /// The client whose registration a token may read and change.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn client_of_registration(
        &self,
        id: &str,
        token: &str,
    ) -> Result<Option<Client>, Outcome> {
        let sql = format!(
            "select {COLUMNS} from oauth_client
             where  id = $1 and registration = $2 and status <> 'revoked'"
        );
        let values = [id.into(), super::hash(token).into()];
        self.one(&sql, values).await?.as_ref().map(client).transpose()
    }

    /// How many clients wait for an administrator.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn pending_clients(&self) -> Result<i64, Outcome> {
        let sql = "select count(*) as pending from oauth_client where status = 'pending'";
        self.one(sql, []).await?.map_or(Ok(0), |row| row.get("pending"))
    }

    /// Lets a client in that waits; whether there was one.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn approve_client(&self, id: &str) -> Result<bool, Outcome> {
        let sql = "update oauth_client set status = 'active' where id = $1 and status = 'pending'";
        Ok(self.execute(sql, [id.into()]).await? > 0)
    }

    /// All clients, by id.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn clients(&self) -> Result<Vec<Registered>, Outcome> {
        let rows = self.all(&format!("select {COLUMNS} from oauth_client order by id"), []).await?;
        rows.iter()
            .map(|row| Ok(Registered { client: client(row)?, created: row.time("created")? }))
            .collect()
    }

    /// Ends a client, with everything that it was granted; whether there was one.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn revoke_client(&self, id: &str) -> Result<bool, Outcome> {
        let sql = "update oauth_client set status = 'revoked', registration = null where id = $1";
        let was_there = self.execute(sql, [id.into()]).await? > 0;
        self.settle().await;
        Ok(was_there)
    }

    /// The origins of all clients' pages.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn has_origin(&self, origin: &str) -> Result<bool, Outcome> {
        let live = &self.inner.live;
        let known = if let Some(known) = live.origins() {
            known
        } else {
            let ticket = live.ticket();
            let clients = self.clients().await?;
            let active = clients.iter().filter(|it| it.client.status == Status::Active);
            let origins: BTreeSet<String> =
                active.flat_map(|it| it.client.origins().collect::<Vec<_>>()).collect();
            live.keep_origins(&ticket, origins)
        };
        if known.contains(origin) {
            return Ok(true);
        }
        // an app on the same machine takes any port
        let client = Client {
            id: String::new(),
            status: Status::Active,
            organization: None,
            secret: None,
            about: About { web_origins: known.iter().cloned().collect(), ..About::default() },
        };
        Ok(origin.starts_with("http://") && client.is_at(origin))
    }
}

/// The origins that only the client's pages run at; of a row without a client none.
pub(super) fn origins(row: &Row) -> Result<Vec<String>, Outcome> {
    let Some(about) = row.get::<Option<String>>("about")? else { return Ok(Vec::new()) };
    let mut origins: Vec<String> =
        read(&about)?.origins().filter(|origin| origin.starts_with("https://")).collect();
    origins.sort();
    origins.dedup();
    Ok(origins)
}

fn read(about: &str) -> Result<About, Outcome> {
    serde_json::from_str(about)
        .map_err(|_| Outcome::new(IssueType::Exception, "A client's registration is damaged"))
}

fn client(row: &Row) -> Result<Client, Outcome> {
    let about = read(&row.get::<String>("about")?)?;
    Ok(Client {
        id: row.get("id")?,
        status: Status::named(&row.get::<String>("status")?),
        organization: row.get("organization")?,
        secret: row.get("secret")?,
        about,
    })
}
