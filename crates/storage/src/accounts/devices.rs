//! Devices without a browser of their own: <https://www.rfc-editor.org/rfc/rfc8628>.

use fhir_model::{Instant, Outcome};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Accounts, Consent, Kept, Row, consents, fresh, hash};

/// Letters of a code that a person types: no vowels, so no words, and nothing that looks like something else.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// A device that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its client.
    pub client: String,
    /// What it asks for.
    pub scopes: String,
    /// When it gives up.
    pub expires: Instant,
    /// When it last asked.
    pub polled: Instant,
    /// How far it has come.
    pub state: DeviceState,
}

/// How far a device has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has typed its code.
    Waiting,
    /// Somebody agreed.
    Approved,
    /// Somebody said no.
    Denied,
    /// It has its tokens.
    Used,
}

const STATES: [(DeviceState, &str); 4] = [
    (DeviceState::Waiting, "waiting"),
    (DeviceState::Approved, "approved"),
    (DeviceState::Denied, "denied"),
    (DeviceState::Used, "used"),
];

const COLUMNS: &str = "client, scopes, expires, polled, state";

impl Accounts {
    /// Keeps a device's question; its own code, and the one for the person.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_device(&self, device: &Device) -> Result<(String, String), Outcome> {
        let (code, user_code) = (fresh("")?, user_code()?);
        self.execute(
            "insert into device_code (hash, user_code, client, scopes, expires, polled, state)
             values ($1, $2, $3, $4, $5, 0, 'waiting')",
            [
                hash(&code).into(),
                user_code.as_str().into(),
                device.client.as_str().into(),
                device.scopes.as_str().into(),
                device.expires.millis().into(),
            ],
        )
        .await?;
        Ok((code, user_code))
    }

    /// What a person's code is for.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn device_by_user_code(&self, user_code: &str) -> Result<Option<Device>, Outcome> {
        let sql = format!("select {COLUMNS} from device_code where user_code = $1");
        self.one(&sql, [user_code.into()]).await?.as_ref().map(device).transpose()
    }

    /// A device's question by its own code, noting that it asked now.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn poll_device(&self, code: &str) -> Result<Option<Device>, Outcome> {
        let sql = format!("select {COLUMNS} from device_code where hash = $1");
        let found = self.one(&sql, [hash(code).into()]).await?;
        let sql = "update device_code set polled = $2 where hash = $1";
        self.execute(sql, [hash(code).into(), self.now().millis().into()]).await?;
        found.as_ref().map(device).transpose()
    }

    /// Answers a device: `None` says no. False when somebody else has answered.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn answer_device(
        &self,
        user_code: &str,
        consent: Option<&Consent>,
    ) -> Result<bool, Outcome> {
        let (state, id) = match consent {
            Some(consent) => ("approved", Some(self.keep_consent(consent).await?)),
            None => ("denied", None),
        };
        let sql = "update device_code set state = $2, grant_id = $3
                   where user_code = $1 and state = 'waiting' and expires > $4";
        let values = [user_code.into(), state.into(), id.into(), self.now().millis().into()];
        Ok(self.execute(sql, values).await? > 0)
    }

    /// Uses up the answer that a device got; `None` when it has been used.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn spend_device(&self, code: &str) -> Result<Option<Kept>, Outcome> {
        let sql = "update device_code set state = 'used' where hash = $1 and state = 'approved'";
        if self.execute(sql, [hash(code).into()]).await? == 0 {
            return Ok(None);
        }
        let sql = format!(
            "select {} from device_code d join oauth_grant g on g.id = d.grant_id where d.hash = $1",
            consents::COLUMNS
        );
        self.one(&sql, [hash(code).into()]).await?.as_ref().map(consents::kept).transpose()
    }
}

/// Eight letters in two groups: 34 bits, for ten minutes.
fn user_code() -> Result<String, Outcome> {
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        let mut byte = [0];
        SystemRandom::new().fill(&mut byte).map_err(|_| {
            Outcome::new(fhir_model::IssueType::Exception, "The system gives no random bytes")
        })?;
        // 240 is a multiple of 20: every letter is as likely
        let letter = byte.first().filter(|byte| **byte < 240).map(|byte| usize::from(byte % 20));
        if let Some(letter) = letter.and_then(|at| LETTERS.get(at)) {
            code.push(char::from(*letter));
            if code.len() == 4 {
                code.push('-');
            }
        }
    }
    Ok(code)
}

fn device(row: &Row) -> Result<Device, Outcome> {
    let state: String = row.get("state")?;
    let known = STATES.iter().find(|(_, name)| *name == state);
    Ok(Device {
        client: row.get("client")?,
        scopes: row.get("scopes")?,
        expires: row.time("expires")?,
        polled: row.time("polled")?,
        state: known.map_or(DeviceState::Used, |(state, _)| *state),
    })
}
