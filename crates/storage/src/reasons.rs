//! Why something was refused, beside what is recorded of it: see migrations/0016.

use auth::Permit;
use fhir_model::Outcome;

use crate::{Tx, Vault, find::statement::sql};

impl Tx<'_> {
    /// Keeps why something was refused, by the id of what is recorded of it.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn keep_reasons(&mut self, reasons: &[(String, String)]) -> Result<(), Outcome> {
        for (id, reason) in reasons {
            let insert = sql(
                "insert into access_reason (id, reason) values (?, ?) on conflict (id) do nothing",
                [id.as_str().into(), reason.as_str().into()],
            );
            self.execute(&insert.statement()).await?;
        }
        Ok(())
    }
}

impl Vault {
    /// Why something was refused, a line each.
    ///
    /// # Errors
    /// The database's own trouble.
    pub async fn reasons(&self, _permit: &Permit, id: &str) -> Result<Vec<String>, Outcome> {
        let ask = sql("select reason from access_reason where id = ?", [id.into()]);
        let rows = self.rows(ask.statement()).await?;
        let lines = rows.first().map(|row| row.text(0).lines().map(str::to_owned).collect());
        Ok(lines.unwrap_or_default())
    }
}
