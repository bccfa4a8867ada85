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

fn main() -> ExitCode {
    cli::run()
}
