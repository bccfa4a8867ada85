//! `race`: many clients at one thing at the same moment; what must come out is known exactly.

pub(crate) mod beds;
pub(crate) mod conditional;
pub(crate) mod increment;

use clap::Subcommand;

use crate::fault::Fault;
use crate::load::Bench;
use crate::report::Report;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Options {
    /// Every client creates the same identifiers with If-None-Exist; each must exist once.
    Conditional(conditional::Options),
    /// Every client wants one bed, by name, by the policy or with a plain Encounter; one gets it.
    Beds(beds::Options),
    /// Every client increments one resource with If-Match; no increment may be lost.
    Increment(increment::Options),
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    match options {
        Options::Conditional(options) => conditional::run(bench, options, report).await,
        Options::Beds(options) => beds::run(bench, options, report).await,
        Options::Increment(options) => increment::run(bench, options, report).await,
    }
}
