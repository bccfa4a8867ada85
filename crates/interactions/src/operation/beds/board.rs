//! All beds and the whole queue, as the last look showed them. A look asks the database only for what changed since
//! the one before, so that a plan does not begin by reading ten thousand resources.

mod bed;
mod facts;

use std::collections::{BTreeMap, BTreeSet};

use beds::{Bed, BedState, BedType, Hospital, News, Position, Request, Snapshot};
use fhir_model::{Instant, Outcome};
use storage::{BedRow, Claim, RequestRow, Role};

use super::{
    assessment::{self, Assessed},
    lasting::{Lasting, Ready},
    planners,
    policy::InForce,
};
use crate::Fhir;

/// A row that is read so long after it changed does not change again without saying so.
const SLACK_MILLIS: i64 = 2_000;
/// Levels from a bed up to its site.
const LEVELS_MAX: usize = 8;

/// What the last look showed.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// The number of the last commit that was looked at.
    commit: Option<i64>,
    seen: Option<Instant>,
    observed: Option<Instant>,
    places_read: Option<Instant>,
    pub(super) beds: BTreeMap<String, BoardBed>,
    /// By hospital, its beds.
    beds_of: BTreeMap<String, BTreeSet<String>>,
    pub(super) sites: BTreeMap<String, Site>,
    places: BTreeMap<String, Place>,
    pub(super) queue: BTreeMap<String, Waiting>,
    /// By hospital and kind, how many of the queue name it, as allowed or preferred.
    pub(super) waiting_at: BTreeMap<(String, BedType), u32>,
    /// By order, its Task.
    tasks: BTreeMap<String, String>,
    /// When holds and orders are over, with the bed or the Task.
    over: BTreeSet<(Instant, Over)>,
    /// What a roster has not heard yet.
    pub(super) news: Vec<News>,
    pub(super) lasting: Option<Lasting>,
    pub(super) ready: Ready,
}

/// Something that is over by the clock.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Over {
    Hold(String),
    Order(String),
}

/// Which beds take part, and which requests by their Tasks.
type HasBed<'a> = dyn Fn(&BoardBed) -> bool + 'a;
type HasRequest<'a> = dyn Fn(&str) -> bool + 'a;

/// Whether a bed is one of those that somebody asked about.
pub(super) type InScope<'a> = dyn Fn(&Board, &BoardBed) -> bool + Sync + 'a;

/// A bed.
#[derive(Debug, Clone)]
pub(super) struct BoardBed {
    pub(super) bed: Bed,
    pub(super) name: String,
    /// The Location that it is part of.
    pub(super) ward: Option<String>,
    organization: Option<String>,
    /// Whether its own Location says that it is of an emergency department.
    is_emergency: bool,
    position: Option<Position>,
    pub(super) claim: Option<Claim>,
    /// When it changed and when that was read.
    changed: Instant,
    read: Instant,
}

/// A hospital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) hospital: Hospital,
    pub(super) name: String,
    /// `Organization.id`, unless only the place is known.
    pub(super) organization: Option<String>,
    /// `Location.id` of the outermost place.
    pub(super) location: Option<String>,
}

/// A Location that beds are part of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    part_of: Option<String>,
    position: Option<Position>,
    name: String,
    organization: Option<String>,
    is_emergency: bool,
}

/// A request that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) order: String,
    pub(super) patient: String,
    pub(super) state: String,
    pub(super) assessed: Assessed,
    changed: Instant,
}

impl Board {
    /// Looks what changed.
    ///
    /// # Errors
    /// The database's own trouble.
    pub(super) async fn look(&mut self, fhir: &Fhir) -> Result<(), Outcome> {
        let now = fhir.vault.clock().now();
        let commit = fhir.vault.last_commit();
        if commit.is_some() && commit == self.commit {
            self.be_over(now);
            return Ok(());
        }
        let changed = fhir.vault.beds_changed(&planners()?, self.seen).await?;
        let beds = changed.beds.iter().map(|row| row.changed);
        let last = beds.chain(changed.requests.iter().map(|row| row.changed)).max();
        let seen = last.into_iter().chain(self.seen).max();
        self.take_beds(fhir, changed.beds, now).await?;
        for row in changed.requests {
            self.take_request(fhir, row, now).await?;
        }
        self.observe(fhir, now).await?;
        self.be_over(now);
        (self.seen, self.commit) = (seen, commit);
        Ok(())
    }

    /// The beds of a hospital.
    pub(super) fn beds_of(&self, hospital: &str) -> impl Iterator<Item = &BoardBed> {
        let ids = self.beds_of.get(hospital).into_iter().flatten();
        ids.filter_map(|id| self.beds.get(id))
    }

    /// The Task by which an order waits.
    pub(super) fn waiting_on(&self, order: &str) -> Option<&str> {
        self.tasks.get(order).map(String::as_str)
    }

    /// Remembers what happened, if there is a roster to tell.
    fn tell(&mut self, news: impl FnOnce() -> News) {
        if self.lasting.is_some() {
            self.news.push(news());
        }
    }

    async fn take_request(
        &mut self,
        fhir: &Fhir,
        row: RequestRow,
        now: Instant,
    ) -> Result<(), Outcome> {
        if !["queued", "paused"].contains(&row.state.as_str()) {
            if let Some(gone) = self.queue.remove(&row.task) {
                self.discount(&gone.assessed.request);
                if self.tasks.get(&gone.order) == Some(&row.task) {
                    self.tasks.remove(&gone.order);
                }
                self.tell(|| News::RequestGone(row.task));
            }
            return Ok(());
        }
        let known = self.queue.get(&row.task);
        if known.is_some_and(|it| it.changed == row.changed && it.state == row.state) {
            return Ok(());
        }
        let mut assessed = match known {
            Some(known) => known.assessed.clone(),
            None => match serde_json::from_str::<Assessed>(&row.details) {
                Ok(kept) => kept,
                // a row that this version cannot read is left to the one that wrote it
                Err(_) => return Ok(()),
            },
        };
        // an emergency that stands on an order by now asks for what the order says
        let is_on_order = assessed.is_emergency && !row.order.is_empty();
        if is_on_order || row.changed.millis() > assessed.as_of_millis + 5_000 {
            assessed = assessment::again(fhir, &assessed, &row.order).await?;
        }
        assessed.request.is_recalled |= row.is_recalled;
        let RequestRow { task, order, patient, state, changed, .. } = row;
        self.tasks.insert(order.clone(), task.clone());
        self.put(task, Waiting { order, patient, state, assessed, changed }, now);
        Ok(())
    }

    fn put(&mut self, task: String, waiting: Waiting, now: Instant) {
        let until = Instant::from_millis(waiting.assessed.valid_until_millis);
        self.over.insert((until, Over::Order(task.clone())));
        let fresh = waiting.assessed.fresh_until_millis.filter(|it| *it > now.millis());
        self.over.extend(fresh.map(|it| (Instant::from_millis(it), Over::Order(task.clone()))));
        self.tell(|| News::Request(waiting.assessed.at(now, &waiting.state)));
        self.count(&waiting.assessed.request);
        if let Some(before) = self.queue.insert(task, waiting) {
            self.discount(&before.assessed.request);
        }
    }

    /// Counts a request where it names a hospital.
    fn count(&mut self, request: &Request) {
        for key in named(request) {
            *self.waiting_at.entry(key).or_default() += 1;
        }
    }

    fn discount(&mut self, request: &Request) {
        for key in named(request) {
            let waiting = self.waiting_at.entry(key).or_default();
            *waiting = waiting.saturating_sub(1);
        }
    }

    /// Tells of what is over by the clock.
    fn be_over(&mut self, now: Instant) {
        while let Some((until, over)) = self.over.first().cloned().filter(|(it, _)| *it < now) {
            self.over.remove(&(until, over.clone()));
            match over {
                Over::Hold(id) => {
                    if let Some(bed) = self.beds.get(&id).map(|it| it.as_of(now)) {
                        self.tell(|| News::Bed(bed));
                    }
                }
                Over::Order(task) => {
                    if let Some(request) =
                        self.queue.get(&task).map(|it| it.assessed.at(now, &it.state))
                    {
                        self.tell(|| News::Request(request));
                    }
                }
            }
        }
    }

    /// What a plan is made from: the beds that are in scope, and the requests that are chosen, of those who have no
    /// bed yet.
    pub(super) fn snapshot(
        &self,
        policy: &InForce,
        now: Instant,
        (has_bed, has_request): (&HasBed<'_>, &HasRequest<'_>),
    ) -> Snapshot {
        let claims = self.beds.values().filter_map(|it| it.claim.as_ref());
        let theirs = claims
            .filter(|it| it.state.is_patients() && it.role == Role::Current && !it.is_expired(now));
        let admitted: BTreeSet<&str> = theirs.filter_map(|it| it.patient.as_deref()).collect();
        let waits = |task: &str| {
            let patient = self.queue.get(task).map(|it| it.patient.as_str());
            has_request(task) && !patient.is_some_and(|it| admitted.contains(it))
        };
        self.whole(policy, now, (has_bed, &waits))
    }

    /// The same with those who have a bed by another stay and wait still.
    pub(super) fn whole(
        &self,
        policy: &InForce,
        now: Instant,
        (has_bed, has_request): (&HasBed<'_>, &HasRequest<'_>),
    ) -> Snapshot {
        let beds: Vec<Bed> =
            self.beds.values().filter(|it| has_bed(it)).map(|it| it.as_of(now)).collect();
        let named: BTreeSet<&str> = beds.iter().map(|bed| bed.hospital.as_str()).collect();
        let hospitals = self.sites.values().filter(|it| named.contains(it.hospital.id.as_str()));
        let hospitals = hospitals.map(|it| it.hospital.clone()).collect();
        let chosen = self.queue.iter().filter(|(task, _)| has_request(task));
        let requests: Vec<Request> =
            chosen.map(|(_, waiting)| waiting.assessed.at(now, &waiting.state)).collect();
        let policy = policy.policy.clone();
        Snapshot { as_of_millis: now.millis(), policy, hospitals, beds, requests }
    }
}

/// The hospitals that a request names, as allowed or preferred, with the kind of bed.
fn named(request: &Request) -> BTreeSet<(String, BedType)> {
    let hospitals = request.allowed.iter().chain(&request.preferred);
    hospitals.map(|hospital| (hospital.clone(), request.needs.bed_type)).collect()
}

impl BoardBed {
    /// Whether it is known as a row shows it.
    fn is_as(&self, row: &BedRow) -> bool {
        !row.is_gone
            && self.changed == row.changed
            && self.claim == row.claim
            && self.read.millis() > self.changed.millis() + SLACK_MILLIS
    }

    /// The bed at this time: a hold whose time is over holds nothing.
    pub(super) fn as_of(&self, now: Instant) -> Bed {
        let is_over = self.claim.as_ref().is_some_and(|claim| claim.is_expired(now));
        let state = if is_over { BedState::Ready } else { self.bed.state };
        Bed { state, ..self.bed.clone() }
    }

    /// Whether it, or a place that it is part of, is an emergency department's.
    pub(super) fn is_for_emergencies(&self, board: &Board) -> bool {
        let mut next = self.ward.as_deref();
        let mut is_one = self.is_emergency;
        for _ in 0..LEVELS_MAX {
            let Some(place) = next.filter(|_| !is_one).and_then(|at| board.places.get(at)) else {
                break;
            };
            is_one = place.is_emergency;
            next = place.part_of.as_deref();
        }
        is_one
    }

    /// Whether it is part of a place: a ward, or what that is part of.
    pub(super) fn is_in(&self, board: &Board, place: &str) -> bool {
        if self.bed.id == place {
            return true;
        }
        let mut next = self.ward.as_deref();
        for _ in 0..LEVELS_MAX {
            match next {
                Some(at) if at == place => return true,
                Some(at) => next = board.places.get(at).and_then(|it| it.part_of.as_deref()),
                None => return false,
            }
        }
        false
    }
}
