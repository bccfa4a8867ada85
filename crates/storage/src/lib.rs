//! Keeps resources: transactions, history, search, on SQLite and on PostgreSQL.
//!
//! **Invariants**: only this crate knows SQL. Every way to a row asks for a [`auth::Permit`]. A version, its
//! index rows and the version it replaces are written in one transaction. An answer to a write is given
//! after the commit is on disk.

mod access;
pub mod accounts;
mod beds;
mod body;
mod cache;
mod change;
mod clock;
mod cores;
mod database_url;
mod delta;
mod diagnose;
mod facts;
mod find;
mod gate;
mod glance;
mod history;
mod index;
mod migrate;
mod parameters;
mod postgres;
mod reasons;
mod reindex;
mod row;
mod setting;
mod sqlite;
mod terms;
mod totals;
mod tx;
mod vault;
mod vouched;
mod words;

pub use access::{Access, Bearing};
pub use accounts::Accounts;
pub use beds::{
    About, BedRow, Changed, Claim, ClaimState, Cleaning, Drift, EMERGENCY_UNITS, End, KeptAnswer,
    Ledger, NewRequest, ORDERS_MAX, OrderDue, PastRequest, PastStay, RequestRow, Role, RosterPart,
    Stage, illegal,
};
pub use change::{Change, Method};
pub use clock::Clock;
pub use cores::on_all_cores;
pub use database_url::DatabaseUrl;
pub use find::{Effort, Explanation, Page, Position, Turn, Version};
pub use history::{HistoryQuery, Scope};
pub use reindex::{Building, Job};
pub use tx::{Head, Key, Lock, Tx, Work};
pub use vault::{Diagnosis, Options, Vault, elsewhere as aside, no_way};
