//! What people do with a running vault, over HTTP, on SQLite and on PostgreSQL: one story a module.

mod house;
mod stories;
