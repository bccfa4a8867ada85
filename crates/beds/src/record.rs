//! The record of a decision: everything that went in, by which policy, and what came out. It can be replayed.

use serde::{Deserialize, Serialize};

use crate::plan::{Plan, Solved};
use crate::roster::{News, Roster, Turn, Verdict};
use crate::snapshot::{Fault, Snapshot};

/// A decision with its inputs; JSON by `serde`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `canonical|version|sha-256` of the policy's `Library`.
    pub policy: String,
    /// What went in.
    pub inputs: Snapshot,
    /// What came out.
    pub decision: Plan,
}

/// Why a record does not replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The inputs make no plan.
    Fault(Fault),
    /// The plan is another; the first request with another answer, if it is about a request.
    Plan {
        /// [`crate::Request::id`].
        request: Option<String>,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fault(fault) => write!(f, "The stored inputs make no plan: {fault}"),
            Self::Plan { request: Some(id) } => {
                write!(f, "Replayed, the request {id} gets another answer")
            }
            Self::Plan { request: None } => f.write_str("Replayed, the plan is another"),
        }
    }
}

impl std::error::Error for Difference {}

impl Record {
    /// Decides and records.
    pub fn new(inputs: Snapshot, policy: String) -> Result<Self, Fault> {
        let decision = Solved::new(&inputs)?.plan();
        Ok(Self { policy, inputs, decision })
    }

    /// Decides again, and says if anything comes out differently.
    pub fn replay(&self) -> Result<(), Difference> {
        let again = Solved::new(&self.inputs).map_err(Difference::Fault)?.plan();
        if again == self.decision {
            return Ok(());
        }
        let given = self.decision.allocations.iter().filter(|it| !again.allocations.contains(it));
        let refused = self.decision.unallocated.iter().filter(|it| !again.unallocated.contains(it));
        let request = given.map(|it| &it.request).chain(refused.map(|it| &it.request)).next();
        Err(Difference::Plan { request: request.cloned() })
    }
}

/// A decision about one request, made from a roster. What the roster began with and what it heard are kept once for
/// all decisions that rest on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Single {
    /// `canonical|version|sha-256` of the policy's `Library`.
    pub policy: String,
    /// Under which the roster's first snapshot and its turns are kept.
    pub roster: String,
    /// How many turns it had heard.
    pub turns: u64,
    /// When, in milliseconds since 1970.
    pub as_of_millis: i64,
    /// [`crate::Request::id`].
    pub request: String,
    /// What came out.
    pub verdict: Verdict,
    /// How many requests took part.
    pub requests: usize,
    /// What all who would be served cost together.
    pub cost: i64,
}

impl Single {
    /// Decides again, from what the roster began with and the turns that it had heard; the roster as it stood then.
    ///
    /// # Errors
    /// What comes out differently.
    pub fn replay(&self, first: Snapshot, turns: Vec<Turn>) -> Result<Roster, Difference> {
        let mut roster = stood(first, turns).map_err(Difference::Fault)?;
        let turn = roster.advance(self.as_of_millis, Vec::new()).map_err(Difference::Fault)?;
        let again = roster.decide(&self.request);
        let is_same = turn.is_none()
            && again.as_ref() == Some(&self.verdict)
            && roster.requests() == self.requests
            && roster.cost() == self.cost;
        if is_same {
            Ok(roster)
        } else {
            Err(Difference::Plan { request: Some(self.request.clone()) })
        }
    }
}

/// A roster as it stood when it had heard these turns. What was told before it was last planned anew need not be
/// planned again.
fn stood(first: Snapshot, turns: Vec<Turn>) -> Result<Roster, Fault> {
    let known = turns.iter().rposition(|turn| turn.is_planned_anew).map_or(0, |last| last + 1);
    let mut facts = first;
    let mut turns = turns.into_iter();
    for turn in turns.by_ref().take(known) {
        facts.as_of_millis = turn.as_of_millis;
        facts.hear(turn.news);
    }
    let mut roster = Roster::new(facts)?;
    for turn in turns {
        roster.advance(turn.as_of_millis, turn.news)?;
    }
    Ok(roster)
}

impl Snapshot {
    /// Takes in what happened.
    pub fn hear(&mut self, news: Vec<News>) {
        fn put<T>(items: &mut Vec<T>, item: T, is_it: impl Fn(&T, &T) -> bool) {
            match items.iter_mut().find(|it| is_it(it, &item)) {
                Some(known) => *known = item,
                None => items.push(item),
            }
        }
        for item in news {
            match item {
                News::Bed(bed) => put(&mut self.beds, bed, |a, b| a.id == b.id),
                News::BedGone(id) => self.beds.retain(|bed| bed.id != id),
                News::Request(request) => put(&mut self.requests, request, |a, b| a.id == b.id),
                News::RequestGone(id) => self.requests.retain(|request| request.id != id),
                News::Hospital(hospital) => {
                    put(&mut self.hospitals, hospital, |a, b| a.id == b.id);
                }
            }
        }
    }
}
