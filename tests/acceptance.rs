//! What people do with a running vault, over HTTP, on SQLite and on PostgreSQL: one story a module.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::tests_outside_test_module,
    reason = "a story that cannot go on has failed"
)]

mod house;
mod stories;
