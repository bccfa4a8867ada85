//! The live claims that a piece of work is about, and what it does to them. Pure: every rule about who may have
//! which bed is decided here, whichever way a change comes in.

use std::collections::{BTreeMap, BTreeSet};

use fhir_model::{Instant, IssueType, Outcome};

use super::claim::{Claim, ClaimState, Role, Stage};

/// How long a hold lasts that came without a time.
const HOLD_MILLIS: i64 = 30 * 60 * 1000;

/// Where beds that were left are cleaned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cleaning {
    /// They are dirty until somebody says otherwise.
    #[default]
    Here,
    /// Where the vault does not hear of it: they are ready at once.
    Elsewhere,
}

/// Why a claim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The time of the hold was over.
    Expired,
    /// The patient did not want it.
    Declined,
    /// The patient did not come.
    NoShow,
    /// The stay does not name it any more.
    Withdrawn,
    /// The request was cancelled.
    Cancelled,
    /// The doctor's order was revoked.
    Revoked,
    /// A more urgent request needed it.
    Recalled,
    /// The patient left.
    Left,
    /// The bed is in order again.
    Ready,
    /// The bed is gone.
    Gone,
}

impl End {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Declined => "declined",
            Self::NoShow => "no-show",
            Self::Withdrawn => "withdrawn",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::Recalled => "recalled",
            Self::Left => "left",
            Self::Ready => "ready",
            Self::Gone => "gone",
        }
    }
}

/// Something to be written into `bed_claim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is over.
    End(Claim, End),
    /// The same claim with other values.
    Move(Claim),
    /// A new claim.
    Start(Claim),
}

/// Live claims, and what is to be done.
#[derive(Debug, Clone)]
pub struct Ledger {
    now: Instant,
    claims: BTreeMap<String, Claim>,
    /// Of each, by its id.
    by_bed: BTreeMap<String, String>,
    by_task: BTreeMap<String, String>,
    by_encounter: BTreeSet<(String, String)>,
    by_patient: BTreeMap<(String, Role), String>,
    pub(crate) steps: Vec<Step>,
    cleaning: Cleaning,
}

impl Ledger {
    pub(crate) fn new(now: Instant, claims: Vec<Claim>) -> Self {
        let mut ledger = Self {
            now,
            claims: BTreeMap::new(),
            by_bed: BTreeMap::new(),
            by_task: BTreeMap::new(),
            by_encounter: BTreeSet::new(),
            by_patient: BTreeMap::new(),
            steps: Vec::new(),
            cleaning: Cleaning::Here,
        };
        for claim in claims {
            ledger.put(claim);
        }
        ledger
    }

    /// How beds are left from now on.
    pub fn leave(&mut self, cleaning: Cleaning) {
        self.cleaning = cleaning;
    }

    fn put(&mut self, claim: Claim) {
        self.take(&claim.id);
        let id = || claim.id.clone();
        self.by_bed.insert(claim.bed.clone(), id());
        if let Some(task) = &claim.task {
            self.by_task.insert(task.clone(), id());
        }
        if let Some(encounter) = &claim.encounter {
            self.by_encounter.insert((encounter.clone(), id()));
        }
        if let Some(patient) = claim.patient.clone().filter(|_| claim.state.is_patients()) {
            self.by_patient.insert((patient, claim.role), id());
        }
        self.claims.insert(claim.id.clone(), claim);
    }

    fn take(&mut self, id: &str) -> Option<Claim> {
        let claim = self.claims.remove(id)?;
        self.by_bed.remove(&claim.bed);
        if let Some(task) = &claim.task {
            self.by_task.remove(task);
        }
        if let Some(encounter) = &claim.encounter {
            self.by_encounter.remove(&(encounter.clone(), claim.id.clone()));
        }
        if let Some(patient) = claim.patient.clone() {
            let key = (patient, claim.role);
            if self.by_patient.get(&key) == Some(&claim.id) {
                self.by_patient.remove(&key);
            }
        }
        Some(claim)
    }

    /// Takes a claim in that was read later.
    pub(crate) fn adopt(&mut self, claim: Claim) {
        if !self.claims.contains_key(&claim.id) {
            self.put(claim);
        }
    }

    /// The time of the transaction.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The claim on a bed.
    pub fn of_bed(&self, bed: &str) -> Option<&Claim> {
        self.claims.get(self.by_bed.get(bed)?)
    }

    /// The claim that serves a request.
    pub fn of_task(&self, task: &str) -> Option<&Claim> {
        self.claims.get(self.by_task.get(task)?)
    }

    /// The claims of a stay.
    pub fn of_encounter(&self, encounter: &str) -> Vec<Claim> {
        let from = (encounter.to_owned(), String::new());
        let of = self.by_encounter.range(from..).take_while(|(of, _)| of == encounter);
        of.filter_map(|(_, id)| self.claims.get(id).cloned()).collect()
    }

    /// The claim by which a patient has a bed.
    pub fn of_patient(&self, patient: &str, role: Role) -> Option<&Claim> {
        self.claims.get(self.by_patient.get(&(patient.to_owned(), role))?)
    }

    /// Makes a claim, if the bed and the patient are free for it.
    ///
    /// # Errors
    /// `bed-taken`, `already-admitted`.
    pub fn start(&mut self, mut claim: Claim) -> Result<(), Outcome> {
        if claim.state == ClaimState::Held && claim.hold_until.is_none() {
            claim.hold_until = Some(Instant::from_millis(self.now.millis() + HOLD_MILLIS));
        }
        let patient = claim.patient.as_deref().unwrap_or_default();
        let in_the_way = [self.of_bed(&claim.bed), self.of_patient(patient, claim.role)];
        let in_the_way = in_the_way.into_iter().flatten();
        let over: Vec<Claim> = in_the_way.filter(|it| it.is_expired(self.now)).cloned().collect();
        for other in &over {
            self.end(other, End::Expired);
        }
        match self.of_bed(&claim.bed).cloned() {
            Some(there) if there.is_of_nobody_known() && claim.state == ClaimState::Occupied => {
                self.check_patient(&claim)?;
                self.change(Claim { starts_at: there.starts_at, id: there.id, ..claim });
                return Ok(());
            }
            Some(_) => return Err(taken(self.now)),
            None => {}
        }
        self.check_patient(&claim)?;
        self.steps.push(Step::Start(claim.clone()));
        self.put(claim);
        Ok(())
    }

    fn check_patient(&self, claim: &Claim) -> Result<(), Outcome> {
        let Some(patient) = claim.patient.as_deref().filter(|_| claim.state.is_patients()) else {
            return Ok(());
        };
        match self.of_patient(patient, claim.role) {
            Some(_) => Err(already_admitted()),
            None => Ok(()),
        }
    }

    /// Ends a claim. A bed that somebody lay in is dirty then.
    pub fn end(&mut self, claim: &Claim, why: End) {
        if self.take(&claim.id).is_none() {
            return;
        }
        self.steps.push(Step::End(claim.clone(), why));
        let is_left = claim.state == ClaimState::Occupied && why != End::Ready && why != End::Gone;
        if is_left && self.cleaning == Cleaning::Here {
            let dirty = Claim::new(&claim.bed, ClaimState::Turnover, self.now);
            self.steps.push(Step::Start(dirty.clone()));
            self.put(dirty);
        }
    }

    /// Changes a claim.
    pub fn change(&mut self, claim: Claim) {
        self.steps.push(Step::Move(claim.clone()));
        self.put(claim);
    }

    /// Brings a claim into another state.
    ///
    /// # Errors
    /// `hold-expired`, `illegal-transition`.
    pub fn advance(&mut self, claim: &Claim, to: ClaimState) -> Result<(), Outcome> {
        use ClaimState::{Held, Occupied, Planned};
        if claim.is_expired(self.now) {
            return Err(hold_expired());
        }
        match (claim.state, to) {
            (from, to) if from == to => Ok(()),
            (Held, Planned | Occupied) | (Planned, Occupied) => {
                self.change(Claim { state: to, hold_until: None, ..claim.clone() });
                Ok(())
            }
            (from, to) => Err(illegal(from.code(), to.code())),
        }
    }

    /// Sets how far a bed that was left is.
    pub fn set_stage(&mut self, claim: &Claim, stage: Stage) {
        self.change(Claim { stage: Some(stage), ..claim.clone() });
    }

    /// What a stay says now: claims that it does not name any more end, those that it newly names begin.
    ///
    /// # Errors
    /// `bed-taken`, `already-admitted`, `hold-expired`, `illegal-transition`.
    pub(crate) fn settle_stay(
        &mut self,
        encounter: &str,
        patient: Option<&str>,
        places: &[(String, ClaimState)],
    ) -> Result<(), Outcome> {
        let mine = self.of_encounter(encounter);
        let lain_in = places.iter().filter(|(_, state)| *state == ClaimState::Occupied).count();
        if lain_in > 1 || places.len() > 2 {
            let text = "A patient lies in one bed, and may have one more to move to";
            return Err(Outcome::new(IssueType::BusinessRule, text).at("Encounter.location"));
        }
        for claim in &mine {
            if !places.iter().any(|(bed, _)| *bed == claim.bed) {
                let was_there = claim.state == ClaimState::Occupied;
                self.end(claim, if was_there { End::Left } else { End::Withdrawn });
            }
        }
        for (n, (bed, state)) in places.iter().enumerate() {
            let role = if n == 0 { Role::Current } else { Role::Next };
            let known = mine.iter().find(|claim| claim.bed == *bed).cloned();
            let known = known.map(|it| self.identified(it, patient)).transpose()?;
            match &known {
                Some(claim) if claim.patient.as_deref() != patient => {
                    let text = "The patient of a stay with a bed cannot change";
                    return Err(Outcome::new(IssueType::BusinessRule, text).at("Encounter.subject"));
                }
                Some(claim) => {
                    self.advance(claim, *state)?;
                    if claim.role != role
                        && let Some(now) = self.claims.get(&claim.id).cloned()
                    {
                        self.change(Claim { role, ..now });
                    }
                }
                None => self.start(Claim {
                    encounter: Some(encounter.to_owned()),
                    patient: patient.map(str::to_owned),
                    role,
                    ..Claim::new(bed, *state, self.now)
                })?,
            }
        }
        Ok(())
    }
}

impl Ledger {
    /// A claim of somebody whom nobody knew, and now somebody does.
    fn identified(&mut self, claim: Claim, patient: Option<&str>) -> Result<Claim, Outcome> {
        if claim.patient.is_some() || patient.is_none() {
            return Ok(claim);
        }
        let claim = Claim { patient: patient.map(str::to_owned), ..claim };
        self.check_patient(&claim)?;
        self.change(claim.clone());
        Ok(claim)
    }
}

pub(crate) fn taken(now: Instant) -> Outcome {
    Outcome::new(
        IssueType::Conflict,
        format!("The bed is not free, as of {now}; ask $bed-availability which ones are"),
    )
    .coded("bed-taken")
}

pub(crate) fn hold_expired() -> Outcome {
    let text = "The time of the hold is over, and the bed is not kept any more; the Task says what became of the \
                request";
    Outcome::new(IssueType::Conflict, text).coded("hold-expired")
}

pub(crate) fn already_admitted() -> Outcome {
    let text = "The patient has a bed already; transfer or release it first";
    Outcome::new(IssueType::BusinessRule, text).coded("already-admitted")
}

/// 409 for a step that the state machine does not have.
pub fn illegal(from: &str, to: &str) -> Outcome {
    let text = format!("What is {from} cannot become {to}");
    Outcome::new(IssueType::Conflict, text).coded("illegal-transition")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ClaimState::{Held, Occupied, Planned, Turnover};

    fn at(millis: i64) -> Instant {
        Instant::from_millis(millis)
    }

    fn claim(bed: &str, state: ClaimState, who: &str) -> Claim {
        Claim {
            encounter: Some(format!("stay-of-{who}")),
            patient: Some(who.to_owned()),
            hold_until: (state == Held).then_some(at(1_000)),
            ..Claim::new(bed, state, at(0))
        }
    }

    fn stay(ledger: &mut Ledger, who: &str, places: &[(&str, ClaimState)]) -> Result<(), Outcome> {
        let places: Vec<_> = places.iter().map(|(bed, it)| ((*bed).to_owned(), *it)).collect();
        ledger.settle_stay(&format!("stay-of-{who}"), Some(who), &places)
    }

    fn code(result: Result<(), Outcome>) -> Option<&'static str> {
        result.err().and_then(|outcome| outcome.issues()[0].details)
    }

    #[test]
    fn a_stay_takes_what_is_free_and_nothing_else() {
        let rows = [
            (Occupied, Occupied, Some("bed-taken")),
            (Held, Held, Some("bed-taken")),
            (Planned, Occupied, Some("bed-taken")),
            (Turnover, Occupied, Some("bed-taken")),
        ];
        for (there, wanted, expected) in rows {
            let mut ledger = Ledger::new(at(500), vec![claim("b", there, "other")]);
            assert_eq!(code(stay(&mut ledger, "p", &[("b", wanted)])), expected, "{there:?}");
        }
        let mut free = Ledger::new(at(500), vec![]);
        stay(&mut free, "p", &[("b", Occupied)]).unwrap();
        assert_eq!(free.of_bed("b").unwrap().patient.as_deref(), Some("p"));
        assert_eq!(code(stay(&mut free, "q", &[("b", Occupied)])), Some("bed-taken"));
        let second = free.settle_stay("another", Some("p"), &[("c".to_owned(), Held)]);
        assert_eq!(code(second), Some("already-admitted"));
    }

    #[test]
    fn a_hold_that_is_over_is_in_nobodys_way_and_does_not_come_back() {
        let mut ledger = Ledger::new(at(2_000), vec![claim("b", Held, "other")]);
        stay(&mut ledger, "p", &[("b", Occupied)]).unwrap();
        assert!(matches!(ledger.steps[0], Step::End(_, End::Expired)));
        let mut own = Ledger::new(at(2_000), vec![claim("b", Held, "p")]);
        assert_eq!(code(stay(&mut own, "p", &[("b", Occupied)])), Some("hold-expired"));
    }

    #[test]
    fn who_leaves_leaves_a_dirty_bed_and_who_moves_is_never_without_one() {
        let mut ledger = Ledger::new(at(500), vec![claim("b", Occupied, "p")]);
        stay(&mut ledger, "p", &[]).unwrap();
        assert_eq!(ledger.of_bed("b").unwrap().state, Turnover);
        let mut moving = Ledger::new(at(500), vec![claim("b", Occupied, "p")]);
        stay(&mut moving, "p", &[("b", Occupied), ("c", Planned)]).unwrap();
        assert_eq!(moving.of_bed("c").unwrap().role, Role::Next);
        stay(&mut moving, "p", &[("c", Occupied)]).unwrap();
        let now = moving.of_bed("c").unwrap();
        assert_eq!((now.role, now.state), (Role::Current, Occupied));
        assert_eq!(moving.of_bed("b").unwrap().state, Turnover);
        assert!(stay(&mut moving, "p", &[("c", Occupied), ("d", Occupied)]).is_err());
    }

    #[test]
    fn where_beds_are_cleaned_elsewhere_they_are_ready_at_once() {
        let mut ledger = Ledger::new(at(500), vec![claim("b", Occupied, "p")]);
        ledger.leave(Cleaning::Elsewhere);
        stay(&mut ledger, "p", &[]).unwrap();
        assert_eq!(ledger.of_bed("b"), None);
    }

    #[test]
    fn steps_go_forward_only() {
        let rows = [
            (Held, Planned, None),
            (Held, Occupied, None),
            (Planned, Occupied, None),
            (Planned, Held, Some("illegal-transition")),
            (Occupied, Planned, Some("illegal-transition")),
            (Occupied, Held, Some("illegal-transition")),
        ];
        for (from, to, expected) in rows {
            let mut ledger = Ledger::new(at(500), vec![claim("b", from, "p")]);
            assert_eq!(code(stay(&mut ledger, "p", &[("b", to)])), expected, "{from:?} {to:?}");
        }
    }

    #[test]
    fn a_bed_that_was_told_to_be_occupied_is_taken_over_by_the_stay_in_it() {
        let unknown = Claim::new("b", Occupied, at(0));
        let mut ledger = Ledger::new(at(500), vec![unknown]);
        stay(&mut ledger, "p", &[("b", Occupied)]).unwrap();
        assert_eq!(ledger.of_bed("b").unwrap().patient.as_deref(), Some("p"));
        assert_eq!(code(stay(&mut ledger, "q", &[("b", Occupied)])), Some("bed-taken"));
    }
}
