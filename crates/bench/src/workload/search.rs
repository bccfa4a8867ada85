//! `search`: the shapes by which searches are compared, on a nation that grows between the measurements.
//! The question is what a query costs when there is more that it does not ask for.

mod goals;
mod grow;
pub(crate) mod ladder;
mod query;
mod searchset;
mod shapes;
mod values;

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;

use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::{Report, Run, number, per};
use crate::session::Session;
use ladder::{Ladder, Reading, Rung};
use query::Query;
use shapes::{SHAPES, Set, Shape};
use values::Sampler;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Populations at which is measured, rising.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 4_000, 16_000])]
    pub(crate) patients: Vec<usize>,
    /// Virtual users of each shape.
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: usize,
    /// Connections that store the nation.
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Patients of this seed that an earlier run has stored already; at each server, where there are several.
    #[arg(long, default_value_t = 0)]
    pub(crate) stored: usize,
    /// Only shapes of these sets.
    #[arg(long, value_delimiter = ',')]
    pub(crate) sets: Vec<Set>,
    /// Only shapes whose text contains this; may be given several times.
    #[arg(long)]
    pub(crate) only: Vec<String>,
    /// Rounds over all shapes at each population; of each shape the round whose p50 is in the middle counts.
    #[arg(long, default_value_t = 1)]
    pub(crate) rounds: usize,
    /// Seconds between the last write and the first search of a step.
    #[arg(long, default_value_t = 3)]
    pub(crate) settle: u64,
    /// Servers of their own for all populations but the last, in their order. Each shape is then measured at all of them
    /// one after the other: what else the machine does meanwhile falls on all alike.
    #[arg(long, value_delimiter = ',')]
    pub(crate) beside: Vec<String>,
}

/// What is measured at once: servers, and which patients each is given before.
type Stage = Vec<(Bench, Range<usize>)>;

/// Requests before the clock whose answers are parsed whole.
const PROBES: usize = 20;

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let shapes = options.shapes()?;
    let mut ladder = Ladder {
        clients: options.clients.max(1),
        seconds: bench.measured.as_secs_f64(),
        rungs: shapes.iter().map(|shape| Rung::of(shape)).collect(),
        ..Ladder::default()
    };
    for stage in options.stages(bench)? {
        for (bench, new) in &stage {
            if !new.is_empty() {
                report.runs.push(grow::grow(bench, options.workers, new.clone()).await?);
            }
        }
        if stage.iter().any(|(_, new)| !new.is_empty()) {
            tokio::time::sleep(Duration::from_secs(options.settle)).await;
        }
        let mut rounds = vec![vec![Vec::new(); stage.len()]; shapes.len()];
        for _ in 0..options.rounds.max(1) {
            for (shape, readings) in shapes.iter().zip(&mut rounds) {
                for ((bench, new), readings) in stage.iter().zip(readings) {
                    readings.push(measure(bench, shape, (ladder.clients, new.end)).await?);
                }
            }
        }
        for (rung, readings) in ladder.rungs.iter_mut().zip(rounds) {
            rung.readings.extend(readings.into_iter().filter_map(Reading::middle));
        }
        ladder.patients.extend(stage.iter().map(|(_, new)| new.end));
    }
    goals::judge(&mut ladder, report);
    report.ladder = Some(ladder);
    Ok(())
}

impl Options {
    fn shapes(&self) -> Result<Vec<&'static Shape>, Fault> {
        let is_wanted = |shape: &&Shape| {
            (self.sets.is_empty() || self.sets.contains(&shape.set))
                && (self.only.is_empty()
                    || self.only.iter().any(|text| shape.template.contains(text)))
        };
        let shapes: Vec<_> = SHAPES.iter().filter(is_wanted).collect();
        if shapes.is_empty() {
            return Err(Fault::Usage("--sets and --only leave no shape".into()));
        }
        Ok(shapes)
    }

    /// One stage after the other, or where there is a server for each population, one of all.
    fn stages(&self, bench: &Bench) -> Result<Vec<Stage>, Fault> {
        let mut steps = self.steps()?;
        if self.beside.is_empty() {
            let mut there = self.stored;
            let stage =
                |patients| vec![(bench.clone(), std::mem::replace(&mut there, patients)..patients)];
            return Ok(steps.into_iter().map(stage).collect());
        }
        let last = steps.split_off(self.beside.len().min(steps.len()));
        let [last] = last[..] else {
            let text = "--beside names a server for each of --patients but the last";
            return Err(Fault::Usage(text.into()));
        };
        let mut stage = Vec::new();
        for (url, patients) in self.beside.iter().zip(steps) {
            let target = Rc::new(bench.target.at(url)?);
            let beside = Bench { target, server_pid: None, ..bench.clone() };
            stage.push((beside, self.stored.min(patients)..patients));
        }
        stage.push((bench.clone(), self.stored.min(last)..last));
        Ok(vec![stage])
    }

    fn steps(&self) -> Result<Vec<usize>, Fault> {
        let is_rising = self.patients.is_sorted_by(|one, next| one < next);
        let least = if self.beside.is_empty() { self.stored.max(1) } else { 1 };
        let is_reachable = self.patients.iter().all(|patients| *patients >= least);
        if self.patients.is_empty() || !is_rising || !is_reachable {
            let text = "--patients are rising numbers from 1, none below --stored";
            return Err(Fault::Usage(text.into()));
        }
        Ok(self.patients.clone())
    }
}

/// One shape at one population.
async fn measure(
    bench: &Bench,
    shape: &Shape,
    (clients, patients): (usize, usize),
) -> Result<Reading, Fault> {
    let query = Rc::new(Query::parse(shape.template)?);
    let (found, complaint) = probe(bench, &query, patients).await;
    let users = (0..clients)
        .map(|user| Searcher {
            label: shape.template,
            query: Rc::clone(&query),
            sampler: Sampler::new(bench.seed, patients, user + 1),
        })
        .collect();
    let (run, _users) = bench.drive(shape.template, Pace::Timed, users).await;
    Ok(reading(&run, found, complaint))
}

/// How many resources a page has on average, and what is wrong with the first answer that is none.
async fn probe(bench: &Bench, query: &Query, patients: usize) -> (f64, Option<String>) {
    let mut session = bench.session();
    let mut sampler = Sampler::new(bench.seed, patients, 0);
    let (mut found, mut answers, mut complaint) = (0, 0, None);
    for _ in 0..PROBES {
        let path = query.fill(&mut sampler);
        let answer = match session.require(Call::get("probe", &path).keeping_body()).await {
            Ok(answer) => answer,
            Err(fault) => {
                complaint.get_or_insert(format!("{path} -> {fault}"));
                continue;
            }
        };
        match (searchset::fault(&answer), searchset::found(&answer)) {
            (None, Some(number)) => {
                found += number;
                answers += 1;
            }
            (wrong, _) => {
                let wrong = wrong.unwrap_or_else(|| "200, and not JSON".to_owned());
                complaint.get_or_insert(format!("{path} -> {wrong}"));
            }
        }
    }
    (per(found, number(answers)), complaint)
}

fn reading(run: &Run, found: f64, complaint: Option<String>) -> Reading {
    let filed = run.operations.first();
    let said = || filed.and_then(|one| one.errors.keys().next().cloned());
    let mut reading = Reading {
        requests: run.requests,
        errors: run.errors,
        complaint: complaint.or_else(said),
        requests_per_second: run.requests_per_second,
        p50_ms: run.p50_ms,
        p99_ms: run.p99_ms,
        server_cpu_ms: None,
        resources_per_answer: found,
        bytes_per_answer: filed.map_or(0, |one| one.bytes / one.requests.max(1)),
    };
    if reading.requests == 0 && reading.errors == 0 {
        reading.errors = 1;
        reading.complaint.get_or_insert(format!("no answer within {} s", run.seconds));
    }
    let answers = per((run.requests + run.errors).max(1), 1.0);
    reading.server_cpu_ms = run.server.as_ref().map(|used| used.cpu_seconds * 1_000.0 / answers);
    reading
}

struct Searcher {
    label: &'static str,
    query: Rc<Query>,
    sampler: Sampler,
}

impl VirtualUser for Searcher {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let path = self.query.fill(&mut self.sampler);
        let call = Call::get(self.label, &path).judged_by(searchset::fault);
        session.send(call).await?;
        Ok(Step::Again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    type Told = Vec<(String, Range<usize>)>;

    fn stages(beside: &[&str], stored: usize) -> Result<Vec<Told>, Fault> {
        let bench = Bench {
            target: Rc::new(Target::parse("http://127.0.0.1:1/fhir", None).unwrap()),
            server_pid: Some(1),
            warmup: Duration::ZERO,
            measured: Duration::ZERO,
            seed: 1,
        };
        let options = Options {
            patients: vec![10, 40],
            clients: 1,
            workers: 1,
            stored,
            sets: Vec::new(),
            only: Vec::new(),
            rounds: 1,
            settle: 0,
            beside: beside.iter().map(|url| (*url).to_owned()).collect(),
        };
        let told = |(bench, new): (Bench, Range<usize>)| (bench.target.url(), new);
        let stages = options.stages(&bench)?.into_iter();
        Ok(stages.map(|stage| stage.into_iter().map(told).collect()).collect())
    }

    #[test]
    fn populations_follow_each_other_or_stand_side_by_side() {
        let own = || "http://127.0.0.1:1/fhir".to_owned();
        assert_eq!(stages(&[], 0).unwrap(), [vec![(own(), 0..10)], vec![(own(), 10..40)]]);
        let other = "http://127.0.0.1:2/fhir";
        let both = |there| vec![(other.to_owned(), there..10), (own(), there..40)];
        assert_eq!(stages(&[other], 0).unwrap(), [both(0)]);
        assert_eq!(stages(&[other], 10).unwrap(), [both(10)]);
        assert!(stages(&[other, other], 0).is_err());
        assert!(stages(&["http://192.0.2.1/fhir"], 0).is_err());
        assert!(stages(&[], 20).is_err());
    }
}
