//! `beds`: a nation of hospitals, the queue before them, and the operations on beds: availability near a point,
//! allocation one by one at a steady pace, and the whole queue at once.

mod seed;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::{
    call::Call,
    dice::Dice,
    fault::Fault,
    load::{Bench, Pace, Step, VirtualUser},
    report::{Report, number},
    session::Session,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Beds in all.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) beds: usize,
    /// Requests in the queue.
    #[arg(long, default_value_t = 5_000)]
    pub(crate) requests: usize,
    /// Hospitals, all over a country.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) hospitals: usize,
    /// So many of the requests are allocated one by one before the batch.
    #[arg(long, default_value_t = 0)]
    pub(crate) singles: usize,
    /// So many of them a second, however quick the answers are (an open loop).
    #[arg(long, default_value_t = 100)]
    pub(crate) rate: u32,
    /// A word that tells this run's resources from those of others.
    #[arg(long, default_value = "b")]
    pub(crate) name: String,
}

const CONNECTIONS: usize = 16;
/// Connections of the open loop: enough for answers of half a second at 100 a second.
const PACED: usize = 48;
const SETUP_AT_MOST: Duration = Duration::from_mins(30);

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let unwarmed = Bench { warmup: Duration::ZERO, ..bench.clone() };
    let mut session = bench.session();
    for bundle in seed::bundles(options, bench.seed) {
        session.require(Call::bundle("seed beds", bundle)).await?;
    }
    let orders: Vec<String> = (0..options.requests).map(|n| seed::order_id(options, n)).collect();
    let queue = Rc::new(RefCell::new(orders.clone()));
    let callers = (0..CONNECTIONS)
        .map(|_| Caller { queue: Rc::clone(&queue), operation: "$request-bed", timetable: None })
        .collect();
    let pace = Pace::UntilDone { at_most: SETUP_AT_MOST };
    let (run, _) = unwarmed.drive("request-bed", pace, callers).await;
    report.runs.push(run);

    let lookers = (0..4).map(|n| Looker { dice: Dice::new(bench.seed + n) }).collect();
    let (run, _) = bench.drive("bed-availability near", Pace::Timed, lookers).await;
    report.runs.push(run);

    if options.singles > 0 {
        let some = orders.iter().take(options.singles).cloned().collect();
        let queue: Rc<RefCell<Vec<String>>> = Rc::new(RefCell::new(some));
        let every = Duration::from_secs(1) / options.rate.max(1);
        let timetable = Some(Rc::new(Timetable { every, next: Cell::new(Instant::now()) }));
        let callers = (0..PACED)
            .map(|_| Caller {
                queue: Rc::clone(&queue),
                operation: "$allocate-bed",
                timetable: timetable.clone(),
            })
            .collect();
        let (run, _) = unwarmed.drive("allocate-bed, open loop", pace, callers).await;
        report.runs.push(run);
    }
    batch(&mut session, report).await
}

async fn batch(session: &mut Session, report: &mut Report) -> Result<(), Fault> {
    let begun = Instant::now();
    let call = post("allocate-bed, batch", "ServiceRequest/$allocate-bed").keeping_body();
    let answer = session.require(call).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let parameters = answer.get("parameter").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |it: &Value, name: &str| it.get("name").and_then(Value::as_str) == Some(name);
    let named = |name: &str| parameters.iter().filter(|it| is(it, name)).count();
    let summary = parameters.iter().find(|it| is(it, "summary")).and_then(|it| it.get("part"));
    let summary = summary.and_then(Value::as_array).cloned().unwrap_or_default();
    let part = |name: &str| {
        let found = summary.iter().find(|it| is(it, name)).and_then(Value::as_object);
        let value = found.and_then(|it| it.values().find(|it| it.is_number()));
        value.and_then(Value::as_f64).unwrap_or_default()
    };
    let held = named("allocation");
    report.check(
        "a batch is planned, applied and durable",
        number(held) >= part("served") && held > 0,
        format!(
            "{held} of {} requests held in {seconds:.2} s, of which the plan took {} ms; {} left",
            part("requests"),
            part("elapsedMs"),
            named("unallocated"),
        ),
    );
    Ok(())
}

fn post<'a>(label: &'static str, path: &'a str) -> Call<'a> {
    let body = Bytes::from_static(br#"{"resourceType":"Parameters"}"#);
    let call = Call::create(label, path, body).expecting(&[200]);
    debug_assert_eq!(call.method, Method::POST);
    call
}

/// Moments at a steady pace, each for one caller.
struct Timetable {
    every: Duration,
    next: Cell<Instant>,
}

impl Timetable {
    /// Waits for the next moment that nobody has; when it was, which may be over already.
    async fn wait(&self) -> Instant {
        let due = self.next.get();
        self.next.set(due + self.every);
        tokio::time::sleep_until(due.into()).await;
        due
    }
}

/// Calls an operation on orders, one after the other.
struct Caller {
    queue: Rc<RefCell<Vec<String>>>,
    operation: &'static str,
    /// When to call, however quick the answers are.
    timetable: Option<Rc<Timetable>>,
}

impl VirtualUser for Caller {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let due = match &self.timetable {
            Some(timetable) => timetable.wait().await,
            None => Instant::now(),
        };
        let order = self.queue.borrow_mut().pop();
        let Some(order) = order else { return Ok(Step::Done) };
        let path = format!("ServiceRequest/{order}/{}", self.operation);
        session.send_due(post(self.operation, &path), due).await?;
        Ok(Step::Again)
    }
}

/// Asks what is free near a random place.
struct Looker {
    dice: Dice,
}

impl VirtualUser for Looker {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let (latitude, longitude) = seed::place(&mut self.dice);
        let path = format!("Location/$bed-availability?near={latitude}|{longitude}|100|km");
        session.send(Call::get("bed-availability", &path.replace('|', "%7C"))).await?;
        Ok(Step::Again)
    }
}
