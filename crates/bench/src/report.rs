//! The figures of an invocation, as JSON for machines and as Markdown for the README.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::process::Usage;
use crate::recorder::Series;
use crate::workload::search::ladder::Ladder;

/// The fact that holds resources a second.
pub(crate) const STORED: &str = "stored";

/// Everything one invocation measured and checked.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) base_url: String,
    pub(crate) runs: Vec<Run>,
    /// Every run behind `runs`, where those were chosen among several rounds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rounds: Vec<Run>,
    pub(crate) checks: Vec<Check>,
    /// Searches at growing populations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ladder: Option<Ladder>,
}

/// One workload, once.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Run {
    pub(crate) work: String,
    pub(crate) users: usize,
    pub(crate) seconds: f64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) client_cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerUse>,
    /// What this workload counts besides requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) facts: Vec<Fact>,
    pub(crate) operations: Vec<Operation>,
}

/// One label of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Operation {
    pub(crate) label: String,
    pub(crate) requests: u64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p90_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) errors: BTreeMap<String, u64>,
}

/// What the server's process used during the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerUse {
    pub(crate) cpu_seconds: f64,
    pub(crate) requests_per_cpu_second: f64,
    pub(crate) rss_before_mib: f64,
    pub(crate) rss_after_mib: f64,
    pub(crate) rss_peak_mib: f64,
}

/// A named number with its unit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// Something that must hold; one that does not makes the exit status 1.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) holds: bool,
    pub(crate) found: String,
}

impl Run {
    pub(crate) fn new(work: &str, users: usize, series: BTreeMap<&'static str, Series>) -> Self {
        let mut run = Self { work: work.to_owned(), users, ..Self::default() };
        let mut all: Option<hdrhistogram::Histogram<u64>> = None;
        for (label, series) in series {
            run.requests += series.times.len();
            run.errors += series.error_count();
            match &mut all {
                Some(all) => drop(all.add(&series.times)),
                None => all = Some(series.times.clone()),
            }
            run.operations.push(Operation::new(label, series));
        }
        if let Some(all) = all {
            run.p50_ms = quantile_ms(&all, 0.50);
            run.p99_ms = quantile_ms(&all, 0.99);
            run.max_ms = quantile_ms(&all, 1.0);
        }
        run
    }

    /// Sets the time that the counts belong to, and with it the rates.
    pub(crate) fn timed(&mut self, time: Duration) {
        self.seconds = time.as_secs_f64();
        self.requests_per_second = per(self.requests, self.seconds);
        for operation in &mut self.operations {
            operation.requests_per_second = per(operation.requests, self.seconds);
        }
    }

    pub(crate) fn server_used(
        &mut self,
        idle: Option<Usage>,
        before: Option<Usage>,
        after: Option<Usage>,
    ) {
        let (Some(before), Some(after)) = (before, after) else { return };
        let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
        self.server = Some(ServerUse {
            cpu_seconds,
            requests_per_cpu_second: per(self.requests, cpu_seconds),
            rss_before_mib: idle.unwrap_or(before).rss_mib,
            rss_after_mib: after.rss_mib,
            rss_peak_mib: after.rss_peak_mib,
        });
    }

    pub(crate) fn fact(&mut self, name: &str, value: f64, unit: &'static str) {
        self.facts.push(Fact { name: name.to_owned(), value, unit });
    }

    /// By which runs of the same work are compared.
    pub(crate) fn rate(&self) -> f64 {
        self.fact_value(STORED).unwrap_or(self.requests_per_second)
    }

    pub(crate) fn fact_value(&self, name: &str) -> Option<f64> {
        self.facts.iter().find(|fact| fact.name == name).map(|fact| fact.value)
    }
}

impl Operation {
    fn new(label: &str, series: Series) -> Self {
        Self {
            label: label.to_owned(),
            requests: series.times.len(),
            requests_per_second: 0.0,
            p50_ms: quantile_ms(&series.times, 0.50),
            p90_ms: quantile_ms(&series.times, 0.90),
            p99_ms: quantile_ms(&series.times, 0.99),
            max_ms: quantile_ms(&series.times, 1.0),
            bytes: series.bytes,
            errors: series.errors,
        }
    }
}

impl Report {
    #[expect(clippy::fn_params_excessive_bools, reason = "the flag is a result, not a mode")]
    pub(crate) fn check(&mut self, name: &str, holds: bool, found: impl Into<String>) {
        self.checks.push(Check { name: name.to_owned(), holds, found: found.into() });
    }

    pub(crate) fn all_hold(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        if !self.runs.is_empty() {
            out.push_str(
                "| work | users | requests/s | p50 ms | p99 ms | max ms | errors \
                 | per server CPU-s | RSS peak MiB | facts |\n\
                 | --- | --: | --: | --: | --: | --: | --: | --: | --: | --- |\n",
            );
        }
        for run in &self.runs {
            out.push_str(&run.markdown_row());
        }
        self.markdown_errors(&mut out);
        if let Some(ladder) = &self.ladder {
            out.push_str(&ladder.markdown());
        }
        if !self.checks.is_empty() {
            out.push_str("\n| check | holds | found |\n| --- | --- | --- |\n");
        }
        for check in &self.checks {
            let holds = if check.holds { "yes" } else { "**no**" };
            push_line(
                &mut out,
                format_args!("| {} | {holds} | {} |", check.name, cell(&check.found)),
            );
        }
        out
    }

    fn markdown_errors(&self, out: &mut String) {
        let operations = self
            .runs
            .iter()
            .flat_map(|run| run.operations.iter().map(move |operation| (run, operation)));
        for (run, operation) in operations {
            for (complaint, count) in &operation.errors {
                let place = format_args!("{} · {}", run.work, operation.label);
                push_line(
                    out,
                    format_args!("\n- error, {place}, {count} times: {}", cell(complaint)),
                );
            }
        }
    }
}

impl Run {
    fn markdown_row(&self) -> String {
        let mut row = format!(
            "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {} |",
            self.work,
            self.users,
            self.requests_per_second,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.errors
        );
        let server = self.server.as_ref().map_or_else(
            || " | |".to_owned(),
            |used| format!(" {:.0} | {:.0} |", used.requests_per_cpu_second, used.rss_peak_mib),
        );
        row.push_str(&server);
        let facts: Vec<String> = self.facts.iter().map(Fact::text).collect();
        push_line(&mut row, format_args!(" {} |", facts.join(", ")));
        row
    }
}

impl Fact {
    fn text(&self) -> String {
        let digits = if self.value.abs() < 10.0 && self.value.fract() != 0.0 { 2 } else { 0 };
        format!("{} {:.digits$} {}", self.name, self.value, self.unit).trim_end().to_owned()
    }
}

/// A rate; 0 where there was no time.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn per(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// A count as a fact's value.
pub(crate) fn number(count: usize) -> f64 {
    per(u64::try_from(count).unwrap_or(u64::MAX), 1.0)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of at most half an hour")]
fn quantile_ms(times: &hdrhistogram::Histogram<u64>, quantile: f64) -> f64 {
    times.value_at_quantile(quantile) as f64 / 1000.0
}

/// Text that cannot break out of its table cell.
pub(crate) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

pub(crate) fn push_line(out: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(out, "{line}");
    debug_assert!(written.is_ok(), "writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_errors_and_failed_checks() {
        let mut series = Series::for_tests(&[1_000, 2_000, 3_000]);
        series.errors.insert("500 a|b\nc".into(), 2);
        let mut run = Run::new("read", 32, BTreeMap::from([("read Patient", series)]));
        run.timed(Duration::from_secs(2));
        run.fact("resources", 4321.0, "/s");
        let mut report = Report { runs: vec![run], ..Report::default() };
        report.check("exactly 500 resources", false, "501");
        let text = report.markdown();
        assert!(
            text.contains("| read | 32 | 2 | 2.00 | 3.00 | 3.0 | 2 | | | resources 4321 /s |"),
            "{text}"
        );
        assert!(text.contains("read · read Patient, 2 times: 500 a\\|b c"), "{text}");
        assert!(text.contains("| exactly 500 resources | **no** | 501 |"), "{text}");
        assert!(!report.all_hold());
    }
}
