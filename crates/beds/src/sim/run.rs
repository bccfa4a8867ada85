//! The clock of the simulation.

use std::collections::BTreeMap;

use super::measure::Wait;
use super::region::{CLEANING_TICKS, Patient};
use super::{Dice, Scenario, TICK_MINUTES, TICKS_PER_HOUR};
use crate::bed::BedState;
use crate::plan::Solved;
use crate::policy::Policy;
use crate::rank::Points;
use crate::request::Request;
use crate::snapshot::{Fault, Snapshot};
use crate::tier::Tier;

const TICK_MILLIS: i64 = TICK_MINUTES as i64 * 60_000;

/// Hours of waiting in which severity grows by a point on average: below 5 points, below 7, from 7 on.
const WORSENS_AFTER_HOURS: [u32; 3] = [48, 24, 16];
const SEVERITY_MAX: u8 = 15;

/// The risk of a serious event in a tick of waiting, in millionths, by severity from 0. A day of waiting at
/// 0 points is 0.2 %, and each point half as much again, up to 12: the shape of the risk within 24 hours by
/// NEWS (Smith et al. 2013, <https://doi.org/10.1016/j.resuscitation.2012.12.016>).
const RISK_PER_MILLION: [u64; 13] =
    [21, 31, 47, 70, 105, 158, 237, 356, 534, 801, 1_201, 1_802, 2_703];

/// The chance of coming to no harm is counted in these parts of one.
pub(super) const CERTAIN: u64 = 1_000_000_000_000;

/// How everybody fares in a scenario under a policy.
pub(super) fn run(scenario: Scenario, policy: &Policy) -> Result<Vec<Wait>, Fault> {
    let (beds, ready_at) = scenario.beds().into_iter().unzip();
    let patients = scenario.patients();
    let snapshot = Snapshot {
        as_of_millis: 0,
        policy: policy.clone(),
        hospitals: scenario.hospitals(),
        beds,
        requests: Vec::new(),
    };
    let mut region = Region {
        seed: scenario.seed,
        patients: &patients,
        snapshot,
        ready_at,
        waiting: BTreeMap::new(),
    };
    let mut waits = Vec::new();
    let mut arrivals = patients.iter().enumerate().peekable();
    for tick in 0..scenario.ticks() {
        region.turn(tick);
        while let Some((number, patient)) = arrivals.next_if(|(_, it)| it.arrival_tick == tick) {
            region.arrive(number, patient);
        }
        region.serve(tick, &mut waits)?;
    }
    let left = region.waiting.into_values();
    waits.extend(left.filter_map(|waiting| waiting.ends(&patients, scenario.ticks())));
    Ok(waits)
}

struct Region<'a> {
    seed: u64,
    patients: &'a [Patient],
    snapshot: Snapshot,
    /// By bed, when it will be ready if it is not.
    ready_at: Vec<Option<u32>>,
    /// By request.
    waiting: BTreeMap<String, Waiting>,
}

struct Waiting {
    patient: usize,
    severity: u8,
    dice: Dice,
    /// The chance to have come to no harm yet, in parts of [`CERTAIN`].
    unharmed: u64,
}

impl Region<'_> {
    /// Time goes on by a tick: stays end, beds are cleaned, and whoever waits may come to harm or worsen.
    fn turn(&mut self, tick: u32) {
        self.snapshot.as_of_millis = i64::from(tick) * TICK_MILLIS;
        for (bed, ready_at) in self.snapshot.beds.iter_mut().zip(&mut self.ready_at) {
            match *ready_at {
                Some(at) if at <= tick => {
                    (bed.state, bed.since_millis) = (BedState::Ready, self.snapshot.as_of_millis);
                    *ready_at = None;
                }
                Some(_) => bed.state = BedState::Occupied,
                None => {}
            }
        }
        for request in &mut self.snapshot.requests {
            if let Some(waiting) = self.waiting.get_mut(&request.id) {
                waiting.turn();
                (request.tier, request.severity) =
                    (tier_of(waiting.severity), waiting.severity.into());
            }
        }
    }

    fn arrive(&mut self, number: usize, patient: &Patient) {
        let id = format!("t{number:06}");
        let waiting = Waiting {
            patient: number,
            severity: patient.severity,
            dice: Dice::of(self.seed, 4, number as u64),
            unharmed: CERTAIN,
        };
        self.snapshot.requests.push(Request {
            id: id.clone(),
            authored_on_millis: self.snapshot.as_of_millis,
            tier: tier_of(patient.severity),
            severity: Points::from(patient.severity),
            needs: patient.needs.clone(),
            position: Some(patient.position),
            distance_metres_max: patient.distance_metres_max,
            allowed: Vec::new(),
            preferred: Vec::new(),
            accepts_alternative: true,
            barred: None,
            is_recalled: false,
        });
        self.waiting.insert(id, waiting);
    }

    fn serve(&mut self, tick: u32, waits: &mut Vec<Wait>) -> Result<(), Fault> {
        let is_ready = self.ready_at.iter().any(Option::is_none);
        if self.waiting.is_empty() || !is_ready {
            return Ok(());
        }
        let mut served: BTreeMap<String, String> = BTreeMap::new();
        let solved = Solved::new(&self.snapshot)?;
        for (request, bed) in solved.given() {
            served.insert(bed.id.clone(), request.id.clone());
        }
        for (bed, ready_at) in self.snapshot.beds.iter_mut().zip(&mut self.ready_at) {
            let Some(waiting) = served.get(&bed.id).and_then(|id| self.waiting.remove(id)) else {
                continue;
            };
            let Some(wait) = waiting.ends(self.patients, tick) else { continue };
            bed.state = BedState::Occupied;
            *ready_at = Some(tick + wait.stay_ticks + CLEANING_TICKS);
            waits.push(Wait { is_served: true, ..wait });
        }
        self.snapshot.requests.retain(|request| self.waiting.contains_key(&request.id));
        Ok(())
    }
}

impl Waiting {
    fn turn(&mut self) {
        let risk = RISK_PER_MILLION.get(usize::from(self.severity)).or(RISK_PER_MILLION.last());
        self.unharmed -= self.unharmed / 1_000_000 * risk.copied().unwrap_or_default();
        let [low, medium, high] = WORSENS_AFTER_HOURS;
        let hours = match self.severity {
            0..=4 => low,
            5..=6 => medium,
            _ => high,
        };
        if self.dice.chance(1_000_000 / (hours * TICKS_PER_HOUR)) && self.severity < SEVERITY_MAX {
            self.severity += 1;
        }
    }

    fn ends(self, patients: &[Patient], tick: u32) -> Option<Wait> {
        let patient = patients.get(self.patient)?;
        Some(Wait {
            severity: patient.severity,
            tier: tier_of(patient.severity),
            bed_type: patient.needs.bed_type,
            is_female: patient.is_female,
            ticks: tick - patient.arrival_tick,
            stay_ticks: patient.stay_ticks,
            harm: CERTAIN - self.unharmed,
            is_served: false,
        })
    }
}

/// The tier by NEWS2 alone.
fn tier_of(severity: u8) -> Tier {
    match severity {
        0 => Tier::Routine,
        1..=4 => Tier::Soon,
        5..=6 => Tier::Urgent,
        _ => Tier::Immediate,
    }
}
