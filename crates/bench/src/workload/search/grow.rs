//! Lets the nation grow: what is new is posted in transaction Bundles, hospitals before patients.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::bundle::{BundleAnswer, TransactionBuilder};
use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::nation::Nation;
use crate::report::{Run, STORED, number};
use crate::session::Session;

/// Patients of a Bundle: about a hundred entries.
const PATIENTS_PER_BUNDLE: usize = 4;
const HOSPITALS_PER_BUNDLE: usize = 25;
const LIMIT: Duration = Duration::from_hours(2);

/// Stores the patients `range` and the hospitals that come with them.
pub(super) async fn grow(bench: &Bench, workers: usize, range: Range<usize>) -> Result<Run, Fault> {
    let nation = Nation::new(bench.seed);
    build(bench, nation, &range).await?;
    let shared = Rc::new(Shared {
        nation,
        base: bench.target.url(),
        next: Cell::new(range.start),
        end: range.end,
        resources: Cell::new(0),
        refusal: RefCell::default(),
    });
    let workers = (0..workers.max(1)).map(|_| Registrar(Rc::clone(&shared))).collect();
    let work = format!("grow to {} patients", range.end);
    let (mut run, _workers) = bench.drive(&work, Pace::UntilDone { at_most: LIMIT }, workers).await;
    if let Some(refusal) = shared.refusal.take() {
        return Err(Fault::Answer(format!("{work}: {refusal}")));
    }
    if run.errors > 0 {
        return Err(Fault::Answer(format!("{work}: {} Bundles were lost", run.errors)));
    }
    let resources = number(shared.resources.get());
    run.fact("resources", resources, "");
    run.fact(STORED, resources / run.seconds, "resources/s");
    Ok(run)
}

/// The hospitals that are new.
async fn build(bench: &Bench, nation: Nation, range: &Range<usize>) -> Result<(), Fault> {
    let there = if range.start == 0 { 0 } else { Nation::hospitals(range.start) };
    let new: Vec<usize> = (there..Nation::hospitals(range.end)).collect();
    let mut session = bench.session();
    for numbers in new.chunks(HOSPITALS_PER_BUNDLE) {
        let resources = numbers.iter().flat_map(|number| nation.hospital(*number));
        let (bundle, entries) = transaction(&bench.target.url(), resources)?;
        let answer = session.require(Call::bundle("hospitals", bundle).keeping_body()).await?;
        stored(&answer.body, entries)?;
    }
    Ok(())
}

struct Shared {
    nation: Nation,
    base: String,
    /// The first patient that nobody has taken yet.
    next: Cell<usize>,
    end: usize,
    resources: Cell<usize>,
    /// The first Bundle that was not stored stops all.
    refusal: RefCell<Option<String>>,
}

struct Registrar(Rc<Shared>);

impl VirtualUser for Registrar {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let shared = &self.0;
        let from = shared.next.get();
        let to = (from + PATIENTS_PER_BUNDLE).min(shared.end);
        if from >= to || shared.refusal.borrow().is_some() {
            return Ok(Step::Done);
        }
        shared.next.set(to);
        let resources = (from..to).flat_map(|number| shared.nation.patient(number));
        let (bundle, entries) = transaction(&shared.base, resources)?;
        let answer = session.send(Call::bundle("transaction", bundle).keeping_body()).await?;
        match stored(&answer.body, entries) {
            Ok(()) => shared.resources.set(shared.resources.get() + entries),
            Err(fault) => *shared.refusal.borrow_mut() = Some(fault.to_string()),
        }
        Ok(Step::Again)
    }
}

/// PUT of each resource at its own id, so that who asks later knows it; gives the number of entries.
fn transaction(
    base: &str,
    resources: impl Iterator<Item = Value>,
) -> Result<(Bytes, usize), Fault> {
    let mut bundle = TransactionBuilder::new();
    for resource in resources {
        let member = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = format!("{}/{}", member("resourceType"), member("id"));
        let body = serde_json::to_vec(&resource)?;
        bundle.update(&format!("{base}/{path}"), &path, |out| out.extend_from_slice(&body));
    }
    let entries = bundle.entries();
    Ok((bundle.finish(), entries))
}

fn stored(body: &[u8], entries: usize) -> Result<(), Fault> {
    const SHOWN: usize = 400;
    let is_stored = BundleAnswer::parse(body).is_ok_and(|answer| answer.accepted() == entries);
    if is_stored {
        return Ok(());
    }
    let shown = String::from_utf8_lossy(body.get(..SHOWN).unwrap_or(body)).into_owned();
    Err(Fault::Answer(format!("a Bundle was not stored: {shown}")))
}
