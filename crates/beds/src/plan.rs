//! A plan: who gets which bed and why, and why the others get none.

use serde::{Deserialize, Serialize};

use crate::bed::{Bed, Kind};
use crate::blocking::Blocking;
use crate::code::codes;
use crate::constraint::Constraint;
use crate::cost::{CostTerm, terms};
use crate::flow::{Flow, Matching};
use crate::network::Network;
use crate::rank::{Points, Standing};
use crate::request::{Bar, Request};
use crate::scene::{Asked, Scene};
use crate::snapshot::{Fault, Grouped, Snapshot};
use crate::tier::Tier;

/// What a snapshot leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Those who get a bed, by rank.
    pub allocations: Vec<Allocation>,
    /// Those who get none: first those who take part, by rank, then the barred ones by id.
    pub unallocated: Vec<Unallocated>,
    /// Beds that are contested beyond what re-shuffling can solve.
    pub closed_sets: Vec<ClosedSet>,
    /// The sum of the costs, in units of 100 m. It is the least for those who are served.
    pub cost: i64,
}

/// A bed for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// [`Request::id`].
    pub request: String,
    /// [`Bed::id`].
    pub bed: String,
    /// [`Bed::hospital`].
    pub hospital: String,
    /// How urgent.
    pub tier: Tier,
    /// The place in the order of service, from 1.
    pub rank: usize,
    /// What the order is by.
    pub standing: Standing,
    /// The severity that went into it.
    pub severity: Points,
    /// To the hospital, if both positions are known.
    pub distance_metres: Option<u32>,
    /// What the bed costs.
    pub cost: Vec<CostTerm>,
    /// How contested beds like this are: what one more would save at most, in units of 100 m.
    pub shadow_price: i64,
    /// The closed set of which the bed is one: there, one bed more would serve one more request.
    pub closed_set: Option<usize>,
}

/// A request without a bed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unallocated {
    /// [`Request::id`].
    pub request: String,
    /// How urgent.
    pub tier: Tier,
    /// Why.
    pub reason: Reason,
    /// If no free bed is feasible: each constraint that alone keeps a bed away; if there is none, those that
    /// keep the best one away together.
    pub blocking: Vec<Constraint>,
    /// If others were served before: the closed sets that hold all beds it could have had.
    pub closed_sets: Vec<usize>,
    /// The place among those who go on waiting, from 1.
    pub position: Option<usize>,
}

codes! {
    /// Why a request gets no bed.
    Reason {
        /// No free bed satisfies its constraints.
        NoFeasibleBed = "no-feasible-bed",
        /// Everything it could have is held by requests that rank higher.
        Outranked = "outranked",
        /// The order's time is over.
        ApprovalExpired = "approval-expired",
        /// The vital signs are too old.
        VitalsStale = "vitals-stale",
        /// A clinician paused it.
        Paused = "paused",
    }
}

/// Classes of beds that are all given, to requests that could have no other (a Hall violator).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedSet {
    /// The classes.
    pub classes: Vec<BedClass>,
    /// How many beds were free in them.
    pub beds: usize,
}

/// Beds of one kind in one hospital.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BedClass {
    /// [`crate::Hospital::id`].
    pub hospital: String,
    /// What they are.
    pub kind: Kind,
}

/// Serves the requests of a snapshot: nobody is refused while a lower-ranked request holds a bed they could
/// have had, directly or by re-shuffling, and the beds cost the least that serves the same requests.
pub fn allocate(snapshot: &Snapshot) -> Result<Plan, Fault> {
    Ok(Solved::new(snapshot)?.plan())
}

/// Serves one request and those that rank higher, and nobody else: what `$allocate-bed` on one request needs.
/// The request gets a bed exactly if [`allocate`] gives it one; as those below it are left out, it is the
/// cheapest for it and for those above. The beds of the others are proposals, which keep theirs free.
pub fn allocate_one(snapshot: &Snapshot, request: &str) -> Result<Plan, Fault> {
    let mut grouped = Grouped::new(snapshot)?;
    let place = grouped.ranked.iter().position(|(it, _)| it.id == request);
    grouped.truncate(place.map_or(0, |place| place + 1));
    Ok(Solved::of(grouped).plan())
}

/// A solved snapshot, which can be asked why.
#[derive(Debug)]
pub struct Solved<'a> {
    pub(crate) grouped: Grouped<'a>,
    pub(crate) network: Network,
    pub(crate) matching: Matching,
}

impl<'a> Solved<'a> {
    /// Solves a snapshot.
    pub fn new(snapshot: &'a Snapshot) -> Result<Self, Fault> {
        Ok(Self::of(Grouped::new(snapshot)?))
    }

    fn of(grouped: Grouped<'a>) -> Self {
        let flow = Flow::of(grouped.network());
        let matching = flow.matching();
        Self { grouped, network: flow.network, matching }
    }

    /// Puts it into words.
    pub fn plan(&self) -> Plan {
        let beds = self.beds();
        let mut blocking = Blocking::new(&self.grouped.scene);
        let mut allocations = Vec::new();
        let mut unallocated = Vec::new();
        for (n, (request, _)) in self.grouped.ranked.iter().enumerate() {
            if let Some((class, bed)) = beds.get(n).copied().flatten() {
                allocations.extend(self.allocation(n, class, bed));
            } else {
                let position = unallocated.len() + 1;
                unallocated.push(self.refusal(n, request, position, &mut blocking));
            }
        }
        let costs = self.matching.class_of.iter().enumerate();
        let cost = costs.filter_map(|(n, class)| self.network.cost(n, (*class)?)).sum();
        unallocated.extend(self.barred());
        Plan { allocations, unallocated, closed_sets: self.closed_sets(), cost }
    }

    /// Who is given which bed.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'a Request, &'a Bed)> {
        let pair = |((request, _), given): (&(&'a Request, _), Option<(_, &'a Bed)>)| {
            given.map(|(_, bed)| (*request, bed))
        };
        self.grouped.ranked.iter().zip(self.beds()).filter_map(pair)
    }

    /// By rank, the class and the bed: of its class, the bed that has been ready longest first.
    pub(crate) fn beds(&self) -> Vec<Option<(usize, &'a Bed)>> {
        let mut free: Vec<_> =
            self.grouped.classes.iter().map(|class| class.beds.iter().copied()).collect();
        let of = |class: &Option<usize>| {
            let class = (*class)?;
            Some((class, free.get_mut(class)?.next()?))
        };
        self.matching.class_of.iter().map(of).collect()
    }

    fn allocation(&self, n: usize, class: usize, bed: &Bed) -> Option<Allocation> {
        let (_, standing) = self.grouped.ranked.get(n)?;
        let hospital = self.grouped.classes.get(class)?.hospital;
        let value = Value {
            shadow_price: self.matching.price.get(class).copied().unwrap_or_default(),
            closed_set: self.matching.closed_in.get(class).copied().flatten(),
        };
        let (asked, rank) = (self.grouped.request(n)?, (n + 1, *standing));
        Some(allocation(&self.grouped.scene, (asked, rank), (hospital, bed), value))
    }

    fn refusal(
        &self,
        n: usize,
        request: &Request,
        position: usize,
        blocking: &mut Blocking<'_>,
    ) -> Unallocated {
        let feasible = (0..self.network.classes.len())
            .filter(|class| self.network.cost(n, *class).is_some())
            .filter_map(|class| self.matching.closed_in.get(class).copied().flatten());
        let mut closed_sets: Vec<usize> = feasible.collect();
        closed_sets.sort_unstable();
        closed_sets.dedup();
        let (reason, blocking) = if closed_sets.is_empty() {
            let profile = self.grouped.profile_of.get(n).copied().unwrap_or_default();
            let needs = self.grouped.needs.get(profile).unwrap_or(&request.needs);
            let from = self.grouped.spots.get(n).copied().flatten();
            (Reason::NoFeasibleBed, blocking.of((request, from), (profile, needs)))
        } else {
            (Reason::Outranked, Vec::new())
        };
        Unallocated {
            request: request.id.clone(),
            tier: request.tier,
            reason,
            blocking,
            closed_sets,
            position: Some(position),
        }
    }

    fn barred(&self) -> Vec<Unallocated> {
        let requests = self.grouped.snapshot.requests.iter();
        let mut barred: Vec<Unallocated> =
            requests.filter_map(|request| Some(barred(request, request.barred?))).collect();
        barred.sort_by(|a, b| a.request.cmp(&b.request));
        barred
    }

    fn closed_sets(&self) -> Vec<ClosedSet> {
        let empty = ClosedSet { classes: Vec::new(), beds: 0 };
        let mut sets = vec![empty; self.matching.closed_sets];
        for (class, closed_in) in self.grouped.classes.iter().zip(&self.matching.closed_in) {
            let Some(set) = closed_in.and_then(|set| sets.get_mut(set)) else { continue };
            let hospital = self.grouped.scene.name(class.hospital).to_owned();
            set.beds += class.beds.len();
            set.classes.push(BedClass { hospital, kind: class.kind.clone() });
        }
        sets
    }
}

/// What beds like one are worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) shadow_price: i64,
    pub(crate) closed_set: Option<usize>,
}

/// A bed given to a request at its place in the order of service.
pub(crate) fn allocation(
    scene: &Scene<'_>,
    ((request, from), (rank, standing)): (Asked<'_>, (usize, Standing)),
    (hospital, bed): (usize, &Bed),
    Value { shadow_price, closed_set }: Value,
) -> Allocation {
    let metres = scene.metres(from, hospital);
    Allocation {
        request: request.id.clone(),
        bed: bed.id.clone(),
        hospital: bed.hospital.clone(),
        tier: request.tier,
        rank,
        standing,
        severity: request.severity,
        distance_metres: metres,
        cost: terms(request, &bed.kind, (&bed.hospital, metres), scene.policy),
        shadow_price,
        closed_set,
    }
}

/// The refusal of a request that takes no part.
pub(crate) fn barred(request: &Request, bar: Bar) -> Unallocated {
    let reason = match bar {
        Bar::ApprovalExpired => Reason::ApprovalExpired,
        Bar::VitalsStale => Reason::VitalsStale,
        Bar::Paused => Reason::Paused,
    };
    Unallocated {
        request: request.id.clone(),
        tier: request.tier,
        reason,
        blocking: Vec::new(),
        closed_sets: Vec::new(),
        position: None,
    }
}
