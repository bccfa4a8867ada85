//! What a plan is made from, and the same grouped: beds of one kind in one hospital are a class, requests
//! with the same needs a profile.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bed::{Bay, Bed, Hospital, Kind};
use crate::constraint;
use crate::network::{Class, Network};
use crate::place::{Position, Spot};
use crate::policy::Policy;
use crate::rank::{Standing, rank};
use crate::request::{Needs, Request};
use crate::scene::{Asked, Scene};

/// The queue and the beds at an instant. What the lists are ordered by does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// In milliseconds since 1970.
    pub as_of_millis: i64,
    /// The policy in force.
    pub policy: Policy,
    /// Every hospital that a bed names.
    pub hospitals: Vec<Hospital>,
    /// All beds, free or not: those that are not free help to explain.
    pub beds: Vec<Bed>,
    /// The queue.
    pub requests: Vec<Request>,
}

/// Why there is no plan for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Two hospitals have this id.
    HospitalTwice(String),
    /// Two beds have this id.
    BedTwice(String),
    /// Two requests have this id.
    RequestTwice(String),
    /// A bed names a hospital that is not there.
    HospitalUnknown {
        /// The bed.
        bed: String,
        /// What it names.
        hospital: String,
    },
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::HospitalTwice(id) => write!(f, "The hospital {id} is listed twice"),
            Self::BedTwice(id) => write!(f, "The bed {id} is listed twice"),
            Self::RequestTwice(id) => write!(f, "The request {id} is listed twice"),
            Self::HospitalUnknown { bed, hospital } => {
                write!(f, "The bed {bed} stands in the hospital {hospital}, which is not listed")
            }
        }
    }
}

impl std::error::Error for Fault {}

/// A snapshot with places in lists instead of ids.
#[derive(Debug)]
pub(crate) struct Grouped<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Requests that take part, the first to be served first.
    pub(crate) ranked: Vec<(&'a Request, Standing)>,
    /// All hospitals and beds.
    pub(crate) scene: Scene<'a>,
    /// Classes of free beds, by hospital and then by kind.
    pub(crate) classes: Vec<FreeClass<'a>>,
    /// Of the ranked requests, the places of their needs in `needs`.
    pub(crate) profile_of: Vec<usize>,
    pub(crate) needs: Vec<Needs>,
    /// Where the patients are.
    pub(crate) spots: Vec<Option<Spot>>,
}

/// Free beds that are alike, those to be given first first.
#[derive(Debug)]
pub(crate) struct FreeClass<'a> {
    pub(crate) hospital: usize,
    pub(crate) kind: &'a Kind,
    pub(crate) beds: Vec<&'a Bed>,
}

impl<'a> Grouped<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot) -> Result<Self, Fault> {
        let twice = |ids: Vec<&'a str>| {
            let mut ids = ids;
            ids.sort_unstable();
            ids.windows(2)
                .find(|pair| pair.first() == pair.last())
                .and_then(|pair| pair.first())
                .map(|id| (*id).to_owned())
        };
        let requests = &snapshot.requests;
        if let Some(id) = twice(requests.iter().map(|request| request.id.as_str()).collect()) {
            return Err(Fault::RequestTwice(id));
        }
        if let Some(id) = twice(snapshot.beds.iter().map(|bed| bed.id.as_str()).collect()) {
            return Err(Fault::BedTwice(id));
        }
        if let Some(id) = twice(snapshot.hospitals.iter().map(|it| it.id.as_str()).collect()) {
            return Err(Fault::HospitalTwice(id));
        }
        let scene = Scene::of(snapshot)?;
        let ranked: Vec<(&Request, Standing)> =
            rank(requests, &snapshot.policy, snapshot.as_of_millis)
                .into_iter()
                .filter_map(|(n, standing)| Some((requests.get(n)?, standing)))
                .collect();
        let cohorts = cohorts(&snapshot.beds);
        let needs: Vec<Needs> =
            ranked.iter().map(|(request, _)| relevant(&request.needs, &cohorts)).collect();
        let (different, profile_of) = interned(needs.iter());
        let needs = different.into_iter().cloned().collect();
        Ok(Self {
            snapshot,
            classes: classes(&scene.beds),
            scene,
            profile_of,
            needs,
            spots: ranked.iter().map(|(request, _)| request.position.map(Position::spot)).collect(),
            ranked,
        })
    }

    /// Leaves the first requests only.
    pub(crate) fn truncate(&mut self, requests: usize) {
        self.ranked.truncate(requests);
        self.profile_of.truncate(requests);
        self.spots.truncate(requests);
    }

    /// The ranked request with this place, and where its patient is.
    pub(crate) fn request(&self, ranked: usize) -> Option<(&'a Request, Option<Spot>)> {
        let (request, _) = self.ranked.get(ranked)?;
        Some((request, self.spots.get(ranked).copied().flatten()))
    }

    /// The problem in numbers, over the free beds.
    pub(crate) fn network(&self) -> Network {
        let (kinds, kind_of) = interned(self.classes.iter().map(|class| class.kind));
        let (sites, site_of) = interned(self.classes.iter().map(|class| &class.hospital));
        let fit = self.needs.iter().flat_map(|needs| self.scene.fit(needs, &kinds));
        let asked: Vec<Option<Asked<'_>>> =
            (0..self.ranked.len()).map(|ranked| self.request(ranked)).collect();
        let hospitals: Vec<usize> = sites.iter().map(|hospital| **hospital).collect();
        let classes = self.classes.iter().zip(kind_of).zip(&site_of);
        Network {
            sites: sites.len(),
            kinds: kinds.len(),
            fit: fit.collect(),
            approach: self.scene.approaches(&asked, &hospitals),
            profile_of: self.profile_of.clone(),
            classes: classes
                .map(|((class, kind), site)| Class { site: *site, kind, beds: class.beds.len() })
                .collect(),
        }
    }
}

fn classes<'a>(beds: &[(usize, &'a Bed)]) -> Vec<FreeClass<'a>> {
    let mut free: Vec<(usize, &Bed)> = beds
        .iter()
        .copied()
        .filter(|(_, bed)| constraint::by_state(bed).next().is_none())
        .collect();
    free.sort_by_key(|(hospital, bed)| (*hospital, &bed.kind, bed.since_millis, bed.id.as_str()));
    let alike = |a: &(usize, &Bed), b: &(usize, &Bed)| a.0 == b.0 && a.1.kind == b.1.kind;
    let groups = free.chunk_by(alike).filter_map(|group| {
        let (hospital, first) = group.first()?;
        let beds = group.iter().map(|(_, bed)| *bed).collect();
        Some(FreeClass { hospital: *hospital, kind: &first.kind, beds })
    });
    groups.collect()
}

/// The organisms that bays are for.
pub(crate) fn cohorts<'b>(beds: impl IntoIterator<Item = &'b Bed>) -> BTreeSet<String> {
    let cohort = |bed: &Bed| match &bed.kind.bay {
        Bay::Cohort(organism) => Some(organism.clone()),
        Bay::Single | Bay::Shared => None,
    };
    beds.into_iter().filter_map(cohort).collect()
}

/// The needs of a request, without an organism that no bay is for: it would make a profile that differs in
/// nothing that counts.
pub(crate) fn relevant(needs: &Needs, cohorts: &BTreeSet<String>) -> Needs {
    let organism = needs.organism.clone().filter(|organism| cohorts.contains(organism));
    Needs { organism, ..needs.clone() }
}

/// The different values in ascending order, and of each value its place there.
pub(crate) fn interned<'a, T: Ord + 'a>(
    values: impl Iterator<Item = &'a T> + Clone,
) -> (Vec<&'a T>, Vec<usize>) {
    let mut different: Vec<&T> = values.clone().collect();
    different.sort_unstable();
    different.dedup();
    let places = values.map(|value| different.binary_search(&value).unwrap_or_default()).collect();
    (different, places)
}
