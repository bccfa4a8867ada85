//! What the figures of a suite have to reach.

use crate::report::{Check, Run, STORED};
use crate::workload::floor::{READ_SHARE_MIN, percent, replay};

pub(crate) const IMPORT_ON_POSTGRES: &str = "import, PostgreSQL";

const IMPORT_MIN: f64 = 4_000.0;
const IMPORT_SHARE_MIN: f64 = 0.4;
const IMPORT_RSS_MAX_MIB: f64 = 400.0;
const READ_P99_MAX_MS: f64 = 5.0;
const CREATE_MIN: f64 = 3_000.0;
const CREATE_P99_MAX_MS: f64 = 60.0;
const POSTGRES_SHARE_MIN: f64 = 0.6;

/// A goal whose run is missing is left out.
pub(crate) fn judge(runs: &[Run]) -> Vec<Check> {
    let find = |work: &str| runs.iter().find(|run| run.work == work);
    let mut checks = Vec::new();
    let mut goal = |name: &str, holds: Option<bool>, found: Option<String>| {
        let (Some(holds), Some(found)) = (holds, found) else { return };
        checks.push(Check { name: name.to_owned(), holds, found });
    };

    let import = find("import");
    let stored = import.and_then(|run| run.fact_value(STORED));
    goal(
        "import >= 4,000 resources/s",
        stored.map(|rate| rate >= IMPORT_MIN),
        stored.map(|rate| format!("{rate:.0}")),
    );
    let share = ratio(stored, find(replay::WORK).and_then(|run| run.fact_value(STORED)));
    goal(
        "import >= 40 % of the driver's rate",
        share.map(|share| share >= IMPORT_SHARE_MIN),
        share.map(percent),
    );
    let rss = import.and_then(|run| run.server.as_ref()).map(|server| server.rss_peak_mib);
    goal(
        "peak RSS of the import <= 400 MiB",
        rss.map(|rss| rss <= IMPORT_RSS_MAX_MIB),
        rss.map(|rss| format!("{rss:.0} MiB")),
    );

    let read = find("read, hot set");
    let bare = find("floor: read, bare handler");
    let share = ratio(read.map(Run::rate), bare.map(Run::rate));
    goal(
        "read >= 50 % of the bare handler",
        share.map(|share| share >= READ_SHARE_MIN),
        share.map(percent),
    );
    goal(
        "read p99 <= 5 ms",
        read.map(|run| run.p99_ms <= READ_P99_MAX_MS),
        read.map(|run| format!("{:.2} ms", run.p99_ms)),
    );

    let create = find("create");
    goal(
        "create >= 3,000/s, p99 <= 60 ms",
        create.map(|run| run.rate() >= CREATE_MIN && run.p99_ms <= CREATE_P99_MAX_MS),
        create.map(|run| format!("{:.0}/s, {:.1} ms", run.rate(), run.p99_ms)),
    );
    let on_postgres = find(IMPORT_ON_POSTGRES).and_then(|run| run.fact_value(STORED));
    let share = ratio(on_postgres, stored);
    goal(
        "import on PostgreSQL >= 60 % of SQLite",
        share.map(|share| share >= POSTGRES_SHARE_MIN),
        share.map(percent),
    );
    checks
}

fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    Some(part? / whole.filter(|whole| *whole > 0.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_same_round_and_missing_runs_are_left_out() {
        let mut import = Run { work: "import".into(), ..Run::default() };
        import.fact(STORED, 4_500.0, "resources/s");
        let mut driver = Run { work: replay::WORK.into(), ..Run::default() };
        driver.fact(STORED, 15_000.0, "resources/s");
        let checks = judge(&[import, driver]);
        let shown: Vec<_> =
            checks.iter().map(|check| (check.holds, check.found.as_str())).collect();
        assert_eq!(shown, [(true, "4500"), (false, "30 %")]);
    }
}
