//! `bed-sim`: what a policy does to people, simulated, as a table and as a picture. The same seeds give the same
//! table on every machine.

use std::path::PathBuf;

use beds::{
    Policy,
    sim::{compare, contenders, markdown, svg},
};
use clap::Args;

use crate::{console, trouble::Trouble};

/// What is simulated.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Bed time asked for per hundred of bed time there is
    #[arg(long, value_delimiter = ',', default_value = "85,90,95,100")]
    loads: Vec<u32>,
    /// Each a series of random numbers; policies meet the same patients
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,4")]
    seeds: Vec<u64>,
    /// How long
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// A policy as JSON, in place of the one that is built in
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Write the picture to a file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Prints the table, and writes the picture if one is wanted.
pub(crate) fn run(options: &Options) -> Result<(), Trouble> {
    let policy = match &options.policy {
        Some(path) => {
            let reading = || Trouble::when(format!("read the policy {}", path.display()));
            let text = std::fs::read(path).map_err(reading())?;
            serde_json::from_slice(&text).map_err(std::io::Error::from).map_err(reading())?
        }
        None => Policy::default(),
    };
    let rows = compare(&contenders(&policy), &options.loads, &options.seeds, options.days)
        .map_err(std::io::Error::other)
        .map_err(Trouble::when("simulate"))?;
    console::say(markdown(&rows).trim_end());
    if let Some(path) = &options.svg {
        let writing = Trouble::when(format!("write the picture {}", path.display()));
        std::fs::write(path, svg(&rows)).map_err(writing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_picture() {
        let directory = tempfile::tempdir().unwrap();
        let draw = |name: &str| {
            let path = directory.path().join(name);
            let options = Options {
                loads: vec![90],
                seeds: vec![7],
                days: 3,
                policy: None,
                svg: Some(path.clone()),
            };
            run(&options).unwrap();
            std::fs::read_to_string(path).unwrap()
        };
        let first = draw("a.svg");
        assert!(first.starts_with("<svg") && first == draw("b.svg"));
    }
}
