//! Beds: ordered, requested, allocated, confirmed, left and cleaned.

mod allocation;
mod crash;
mod duties;
mod emergencies;
mod hospital;
mod invariant;
mod lost_orders;
mod roles;
mod settings;
mod urgency;
mod walk;
