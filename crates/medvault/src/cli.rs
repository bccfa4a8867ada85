//! The command line.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::{
    access::{self, ClientCommand, TokenWish, UserCommand},
    bed_sim,
    config::{Config, Faults, setting::Flags, surroundings},
    console, demo, doctor, import, log, serve,
    trouble::Trouble,
};

/// A national medical vault: one FHIR R4 server for a person's records from every hospital.
///
/// Without a command it serves. Each setting below can also stand in the environment or as `section.key` in
/// medvault.toml; a flag wins over the environment, the environment over the file.
#[derive(Debug, Parser)]
#[command(name = "medvault", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the FHIR API; also what happens without a command
    ///
    /// Prints `listening on URL` when it is ready. SIGTERM or SIGINT lets the requests in flight finish and
    /// stops within 10 seconds.
    Serve,
    /// Serve a demo: six hospitals, a hundred patients and their records
    ///
    /// The same as `serve`, with an invented nation loaded. Without --data-dir or --database-url everything is
    /// gone when it stops. Without --auth and --accounts it is open to everybody on this machine.
    Demo {
        /// Write the demo accounts to a file as JSON, each with a token that is good for an hour
        #[arg(long, value_name = "FILE")]
        accounts: Option<PathBuf>,
    },
    /// Load Bundles, NDJSON, gzip or zip of those, or directories of them
    ///
    /// Opens the database itself, so no server need run. Shows progress on standard error and prints one line
    /// for each record that is rejected, with its file and line; exits with 1 if there was one. Running it
    /// again stores nothing twice: what is created is put under the id it carries, or under one that follows
    /// from its content.
    Import {
        /// .json (a resource or a Bundle), .ndjson, either as .gz, .zip of those, or a directory
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Accounts of people; a running server knows them at once
    #[command(subcommand)]
    User(UserCommand),
    /// Apps and systems; a running server knows them at once
    #[command(subcommand)]
    Client(ClientCommand),
    /// Print an access token minted straight in the database, for scripts and tests
    Token(TokenWish),
    /// Simulate what the bed policy does to people, and print it as a table
    ///
    /// A region of 600 beds under first come first served, severity alone, and severity with waiting; the same
    /// patients meet each. The same seeds print the same table.
    BedSim(bed_sim::Options),
    /// Print what is wrong with configuration, data directory, database, clock and disk
    ///
    /// One line for each check; changes nothing; exits with 1 when something is wrong.
    Doctor,
}

/// Runs the command that was typed.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    match carry_out(cli) {
        Ok(code) => code,
        Err(trouble) => {
            console::remark(&trouble.to_string());
            ExitCode::FAILURE
        }
    }
}

fn carry_out(cli: Cli) -> Result<ExitCode, Trouble> {
    let config = surroundings::read(&cli.flags);
    let is_well = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => wait(serve::run(logging(config)?))?.map(|()| true)?,
        Command::Demo { accounts } => {
            wait(demo::run(logging(config)?, accounts))?.map(|()| true)?
        }
        Command::Import { paths } => {
            let config = logging(config)?;
            let files = import::find(&paths)?;
            let tally = wait(async { import::files(serve::open(&config).await?, files).await })??;
            tally.rejected == 0
        }
        Command::User(command) => {
            let config = logging(config)?;
            wait(access::users(&config, command))??
        }
        Command::Client(command) => {
            let config = logging(config)?;
            wait(access::clients(&config, command))??
        }
        Command::Token(wish) => {
            let config = logging(config)?;
            wait(access::token(&config, wish))??
        }
        Command::BedSim(options) => bed_sim::run(&options).map(|()| true)?,
        Command::Doctor => wait(doctor::run(config))?,
    };
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The configuration, with the log as it says.
fn logging(config: Result<Config, Faults>) -> Result<Config, Trouble> {
    let config = config?;
    log::start(&config);
    Ok(config)
}

/// Runs a command's work on all cores. What still runs at its end is not waited for long.
fn wait<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Trouble::when("start threads"))?;
    let answer = runtime.block_on(work);
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_may_stand_before_and_after_the_command() {
        for line in [
            ["medvault", "--auth", "open", "--config", "x.toml", "import", "a"],
            ["medvault", "import", "a", "--auth", "open", "--config", "x.toml"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.flags.values.get("auth.mode").map(String::as_str), Some("open"));
            assert_eq!(cli.flags.file, Some(PathBuf::from("x.toml")));
        }
        let bare = Cli::try_parse_from(["medvault"]).unwrap();
        assert!(bare.command.is_none() && bare.flags == Flags::default());
    }

    #[test]
    fn commands_say_what_they_lack() {
        assert!(Cli::try_parse_from(["medvault", "demo", "--accounts"]).is_err());
        assert!(Cli::try_parse_from(["medvault", "import"]).is_err());
        assert!(Cli::try_parse_from(["medvault", "user", "list"]).is_ok());
        let line = ["medvault", "user", "add", "--login", "a", "--role", "king"];
        assert!(Cli::try_parse_from(line).is_err());
    }
}
