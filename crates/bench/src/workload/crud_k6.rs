//! `crud-k6`: the iteration of the public k6 comparison of FHIR servers: nine resources that refer to
//! each other are created, read, updated with one field changed, and deleted in reverse; 36 requests.

use std::rc::Rc;

use clap::Args;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};

use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::Report;
use crate::sample::{References, Samples};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) users: usize,
}

/// In the order in which they can refer to each other; the slot that later ones fill.
const ORDER: [(&str, &str); 9] = [
    ("patient", "Patient"),
    ("location", "Location"),
    ("organization", "Organization"),
    ("practitioner", "Practitioner"),
    ("encounter", "Encounter"),
    ("observation", "Observation"),
    ("medication_request", "MedicationRequest"),
    ("claim", "Claim"),
    ("benefit", "ExplanationOfBenefit"),
];

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let samples = Rc::new(Samples::prepare());
    let run_name = uuid::Uuid::now_v7().simple().to_string();
    let users = (0..options.users.max(1))
        .map(|number| User {
            samples: Rc::clone(&samples),
            name: format!("{run_name}-{number}"),
            iterations: 0,
        })
        .collect();
    let (run, _users) = bench.drive("crud-k6", Pace::Timed, users).await;
    report.runs.push(run);
    Ok(())
}

struct User {
    samples: Rc<Samples>,
    name: String,
    iterations: u64,
}

impl VirtualUser for User {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        self.iterations += 1;
        let n = format!("{}-{}", self.name, self.iterations);
        let changed = format!("{n}-changed");
        let mut references = References::new();
        for (slot, resource_type) in ORDER {
            let create = self.samples.get(resource_type)?.create(&n, &references);
            let answer = session.send(compressed(create)).await?;
            let Some(id) = answer.id() else {
                return Err(Fault::Answer(format!("create {resource_type}: no Location")));
            };
            references.push((slot, format!("{resource_type}/{id}")));
        }
        for ((_, resource_type), (_, path)) in ORDER.iter().zip(&references) {
            session.send(compressed(self.samples.get(resource_type)?.read(path))).await?;
        }
        for ((_, resource_type), (_, path)) in ORDER.iter().zip(&references) {
            let sample = self.samples.get(resource_type)?;
            session.send(compressed(sample.update(path, &changed, &references))).await?;
        }
        for ((_, resource_type), (_, path)) in ORDER.iter().zip(&references).rev() {
            session.send(compressed(self.samples.get(resource_type)?.delete(path))).await?;
        }
        Ok(Step::Again)
    }
}

fn compressed(call: Call<'_>) -> Call<'_> {
    call.header(ACCEPT_ENCODING, HeaderValue::from_static("gzip"))
}
