//! Counters for Prometheus: <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Methods that are counted by name; the last stands for all others.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];

/// Statuses that are counted one by one; the last stands for all others.
const STATUSES: [u16; 24] = [
    200, 201, 204, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 422, 429,
    431, 500, 501, 503, 0,
];

/// Upper ends of the buckets, in seconds.
const BUCKETS: [f64; 14] = [
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    1.0,
    5.0,
    f64::INFINITY,
];

/// Bytes of a page of memory, as `/proc/self/statm` counts them.
const PAGE_BYTES: u64 = 4096;

/// What happened to one method.
#[derive(Debug, Default)]
struct Method {
    statuses: [AtomicU64; STATUSES.len()],
    buckets: [AtomicU64; BUCKETS.len()],
    nanoseconds: AtomicU64,
}

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    methods: [Method; METHODS.len()],
}

impl Metrics {
    /// Counts a request that was answered.
    pub(crate) fn record(&self, method: &str, status: u16, duration: Duration) {
        let at = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let Some(counters) = self.methods.get(at) else { return };
        let at = STATUSES.iter().position(|known| *known == status).unwrap_or(STATUSES.len() - 1);
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS.len() - 1);
        let counted = [counters.statuses.get(at), counters.buckets.get(bucket)];
        for counter in counted.into_iter().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        counters.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// The page that Prometheus reads.
    pub(crate) fn text(&self, in_flight: usize) -> String {
        let mut page = String::with_capacity(8192);
        title(&mut page, "http_requests_total", ("counter", "Requests answered"));
        for (method, counters) in METHODS.iter().zip(&self.methods) {
            for (status, counter) in STATUSES.iter().zip(&counters.statuses) {
                let count = counter.load(Ordering::Relaxed);
                if count > 0 {
                    line(
                        &mut page,
                        format_args!(
                            "http_requests_total{{method=\"{method}\",status=\"{status}\"}} {count}"
                        ),
                    );
                }
            }
        }
        self.durations(&mut page);
        title(&mut page, "http_requests_in_flight", ("gauge", "Requests being answered"));
        line(&mut page, format_args!("http_requests_in_flight {in_flight}"));
        title(&mut page, "process_resident_memory_bytes", ("gauge", "Memory in use"));
        line(&mut page, format_args!("process_resident_memory_bytes {}", resident_bytes()));
        page
    }

    fn durations(&self, page: &mut String) {
        const NAME: &str = "http_request_duration_seconds";
        title(page, NAME, ("histogram", "From the head of a request to its answer"));
        for (method, counters) in METHODS.iter().zip(&self.methods) {
            let mut count = 0;
            let counts: Vec<u64> =
                counters.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
            if counts.iter().all(|count| *count == 0) {
                continue;
            }
            for (end, in_bucket) in BUCKETS.iter().zip(counts) {
                count += in_bucket;
                let end = if end.is_finite() { end.to_string() } else { "+Inf".to_owned() };
                line(
                    page,
                    format_args!("{NAME}_bucket{{method=\"{method}\",le=\"{end}\"}} {count}"),
                );
            }
            let sum =
                Duration::from_nanos(counters.nanoseconds.load(Ordering::Relaxed)).as_secs_f64();
            line(page, format_args!("{NAME}_sum{{method=\"{method}\"}} {sum}"));
            line(page, format_args!("{NAME}_count{{method=\"{method}\"}} {count}"));
        }
    }
}

fn title(page: &mut String, name: &str, (kind, help): (&str, &str)) {
    line(page, format_args!("# HELP {name} {help}"));
    line(page, format_args!("# TYPE {name} {kind}"));
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    // writing to a String cannot fail
    let _ = writeln!(page, "{text}");
}

/// What the kernel says of this process; 0 where it says nothing.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_method_and_status() {
        let metrics = Metrics::default();
        metrics.record("GET", 200, Duration::from_micros(80));
        metrics.record("GET", 200, Duration::from_millis(3));
        metrics.record("BREW", 418, Duration::from_mins(1));
        let page = metrics.text(1);
        for expected in [
            "http_requests_total{method=\"GET\",status=\"200\"} 2\n",
            "http_requests_total{method=\"other\",status=\"0\"} 1\n",
            "http_request_duration_seconds_bucket{method=\"GET\",le=\"0.0001\"} 1\n",
            "http_request_duration_seconds_bucket{method=\"GET\",le=\"0.005\"} 2\n",
            "http_request_duration_seconds_bucket{method=\"other\",le=\"+Inf\"} 1\n",
            "http_request_duration_seconds_sum{method=\"GET\"} 0.00308\n",
            "http_requests_in_flight 1\n",
        ] {
            assert!(page.contains(expected), "{expected}{page}");
        }
        assert!(!page.contains("process_resident_memory_bytes 0\n"));
    }
}
