//! The plan that lasts between calls: a roster hears what the board learned, and a decision about one request asks it.
//! What the decision rests on is kept with it, so that it can be made again: the roster's first snapshot once, and
//! every turn that it heard since.

use std::sync::Arc;

use beds::{Plan, Roster, Single, Turn, Verdict};
use fhir_model::{Instant, IssueType, Outcome};
use serde::Serialize;
use storage::RosterPart;

use super::{
    board::{Board, BoardBed},
    plan::{Decided, Kept},
    policy::InForce,
};
use crate::Fhir;

/// After so many turns a roster begins anew, so that a decision replays within seconds.
const TURNS_MAX: u64 = 4_096;

/// A roster, and what of it is not known to be kept.
#[derive(Debug)]
pub(super) struct Lasting {
    roster: Roster,
    policy: String,
    id: String,
    heard: u64,
    begun: Option<Arc<str>>,
    turns: Vec<(u64, Arc<str>)>,
}

impl Lasting {
    fn begin(id: String, board: &Board, policy: &InForce, now: Instant) -> Result<Self, Outcome> {
        let snapshot = board.snapshot(policy, now, (&|_: &BoardBed| true, &|_: &str| true));
        let begun = Some(text(&snapshot)?);
        let roster = Roster::new(snapshot).map_err(fault)?;
        let policy = policy.name.clone();
        Ok(Self { roster, policy, id, heard: 0, begun, turns: Vec::new() })
    }

    fn hear(&mut self, turn: Option<&Turn>) -> Result<(), Outcome> {
        if let Some(turn) = turn {
            self.heard += 1;
            self.turns.push((self.heard, text(turn)?));
        }
        Ok(())
    }

    fn decide(&self, task: &str, now: Instant) -> Option<Result<Decided, Outcome>> {
        let verdict = self.roster.decide(task)?;
        let alternatives = match &verdict {
            Verdict::Given(_) => self.roster.alternatives(task).map(|it| (task.to_owned(), it)),
            Verdict::Refused(_) => None,
        };
        let single = Single {
            policy: self.policy.clone(),
            roster: self.id.clone(),
            turns: self.heard,
            as_of_millis: now.millis(),
            request: task.to_owned(),
            verdict: verdict.clone(),
            requests: self.roster.requests(),
            cost: self.roster.cost(),
        };
        let rests_on = RosterPart {
            id: self.id.clone(),
            begun: self.begun.clone(),
            turns: self.turns.clone(),
        };
        Some(text(&single).map(|record| Decided {
            plan: plan_of(verdict, single.cost),
            policy: self.policy.clone(),
            as_of_millis: now.millis(),
            requests: single.requests,
            alternatives: alternatives.into_iter().collect(),
            elapsed_millis: 0,
            kept: Kept { record, rests_on: Some(rests_on) },
        }))
    }
}

/// A plan that says what became of one request.
pub(super) fn plan_of(verdict: Verdict, cost: i64) -> Plan {
    let mut plan =
        Plan { allocations: Vec::new(), unallocated: Vec::new(), closed_sets: Vec::new(), cost };
    match verdict {
        Verdict::Given(allocation) => plan.allocations.push(allocation),
        Verdict::Refused(refusal) => plan.unallocated.push(refusal),
    }
    plan
}

fn text(of: &impl Serialize) -> Result<Arc<str>, Outcome> {
    serde_json::to_string(of)
        .map(Arc::from)
        .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))
}

fn fault(fault: impl std::fmt::Display) -> Outcome {
    Outcome::new(IssueType::Exception, fault.to_string())
}

impl Board {
    /// What one request gets; `None` if it does not wait. The board was looked at.
    ///
    /// # Errors
    /// `exception` for a board that contradicts itself.
    pub(super) async fn decide_one(
        &mut self,
        fhir: &Fhir,
        task: &str,
        policy: &InForce,
    ) -> Result<Option<Decided>, Outcome> {
        let now = fhir.vault.clock().now();
        let news = std::mem::take(&mut self.news);
        let lasts = |it: &Lasting| it.policy == policy.name && it.heard < TURNS_MAX;
        let lasting = match self.lasting.take().filter(lasts) {
            Some(lasting) => (lasting, news),
            None => (Lasting::begin(fhir.vault.new_id(), self, policy, now)?, Vec::new()),
        };
        let (task, clock) = (task.to_owned(), fhir.vault.clock());
        let (lasting, decided) = storage::aside(move || {
            let (mut lasting, news) = lasting;
            let turn = lasting.roster.advance(now.millis(), news).map_err(fault)?;
            lasting.hear(turn.as_ref())?;
            let decided = lasting.decide(&task, now);
            let decided = decided.transpose()?.map(|decided| Decided {
                elapsed_millis: clock.now().millis() - now.millis(),
                ..decided
            });
            Ok((lasting, decided))
        })
        .await?;
        self.lasting = Some(lasting);
        Ok(decided)
    }

    /// Hears that what a decision rests on is kept.
    pub(super) fn is_kept(&mut self, part: &RosterPart) {
        let Some(lasting) = self.lasting.as_mut().filter(|it| it.id == part.id) else { return };
        if part.begun.is_some() {
            lasting.begun = None;
        }
        let is_kept = |number: u64| part.turns.iter().any(|(it, _)| *it == number);
        lasting.turns.retain(|(number, _)| !is_kept(*number));
    }
}
