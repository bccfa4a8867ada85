//! The record of a decision: everything that went in, by which policy, and what came out. It can be replayed.

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Solved};
use crate::snapshot::{Fault, Snapshot};

/// A decision with its inputs; JSON by `serde`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `canonical|version|sha-256` of the policy's `Library`.
    pub policy: String,
    /// What went in.
    pub inputs: Snapshot,
    /// What came out.
    pub decision: Plan,
}

/// Why a record does not replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The inputs make no plan.
    Fault(Fault),
    /// The plan is another; the first request with another answer, if it is about a request.
    Plan {
        /// [`crate::Request::id`].
        request: Option<String>,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "The stored inputs make no plan: {fault}"),
            Self::Plan { request: Some(id) } => {
                write!(f, "Replayed, the request {id} gets another answer")
            }
            Self::Plan { request: None } => f.write_str("Replayed, the plan is another"),
        }
    }
}

impl std::error::Error for Difference {}

impl Record {
    /// Decides and records.
    pub fn new(inputs: Snapshot, policy: String) -> Result<Self, Fault> {
        let decision = Solved::new(&inputs)?.plan();
        Ok(Self { policy, inputs, decision })
    }

    /// Decides again, and says if anything comes out differently.
    pub fn replay(&self) -> Result<(), Difference> {
        let again = Solved::new(&self.inputs).map_err(Difference::Fault)?.plan();
        if again == self.decision {
            return Ok(());
        }
        let given = self.decision.allocations.iter().filter(|it| !again.allocations.contains(it));
        let refused = self.decision.unallocated.iter().filter(|it| !again.unallocated.contains(it));
        let request = given.map(|it| &it.request).chain(refused.map(|it| &it.request)).next();
        Err(Difference::Plan { request: request.cloned() })
    }
}
