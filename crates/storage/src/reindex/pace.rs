//! How hard the background works: all it can while nobody asks for anything, little while somebody does.

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::find::ask::Dialect;

/// How much was asked for while somebody worked in the background. At other times nothing is counted, so that
/// reads do not wait for each other here.
#[derive(Debug, Default, Clone)]
pub(crate) struct Traffic(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    is_watched: AtomicBool,
    requests: AtomicU64,
}

/// What a processor's share of light work is while requests come: resources a second. PostgreSQL works on the same
/// processors beside the vault, and takes more of them for a resource.
const PER_PROCESSOR: f64 = 12_000.0;
const PER_PROCESSOR_POSTGRES: f64 = 11_000.0;
/// Rest after a second of light work, at least: others write, and processors are taken.
const LEAST_REST: f64 = 0.25;
/// Rest after a second of heavy work.
const REST: f64 = 1.0;
/// Requests a second that are none to speak of.
const QUIET_PER_SECOND: f64 = 20.0;

impl Traffic {
    /// Somebody asked for something.
    pub(crate) fn count(&self) {
        if self.0.is_watched.load(Ordering::Relaxed) {
            self.0.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn so_far(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }
}

/// The pace of one piece of work.
#[derive(Debug)]
pub(crate) struct Pace {
    traffic: Traffic,
    seen: u64,
    /// Resources a second while requests come.
    steadily: f64,
}

impl Pace {
    pub(crate) fn new(traffic: Traffic, database: Dialect) -> Self {
        traffic.0.is_watched.store(true, Ordering::Relaxed);
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let processors = u32::try_from(processors).unwrap_or(u32::MAX);
        let share = match database {
            Dialect::Sqlite => PER_PROCESSOR,
            Dialect::Postgres => PER_PROCESSOR_POSTGRES,
        };
        let steadily = share * f64::from(processors);
        Self { seen: traffic.so_far(), traffic, steadily }
    }

    /// Rests after light work on so many resources: a steady rate is quick enough while requests come.
    pub(crate) async fn rest_steadily(&mut self, worked: Duration, resources: usize) {
        let resources = u32::try_from(resources).unwrap_or(u32::MAX);
        let due = Duration::from_secs_f64(f64::from(resources) / self.steadily);
        let rest = due.saturating_sub(worked).max(worked.mul_f64(LEAST_REST));
        self.rest_for(worked, rest).await;
    }

    /// Rests after heavy work.
    pub(crate) async fn rest(&mut self, worked: Duration) {
        self.rest_for(worked, worked.mul_f64(REST)).await;
    }

    /// Rests, unless nobody asked for anything meanwhile.
    async fn rest_for(&mut self, worked: Duration, rest: Duration) {
        let so_far = self.traffic.so_far();
        let requests = u32::try_from(so_far - self.seen).unwrap_or(u32::MAX);
        let is_quiet = f64::from(requests) <= QUIET_PER_SECOND * worked.as_secs_f64();
        if is_quiet {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(rest).await;
        }
        self.seen = self.traffic.so_far();
    }
}

impl Drop for Pace {
    /// One piece of work at a time is done.
    fn drop(&mut self) {
        self.traffic.0.is_watched.store(false, Ordering::Relaxed);
    }
}
