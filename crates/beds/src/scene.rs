//! The hospitals and the beds, as plans and explanations look at them: with places in lists instead of ids.

use std::collections::BTreeMap;

use crate::bed::{Bed, Hospital, Kind};
use crate::constraint;
use crate::cost;
use crate::network::{INFEASIBLE, NEVER};
use crate::place::{Position, Spot};
use crate::policy::Policy;
use crate::request::{Needs, Request};
use crate::snapshot::{Fault, Snapshot};

/// So many approaches take longer than it takes to begin a thread.
const WORTH_A_THREAD: usize = 100_000;

/// A request, and where its patient is.
pub(crate) type Asked<'r> = (&'r Request, Option<Spot>);

/// Hospitals, beds, and the rules by which they are looked at.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) policy: &'a Policy,
    /// In an order that does not depend on ids, as long as positions differ.
    pub(crate) hospitals: Vec<(&'a Hospital, Option<Spot>)>,
    /// All beds with the places of their hospitals.
    pub(crate) beds: Vec<(usize, &'a Bed)>,
}

impl<'a> Scene<'a> {
    pub(crate) fn of(snapshot: &'a Snapshot) -> Result<Self, Fault> {
        let mut hospitals: Vec<&Hospital> = snapshot.hospitals.iter().collect();
        hospitals.sort_by_key(|hospital| (hospital.position, hospital.id.as_str()));
        let beds = beds(snapshot, &hospitals)?;
        let spot = |hospital: &'a Hospital| hospital.position.map(Position::spot);
        let hospitals = hospitals.into_iter().map(|hospital| (hospital, spot(hospital))).collect();
        Ok(Self { policy: &snapshot.policy, hospitals, beds })
    }

    /// The id of a hospital.
    pub(crate) fn name(&self, hospital: usize) -> &'a str {
        self.hospitals.get(hospital).map_or("", |(it, _)| it.id.as_str())
    }

    /// From somewhere to a hospital.
    pub(crate) fn metres(&self, from: Option<Spot>, hospital: usize) -> Option<u32> {
        let (_, to) = self.hospitals.get(hospital)?;
        Some(from?.metres_to((*to)?))
    }

    /// What a request pays to enter a hospital, see [`crate::network::Network::approach`].
    pub(crate) fn approach(&self, asked: Option<Asked<'_>>, hospital: usize) -> u32 {
        let Some((request, from)) = asked else { return NEVER };
        let (metres, id) = (self.metres(from, hospital), self.name(hospital));
        match constraint::by_hospital(request, id, metres).next() {
            Some(_) => NEVER,
            None => cost::total(cost::by_hospital(request, id, metres, self.policy)).min(NEVER - 1),
        }
    }

    /// The same of many requests, each with all these hospitals; in two halves at once where that is much work.
    pub(crate) fn approaches(&self, asked: &[Option<Asked<'_>>], hospitals: &[usize]) -> Vec<u32> {
        let of = |some: &[Option<Asked<'_>>]| {
            let mut found = Vec::with_capacity(some.len() * hospitals.len());
            for asked in some {
                found.extend(hospitals.iter().map(|hospital| self.approach(*asked, *hospital)));
            }
            found
        };
        if asked.len() * hospitals.len() < WORTH_A_THREAD {
            return of(asked);
        }
        let (first, second) = asked.split_at(asked.len() / 2);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| of(second));
            let mut found = of(first);
            let second = second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            found.extend(second);
            found
        })
    }

    /// What beds of these kinds cost those who need this, see [`crate::network::Network::fit`].
    pub(crate) fn fit(&self, needs: &Needs, kinds: &[&Kind]) -> Vec<i64> {
        let fit = |kind: &&Kind| match constraint::by_kind(needs, kind, self.policy).next() {
            Some(_) => INFEASIBLE,
            None => cost::total(cost::by_kind(needs, kind, self.policy)).into(),
        };
        kinds.iter().map(fit).collect()
    }
}

fn beds<'a>(
    snapshot: &'a Snapshot,
    hospitals: &[&Hospital],
) -> Result<Vec<(usize, &'a Bed)>, Fault> {
    let place: BTreeMap<&str, usize> =
        hospitals.iter().enumerate().map(|(n, hospital)| (hospital.id.as_str(), n)).collect();
    let found = snapshot.beds.iter().map(|bed| match place.get(bed.hospital.as_str()) {
        Some(hospital) => Ok((*hospital, bed)),
        None => Err(Fault::HospitalUnknown { bed: bed.id.clone(), hospital: bed.hospital.clone() }),
    });
    found.collect()
}
