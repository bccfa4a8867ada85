//! What a transaction may do: each old version must be open to the permit, and each new one must lie inside, too.

use std::sync::Arc;

use auth::{Action, Permit, Rows as Open};
use fhir_model::{IssueType, Outcome};
use search::{Rows, Subject};

use super::{Engine, Key, Tx};
use crate::{Change, Head, Method};

impl Tx<'_> {
    /// Who does this.
    pub fn permit(&self) -> &Permit {
        self.permit
    }

    /// Refuses to go on with a resource that the permit does not open for the action: as if it were not there when it
    /// cannot be read either. What is deleted is not there for a bounded permit.
    ///
    /// # Errors
    /// `not-found`, `forbidden`; the database's own trouble.
    pub async fn meet(&mut self, key: &Key, head: &Head, action: Action) -> Result<(), Outcome> {
        if self.permit.covers_all_rows() || head.version == 0 {
            return Ok(());
        }
        let mut is_open = [false; 2];
        if let Some(body) = &head.body {
            let rows = self.indexing.extract(body.clone());
            for (open, action) in is_open.iter_mut().zip([action, Action::Read]) {
                *open = self.holds(key, &rows, action).await?;
            }
        }
        match is_open {
            [true, _] => Ok(()),
            [false, true] => Err(self.permit.refusal(action, key.resource_type)),
            // the id is taken, which an update that would create it has to be told
            [false, false] if action == Action::Update && head.body.is_none() => {
                let text = "This id cannot be used";
                Err(Outcome::new(IssueType::Forbidden, text))
            }
            [false, false] => {
                let text = format!("{}/{} is not here", key.resource_type, key.id);
                Err(Outcome::new(IssueType::NotFound, text))
            }
        }
    }

    /// These follow for the vault itself from what somebody may do: their permit is not asked.
    pub fn vouch(&mut self, changes: &[Change]) {
        let known = changes.iter().map(|change| (change.key.clone(), Arc::clone(&change.rows)));
        self.cleared.extend(known);
    }

    /// Whether the permit lets these changes be made.
    ///
    /// # Errors
    /// Which one is refused, and why.
    pub async fn clear(&mut self, changes: &[Change]) -> Result<(), (usize, Outcome)> {
        if self.permit.covers_all_rows() {
            return Ok(());
        }
        for (n, change) in changes.iter().enumerate() {
            let is_known = |(key, rows): &(Key, Arc<Rows>)| {
                *key == change.key && Arc::ptr_eq(rows, &change.rows)
            };
            if !self.cleared.iter().any(is_known) {
                self.clear_one(change).await.map_err(|refusal| (n, refusal))?;
                self.cleared.push((change.key.clone(), Arc::clone(&change.rows)));
            }
        }
        Ok(())
    }

    async fn clear_one(&mut self, change: &Change) -> Result<(), Outcome> {
        let action = match change.method {
            Method::Post => Action::Create,
            Method::Put | Method::Patch => Action::Update,
            Method::Delete => Action::Delete,
        };
        if let Some(head) = &change.replaces {
            self.meet(&change.key, head, action).await?;
            if let (Some(before), Some(_)) = (&head.body, &change.body) {
                let before = self.indexing.extract(before.clone());
                self.permit.keep_labels(change.key.resource_type, (&before, &change.rows))?;
            }
        }
        let is_inside = change.body.is_none() || {
            let rows = Arc::clone(&change.rows);
            self.holds(&change.key, &rows, action).await?
        };
        if is_inside {
            return Ok(());
        }
        let ty = change.key.resource_type;
        if let Some(rows) = Permit::unlabelled(ty, &change.rows)
            && self.holds(&change.key, &rows, action).await?
        {
            return Err(Permit::refusal_of_labels(action, ty));
        }
        Err(self.permit.refusal(action, ty))
    }

    /// Whether a version with these index rows lies in the rows that the permit opens.
    async fn holds(&mut self, key: &Key, rows: &Rows, action: Action) -> Result<bool, Outcome> {
        let (ty, updated) = (key.resource_type, self.now);
        let of = Subject { ty, id: &key.id, updated, rows, container: None };
        match self.permit.rows(action, ty) {
            Open::All => Ok(true),
            Open::None => Ok(false),
            Open::Where(filter) => match &mut self.engine {
                Engine::Postgres(transaction) => transaction.holds(&filter, of).await,
                Engine::Sqlite(writer) => writer.holds(&filter, of),
            },
        }
    }
}
