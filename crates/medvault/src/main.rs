//! `medvault`: configuration, wiring, commands.

mod access;
mod bed_sim;
mod cli;
mod config;
mod console;
mod demo;
mod doctor;
mod import;
mod log;
mod nation;
mod serve;
mod trouble;

use std::process::ExitCode;

/// Resources and rows are many small pieces, made on one thread and let go of on another: ADR 24.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
