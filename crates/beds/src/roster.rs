//! A plan that is kept up to date: who would get which bed now. What happens to beds and requests is told to it, and
//! only the difference is solved, so that a decision about one request does not begin by planning for everybody.
//!
//! **Invariant**: a roster serves the same requests at the same cost as a new plan for [`Roster::snapshot`] would.
//! Where [`crate::flow`] cannot go on, it is planned anew; a [`Turn`] says when, so that a roster can be replayed.

mod decide;
mod news;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bed::{Bed, Hospital, Kind};
use crate::constraint::by_state;
use crate::flow::Flow;
use crate::network::{Class, Network};
use crate::place::{Position, Spot};
use crate::plan::{Allocation, Unallocated};
use crate::policy::Policy;
use crate::rank::rank;
use crate::request::{Needs, Request};
use crate::scene::{Asked, Scene};
use crate::snapshot::{Fault, Snapshot, cohorts, relevant};

/// Something that happened. What is there already is replaced by what is said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum News {
    /// A bed is there, or changed.
    Bed(Bed),
    /// A bed is none any more.
    BedGone(String),
    /// A request waits, or changed.
    Request(Request),
    /// A request does not wait any more.
    RequestGone(String),
    /// A hospital is there, or moved.
    Hospital(Hospital),
}

/// What was told to a roster at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When, in milliseconds since 1970.
    pub as_of_millis: i64,
    /// What.
    pub news: Vec<News>,
    /// Whether it was planned anew then, for everybody.
    pub is_planned_anew: bool,
}

/// What a roster has for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A bed.
    Given(Allocation),
    /// None.
    Refused(Unallocated),
}

/// A plan that is kept up to date.
#[derive(Debug)]
pub struct Roster {
    policy: Policy,
    as_of_millis: i64,
    hospitals: BTreeMap<String, Hospital>,
    beds: BTreeMap<String, Bed>,
    requests: BTreeMap<String, Request>,
    /// In the order of [`Scene::hospitals`], which is that of the flow's sites.
    ground: Vec<(Hospital, Option<Spot>)>,
    kinds: Vec<Kind>,
    /// All classes, also those of which no bed is free.
    classes: Vec<RosterClass>,
    /// By hospital and kind, the place of the class.
    class_at: BTreeMap<(usize, Kind), usize>,
    cohorts: BTreeSet<String>,
    profiles: BTreeMap<Needs, usize>,
    /// By place in the flow, who takes part.
    slots: Vec<Option<Slot>>,
    place_of: BTreeMap<String, usize>,
    vacant: Vec<usize>,
    flow: Flow,
}

/// A request that takes part.
#[derive(Debug, Clone)]
struct Slot {
    request: Request,
    from: Option<Spot>,
    /// If it is not served: the last of the closed sets that it depends on.
    reach: Option<usize>,
}

#[derive(Debug)]
struct RosterClass {
    hospital: usize,
    kind: Kind,
    /// Free beds by how long they have been so, and by id.
    free: BTreeSet<(i64, String)>,
}

impl Roster {
    /// Plans for a snapshot.
    ///
    /// # Errors
    /// When the snapshot contradicts itself.
    pub fn new(snapshot: Snapshot) -> Result<Self, Fault> {
        let scene = Scene::of(&snapshot)?;
        let ground: Vec<(Hospital, Option<Spot>)> =
            scene.hospitals.iter().map(|(hospital, spot)| ((*hospital).clone(), *spot)).collect();
        let (classes, class_at) = classes(&scene);
        let mut kinds: Vec<Kind> = classes.iter().map(|class| class.kind.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let ranked = rank(&snapshot.requests, &snapshot.policy, snapshot.as_of_millis);
        let ranked = ranked.into_iter().filter_map(|(n, _)| snapshot.requests.get(n));
        let slot = |request: &Request| {
            let from = request.position.map(Position::spot);
            Some(Slot { request: request.clone(), from, reach: None })
        };
        let slots: Vec<Option<Slot>> = ranked.map(slot).collect();
        let cohorts = cohorts(&snapshot.beds);
        let mut profiles: BTreeMap<Needs, usize> = BTreeMap::new();
        let places = slots.iter().flatten();
        let profile_of: Vec<usize> = places
            .clone()
            .map(|slot| {
                let next = profiles.len();
                *profiles.entry(relevant(&slot.request.needs, &cohorts)).or_insert(next)
            })
            .collect();
        let mut by_number: Vec<(&Needs, &usize)> = profiles.iter().collect();
        by_number.sort_unstable_by_key(|(_, number)| **number);
        let kind_refs: Vec<&Kind> = kinds.iter().collect();
        let fit = by_number.iter().flat_map(|(needs, _)| scene.fit(needs, &kind_refs)).collect();
        let asked: Vec<Option<Asked<'_>>> =
            places.clone().map(|slot| Some((&slot.request, slot.from))).collect();
        let everywhere: Vec<usize> = (0..scene.hospitals.len()).collect();
        let network = Network {
            sites: scene.hospitals.len(),
            kinds: kinds.len(),
            approach: scene.approaches(&asked, &everywhere),
            fit,
            profile_of,
            classes: classes
                .iter()
                .map(|class| Class {
                    site: class.hospital,
                    kind: kinds.binary_search(&class.kind).unwrap_or_default(),
                    beds: class.free.len(),
                })
                .collect(),
        };
        let place_of = places.enumerate().map(|(n, slot)| (slot.request.id.clone(), n)).collect();
        let Snapshot { as_of_millis, policy, hospitals, beds, requests } = snapshot;
        let mut roster = Self {
            policy,
            as_of_millis,
            hospitals: by_id(hospitals, |it| &it.id, Fault::HospitalTwice)?,
            beds: by_id(beds, |it| &it.id, Fault::BedTwice)?,
            requests: by_id(requests, |it| &it.id, Fault::RequestTwice)?,
            ground,
            kinds,
            classes,
            class_at,
            cohorts,
            profiles,
            slots,
            place_of,
            vacant: Vec::new(),
            flow: Flow::of(network),
        };
        for place in 0..roster.slots.len() {
            roster.remember_reach(place);
        }
        Ok(roster)
    }

    /// Everything that the roster knows, as a plan takes it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            as_of_millis: self.as_of_millis,
            policy: self.policy.clone(),
            hospitals: self.hospitals.values().cloned().collect(),
            beds: self.beds.values().cloned().collect(),
            requests: self.requests.values().cloned().collect(),
        }
    }

    /// Hears what happened until this time; what is to be kept of that, if there is anything.
    ///
    /// # Errors
    /// When the news contradict what is known: a bed in a hospital that is not there.
    pub fn advance(&mut self, as_of_millis: i64, news: Vec<News>) -> Result<Option<Turn>, Fault> {
        self.as_of_millis = as_of_millis;
        let goes_on = self.hear(&news);
        let is_planned_anew = !goes_on || !self.is_in_order();
        if is_planned_anew {
            *self = Self::new(self.snapshot())?;
        }
        let is_worth_it = is_planned_anew || !news.is_empty();
        Ok(is_worth_it.then_some(Turn { as_of_millis, news, is_planned_anew }))
    }

    /// How many requests take part.
    pub fn requests(&self) -> usize {
        self.place_of.len()
    }

    /// What all who are served cost together, in units of 100 m.
    pub fn cost(&self) -> i64 {
        self.flow.cost()
    }

    /// The policy that is followed.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    fn scene(&self) -> Scene<'_> {
        Scene {
            policy: &self.policy,
            hospitals: self.ground.iter().map(|(hospital, spot)| (hospital, *spot)).collect(),
            beds: Vec::new(),
        }
    }

    fn slot(&self, place: usize) -> Option<&Slot> {
        self.slots.get(place)?.as_ref()
    }
}

fn by_id<T>(
    items: Vec<T>,
    id: impl Fn(&T) -> &String,
    fault: impl Fn(String) -> Fault,
) -> Result<BTreeMap<String, T>, Fault> {
    let mut found = BTreeMap::new();
    for item in items {
        let id = id(&item).clone();
        if found.insert(id.clone(), item).is_some() {
            return Err(fault(id));
        }
    }
    Ok(found)
}

type Classes = (Vec<RosterClass>, BTreeMap<(usize, Kind), usize>);

fn classes(scene: &Scene<'_>) -> Classes {
    let mut free: BTreeMap<(usize, &Kind), BTreeSet<(i64, String)>> = BTreeMap::new();
    for (hospital, bed) in &scene.beds {
        let class = free.entry((*hospital, &bed.kind)).or_default();
        if by_state(bed).next().is_none() {
            class.insert((bed.since_millis, bed.id.clone()));
        }
    }
    let at = free.keys().enumerate().map(|(n, (hospital, kind))| ((*hospital, (*kind).clone()), n));
    let at = at.collect();
    let class = |((hospital, kind), free): ((usize, &Kind), _)| RosterClass {
        hospital,
        kind: kind.clone(),
        free,
    };
    (free.into_iter().map(class).collect(), at)
}
