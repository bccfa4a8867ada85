//! Indexing of what is there, in the background: for a search parameter that is new, and again on request.
//!
//! **Invariant**: how far it came is written in the transaction that writes the index rows, so after a crash it
//! goes on where it stopped. A resource that changes meanwhile is indexed as it is, not as it was read.

mod again;
mod apply;
mod batch;
mod leaving;
mod pace;
mod parameter;
mod progress;
mod status;

use std::{sync::Weak, time::Duration};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome};
use search::Plan;

use crate::{
    Vault,
    parameters::Stage,
    vault::{Engine, Inner},
};
pub(crate) use again::prepare_upgrade;
pub(crate) use pace::{Pace, Traffic};
pub(crate) use progress::Progress;
pub use status::{Building, Job};

/// How often a node looks for what others decided.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After trouble with the database.
const TROUBLE_REST: Duration = Duration::from_secs(1);

/// What a turn came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// There may be more to do.
    Worked,
    /// There is nothing to do.
    Idle,
    /// There will be something to do in a moment.
    Soon(Duration),
}

/// Works until the vault is closed.
pub(crate) async fn run(inner: Weak<Inner>) {
    let Some(mut news) = inner.upgrade().map(|inner| inner.published.subscribe()) else { return };
    loop {
        let Some(vault) = inner.upgrade().map(Vault::of) else { return };
        news.mark_unchanged();
        let turn = turn(&vault).await;
        let wake = vault.wake();
        drop(vault);
        let rest = match turn {
            Ok(Turn::Worked) => continue,
            Ok(Turn::Idle) => LOOK_EVERY,
            Ok(Turn::Soon(rest)) => rest,
            Err(outcome) => {
                tracing::warn!(%outcome, "indexing");
                TROUBLE_REST
            }
        };
        tokio::select! {
            changed = news.changed() => if changed.is_err() { return },
            () = wake.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

async fn turn(vault: &Vault) -> Result<Turn, Outcome> {
    if let Engine::Postgres(engine) = &vault.inner().engine {
        engine.look_for_news().await?;
    }
    // until everything is indexed again nothing can be searched
    if vault.index_is_outdated() && again::work(vault).await? == Turn::Worked {
        return Ok(Turn::Worked);
    }
    let parameters = vault.parameters();
    if let Some(entry) = parameters.at(Stage::Building).next() {
        return parameter::work(vault, entry.definition.ty).await;
    }
    if again::work(vault).await? == Turn::Worked {
        return Ok(Turn::Worked);
    }
    match parameters.at(Stage::Leaving).next() {
        Some(entry) => leaving::work(vault, entry.param).await,
        None => Ok(Turn::Idle),
    }
}

/// The answer to a search that needs index rows, while they are made again.
///
/// # Errors
/// `transient`, unless the plan needs none.
pub(crate) fn refuse(plan: &Plan) -> Result<(), Outcome> {
    let has_filters = plan.types.iter().any(|of_type| !of_type.filters.is_empty());
    if !has_filters && plan.sort.is_empty() && plan.includes.is_empty() {
        return Ok(());
    }
    Err(Outcome::new(
        IssueType::Transient,
        "After an upgrade everything is being indexed again, and until then searches would find too little; \
         reads and writes go on. See GET [base]/$reindex-status",
    ))
}

/// The vault acts for the one who runs it.
fn permit() -> Result<Permit, Outcome> {
    authorize(&Caller::Operator, Action::Update, None)
}
