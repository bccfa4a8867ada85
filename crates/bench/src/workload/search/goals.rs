//! What the shapes have to reach, as marks in their rows and as checks.

use super::{
    ladder::{Ladder, Reading, Rung},
    shapes::{Goal, RATIO_MAX},
};
use crate::report::Report;

/// Fills in the ratios and what is missed, and adds a check for each kind of goal.
pub(super) fn judge(ladder: &mut Ladder, report: &mut Report) {
    let mut kinds: Vec<Kind> = Vec::new();
    for rung in &mut ladder.rungs {
        rung.ratio = ratio(&rung.readings);
        rung.missed = missed(rung, &mut kinds);
    }
    let (clean, all) =
        (ladder.rungs.iter().filter(|rung| rung.errors() == 0).count(), ladder.rungs.len());
    report.check("search: no errors", clean == all, format!("{clean} of {all} shapes"));
    for kind in kinds {
        let found = format!("{} of {} shapes", kind.reached, kind.all);
        report.check(&format!("search: {}", kind.name), kind.reached == kind.all, found);
    }
}

/// How many of the shapes with one goal reach it.
struct Kind {
    name: String,
    reached: usize,
    all: usize,
}

fn missed(rung: &Rung, kinds: &mut Vec<Kind>) -> Vec<String> {
    let mut missed = Vec::new();
    if rung.errors() > 0 {
        missed.push("errors".to_owned());
    }
    let Some(last) = rung.readings.last() else { return missed };
    for goal in rung.goals {
        let Some(found) = goal.found(rung, last) else { continue };
        let name = goal.name();
        let at = kinds.iter().position(|kind| kind.name == name).unwrap_or(kinds.len());
        if at == kinds.len() {
            kinds.push(Kind { name, reached: 0, all: 0 });
        }
        let Some(kind) = kinds.get_mut(at) else { continue };
        kind.all += 1;
        // where no request was answered there is nothing to compare, and the error is marked
        if last.requests == 0 || found.is_infinite() {
            continue;
        }
        if goal.is_reached_by(found) {
            kind.reached += 1;
        } else {
            missed.push(goal.complaint(found));
        }
    }
    missed
}

/// None with one population, and where nothing was answered.
fn ratio(readings: &[Reading]) -> Option<f64> {
    let [first, .., last] = readings else { return None };
    (first.requests > 0 && last.requests > 0 && first.p50_ms > 0.0)
        .then(|| last.p50_ms / first.p50_ms)
}

impl Goal {
    /// The figure to compare; None where it was not measured.
    fn found(self, rung: &Rung, last: &Reading) -> Option<f64> {
        match self {
            Self::Flat if rung.readings.len() < 2 => None,
            Self::Flat => Some(rung.ratio.unwrap_or(f64::INFINITY)),
            Self::Within(_) => Some(last.p50_ms),
            Self::Rate(_) => Some(last.requests_per_second),
            Self::Cpu(_) => last.server_cpu_ms,
        }
    }

    fn is_reached_by(self, found: f64) -> bool {
        match self {
            Self::Flat => found <= RATIO_MAX,
            Self::Within(most) | Self::Cpu(most) => found <= most,
            Self::Rate(least) => found >= least,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Flat => format!("p50 at the last step <= {RATIO_MAX} x p50 at the first"),
            Self::Within(most) => format!("p50 at the last step <= {most} ms"),
            Self::Rate(least) => format!("at the last step >= {least}/s"),
            Self::Cpu(most) => format!("server CPU <= {most} ms a request"),
        }
    }

    fn complaint(self, found: f64) -> String {
        match self {
            Self::Flat => format!("ratio > {RATIO_MAX}"),
            Self::Within(most) => format!("p50 > {most} ms"),
            Self::Rate(least) => format!("{found:.0} < {least}/s"),
            Self::Cpu(most) => format!("CPU > {most} ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::shapes::Set, *};

    fn rung(shape: &'static str, goals: &'static [Goal], readings: &[(u64, f64, f64)]) -> Rung {
        let reading = |&(requests, p50_ms, rate): &(u64, f64, f64)| Reading {
            requests,
            errors: u64::from(requests == 0),
            p50_ms,
            requests_per_second: rate,
            server_cpu_ms: Some(0.2),
            ..Reading::default()
        };
        let readings = readings.iter().map(reading).collect();
        Rung { set: Set::Peer, shape, goals, readings, ratio: None, missed: Vec::new() }
    }

    #[test]
    fn rows_say_what_they_miss_and_checks_count_it() {
        const FAST: &[Goal] = &[Goal::Flat, Goal::Rate(2_000.0), Goal::Cpu(0.3)];
        let mut ladder = Ladder {
            clients: 8,
            seconds: 2.0,
            patients: vec![1_000, 16_000],
            rungs: vec![
                rung("flat|", FAST, &[(9, 1.0, 4_000.0), (9, 1.4, 3_000.0)]),
                rung("steep", FAST, &[(9, 1.0, 4_000.0), (9, 3.0, 1_000.0)]),
                rung("silent", FAST, &[(9, 1.0, 4_000.0), (0, 0.0, 0.0)]),
                rung("late", &[Goal::Within(50.0)], &[(9, 1.0, 9.0), (9, 51.0, 9.0)]),
            ],
        };
        let mut report = Report::default();
        judge(&mut ladder, &mut report);
        let missed: Vec<_> = ladder.rungs.iter().map(|rung| rung.missed.join(", ")).collect();
        assert_eq!(missed, ["", "ratio > 1.5, 1000 < 2000/s", "errors", "p50 > 50 ms"]);
        let checks: Vec<_> = report
            .checks
            .iter()
            .map(|check| (check.name.as_str(), check.holds, check.found.as_str()))
            .collect();
        assert_eq!(
            checks,
            [
                ("search: no errors", false, "3 of 4 shapes"),
                ("search: p50 at the last step <= 1.5 x p50 at the first", false, "1 of 3 shapes"),
                ("search: at the last step >= 2000/s", false, "1 of 3 shapes"),
                ("search: server CPU <= 0.3 ms a request", false, "2 of 3 shapes"),
                ("search: p50 at the last step <= 50 ms", false, "0 of 1 shapes"),
            ]
        );
        let text = ladder.markdown();
        let row = "| `flat\\|` | 0.0 | 1.00 | 1.40 | 1.40 | 3000 | 0.00 | 0 | 0.20 |  |";
        assert!(text.contains(row), "{text}");
        assert!(
            text.contains("| `silent` | 0.0 | 1.00 | – |  | 0 | – | 1 | – | errors |"),
            "{text}"
        );
        assert!(text.contains("- error, `silent`: no answer"), "{text}");
    }

    #[test]
    fn one_population_has_no_ratio_to_judge() {
        let mut ladder = Ladder {
            rungs: vec![rung("alone", &[Goal::Flat], &[(9, 1.0, 4_000.0)])],
            ..Ladder::default()
        };
        let mut report = Report::default();
        judge(&mut ladder, &mut report);
        assert_eq!((ladder.rungs[0].ratio, report.checks.len()), (None, 1));
    }
}
