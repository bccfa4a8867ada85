//! `readmix`: what an app that shows patients asks: reads, pages, a patient's observations, history.

use std::rc::Rc;

use clap::Args;

use crate::call::Call;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::Report;
use crate::session::Session;
use crate::workload::read::paths;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) users: usize,
    /// Distinct patients asked for.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) patients: usize,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Read,
    Page,
    Observations,
    Conditions,
    History,
}

const SHAPES: [(usize, Shape); 5] = [
    (45, Shape::Read),
    (20, Shape::Page),
    (20, Shape::Observations),
    (10, Shape::Conditions),
    (5, Shape::History),
];

impl Shape {
    /// The label and the path for a patient, `Patient/p1`.
    fn request(self, patient: &str) -> (&'static str, String) {
        match self {
            Self::Read => ("Patient/{id}", patient.to_owned()),
            Self::Page => ("Patient?_count=20", "Patient?_count=20".to_owned()),
            Self::Observations => {
                ("Observation?patient", format!("Observation?patient={patient}&_count=50"))
            }
            Self::Conditions => {
                ("Condition?patient", format!("Condition?patient={patient}&_count=50"))
            }
            Self::History => ("Patient/{id}/_history", format!("{patient}/_history?_count=10")),
        }
    }
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let patients: Rc<[String]> = paths(bench, "Patient", options.patients).await?.into();
    let users = (0..options.users.max(1))
        .map(|number| User {
            patients: Rc::clone(&patients),
            dice: Dice::new(bench.seed.wrapping_mul(1_000).wrapping_add(number as u64)),
        })
        .collect();
    let (run, _users) = bench.drive("readmix", Pace::Timed, users).await;
    report.runs.push(run);
    Ok(())
}

struct User {
    patients: Rc<[String]>,
    dice: Dice,
}

impl VirtualUser for User {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let shape = self.dice.weighted(&SHAPES).copied().unwrap_or(Shape::Read);
        let Some(patient) = self.dice.pick(&self.patients) else { return Ok(Step::Done) };
        let (label, path) = shape.request(patient);
        session.send(Call::get(label, &path)).await?;
        Ok(Step::Again)
    }
}
