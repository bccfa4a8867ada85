//! Holds that are taken back: somebody who needs a bed at once gets none, while one that would do is held for somebody
//! who can wait and has not accepted it yet. Beds that were accepted or are lain in are never taken back.

use std::collections::BTreeMap;

use crate::bed::{Bed, BedState};
use crate::plan::allocate;
use crate::snapshot::{Fault, Snapshot};
use crate::tier::Tier;

/// Tiers whose holds may be taken back, those that can wait longest first.
const CAN_WAIT: [Tier; 2] = [Tier::Routine, Tier::Soon];

/// A hold to be taken back, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// [`Bed::id`]
    pub bed: String,
    /// [`crate::Request::id`]
    pub request: String,
}

/// Which holds to take back so that as many as possible of those who are ordered at once are served, the most urgent
/// first. The snapshot has the beds that are held and the requests that get none; `held_for` has, by bed, the tier of
/// the request that it is held for.
///
/// # Errors
/// When the snapshot contradicts itself.
pub fn recalls(
    snapshot: &Snapshot,
    held_for: &BTreeMap<String, Tier>,
) -> Result<Vec<Recall>, Fault> {
    let Snapshot { beds, mut requests, .. } = snapshot.clone();
    requests.retain(|request| request.tier == Tier::Immediate);
    let mut found = Vec::new();
    for tier in CAN_WAIT {
        let is_it = |bed: &&Bed| held_for.get(&bed.id) == Some(&tier);
        let held = beds.iter().filter(is_it).cloned();
        let beds = held.map(|bed| Bed { state: BedState::Ready, ..bed }).collect();
        let plan = allocate(&Snapshot { beds, requests: requests.clone(), ..snapshot.clone() })?;
        let served = plan.allocations.into_iter();
        found.extend(served.map(|it| Recall { bed: it.bed, request: it.request }));
        requests.retain(|request| !found.iter().any(|it| it.request == request.id));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{BedType, Hospital};
    use crate::example;
    use crate::policy::Policy;
    use crate::rank::{Points, standing};
    use crate::request::Request;

    fn held(id: &str, kind: BedType) -> Bed {
        let mut bed = Bed { state: BedState::Held, ..example::bed(id, "h") };
        bed.kind.bed_type = kind;
        bed
    }

    fn of(tiers: &[(&str, Tier)], requests: Vec<Request>) -> Vec<(String, String)> {
        let snapshot = Snapshot {
            as_of_millis: 0,
            policy: Policy::default(),
            hospitals: vec![Hospital { id: "h".to_owned(), position: None }],
            beds: tiers.iter().map(|(id, _)| held(id, BedType::General)).collect(),
            requests,
        };
        let held_for = tiers.iter().map(|(id, tier)| ((*id).to_owned(), *tier)).collect();
        let found = recalls(&snapshot, &held_for).unwrap();
        found.into_iter().map(|it| (it.bed, it.request)).collect()
    }

    fn at_once(id: &str) -> Request {
        Request { tier: Tier::Immediate, ..example::request(id) }
    }

    #[test]
    fn who_can_wait_longest_gives_way_and_only_to_who_cannot() {
        use Tier::{Immediate, Routine, Soon, Urgent};
        let pair = |bed: &str, task: &str| (bed.to_owned(), task.to_owned());
        let one = || vec![at_once("t")];
        assert_eq!(of(&[("a", Soon), ("b", Routine)], one()), [pair("b", "t")]);
        assert_eq!(of(&[("a", Soon), ("b", Urgent)], one()), [pair("a", "t")]);
        assert_eq!(of(&[("a", Urgent), ("b", Immediate)], one()), []);
        let urgent = Request { tier: Urgent, ..example::request("u") };
        assert_eq!(of(&[("a", Routine)], vec![urgent]), []);
        let three = vec![at_once("t"), at_once("u"), at_once("v")];
        let found = of(&[("a", Soon), ("b", Routine)], three);
        assert_eq!(found, [pair("b", "t"), pair("a", "u")]);
    }

    #[test]
    fn who_gave_way_stands_at_the_head_of_the_tier() {
        let policy = Policy::default();
        let stands = |tier, is_recalled| {
            let severity = Points::whole(0);
            let request = Request { tier, severity, is_recalled, ..example::request("t") };
            standing(&request, &policy, 0).points.0
        };
        assert_eq!((stands(Tier::Soon, false), stands(Tier::Soon, true)), (1_000_000, 4_999_999));
        assert_eq!(stands(Tier::Routine, true), 999_999);
    }
}
