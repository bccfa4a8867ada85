//! `create`: single creates of a Patient, each acknowledged once it is durable.

use std::rc::Rc;

use clap::Args;

use crate::fault::Fault;
use crate::load::Pace;
use crate::load::{Bench, Step, VirtualUser};
use crate::population::surroundings;
use crate::report::Report;
use crate::sample::{References, Samples};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64)]
    pub(crate) clients: usize,
    /// Resource type to create.
    #[arg(long, default_value = "Patient")]
    pub(crate) resource_type: String,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let samples = Rc::new(Samples::prepare());
    let references = match options.resource_type.as_str() {
        "Patient" => References::new(),
        _ => surroundings(&mut bench.session(), &samples).await?,
    };
    let references = Rc::new(references);
    let run_name = uuid::Uuid::now_v7().simple().to_string();
    let creators = (0..options.clients.max(1))
        .map(|client| Creator {
            samples: Rc::clone(&samples),
            references: Rc::clone(&references),
            resource_type: options.resource_type.clone(),
            name: format!("{run_name}-{client}"),
            count: 0,
        })
        .collect();
    let (run, _creators) = bench.drive("create", Pace::Timed, creators).await;
    report.runs.push(run);
    Ok(())
}

struct Creator {
    samples: Rc<Samples>,
    references: Rc<References>,
    resource_type: String,
    /// With the count, distinct among all clients and runs.
    name: String,
    count: u64,
}

impl VirtualUser for Creator {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        self.count += 1;
        let n = format!("{}-{}", self.name, self.count);
        let sample = self.samples.get(&self.resource_type)?;
        session.send(sample.create(&n, &self.references)).await?;
        Ok(Step::Again)
    }
}
