//! Policies side by side, and as a table in Markdown.

use std::fmt::Write as _;

use super::measure::{Measures, Waits};
use super::region::Scenario;
use super::run::run;
use crate::policy::{Order, Policy};
use crate::snapshot::Fault;

/// A policy with the name it has in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contender {
    /// A few words.
    pub name: String,
    /// What is tried.
    pub policy: Policy,
}

/// A policy at a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Of [`Scenario::load_percent`].
    pub load_percent: u32,
    /// Of [`Contender::name`].
    pub policy: String,
    /// Over all seeds together.
    pub measures: Measures,
}

/// First come first served, severity alone, and the policy in question. The first is what the others are
/// compared with.
pub fn contenders(policy: &Policy) -> Vec<Contender> {
    let named = |name: &str, policy| Contender { name: name.to_owned(), policy };
    vec![
        named("first come, first served", Policy { order: Order::Arrival, ..policy.clone() }),
        named("severity", Policy { order: Order::Severity, ..policy.clone() }),
        named("severity with waiting", policy.clone()),
    ]
}

/// Runs every contender at every load over the same seeds.
pub fn compare(
    contenders: &[Contender],
    loads_percent: &[u32],
    seeds: &[u64],
    days: u32,
) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for load_percent in loads_percent {
        for contender in contenders {
            let mut waits = Vec::new();
            for seed in seeds {
                let scenario = Scenario { seed: *seed, load_percent: *load_percent, days };
                waits.extend(run(scenario, &contender.policy)?);
            }
            rows.push(Row {
                load_percent: *load_percent,
                policy: contender.name.clone(),
                measures: Measures::of(&waits),
            });
        }
    }
    Ok(rows)
}

/// The first row of the same load: what a row is compared with.
pub(super) fn baseline<'a>(rows: &'a [Row], row: &'a Row) -> &'a Row {
    rows.iter().find(|other| other.load_percent == row.load_percent).unwrap_or(row)
}

/// The table. Waits are in hours: mean / 95th percentile / longest.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| load | policy | harm per 1,000 | of the first | severity-weighted wait | 7 points and more | \
         4 points and less | longest of the first | women : men | still waiting |\n\
         | --: | --- | --: | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    for row in rows {
        let (of, first) = (&row.measures, &baseline(rows, row).measures);
        let ratio = |value: u64, of: u64| hundredths(value * 100 / of.max(1));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            hundredths(row.load_percent.into()),
            row.policy,
            hundredths(of.harm_per_100_000),
            ratio(of.harm_per_100_000, first.harm_per_100_000),
            tenths(of.weighted_wait_decihours),
            waits(of.immediate),
            waits(of.low),
            ratio(of.low.max_decihours, first.low.max_decihours),
            hundredths(of.sex_ratio_percent),
            of.unserved,
        );
    }
    text
}

fn waits(waits: Waits) -> String {
    let Waits { mean_decihours, p95_decihours, max_decihours, .. } = waits;
    format!("{} / {} / {}", tenths(mean_decihours), tenths(p95_decihours), tenths(max_decihours))
}

pub(super) fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

pub(super) fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Measures, svg};

    /// At this load, the policy's harm and longest low wait over those of first come, first served, in
    /// percent.
    fn against_the_first(rows: &[Row], load_percent: u32) -> (u64, u64) {
        let of = |name: &str| -> Measures {
            let it = |row: &&Row| row.load_percent == load_percent && row.policy.starts_with(name);
            rows.iter().find(it).unwrap().measures
        };
        let (first, policy) = (of("first"), of("severity with"));
        (
            policy.harm_per_100_000 * 100 / first.harm_per_100_000,
            policy.low.max_decihours * 100 / first.low.max_decihours,
        )
    }

    #[test]
    fn the_default_policy_does_less_harm_and_leaves_nobody_behind() {
        let loads = [85, 90, 95, 100];
        let [first, _, policy] = <[_; 3]>::try_from(contenders(&Policy::default())).unwrap();
        let rows = compare(&[first, policy], &loads, &[1, 2, 3, 4], 90).unwrap();
        for load_percent in loads {
            let (harm, longest) = against_the_first(&rows, load_percent);
            assert!(harm <= 75, "{harm} % of the harm at {load_percent}\n{}", markdown(&rows));
            assert!(
                longest <= 300,
                "{longest} % of the wait at {load_percent}\n{}",
                markdown(&rows)
            );
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_table() {
        let table = |seed| {
            let rows = compare(&contenders(&Policy::default()), &[95], &[seed], 30).unwrap();
            (markdown(&rows), svg(&rows))
        };
        let first = table(7);
        assert_eq!(first, table(7));
        assert_ne!(first, table(8));
        assert_eq!(first.0.lines().count(), 2 + 3);
    }
}
