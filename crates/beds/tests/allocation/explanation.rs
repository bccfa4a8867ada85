//! What a plan says about itself: prices, alternatives, blocking constraints, sentences, and its record.

use beds::sim::Dice;
use beds::{
    Allocation, BedType, CodeSet, Constraint, Difference, Equipment, Points, Reason, Record,
    Snapshot, Solved, Tier, WhyNot, Words, allocate,
};

use crate::region;
use crate::small::{self, bed, request, snapshot};

fn of<'a>(plan: &'a beds::Plan, request: &str) -> &'a Allocation {
    plan.allocations.iter().find(|it| it.request == request).unwrap()
}

#[test]
fn the_most_ill_come_first_and_the_others_are_told_their_place() {
    let beds = ["icu-1", "icu-2", "icu-3"].map(|id| {
        let mut bed = bed(id, "city");
        bed.kind.bed_type = BedType::Icu;
        bed
    });
    let requests = [("a", 9), ("b", 3), ("c", 8), ("d", 12), ("e", 5)].map(|(id, score)| {
        let mut request = request(id, score);
        request.needs.bed_type = BedType::Icu;
        request
    });
    let plan = allocate(&snapshot(beds, requests)).unwrap();
    let served: Vec<&str> = plan.allocations.iter().map(|it| it.request.as_str()).collect();
    assert_eq!(served, ["d", "a", "c"]);
    let waiting: Vec<_> = plan
        .unallocated
        .iter()
        .map(|it| (it.request.as_str(), it.reason, it.position, it.closed_sets.clone()))
        .collect();
    let expected =
        [("e", Reason::Outranked, Some(1), vec![0]), ("b", Reason::Outranked, Some(2), vec![0])];
    assert_eq!(waiting, expected);
    assert_eq!((plan.closed_sets[0].beds, plan.closed_sets[0].classes.len()), (3, 1));
    assert_eq!(of(&plan, "d").closed_set, Some(0), "one bed more would serve one more");
}

#[test]
fn whoever_came_first_the_ventilator_goes_to_the_one_who_needs_it() {
    for (first, second) in [("any", "ventilated"), ("ventilated", "any")] {
        let mut ventilator = bed("with", "city");
        ventilator.kind.equipment = CodeSet::from_iter([Equipment::Ventilator]);
        let plain = bed("without", "city");
        let requests = [(first, 4), (second, 4)].map(|(id, score)| {
            let mut request = request(id, score);
            if id == "ventilated" {
                request.needs.equipment = CodeSet::from_iter([Equipment::Ventilator]);
            }
            request
        });
        let mut snapshot = snapshot([ventilator, plain], requests);
        snapshot.requests[0].authored_on_millis -= 1;
        let plan = allocate(&snapshot).unwrap();
        assert_eq!(of(&plan, "ventilated").bed, "with", "{first} first");
        assert_eq!(of(&plan, "any").bed, "without", "{first} first");
    }
}

#[test]
fn of_two_that_cost_the_same_the_nearer_hospital_and_the_longest_ready_bed() {
    let mut snapshot =
        snapshot([bed("far", "far"), bed("new", "city"), bed("old", "city")], [request("t", 4)]);
    snapshot.beds[2].since_millis = -5;
    snapshot.requests[0].position = snapshot.hospitals[0].position;
    assert_eq!(snapshot.hospitals[0].id, "city");
    let plan = allocate(&snapshot).unwrap();
    assert_eq!((of(&plan, "t").bed.as_str(), of(&plan, "t").distance_metres), ("old", Some(0)));
    snapshot.requests[0].position = snapshot.hospitals[1].position;
    assert_eq!(of(&allocate(&snapshot).unwrap(), "t").bed, "far");
    snapshot.requests[0].position = None;
    snapshot.requests[0].distance_metres_max = Some(1_000);
    let plan = allocate(&snapshot).unwrap();
    assert_eq!(plan.unallocated[0].blocking, [Constraint::Distance]);
}

#[test]
fn the_constraint_that_keeps_the_beds_away_is_named() {
    let mut ventilated = request("t", 4);
    ventilated.needs.equipment = CodeSet::from_iter([Equipment::Ventilator]);
    let mut taken = bed("taken", "far");
    taken.kind.equipment = CodeSet::from_iter([Equipment::Ventilator]);
    taken.state = beds::BedState::Occupied;
    let mut both = bed("both", "city");
    both.kind.bed_type = BedType::Burns;
    let cases = [
        (vec![], vec![]),
        (vec![both.clone()], vec![Constraint::BedType, Constraint::Equipment]),
        (vec![both.clone(), bed("plain", "city")], vec![Constraint::Equipment]),
        (vec![both, bed("plain", "city"), taken], vec![Constraint::Equipment, Constraint::Taken]),
    ];
    for (beds, blocking) in cases {
        let plan = allocate(&snapshot(beds, [ventilated.clone()])).unwrap();
        let refused = &plan.unallocated[0];
        assert_eq!((refused.reason, &refused.blocking), (Reason::NoFeasibleBed, &blocking));
    }
}

#[test]
fn alternatives_say_why_not() {
    let mut occupied = bed("occupied", "city");
    occupied.state = beds::BedState::Occupied;
    occupied.kind.equipment = CodeSet::from_iter([Equipment::Bariatric]);
    let mut monitor = bed("monitor", "city");
    monitor.kind.equipment = CodeSet::from_iter([Equipment::Monitor]);
    let mut burns = bed("burns", "city");
    burns.kind.bed_type = BedType::Burns;
    let beds = [bed("plain", "city"), occupied, monitor, burns];
    let snapshot = snapshot(beds, [request("higher", 9), request("lower", 2)]);
    let solved = Solved::new(&snapshot).unwrap();
    let told = |id: &str| -> Vec<(String, Option<i64>)> {
        let alternatives = solved.alternatives(id).unwrap();
        alternatives.iter().map(|it| (it.why_not.to_string(), it.delta)).collect()
    };
    let known = |code: &str, delta| (code.to_owned(), delta);
    // the plan is indifferent to who of the two has the monitor, and serves the higher one best
    assert_eq!(of(&solved.plan(), "higher").bed, "plain");
    assert_eq!(
        told("higher"),
        [known("costlier", Some(0)), known("occupied", None), known("infeasible:bed-type", None),]
    );
    assert_eq!(
        told("lower"),
        [
            known("held-for-higher-priority", None),
            known("occupied", None),
            known("infeasible:bed-type", None),
        ]
    );
    assert_eq!(solved.alternatives("nobody"), None);
    let class = &solved.alternatives("lower").unwrap()[1].class;
    assert_eq!(class.to_string(), "city: general, mixed, adult, bariatric");
}

#[test]
fn a_shadow_price_is_what_one_more_bed_would_save() {
    let mut compared = 0;
    for seed in 0..2_000 {
        let before = small::small(&mut Dice::of(seed, 3, 1));
        let plan = allocate(&before).unwrap();
        for allocation in plan.allocations.iter().filter(|it| it.closed_set.is_none()) {
            let mut after = before.clone();
            let bed = before.beds.iter().find(|it| it.id == allocation.bed).unwrap();
            after.beds.push(beds::Bed { id: "one-more".to_owned(), ..bed.clone() });
            let saved = plan.cost - allocate(&after).unwrap().cost;
            // a price is one of possibly many; at the edge it says what one more saves at most
            assert!(saved <= allocation.shadow_price, "seed {seed}: {saved} {allocation:?}");
            compared += usize::from(allocation.shadow_price > 0);
        }
    }
    assert!(compared > 50, "only {compared} prices were not zero");
}

#[test]
fn sentences() {
    let mut snapshot = snapshot([bed("b", "city")], [request("t", 9), request("u", 2)]);
    snapshot.requests[0].position = snapshot.hospitals[1].position;
    snapshot.requests[0].authored_on_millis = snapshot.as_of_millis - 25 * 60_000;
    let plan = allocate(&snapshot).unwrap();
    let words = Words {
        bed: "ICU-07",
        hospital: "City Hospital",
        severity: "NEWS2 9 at 10:42 (breathing 3, oxygen 2, pulse 2)",
        choice: Some(2),
    };
    let sentence = plan.allocations[0].sentence(words);
    let expected = "Bed ICU-07, City Hospital (15.3 km). Priority: immediate: NEWS2 9 at 10:42 (breathing 3, \
                    oxygen 2, pulse 2). Waited 25 min. It is number 2 of the preferred hospitals.";
    assert_eq!(sentence, expected);
    let refused = plan.unallocated[0].sentence("NEWS2 2 at 11:00");
    let expected = "No bed yet, place 1 in the queue. Priority: soon: NEWS2 2 at 11:00. All beds that fit went \
                    to people who need them more urgently.";
    assert_eq!(refused, expected);
}

#[test]
fn a_record_replays_to_the_identical_decision() {
    let size = region::Size { hospitals: 9, beds: 80, requests: 120, extent: 400_000 };
    for seed in 0..20 {
        let inputs = region::region(&mut Dice::new(seed), size);
        let policy = "https://medvault.example/fhir/Library/bed-policy|1.2.0|sha-256".to_owned();
        let record = Record::new(inputs, policy).unwrap();
        let stored = serde_json::to_vec(&record).unwrap();
        let read: Record = serde_json::from_slice(&stored).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.replay(), Ok(()));
        assert_eq!(
            serde_json::to_vec(&Record::new(read.inputs, read.policy).unwrap()).unwrap(),
            stored
        );
    }
}

#[test]
fn a_record_that_was_altered_says_where() {
    let inputs = snapshot([bed("b", "city")], [request("t", 9), request("u", 2)]);
    let mut record = Record::new(inputs, String::new()).unwrap();
    record.inputs.requests[1].severity = Points::whole(10);
    record.inputs.requests[1].tier = Tier::Immediate;
    let difference = Difference::Plan { request: Some("t".to_owned()) };
    assert_eq!(record.replay(), Err(difference));
    record.inputs.beds[0].hospital = "nowhere".to_owned();
    assert!(matches!(record.replay(), Err(Difference::Fault(_))));
}

#[test]
fn why_not_is_told_for_everybody() {
    for seed in 0..300 {
        let snapshot: Snapshot = small::small(&mut Dice::of(seed, 4, 1));
        let solved = Solved::new(&snapshot).unwrap();
        let plan = solved.plan();
        for request in &snapshot.requests {
            let alternatives = solved.alternatives(&request.id).unwrap();
            assert!(alternatives.len() <= 5);
            let is_served = plan.allocations.iter().any(|it| it.request == request.id);
            for alternative in alternatives {
                let WhyNot::Costlier = alternative.why_not else { continue };
                assert!(is_served, "whoever is refused had no bed at any cost");
                assert!(alternative.delta.is_none_or(|delta| delta >= 0), "{alternative:?}");
            }
        }
    }
}
