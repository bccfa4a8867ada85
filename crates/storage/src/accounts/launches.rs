//! What an EHR hands to an app that it launches.

use auth::oauth::launch::{Extras, Launch};
use fhir_model::Outcome;

use super::{Accounts, Row, fresh, hash};

impl Accounts {
    /// Keeps a launch; the id that the app is given.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_launch(&self, launch: &Launch) -> Result<String, Outcome> {
        let id = fresh("")?;
        self.execute(
            "insert into launch_context (hash, client, login, patient, encounter, extras, expires)
             values ($1, $2, $3, $4, $5, $6, $7)",
            [
                hash(&id).into(),
                launch.client.clone().into(),
                launch.login.clone().into(),
                launch.patient.clone().into(),
                launch.encounter.clone().into(),
                launch.extras.text().into(),
                launch.expires.millis().into(),
            ],
        )
        .await?;
        Ok(id)
    }

    /// A launch that has not been used.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn launch(&self, id: &str) -> Result<Option<Launch>, Outcome> {
        let sql = "select client, login, patient, encounter, extras, expires
                   from   launch_context
                   where  hash = $1 and used is null";
        let launch = |row: &Row| {
            Ok(Launch {
                client: row.get("client")?,
                login: row.get("login")?,
                patient: row.get("patient")?,
                encounter: row.get("encounter")?,
                extras: Extras::kept(&row.get::<String>("extras")?),
                expires: row.time("expires")?,
            })
        };
        self.one(sql, [hash(id).into()]).await?.as_ref().map(launch).transpose()
    }
}
