//! From the board to a decision that can be made again, and a decision as parameters.

use std::{collections::BTreeMap, sync::Arc};

use beds::{
    Allocation, Alternative, Code as _, Plan, Record, Snapshot, Solved, Unallocated, Words,
};
use fhir_model::{Instant, IssueType, Outcome};
use storage::RosterPart;

use super::{
    assessment::{Assessed, decimal},
    board::Board,
    policy::InForce,
    system,
};
use crate::{
    Fhir,
    operation::{Output, coding},
};

/// Of so many allocations at most the alternatives are told with the answer; of others on request.
const ALTERNATIVES_OF_MAX: usize = 50;

/// A decision.
#[derive(Debug, Clone)]
pub(super) struct Decided {
    pub(super) plan: Plan,
    /// `canonical|version|SHA-256`
    pub(super) policy: String,
    pub(super) as_of_millis: i64,
    /// How many requests took part.
    pub(super) requests: usize,
    pub(super) alternatives: BTreeMap<String, Vec<Alternative>>,
    pub(super) elapsed_millis: i64,
    pub(super) kept: Kept,
}

/// What is kept of a decision, so that it can be made again.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// A [`Record`] or a [`beds::Single`], as JSON.
    pub(super) record: Arc<str>,
    /// What a [`beds::Single`] rests on.
    pub(super) rests_on: Option<RosterPart>,
}

/// Decides about a snapshot, off the threads that serve requests.
///
/// # Errors
/// `exception` for a snapshot that contradicts itself.
pub(super) async fn decide(
    fhir: &Fhir,
    snapshot: Snapshot,
    policy: &InForce,
) -> Result<Decided, Outcome> {
    let begun = fhir.vault.clock().now().millis();
    let name = policy.name.clone();
    let decided = storage::aside(move || {
        let solved = Solved::new(&snapshot)
            .map_err(|fault| Outcome::new(IssueType::Exception, fault.to_string()))?;
        let plan = solved.plan();
        let mut alternatives = BTreeMap::new();
        if plan.allocations.len() <= ALTERNATIVES_OF_MAX {
            let of =
                |it: &Allocation| Some((it.request.clone(), solved.alternatives(&it.request)?));
            alternatives = plan.allocations.iter().filter_map(of).collect();
        }
        let record = Record { policy: name, inputs: snapshot, decision: plan };
        let text = serde_json::to_string(&record)
            .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
        let Record { policy, inputs, decision } = record;
        Ok(Decided {
            plan: decision,
            policy,
            as_of_millis: inputs.as_of_millis,
            requests: inputs.requests.len(),
            alternatives,
            elapsed_millis: 0,
            kept: Kept { record: text.into(), rests_on: None },
        })
    })
    .await?;
    let elapsed_millis = fhir.vault.clock().now().millis() - begun;
    Ok(Decided { elapsed_millis, ..decided })
}

/// What the sentences and parameters of a decision need besides it.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) requests: BTreeMap<String, (String, Assessed)>,
    /// Names of beds and of hospitals.
    pub(super) beds: BTreeMap<String, String>,
    pub(super) sites: BTreeMap<String, String>,
}

impl Context {
    /// Of a plan, from the board.
    pub(super) fn of(board: &Board, plan: &Plan) -> Self {
        let mut context = Self::default();
        let given = plan.allocations.iter().map(|it| &it.request);
        for task in given.chain(plan.unallocated.iter().map(|it| &it.request)) {
            if let Some(waiting) = board.queue.get(task) {
                let of = (waiting.patient.clone(), waiting.assessed.clone());
                context.requests.insert(task.clone(), of);
            }
        }
        for allocation in &plan.allocations {
            if let Some(bed) = board.beds.get(&allocation.bed) {
                context.beds.insert(allocation.bed.clone(), bed.name.clone());
            }
            if let Some(site) = board.sites.get(&allocation.hospital) {
                context.sites.insert(allocation.hospital.clone(), site.name.clone());
            }
        }
        context
    }

    /// For the patient and the doctor.
    pub(super) fn sentence(&self, allocation: &Allocation) -> String {
        let assessed = self.requests.get(&allocation.request).map(|(_, assessed)| assessed);
        let name = |of: &BTreeMap<String, String>, id: &str| {
            of.get(id).cloned().unwrap_or_else(|| id.to_owned())
        };
        let choice = assessed
            .and_then(|it| it.request.preferred.iter().position(|id| *id == allocation.hospital))
            .map(|place| place + 1);
        allocation.sentence(Words {
            bed: &name(&self.beds, &allocation.bed),
            hospital: &name(&self.sites, &allocation.hospital),
            severity: assessed.map_or("", |it| it.words.as_str()),
            choice,
        })
    }

    /// `explanation` of an allocation.
    pub(super) fn explanation(
        &self,
        allocation: &Allocation,
        alternatives: Option<&[Alternative]>,
    ) -> Output {
        let mut out = Output::default();
        let assessed = self.requests.get(&allocation.request).map(|(_, assessed)| assessed);
        out.text("tier", "code", allocation.tier.code());
        let method = assessed.map_or("priority", |it| it.method.code());
        out.value("severityMethod", "Coding", coding(&system("severity-method"), method));
        out.number("severity", "decimal", decimal(allocation.severity.0));
        if let Some(risk) = assessed.and_then(|it| it.risk.as_deref()) {
            out.reference("riskAssessment", "RiskAssessment", risk);
        }
        out.number("waitMinutes", "unsignedInt", allocation.standing.wait_millis / 60_000);
        out.number("waitCredit", "decimal", decimal(allocation.standing.wait_credit.0));
        out.number("rank", "positiveInt", allocation.rank);
        for term in &allocation.cost {
            let mut part = Output::default();
            part.text("term", "code", term.term.code());
            part.number("value", "decimal", term.value);
            out.parts("cost", part);
        }
        out.number("shadowPrice", "decimal", allocation.shadow_price);
        for alternative in alternatives.unwrap_or_default() {
            let mut part = Output::default();
            part.text("bedClass", "string", &alternative.class.to_string());
            part.text("whyNot", "code", &alternative.why_not.to_string());
            if let Some(delta) = alternative.delta {
                part.number("delta", "decimal", delta);
            }
            out.parts("alternative", part);
        }
        out.text("text", "markdown", &self.sentence(allocation));
        out
    }

    /// `allocation`
    pub(super) fn allocation(
        &self,
        allocation: &Allocation,
        (status, held): (&str, Option<(&str, Instant)>),
        alternatives: Option<&[Alternative]>,
    ) -> Output {
        let mut out = Output::default();
        out.reference("task", "Task", &allocation.request);
        let patient = self.requests.get(&allocation.request).map_or("", |(patient, _)| patient);
        out.reference("patient", "Patient", patient);
        out.reference("bed", "Location", &allocation.bed);
        if let Some((encounter, _)) = held {
            out.reference("encounter", "Encounter", encounter);
        }
        out.text("status", "code", status);
        if let Some((_, until)) = held {
            out.text("holdUntil", "instant", &until.to_string());
        }
        out.parts("explanation", self.explanation(allocation, alternatives));
        out
    }

    /// `unallocated`
    pub(super) fn unallocated(&self, refusal: &Unallocated) -> Output {
        let mut out = Output::default();
        out.reference("task", "Task", &refusal.request);
        out.text("reason", "code", refusal.reason.code());
        for constraint in &refusal.blocking {
            let code = coding(&system("bed-constraint"), constraint.code());
            out.value("blocking", "Coding", code);
        }
        if let Some(position) = refusal.position {
            out.number("position", "positiveInt", position);
        }
        let words = self.requests.get(&refusal.request).map_or("", |(_, it)| it.words.as_str());
        out.text("text", "markdown", &refusal.sentence(words));
        out
    }
}
