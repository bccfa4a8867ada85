//! Beds: who is next, which bed, and why. Pure and deterministic: the same snapshot gives the same plan,
//! whatever the names, the payers or the order of its lists.
//!
//! [`severity`] scores and [`tier()`] say how urgent a request is, [`rank()`] puts the requests into a total
//! order, and [`allocate`] serves them in that order: nobody is refused while a lower-ranked request holds a
//! bed that they could have had, directly or by re-shuffling, and among the plans that serve the same
//! requests it takes the cheapest.
//!
//! ```
//! # fn snapshot() -> Result<beds::Snapshot, serde_json::Error> {
//! #     serde_json::from_str(r#"{
//! #         "as_of_millis": 0, "policy": {}, "hospitals": [{"id": "city"}],
//! #         "beds": [{"id": "icu-7", "hospital": "city", "is_staffed": true, "is_active": true,
//! #             "state": "ready", "since_millis": 0,
//! #             "kind": {"bed_type": "icu", "gender_policy": "any", "age_group": "adult"}}],
//! #         "requests": [{"id": "task-1", "authored_on_millis": 0, "tier": "immediate", "severity": 9000000,
//! #             "needs": {"bed_type": "icu", "bay": "female-or-mixed", "age_group": "adult"}}]}"#)
//! # }
//! use beds::{Record, allocate};
//!
//! let snapshot = snapshot()?; // the queue, the beds, the hospitals and the policy, as of an instant
//! let plan = allocate(&snapshot)?;
//! assert_eq!(plan.allocations[0].bed, "icu-7");
//!
//! let record = Record::new(snapshot, "https://a.example/Library/bed-policy|1|...".to_owned())?;
//! assert_eq!(record.replay(), Ok(()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Invariant**: no async, clock, environment, randomness or I/O; floating point only in [`Position`], where
//! every machine rounds alike.

mod bed;
mod blocking;
mod code;
mod constraint;
mod cost;
#[cfg(test)]
mod example;
mod explain;
mod flow;
mod network;
mod place;
mod plan;
mod policy;
mod rank;
mod recall;
mod record;
mod request;
mod roster;
mod scene;
pub mod severity;
pub mod sim;
mod snapshot;
mod tier;

pub use bed::{
    AgeGroup, Bay, Bed, BedState, BedType, Equipment, GenderPolicy, Hospital, Isolation, Kind,
};
pub use code::{Code, CodeSet};
pub use constraint::{Constraint, broken};
pub use cost::{CostTerm, Term, terms};
pub use explain::{Alternative, WhyNot, Words};
pub use place::Position;
pub use plan::{
    Allocation, BedClass, ClosedSet, Plan, Reason, Solved, Unallocated, allocate, allocate_one,
};
pub use policy::{EarlyWarning, Order, PerTier, Policy, VitalsRule, Weights};
pub use rank::{Points, Standing, fresh_until, is_overdue, is_stale, position, rank, standing};
pub use recall::{Recall, recalls};
pub use record::{Difference, Record, Single};
pub use request::{Bar, BayWish, Gender, Needs, Request};
pub use roster::{News, Roster, Turn, Verdict};
pub use snapshot::{Fault, Snapshot};
pub use tier::{Findings, Method, Priority, Tier, tier};
