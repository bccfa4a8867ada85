//! `fill`: many small resources quickly, for the question how a server starts and answers when full.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use crate::bundle::{BundleAnswer, TransactionBuilder};
use crate::call::Call;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::{Report, STORED, number};
use crate::session::Session;
use crate::template::Template;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) resources: usize,
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Entries of a transaction; one in twenty is a Patient, the others are its Observations.
    #[arg(long, default_value_t = 400)]
    pub(crate) entries: usize,
}

const LIMIT: Duration = Duration::from_hours(2);
const OBSERVATIONS_PER_PATIENT: usize = 19;

const PATIENT: &str = concat!(
    r#"{"resourceType":"Patient","identifier":[{"system":"http://bench.example.org/fill","value":"{{n}}"}],"#,
    r#""name":[{"family":"{{family}}"}],"gender":"{{gender}}","birthDate":"19{{year}}-05-17"}"#
);
const OBSERVATION: &str = concat!(
    r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"{{code}}"}]},"#,
    r#""subject":{"reference":"{{patient}}"},"effectiveDateTime":"20{{year}}-03-01","#,
    r#""valueQuantity":{"value":{{value}},"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}"#
);
const FAMILIES: [&str; 6] = ["Alm", "Borg", "Dahl", "Ek", "Lund", "Strand"];
const GENDERS: [&str; 2] = ["female", "male"];
const CODES: [&str; 5] = ["8480-6", "8462-4", "8867-4", "29463-7", "8302-2"];

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let left = Rc::new(Cell::new(options.resources));
    let stored = Rc::new(Cell::new(0));
    let workers = (0..options.workers.max(1))
        .map(|worker| Worker {
            left: Rc::clone(&left),
            stored: Rc::clone(&stored),
            entries: options.entries.max(1),
            patient: Template::new(PATIENT),
            observation: Template::new(OBSERVATION),
            dice: Dice::new(bench.seed.wrapping_mul(1_000).wrapping_add(worker as u64)),
        })
        .collect();
    let (mut run, _workers) =
        bench.drive("fill", Pace::UntilDone { at_most: LIMIT }, workers).await;
    run.fact("resources", number(stored.get()), "");
    run.fact(STORED, number(stored.get()) / run.seconds, "resources/s");
    report.check(
        "every resource stored",
        stored.get() == options.resources,
        format!("{} of {}", stored.get(), options.resources),
    );
    report.runs.push(run);
    Ok(())
}

struct Worker {
    left: Rc<Cell<usize>>,
    stored: Rc<Cell<usize>>,
    entries: usize,
    patient: Template,
    observation: Template,
    dice: Dice,
}

impl VirtualUser for Worker {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let count = self.entries.min(self.left.get());
        if count == 0 {
            return Ok(Step::Done);
        }
        self.left.set(self.left.get() - count);
        let bundle = self.bundle(count);
        let answer = session.send(Call::bundle("transaction", bundle).keeping_body()).await?;
        if answer.status == 200 {
            let accepted = BundleAnswer::parse(&answer.body)?.accepted();
            self.stored.set(self.stored.get() + accepted);
        }
        Ok(Step::Again)
    }
}

impl Worker {
    fn bundle(&mut self, count: usize) -> bytes::Bytes {
        let mut bundle = TransactionBuilder::new();
        let mut patient = String::new();
        for at in 0..count {
            let name = uuid::Uuid::now_v7().to_string();
            let urn = format!("urn:uuid:{name}");
            let year = format!("{:02}", self.dice.below(25));
            if at % (OBSERVATIONS_PER_PATIENT + 1) == 0 {
                let family = self.dice.pick(&FAMILIES).copied().unwrap_or_default();
                let gender = self.dice.pick(&GENDERS).copied().unwrap_or_default();
                let values =
                    [("n", &*name), ("family", family), ("gender", gender), ("year", &*year)];
                bundle.create(&urn, "Patient", |out| self.patient.fill_into(out, &values));
                patient = urn;
                continue;
            }
            let code = self.dice.pick(&CODES).copied().unwrap_or_default();
            let value = (60 + self.dice.below(120)).to_string();
            let values =
                [("code", code), ("patient", &*patient), ("year", &*year), ("value", &*value)];
            bundle.create(&urn, "Observation", |out| self.observation.fill_into(out, &values));
        }
        bundle.finish()
    }
}
