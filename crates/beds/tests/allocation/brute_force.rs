//! The allocation against trying everything, on small random instances.

use crate::small;
use beds::sim::Dice;
use beds::{Snapshot, allocate, broken, rank, terms};

/// Who is served, by rank, and the cost.
type Answer = (Vec<bool>, i64);

/// Tries every bed and none for every request; the best is the one that serves the first, then the second
/// and so on, and then the cheapest.
fn try_everything(
    costs: &[Vec<Option<i64>>],
    taken: &mut [bool],
    so_far: &mut Answer,
    best: &mut Answer,
) {
    let Some(beds) = costs.get(so_far.0.len()) else {
        if so_far.0 > best.0 || (so_far.0 == best.0 && so_far.1 < best.1) {
            best.clone_from(so_far);
        }
        return;
    };
    for (bed, cost) in beds.iter().enumerate() {
        let Some(cost) = cost.filter(|_| !taken[bed]) else { continue };
        taken[bed] = true;
        so_far.0.push(true);
        so_far.1 += cost;
        try_everything(costs, taken, so_far, best);
        so_far.1 -= cost;
        so_far.0.pop();
        taken[bed] = false;
    }
    so_far.0.push(false);
    try_everything(costs, taken, so_far, best);
    so_far.0.pop();
}

fn by_hand(snapshot: &Snapshot) -> Answer {
    let costs: Vec<Vec<Option<i64>>> =
        rank(&snapshot.requests, &snapshot.policy, snapshot.as_of_millis)
            .into_iter()
            .map(|(n, _)| {
                let request = &snapshot.requests[n];
                let cost = |bed: &beds::Bed| {
                    let hospital =
                        snapshot.hospitals.iter().find(|it| it.id == bed.hospital).unwrap();
                    let metres =
                        request.position.zip(hospital.position).map(|(a, b)| a.metres_to(b));
                    if !broken(request, bed, metres, &snapshot.policy).is_empty() {
                        return None;
                    }
                    let terms =
                        terms(request, &bed.kind, (&bed.hospital, metres), &snapshot.policy);
                    Some(terms.iter().map(|term| i64::from(term.value)).sum())
                };
                snapshot.beds.iter().map(cost).collect()
            })
            .collect();
    let mut best = (Vec::new(), i64::MAX);
    let mut taken = vec![false; snapshot.beds.len()];
    try_everything(&costs, &mut taken, &mut (Vec::new(), 0), &mut best);
    best
}

#[test]
fn every_plan_is_the_best_there_is() {
    let mut served = 0;
    let mut refused = 0;
    for seed in 0..3_000 {
        let snapshot = small::small(&mut Dice::of(seed, 1, 1));
        let plan = allocate(&snapshot).unwrap();
        let (expected, cost) = by_hand(&snapshot);
        let found: Vec<bool> = (1..=expected.len())
            .map(|rank| plan.allocations.iter().any(|allocation| allocation.rank == rank))
            .collect();
        assert_eq!((&found, plan.cost), (&expected, cost), "seed {seed}: {snapshot:#?}");
        served += found.iter().filter(|is_served| **is_served).count();
        refused += found.iter().filter(|is_served| !**is_served).count();
    }
    assert!(served > 3_000 && refused > 1_000, "too easy: {served} served, {refused} refused");
}

#[test]
fn every_plan_adds_up() {
    for seed in 0..3_000 {
        let snapshot = small::small(&mut Dice::of(seed, 2, 1));
        let plan = allocate(&snapshot).unwrap();
        let mut beds: Vec<&str> = plan.allocations.iter().map(|it| it.bed.as_str()).collect();
        beds.sort_unstable();
        beds.dedup();
        assert_eq!(beds.len(), plan.allocations.len(), "a bed is given once");
        assert_eq!(plan.allocations.len() + plan.unallocated.len(), snapshot.requests.len());
        let cost: u32 = plan.allocations.iter().flat_map(|it| &it.cost).map(|it| it.value).sum();
        assert_eq!(i64::from(cost), plan.cost, "the parts make the whole");
        for allocation in &plan.allocations {
            let request = snapshot.requests.iter().find(|it| it.id == allocation.request).unwrap();
            let bed = snapshot.beds.iter().find(|it| it.id == allocation.bed).unwrap();
            let broken = broken(request, bed, allocation.distance_metres, &snapshot.policy);
            assert!(broken.is_empty(), "{request:?} {bed:?}: {broken:?}");
            assert!(allocation.shadow_price >= 0);
        }
    }
}
