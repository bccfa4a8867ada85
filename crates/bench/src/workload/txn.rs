//! `txn`: one transaction of a Patient, its Encounter and two Observations, joined by `urn:uuid`.

use std::rc::Rc;

use clap::Args;

use crate::bundle::TransactionBuilder;
use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::population::surroundings;
use crate::report::{Report, STORED, per};
use crate::sample::{References, Samples};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 16)]
    pub(crate) workers: usize,
}

const ENTRIES: [(&str, &str); 4] = [
    ("patient", "Patient"),
    ("encounter", "Encounter"),
    ("observation", "Observation"),
    ("observation", "Observation"),
];
const ENTRIES_PER_TRANSACTION: u64 = ENTRIES.len() as u64;

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let samples = Rc::new(Samples::prepare());
    let hospital = Rc::new(surroundings(&mut bench.session(), &samples).await?);
    let workers = (0..options.workers.max(1))
        .map(|_| Worker { samples: Rc::clone(&samples), hospital: Rc::clone(&hospital) })
        .collect();
    let (mut run, _workers) = bench.drive("txn", Pace::Timed, workers).await;
    let resources = per(run.requests * ENTRIES_PER_TRANSACTION, run.seconds);
    run.fact(STORED, resources, "resources/s");
    report.runs.push(run);
    Ok(())
}

struct Worker {
    samples: Rc<Samples>,
    hospital: Rc<References>,
}

impl VirtualUser for Worker {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let mut bundle = TransactionBuilder::new();
        let mut references: References = Vec::new();
        for (slot, resource_type) in ENTRIES {
            let name = uuid::Uuid::now_v7().to_string();
            let urn = format!("urn:uuid:{name}");
            // Own Patient and Encounter first: the first value of a slot is the one that is filled in.
            let all = references.iter().chain(self.hospital.iter()).cloned().collect();
            let sample = self.samples.get(resource_type)?;
            bundle.create(&urn, resource_type, |out| sample.body_into(out, &name, None, &all));
            references.push((slot, urn));
        }
        session.send(Call::bundle("transaction", bundle.finish())).await?;
        Ok(Step::Again)
    }
}
