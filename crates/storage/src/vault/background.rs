//! The vault as those see it who work in the background: see [`crate::reindex`].

use std::sync::{Arc, atomic::Ordering};

use fhir_model::Outcome;
use tokio::sync::Notify;

use super::{Engine, Inner, Vault, elsewhere, wrong_engine};
use crate::{
    find::{ask::Dialect, statement::Statement},
    parameters::Parameters,
    reindex::{Pace, Progress},
    row::Row,
};

impl Vault {
    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// Whether nobody but the background holds it any more.
    pub(crate) fn is_closing(&self) -> bool {
        Arc::strong_count(&self.inner) == 1
    }

    pub(crate) fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.wake)
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner.engine, Engine::Postgres(_))
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.inner.progress
    }

    pub(crate) fn pace(&self) -> Pace {
        let database = if self.is_postgres() { Dialect::Postgres } else { Dialect::Sqlite };
        Pace::new(self.inner.traffic.clone(), database)
    }

    /// See [`crate::tx::Indexing::is_outdated`].
    pub(crate) fn index_is_outdated(&self) -> bool {
        self.inner.index_is_outdated.load(Ordering::Acquire)
    }

    /// Everything is indexed by this version.
    pub(crate) fn index_is_complete(&self) {
        self.inner.index_is_outdated.store(false, Ordering::Release);
    }

    pub(crate) fn parameters(&self) -> Arc<Parameters> {
        self.inner.published.now()
    }

    /// Runs a statement on the vault's own tables.
    pub(crate) async fn rows(&self, ask: Statement) -> Result<Vec<Row>, Outcome> {
        match &self.inner.engine {
            Engine::Postgres(engine) => engine.rows(&ask).await,
            Engine::Sqlite(_) => {
                let inner = Arc::clone(&self.inner);
                elsewhere(move || match &inner.engine {
                    Engine::Sqlite(engine) => engine.readers.rows(&ask),
                    Engine::Postgres(_) => Err(wrong_engine()),
                })
                .await
            }
        }
    }
}
