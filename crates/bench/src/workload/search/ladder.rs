//! The table of `search`: a shape a row, a population a column.

use serde::Serialize;

use super::shapes::{Goal, Set, Shape};
use crate::report::{cell, push_line};

/// All shapes at all populations.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Ladder {
    /// Virtual users of each shape.
    pub(crate) clients: usize,
    /// Measured time of each shape at each population.
    pub(crate) seconds: f64,
    /// The populations, rising.
    pub(crate) patients: Vec<usize>,
    #[serde(rename = "shapes")]
    pub(crate) rungs: Vec<Rung>,
}

/// One shape.
#[derive(Debug, Serialize)]
pub(crate) struct Rung {
    pub(crate) set: Set,
    pub(crate) shape: &'static str,
    #[serde(skip)]
    pub(crate) goals: &'static [Goal],
    /// One a population.
    pub(crate) readings: Vec<Reading>,
    /// p50 at the last population by that at the first.
    pub(crate) ratio: Option<f64>,
    /// The goals that it does not reach.
    pub(crate) missed: Vec<String>,
}

/// One shape at one population.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Reading {
    /// Answered as expected, within the measured time.
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// The first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) complaint: Option<String>,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Of the process that was named; a database beside it is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server_cpu_ms: Option<f64>,
    /// Matches on a page, or what a count says.
    pub(crate) resources_per_answer: f64,
    pub(crate) bytes_per_answer: u64,
}

impl Rung {
    pub(crate) fn of(shape: &Shape) -> Self {
        Self {
            set: shape.set,
            shape: shape.template,
            goals: shape.goals,
            readings: Vec::new(),
            ratio: None,
            missed: Vec::new(),
        }
    }

    pub(crate) fn errors(&self) -> u64 {
        self.readings.iter().map(|reading| reading.errors).sum()
    }
}

impl Reading {
    /// Of several the one whose p50 is in the middle; a round with errors comes before all without.
    pub(crate) fn middle(mut readings: Vec<Self>) -> Option<Self> {
        if let Some(failed) = readings.iter().position(|reading| reading.errors > 0) {
            return Some(readings.swap_remove(failed));
        }
        readings.sort_by(|one, other| one.p50_ms.total_cmp(&other.p50_ms));
        let middle = readings.len().saturating_sub(1) / 2;
        (middle < readings.len()).then(|| readings.swap_remove(middle))
    }
}

const TITLES: [(Set, &str); 4] = [
    (Set::Ladder, "The independent ladder"),
    (Set::K6, "The public comparison on k6"),
    (Set::Peer, "What was measured at the nearest peers"),
    (Set::Count, "Counting"),
];

impl Ladder {
    pub(crate) fn markdown(&self) -> String {
        let mut out = String::new();
        for (set, title) in TITLES {
            let rungs: Vec<_> = self.rungs.iter().filter(|rung| rung.set == set).collect();
            if rungs.is_empty() {
                continue;
            }
            push_line(&mut out, format_args!("\n**{title}**, {} clients\n", self.clients));
            self.head(&mut out);
            for rung in rungs {
                rung.row(&mut out);
            }
        }
        self.complaints(&mut out);
        out
    }

    fn head(&self, out: &mut String) {
        let populations: Vec<_> =
            self.patients.iter().map(|patients| format!("p50 ms at {patients}")).collect();
        let populations = populations.join(" | ");
        push_line(
            out,
            format_args!(
                "| shape | found | {populations} | ratio | requests/s | p99 ms | errors | CPU ms | missed |"
            ),
        );
        let columns = "--: | ".repeat(self.patients.len());
        push_line(out, format_args!("| --- | --: | {columns}--: | --: | --: | --: | --: | --- |"));
    }

    /// The first error of each shape that has one.
    fn complaints(&self, out: &mut String) {
        let failing = self.rungs.iter().filter(|rung| rung.errors() > 0);
        for rung in failing {
            let said = rung.readings.iter().find_map(|reading| reading.complaint.as_deref());
            let said: String = said.unwrap_or("no answer").chars().take(300).collect();
            push_line(out, format_args!("\n- error, `{}`: {}", rung.shape, cell(&said)));
        }
    }
}

impl Rung {
    fn row(&self, out: &mut String) {
        let last = self.readings.last().cloned().unwrap_or_default();
        let p50: Vec<_> =
            self.readings.iter().map(|reading| measured(reading, reading.p50_ms)).collect();
        let p50 = p50.join(" | ");
        let ratio = self.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let cpu = last.server_cpu_ms.map_or_else(String::new, |cpu| measured(&last, cpu));
        push_line(
            out,
            format_args!(
                "| `{}` | {} | {p50} | {ratio} | {:.0} | {} | {} | {cpu} | {} |",
                cell(self.shape),
                found(&self.readings),
                last.requests_per_second,
                measured(&last, last.p99_ms),
                self.errors(),
                self.missed.join(", "),
            ),
        );
    }
}

/// A time; none where no request was answered.
fn measured(reading: &Reading, value: f64) -> String {
    if reading.requests == 0 { "–".to_owned() } else { format!("{value:.2}") }
}

/// Resources on a page (or what was counted) at the last population, and at the first if that differs: a
/// fuller page may take longer.
fn found(readings: &[Reading]) -> String {
    let shown = |resources: f64| {
        if resources < 100.0 { format!("{resources:.1}") } else { format!("{resources:.0}") }
    };
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return String::new();
    };
    let (first, last) = (first.resources_per_answer, last.resources_per_answer);
    let is_alike = (first - last).abs() <= 0.05 * last;
    if is_alike { shown(last) } else { format!("{} → {}", shown(first), shown(last)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_counts_unless_one_had_errors() {
        let reading = |p50_ms, errors| Reading { errors, p50_ms, ..Reading::default() };
        let middle = |readings: &[(f64, u64)]| {
            let readings = readings.iter().map(|(p50, errors)| reading(*p50, *errors)).collect();
            Reading::middle(readings).map(|reading| (reading.p50_ms.to_string(), reading.errors))
        };
        assert_eq!(middle(&[(3.0, 0), (1.0, 0), (2.0, 0)]), Some(("2".to_owned(), 0)));
        assert_eq!(middle(&[(3.0, 0), (1.0, 4), (2.0, 0)]), Some(("1".to_owned(), 4)));
        assert_eq!(middle(&[]), None);
    }

    #[test]
    fn a_page_that_fills_is_shown_as_such() {
        let reading = |found| Reading { resources_per_answer: found, ..Reading::default() };
        assert_eq!(found(&[reading(19.8), reading(20.0)]), "20.0");
        assert_eq!(found(&[reading(3.0), reading(250.0)]), "3.0 → 250");
        assert_eq!(found(&[]), "");
    }
}
