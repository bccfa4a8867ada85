//! The plan that lasts between calls: a roster hears what the board learned, and a decision about one request asks it.
//! What the decision rests on is kept with it, so that it can be made again: the roster's first snapshot once, and
//! every turn that it heard since.

use std::sync::Arc;

use beds::{Plan, Roster, Single, Snapshot, Turn, Verdict};
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

/// What happened is told to the roster when nobody asks, too, so that who asks next does not wait for a new plan:
/// after a rest of so many times what that took last, so that it never takes more than a fifth of a processor,
const REST: i64 = 4;
/// while more goes on happening, not more than a twentieth,
const REST_IN_A_RUSH: i64 = 19;
/// and after this time when only the clock went on.
const READY_MILLIS: i64 = 10_000;

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
    fn begin(id: String, policy: String, snapshot: Snapshot) -> Result<Self, Outcome> {
        let begun = Some(text(&snapshot)?);
        let roster = Roster::new(snapshot).map_err(fault)?;
        Ok(Self { roster, policy, id, heard: 0, begun, turns: Vec::new() })
    }

    fn hear(&mut self, turn: Option<&Turn>) -> Result<(), Outcome> {
        if let Some(turn) = turn {
            self.heard += 1;
            self.turns.push((self.heard, text(turn)?));
        }
        Ok(())
    }

    /// Hears that what a decision rests on is kept.
    fn is_kept(&mut self, part: &RosterPart) {
        if self.id != part.id {
            return;
        }
        if part.begun.is_some() {
            self.begun = None;
        }
        let is_kept = |number: u64| part.turns.iter().any(|(it, _)| *it == number);
        self.turns.retain(|(number, _)| !is_kept(*number));
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
        let (task, clock) = (task.to_owned(), fhir.vault.clock());
        let decide = move |lasting: &Lasting, now: Instant| {
            let decided = lasting.decide(&task, now).transpose()?;
            Ok(decided.map(|decided| Decided {
                elapsed_millis: clock.now().millis() - now.millis(),
                ..decided
            }))
        };
        self.advance(fhir, policy, decide).await
    }

    /// Tells the roster what happened until now, and asks it something.
    async fn advance<T: Send + 'static>(
        &mut self,
        fhir: &Fhir,
        policy: &InForce,
        ask: impl FnOnce(&Lasting, Instant) -> Result<T, Outcome> + Send + 'static,
    ) -> Result<T, Outcome> {
        let now = fhir.vault.clock().now();
        let news = std::mem::take(&mut self.news);
        let lasts = |it: &Lasting| it.policy == policy.name && it.heard < TURNS_MAX;
        let known = self.lasting.take().filter(lasts);
        let kept = fhir.desk.kept();
        let (id, name) = (fhir.vault.new_id(), policy.name.clone());
        let anew = known.is_none();
        let snapshot =
            anew.then(|| self.whole(policy, now, (&|_: &BoardBed| true, &|_: &str| true)));
        let (lasting, answer) = storage::aside(move || {
            let (mut lasting, news) = match (known, snapshot) {
                (None, Some(snapshot)) => (Lasting::begin(id, name, snapshot)?, Vec::new()),
                (Some(known), _) => (known, news),
                (None, None) => return Err(fault("There is no roster")),
            };
            for part in &kept {
                lasting.is_kept(part);
            }
            let turn = lasting.roster.advance(now.millis(), news).map_err(fault)?;
            lasting.hear(turn.as_ref())?;
            let answer = ask(&lasting, now)?;
            Ok((lasting, answer))
        })
        .await?;
        self.lasting = Some(lasting);
        Ok(answer)
    }

    /// Makes the roster ready for the next decision, unless that was done a moment ago. The board was looked at.
    ///
    /// # Errors
    /// `exception` for a board that contradicts itself.
    pub(super) async fn make_ready(
        &mut self,
        fhir: &Fhir,
        policy: &InForce,
    ) -> Result<(), Outcome> {
        let begun = fhir.vault.clock().now().millis();
        let is_behind = self.lasting.is_none() || !self.news.is_empty();
        let behind = (self.news.len(), self.queue.len());
        let is_rush = std::mem::replace(&mut self.ready.behind, behind) != behind;
        let rest = match (is_behind, is_rush) {
            (true, true) => self.ready.took_millis * REST_IN_A_RUSH,
            (true, false) => self.ready.took_millis * REST,
            (false, _) => READY_MILLIS,
        };
        if self.queue.is_empty() || begun < self.ready.at_millis + rest {
            return Ok(());
        }
        self.advance(fhir, policy, |_: &Lasting, _| Ok(())).await?;
        let at_millis = fhir.vault.clock().now().millis();
        self.ready = Ready { at_millis, took_millis: at_millis - begun, behind: (0, behind.1) };
        Ok(())
    }
}

/// When a roster was last made ready, and how long that took.
#[derive(Debug, Default)]
pub(super) struct Ready {
    at_millis: i64,
    took_millis: i64,
    /// At the last look: what the roster had not heard, and how many waited.
    behind: (usize, usize),
}
