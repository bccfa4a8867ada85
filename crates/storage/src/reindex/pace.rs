//! How hard the background works: all it can while nobody asks for anything, little while somebody does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// How much was asked for while somebody worked in the background. At other times nothing is counted, so that
/// reads do not wait for each other here.
#[derive(Debug, Default, Clone)]
pub(crate) struct Traffic(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    is_watched: AtomicBool,
    requests: AtomicU64,
}

/// For each second of work so many seconds of rest while requests come.
const REST_FACTOR: f64 = 1.0;
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
}

impl Pace {
    pub(crate) fn new(traffic: Traffic) -> Self {
        traffic.0.is_watched.store(true, Ordering::Relaxed);
        Self { seen: traffic.so_far(), traffic }
    }

    /// Rests as long as the requests that came during this work ask for.
    pub(crate) async fn rest(&mut self, worked: Duration) {
        let so_far = self.traffic.so_far();
        let requests = u32::try_from(so_far - self.seen).unwrap_or(u32::MAX);
        let is_quiet = f64::from(requests) <= QUIET_PER_SECOND * worked.as_secs_f64();
        if is_quiet {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(worked.mul_f64(REST_FACTOR)).await;
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
