//! The workloads, one file each.

pub(crate) mod beds;
pub(crate) mod crash;
pub(crate) mod create;
pub(crate) mod crud;
pub(crate) mod crud_k6;
pub(crate) mod fill;
pub(crate) mod floor;
pub(crate) mod gate;
pub(crate) mod hostile;
pub(crate) mod import;
pub(crate) mod oracle;
pub(crate) mod race;
pub(crate) mod read;
pub(crate) mod readmix;
pub(crate) mod reindex;
pub(crate) mod search;
pub(crate) mod start;
pub(crate) mod suite;
pub(crate) mod txn;
