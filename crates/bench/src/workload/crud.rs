//! `crud`: create 10, read 60, update 25, delete 5 of a hundred, over the five types a ward writes most.

use std::collections::BTreeMap;
use std::rc::Rc;

use clap::Args;

use crate::dice::Dice;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::population::{seed, surroundings};
use crate::report::Report;
use crate::sample::{References, Samples};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) users: usize,
    /// Resources that are there before the clock starts, shared out among the users.
    #[arg(long, default_value_t = 3_200)]
    pub(crate) resources: usize,
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Create,
    Read,
    Update,
    Delete,
}

const VERBS: [(usize, Verb); 4] =
    [(10, Verb::Create), (60, Verb::Read), (25, Verb::Update), (5, Verb::Delete)];

const TYPES: [(usize, &str); 5] = [
    (50, "Observation"),
    (20, "Patient"),
    (15, "Condition"),
    (10, "Encounter"),
    (5, "MedicationRequest"),
];

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let samples = Rc::new(Samples::prepare());
    let mut session = bench.session();
    let references = Rc::new(surroundings(&mut session, &samples).await?);
    let count = options.users.max(1);
    let run_name = uuid::Uuid::now_v7().simple().to_string();
    let mut users: Vec<User> = (0..count)
        .map(|number| User {
            samples: Rc::clone(&samples),
            references: Rc::clone(&references),
            dice: Dice::new(bench.seed.wrapping_mul(1_000).wrapping_add(number as u64)),
            name: format!("{run_name}-{number}"),
            count: 0,
            paths: BTreeMap::new(),
        })
        .collect();
    for (weight, resource_type) in TYPES {
        // at least two each, so that a delete always leaves one to read
        let wanted = (options.resources * weight / 100).max(2 * count);
        let sample = samples.get(resource_type)?;
        let paths = seed(&mut session, sample, &references, wanted).await?;
        for (user, path) in (0..count).cycle().zip(paths) {
            if let Some(user) = users.get_mut(user) {
                user.paths.entry(resource_type).or_default().push(path);
            }
        }
    }
    let (run, _users) = bench.drive("crud", Pace::Timed, users).await;
    report.runs.push(run);
    Ok(())
}

/// Owns what it reads and writes, so that nobody deletes under another's hands.
struct User {
    samples: Rc<Samples>,
    references: Rc<References>,
    dice: Dice,
    name: String,
    count: u64,
    paths: BTreeMap<&'static str, Vec<String>>,
}

impl VirtualUser for User {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let verb = self.dice.weighted(&VERBS).copied().unwrap_or(Verb::Read);
        let resource_type = self.dice.weighted(&TYPES).copied().unwrap_or("Observation");
        let sample = self.samples.get(resource_type)?;
        self.count += 1;
        let n = format!("{}-{}", self.name, self.count);
        let paths = self.paths.entry(resource_type).or_default();
        let at = self.dice.below(paths.len());
        match (verb, paths.get(at)) {
            (Verb::Read, Some(path)) => drop(session.send(sample.read(path)).await?),
            (Verb::Update, Some(path)) => {
                session.send(sample.update(path, &n, &self.references)).await?;
            }
            (Verb::Delete, Some(_)) if paths.len() > 1 => {
                let path = paths.swap_remove(at);
                session.send(sample.delete(&path)).await?;
            }
            (Verb::Create | Verb::Read | Verb::Update | Verb::Delete, _) => {
                let answer = session.send(sample.create(&n, &self.references)).await?;
                paths.extend(answer.id().map(|id| format!("{resource_type}/{id}")));
            }
        }
        Ok(Step::Again)
    }
}
