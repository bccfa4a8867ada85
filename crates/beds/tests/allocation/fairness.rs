//! What must not matter does not: the order of lists, names and ids; and a plan of a nation is what was
//! asked for.

use std::collections::BTreeMap;
use std::time::Instant;

use beds::sim::Dice;
use beds::{Plan, Reason, Snapshot, Solved, allocate, allocate_one, broken};

use crate::region::{self, Size};
use crate::small;

const REGION: Size = Size { hospitals: 20, beds: 300, requests: 500, extent: 600_000 };

/// Other ids in another order, with the same content.
struct Renamed {
    snapshot: Snapshot,
    /// From the new ids to the old ones.
    old: BTreeMap<String, String>,
}

fn shuffled<T>(dice: &mut Dice, list: &mut [T]) {
    for n in (1..list.len()).rev() {
        let other = dice.below(u32::try_from(n + 1).unwrap());
        list.swap(n, usize::try_from(other).unwrap());
    }
}

fn renamed(dice: &mut Dice, snapshot: &Snapshot) -> Renamed {
    let mut snapshot = snapshot.clone();
    let mut old = BTreeMap::new();
    shuffled(dice, &mut snapshot.hospitals);
    shuffled(dice, &mut snapshot.beds);
    shuffled(dice, &mut snapshot.requests);
    let mut new = BTreeMap::new();
    for (n, hospital) in snapshot.hospitals.iter_mut().enumerate() {
        let id = format!("h{n}");
        new.insert(hospital.id.clone(), id.clone());
        old.insert(id.clone(), std::mem::replace(&mut hospital.id, id));
    }
    for (n, bed) in snapshot.beds.iter_mut().enumerate() {
        let id = format!("b{n}");
        old.insert(id.clone(), std::mem::replace(&mut bed.id, id));
        bed.hospital.clone_from(&new[&bed.hospital]);
    }
    for (n, request) in snapshot.requests.iter_mut().enumerate() {
        let id = format!("t{n}");
        old.insert(id.clone(), std::mem::replace(&mut request.id, id));
        for id in request.preferred.iter_mut().chain(&mut request.allowed) {
            id.clone_from(&new[id.as_str()]);
        }
    }
    Renamed { snapshot, old }
}

/// The plan with the old ids.
fn with_old_ids(mut plan: Plan, old: &BTreeMap<String, String>) -> Plan {
    let back = |id: &mut String| id.clone_from(&old[id.as_str()]);
    for allocation in &mut plan.allocations {
        back(&mut allocation.request);
        back(&mut allocation.bed);
        back(&mut allocation.hospital);
    }
    plan.unallocated.iter_mut().for_each(|refused| back(&mut refused.request));
    for class in plan.closed_sets.iter_mut().flat_map(|set| &mut set.classes) {
        back(&mut class.hospital);
    }
    plan
}

#[test]
fn other_names_and_another_order_give_the_same_plan() {
    for seed in 0..25 {
        let mut dice = Dice::of(seed, 5, 1);
        let snapshot = region::region(&mut dice, REGION);
        let plan = allocate(&snapshot).unwrap();
        let renamed = renamed(&mut dice, &snapshot);
        let again = allocate(&renamed.snapshot).unwrap();
        assert!(!plan.unallocated.is_empty() && plan.allocations.len() > 250);
        assert_eq!(with_old_ids(again, &renamed.old), plan, "seed {seed}");
    }
}

#[test]
fn there_is_no_field_for_what_must_not_matter() {
    let snapshot = small::snapshot([], [small::request("t", 3)]);
    let mut request = serde_json::to_value(&snapshot.requests[0]).unwrap();
    let fields: Vec<String> = request.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "id",
        "authored_on_millis",
        "tier",
        "severity",
        "needs",
        "position",
        "distance_metres_max",
        "allowed",
        "preferred",
        "accepts_alternative",
        "barred",
    ];
    assert_eq!(fields, expected);
    request["payer"] = "state".into();
    let read: beds::Request = serde_json::from_value(request).unwrap();
    assert_eq!(read, snapshot.requests[0]);
}

/// 4,000 beds and 5,000 requests in 120 hospitals.
const NATION: Size = Size { hospitals: 120, beds: 4_000, requests: 5_000, extent: 3_000_000 };

#[test]
fn in_scarcity_every_bed_is_given_and_nobody_is_passed_over() {
    let snapshot = region::region(&mut Dice::new(2), NATION);
    let started = Instant::now();
    let solved = Solved::new(&snapshot).unwrap();
    let plan = solved.plan();
    println!("planned in {:?}", started.elapsed());
    assert_eq!((plan.allocations.len(), plan.unallocated.len()), (4_000, 1_000));
    let holder: BTreeMap<&str, usize> =
        plan.allocations.iter().map(|it| (it.bed.as_str(), it.rank)).collect();
    assert_eq!(holder.len(), 4_000, "each bed is given once");
    let ranks: BTreeMap<&str, usize> =
        beds::rank(&snapshot.requests, &snapshot.policy, snapshot.as_of_millis)
            .into_iter()
            .zip(1..)
            .map(|((n, _), rank)| (snapshot.requests[n].id.as_str(), rank))
            .collect();
    let hospitals: BTreeMap<&str, _> =
        snapshot.hospitals.iter().map(|it| (it.id.as_str(), it.position)).collect();
    let outranked = plan.unallocated.iter().filter(|it| it.reason == Reason::Outranked).count();
    assert!(outranked > 950, "{outranked}");
    for refused in &plan.unallocated {
        let request = snapshot.requests.iter().find(|it| it.id == refused.request).unwrap();
        let rank = ranks[refused.request.as_str()];
        for bed in &snapshot.beds {
            let to = hospitals[bed.hospital.as_str()];
            let metres = request.position.zip(to).map(|(a, b)| a.metres_to(b));
            if broken(request, bed, metres, &snapshot.policy).is_empty() {
                let holder = holder[bed.id.as_str()];
                assert!(holder < rank, "{rank} is passed over for {holder}");
            }
        }
    }
}

#[test]
fn the_certificate_of_the_duals_holds() {
    // with these prices nobody would rather have another bed: no cheaper plan serves the same requests
    let snapshot = region::region(&mut Dice::new(3), Size { beds: 700, requests: 650, ..NATION });
    let plan = allocate(&snapshot).unwrap();
    let solved = Solved::new(&snapshot).unwrap();
    assert!(plan.allocations.iter().any(|it| it.shadow_price > 0));
    for allocation in plan.allocations.iter().step_by(7) {
        for alternative in solved.alternatives(&allocation.request).unwrap() {
            assert!(
                alternative.delta.is_none_or(|delta| delta >= 0),
                "{allocation:?} {alternative:?}"
            );
        }
    }
}

#[test]
fn one_request_is_answered_as_if_all_were() {
    for seed in 0..400 {
        let snapshot = small::small(&mut Dice::of(seed, 6, 1));
        let all = allocate(&snapshot).unwrap();
        for request in &snapshot.requests {
            let one = allocate_one(&snapshot, &request.id).unwrap();
            let is_served =
                |plan: &Plan| plan.allocations.iter().any(|it| it.request == request.id);
            assert_eq!(is_served(&one), is_served(&all), "seed {seed} {}", request.id);
            let refused = |plan: &Plan| {
                plan.unallocated
                    .iter()
                    .find(|it| it.request == request.id)
                    .map(|it| (it.reason, it.position))
            };
            assert_eq!(refused(&one), refused(&all), "seed {seed} {}", request.id);
        }
    }
}
