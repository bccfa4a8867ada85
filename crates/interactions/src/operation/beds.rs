//! Beds: requested, allocated, confirmed, released and cleaned. Who is next and which bed is decided by the crate
//! `beds`; that no bed is ever given twice by `storage`.

pub(crate) mod allocate;
mod approval;
mod assessment;
pub(crate) mod availability;
mod board;
mod capacity;
pub(crate) mod confirm;
mod deed;
mod document;
pub(crate) mod emergency;
mod ending;
pub(crate) mod equity;
mod expected;
pub(crate) mod explanation;
mod gate;
mod hold;
mod lasting;
mod order;
pub(crate) mod order_due;
mod patient;
mod plan;
mod policy;
mod recall;
pub(crate) mod release;
pub(crate) mod request;
mod scores;
mod single;
mod step_down;
pub(crate) mod sweep;
pub(crate) mod transfer;
pub(crate) mod turnover;
mod vitals;
pub(crate) mod waitlist;

use std::sync::{self, Arc, PoisonError, atomic::AtomicI64};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType};
use futures_util::lock::Mutex;
use storage::RosterPart;

use board::Board;

/// The canonical base of this vault's own definitions.
pub(crate) const CANONICAL: &str = "https://medvault.example/fhir";

/// How long a hold lasts when nobody says.
const HOLD_SECONDS: u32 = 30 * 60;
/// In intensive care every quarter of an hour counts.
const HOLD_SECONDS_ICU: u32 = 15 * 60;

/// What the planner of a service remembers. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desk {
    /// What the last look at the beds and the queue showed.
    board: Arc<Mutex<Board>>,
    /// One batch at a time.
    planner: Arc<Mutex<()>>,
    /// What decisions rest on and is kept, which the roster has not heard yet.
    kept: Arc<sync::Mutex<Vec<RosterPart>>>,
    expected: expected::Memory,
    /// In place of the usual times.
    pub(crate) hold_seconds: Option<u32>,
    pub(crate) decision_days: Option<u32>,
    /// When old decisions were last taken out, in milliseconds since 1970.
    forgotten: Arc<AtomicI64>,
    /// The last commit after which was looked whether orders that are due came.
    minded: Arc<AtomicI64>,
    overdue: Arc<sync::Mutex<order_due::Round>>,
}

impl Desk {
    /// The round through the orders that are overdue.
    fn overdue(&self) -> sync::MutexGuard<'_, order_due::Round> {
        self.overdue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that this is kept, until the roster hears of it.
    fn is_kept(&self, part: RosterPart) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(part);
    }

    /// What is kept since this was last asked.
    fn kept(&self) -> Vec<RosterPart> {
        std::mem::take(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The planner sees all beds and the whole queue, whoever asks; what of it is shown is another matter.
fn planners() -> Result<Permit, Outcome> {
    authorize(&Caller::Operator, Action::Read, None)
}

fn ty(name: &str) -> Result<ResourceType, Outcome> {
    ResourceType::named(name)
        .ok_or_else(|| Outcome::new(IssueType::Exception, format!("There is no type {name}")))
}

/// A system of codes of ours.
fn system(name: &str) -> String {
    format!("{CANONICAL}/CodeSystem/{name}")
}
