//! Which observations are of the same thing: what shares a coding with another one, or with one that does, and so on.

use std::collections::BTreeMap;

use fhir_model::{NodeRef, ResourceType, json};
use search::Timespan;
use storage::Version;

/// Observations by what they are of, the newest first.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// The number of a coding, or of a text where there is no coding.
    numbers: BTreeMap<String, usize>,
    /// For each number one that means the same; its own, when it stands for the group.
    same: Vec<usize>,
    kept: Vec<Seen>,
}

/// An observation.
#[derive(Debug)]
struct Seen {
    number: usize,
    time: Option<i64>,
    version: Version,
}

impl Groups {
    /// Takes in an observation that is as old as the one before, or older. One of nothing is left out.
    pub(super) fn add(&mut self, version: Version) {
        let Some((names, time)) = names_and_time(&version) else { return };
        let numbers: Vec<usize> = names.into_iter().map(|name| self.number(name)).collect();
        let Some(number) = numbers.first().copied() else { return };
        for other in numbers {
            self.join(number, other);
        }
        self.kept.push(Seen { number, time, version });
    }

    /// Keeps so many of each group, and those of the same time as the last of them: they are no less the last.
    pub(super) fn keep(&mut self, max: usize) {
        let mut counts: BTreeMap<usize, (usize, Option<i64>)> = BTreeMap::new();
        let all = std::mem::take(&mut self.kept);
        for seen in all {
            let (count, last) = counts.entry(self.group(seen.number)).or_default();
            if *count < max || *last == seen.time {
                *count += 1;
                *last = seen.time;
                self.kept.push(seen);
            }
        }
    }

    /// What was kept, in the order in which it came.
    pub(super) fn finish(self) -> Vec<Version> {
        self.kept.into_iter().map(|seen| seen.version).collect()
    }

    fn number(&mut self, name: String) -> usize {
        let next = self.same.len();
        let number = *self.numbers.entry(name).or_insert(next);
        if number == next {
            self.same.push(next);
        }
        number
    }

    /// The number that stands for a group.
    fn group(&mut self, mut number: usize) -> usize {
        while let Some(same) = self.same.get(number).copied().filter(|same| *same != number) {
            // the next who asks has a shorter way
            let beyond = self.same.get(same).copied().unwrap_or(same);
            if let Some(place) = self.same.get_mut(number) {
                *place = beyond;
            }
            number = beyond;
        }
        number
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.group(one), self.group(other));
        if let Some(place) = self.same.get_mut(other) {
            *place = one;
        }
    }
}

/// What an Observation is of: its codings, or its text where it has none; and when it was made.
fn names_and_time(version: &Version) -> Option<(Vec<String>, Option<i64>)> {
    debug_assert_eq!(Some(version.resource_type), ResourceType::named("Observation"));
    let tree = json::parse_trusted(version.body.clone()?);
    let root = tree.root();
    let code = root.child("code")?;
    let text =
        |node: NodeRef<'_>, name: &str| node.child_text(name).map(String::from).unwrap_or_default();
    let codings = code.named("coding").filter(|coding| coding.child("code").is_some());
    let mut names: Vec<String> = codings
        .map(|coding| format!("{}|{}", text(coding, "system"), text(coding, "code")))
        .collect();
    if names.is_empty() {
        // no coding begins so
        names.push(format!("\n{}", text(code, "text")));
    }
    let effective = root.child("effective");
    let time = effective.and_then(|node| {
        let text = node.text().or_else(|| node.child_text("start"))?;
        Timespan::parse(&text).map(|span| span.lo)
    });
    Some((names, time))
}
