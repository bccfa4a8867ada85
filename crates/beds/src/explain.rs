//! Why this bed and not another, in codes and in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::bed::Kind;
use crate::code::{Code as _, CodeSet};
use crate::constraint::{self, Constraint, by_hospital, by_state};
use crate::cost;
use crate::plan::{Allocation, BedClass, Reason, Solved, Unallocated};
use crate::request::Request;
use crate::scene::{Asked, Scene};
use crate::tier::Tier;

/// As many alternatives are told of as `$allocate-bed` returns.
const ALTERNATIVES_MAX: usize = 5;
/// So many of them at most are feasible ones.
const FEASIBLE_MAX: usize = 3;

/// Beds that the request did not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// Which beds.
    pub class: BedClass,
    /// Why not.
    pub why_not: WhyNot,
    /// What the plan would cost more, at least, with one of them; absent where somebody else would go without.
    pub delta: Option<i64>,
}

/// Why a request did not get a bed of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyNot {
    /// None of them was free.
    Occupied,
    /// Those that were free went to requests that rank higher.
    HeldForHigherPriority,
    /// They break a constraint; the first one.
    Infeasible(Constraint),
    /// The plan as a whole would have cost more.
    Costlier,
}

impl std::fmt::Display for WhyNot {
    /// The code of `$allocate-bed`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Occupied => f.write_str("occupied"),
            Self::HeldForHigherPriority => f.write_str("held-for-higher-priority"),
            Self::Infeasible(constraint) => write!(f, "infeasible:{}", constraint.code()),
            Self::Costlier => f.write_str("costlier"),
        }
    }
}

impl std::fmt::Display for BedClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Kind { bed_type, gender_policy, age_group, isolation, equipment, .. } = &self.kind;
        write!(f, "{}: {}", self.hospital, bed_type.code())?;
        write!(f, ", {}, {}", gender_policy.code(), age_group.code())?;
        isolation.iter().try_for_each(|code| write!(f, ", {}", code.code()))?;
        equipment.iter().try_for_each(|code| write!(f, ", {}", code.code()))
    }
}

/// How near a class came: preferred hospitals first, then by broken constraints, then by cost.
type Nearness = (bool, u32, u32, usize);

/// A class by the place of its hospital and its kind, and whether a bed of it was free.
pub(crate) type Told<'k> = ((usize, &'k Kind), bool);

/// Up to five classes that a request did not get: the cheapest feasible ones, then those that miss least.
/// `why_not` tells of a feasible class with free beds.
pub(crate) fn alternatives<'k>(
    scene: &Scene<'_>,
    (asked, own): (Asked<'_>, Option<(usize, &Kind)>),
    classes: impl Iterator<Item = Told<'k>>,
    why_not: impl Fn(usize, &Kind) -> (WhyNot, Option<i64>),
) -> Vec<Alternative> {
    let (mut feasible, mut missed) = (Nearest::of(FEASIBLE_MAX), Nearest::of(ALTERNATIVES_MAX));
    // classes come by hospital
    let mut last: Option<(usize, Place)> = None;
    for ((hospital, kind), is_free) in classes {
        if own == Some((hospital, kind)) {
            continue;
        }
        let place = match last {
            Some((known, place)) if known == hospital => place,
            _ => place(scene, asked, hospital),
        };
        last = Some((hospital, place));
        let (near, broken) = nearness(scene, asked.0, (hospital, place), kind);
        match broken.iter().next() {
            None => feasible.offer(near, (hospital, kind, is_free)),
            Some(first) => missed.offer(near, (hospital, kind, first)),
        }
    }
    let class = |hospital: usize, kind: &Kind| BedClass {
        hospital: scene.name(hospital).to_owned(),
        kind: kind.clone(),
    };
    let feasible = feasible.items.into_iter().map(|(_, (hospital, kind, is_free))| {
        let (why_not, delta) =
            if is_free { why_not(hospital, kind) } else { (WhyNot::Occupied, None) };
        Alternative { class: class(hospital, kind), why_not, delta }
    });
    let missed = missed.items.into_iter().map(|(_, (hospital, kind, first))| Alternative {
        class: class(hospital, kind),
        why_not: WhyNot::Infeasible(first),
        delta: None,
    });
    feasible.chain(missed).take(ALTERNATIVES_MAX).collect()
}

/// What a hospital breaks, what it costs, and whether others were preferred.
#[derive(Debug, Clone, Copy)]
struct Place {
    broken: CodeSet<Constraint>,
    cost: u32,
    is_other: bool,
}

fn place(scene: &Scene<'_>, (request, from): Asked<'_>, place: usize) -> Place {
    let (hospital, metres) = (scene.name(place), scene.metres(from, place));
    Place {
        broken: by_hospital(request, hospital, metres).collect(),
        cost: cost::total(cost::by_hospital(request, hospital, metres, scene.policy)),
        is_other: !request.preferred.iter().any(|id| id == hospital),
    }
}

fn nearness(
    scene: &Scene<'_>,
    request: &Request,
    (hospital, place): (usize, Place),
    kind: &Kind,
) -> (Nearness, CodeSet<Constraint>) {
    let by_kind = constraint::by_kind(&request.needs, kind, scene.policy);
    let broken: CodeSet<Constraint> = by_kind.chain(place.broken.iter()).collect();
    let by_kind = cost::total(cost::by_kind(&request.needs, kind, scene.policy));
    let is_later = place.is_other && !broken.is_empty();
    ((is_later, broken.len(), place.cost.saturating_add(by_kind), hospital), broken)
}

/// The nearest of what is offered, in order; of those that are equally near the first.
struct Nearest<T> {
    max: usize,
    items: Vec<(Nearness, T)>,
}

impl<T> Nearest<T> {
    fn of(max: usize) -> Self {
        Self { max, items: Vec::with_capacity(max + 1) }
    }

    fn offer(&mut self, near: Nearness, item: T) {
        let at = self.items.partition_point(|(it, _)| *it <= near);
        if at < self.max {
            self.items.insert(at, (near, item));
            self.items.truncate(self.max);
        }
    }
}

impl Solved<'_> {
    /// Up to five classes that the request did not get: the cheapest feasible ones, then those that miss
    /// least. `None` if the request takes no part.
    pub fn alternatives(&self, request: &str) -> Option<Vec<Alternative>> {
        let grouped = &self.grouped;
        let n = grouped.ranked.iter().position(|(it, _)| it.id == request)?;
        let own = self.matching.class_of.get(n).copied().flatten();
        let own = own.and_then(|class| grouped.classes.get(class));
        let own = own.map(|own| (own.hospital, own.kind));
        let why_not = |hospital: usize, kind: &Kind| self.why_not(n, hospital, kind);
        let classes = self.all_classes().into_iter();
        Some(alternatives(&grouped.scene, (grouped.request(n)?, own), classes, why_not))
    }

    /// All classes of beds, and whether a bed of the class was free.
    fn all_classes(&self) -> BTreeMap<(usize, &Kind), bool> {
        let mut classes = BTreeMap::new();
        for (hospital, bed) in &self.grouped.scene.beds {
            let is_free = by_state(bed).next().is_none();
            *classes.entry((*hospital, &bed.kind)).or_default() |= is_free;
        }
        classes
    }

    /// Of a feasible class with free beds that the request did not get.
    fn why_not(&self, n: usize, hospital: usize, kind: &Kind) -> (WhyNot, Option<i64>) {
        let is_it = |class: &crate::snapshot::FreeClass<'_>| {
            class.hospital == hospital && class.kind == kind
        };
        let Some(class) = self.grouped.classes.iter().position(is_it) else {
            return (WhyNot::Occupied, None);
        };
        let holders = self.matching.class_of.iter().enumerate();
        let mut holders = holders.filter(|(_, given)| **given == Some(class)).map(|(rank, _)| rank);
        let beds = self.network.classes.get(class).map_or(0, |class| class.beds);
        let is_full =
            self.matching.class_of.iter().filter(|it| **it == Some(class)).count() == beds;
        if is_full && holders.all(|rank| rank < n) {
            return (WhyNot::HeldForHigherPriority, None);
        }
        (WhyNot::Costlier, self.delta(n, class))
    }

    /// By the duals, which say what the whole plan would cost more.
    fn delta(&self, n: usize, class: usize) -> Option<i64> {
        let own = self.matching.class_of.get(n).copied().flatten()?;
        let is_closed = |class: usize| self.matching.closed_in.get(class).copied().flatten();
        if is_closed(class) != is_closed(own) {
            return None;
        }
        let with_price = |class: usize| {
            Some(self.network.cost(n, class)? + self.matching.price.get(class).copied()?)
        };
        Some(with_price(class)? - with_price(own)?)
    }
}

/// What the sentence of a decision needs and the plan does not know.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// The name of the bed.
    pub bed: &'a str,
    /// The name of its hospital.
    pub hospital: &'a str,
    /// How the severity was found: `NEWS2 9 at 10:42 (breathing 3, oxygen 2, pulse 2)`.
    pub severity: &'a str,
    /// Which of the preferred hospitals it is, from 1.
    pub choice: Option<usize>,
}

impl Allocation {
    /// For the patient and the doctor: `Bed ICU-07, City Hospital (6.2 km). Priority: immediate: NEWS2 9 at
    /// 10:42 (breathing 3, oxygen 2, pulse 2). Waited 25 min.`
    pub fn sentence(&self, words: Words<'_>) -> String {
        let mut text = format!("Bed {}, {}", words.bed, words.hospital);
        if let Some(metres) = self.distance_metres {
            let hectometres = metres.saturating_add(50) / 100;
            let _ = write!(text, " ({}.{} km)", hectometres / 10, hectometres % 10);
        }
        let _ = write!(text, ". Priority: {}", priority(self.tier, words.severity));
        let _ = write!(text, ". Waited {}.", wait(self.standing.wait_millis));
        if let Some(choice) = words.choice.filter(|choice| *choice > 1) {
            let _ = write!(text, " It is number {choice} of the preferred hospitals.");
        }
        text
    }
}

impl Unallocated {
    /// For the patient and the doctor: `No bed yet, place 3 in the queue. Priority: soon: NEWS2 3 at 10:42. All
    /// beds that fit went to people who need them more urgently.`
    pub fn sentence(&self, severity: &str) -> String {
        let place =
            self.position.map_or(String::new(), |place| format!(", place {place} in the queue"));
        let priority = priority(self.tier, severity);
        let blocking: Vec<&str> = self.blocking.iter().map(|it| words_for(*it)).collect();
        let why = match self.reason {
            Reason::NoFeasibleBed if blocking.is_empty() => "There are no beds at all".to_owned(),
            Reason::NoFeasibleBed => format!("No bed fits now: {}", blocking.join("; ")),
            Reason::Outranked => {
                "All beds that fit went to people who need them more urgently".to_owned()
            }
            Reason::ApprovalExpired => "The doctor's order has expired".to_owned(),
            Reason::VitalsStale => "The vital signs have to be taken again".to_owned(),
            Reason::Paused => "The treating team has paused the request".to_owned(),
        };
        format!("No bed yet{place}. Priority: {priority}. {why}.")
    }
}

fn priority(tier: Tier, severity: &str) -> String {
    match severity {
        "" => tier.code().to_owned(),
        severity => format!("{}: {severity}", tier.code()),
    }
}

fn wait(millis: i64) -> String {
    let minutes = millis / 60_000;
    match minutes {
        0..=119 => format!("{minutes} min"),
        120..=2_879 => format!("{} h", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    }
}

fn words_for(constraint: Constraint) -> &'static str {
    match constraint {
        Constraint::BedType => "none of the kind of care that was ordered",
        Constraint::LevelOfCare => "only beds with more care than needed",
        Constraint::AgeGroup => "only beds for another age",
        Constraint::GenderPolicy => "only bays the patient cannot lie in",
        Constraint::Isolation => "none with the isolation that was ordered",
        Constraint::Equipment => "none with the equipment that was ordered",
        Constraint::Cohort => "only bays that the infection forbids",
        Constraint::Staffed => "no staff for the bed",
        Constraint::Active => "the bed is out of service",
        Constraint::Hospital => "only in hospitals the order does not name",
        Constraint::Preference => "only in hospitals that were not preferred",
        Constraint::Distance => "only farther away than accepted",
        Constraint::Taken => "all that fit are taken",
    }
}
