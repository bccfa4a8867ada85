//! A roster that goes on against a new plan at every step: random beds and requests, random things that happen.

use std::collections::BTreeSet;

use beds::sim::Dice;
use beds::{
    Bar, BedState, News, Plan, Points, Request, Roster, Single, Snapshot, Turn, Verdict, allocate,
    broken,
};

use crate::region::tier;
use crate::small::small;

const HOUR: i64 = 3_600_000;

/// What happens next, and how much later.
fn next(dice: &mut Dice, roster: &Roster, now: &Snapshot, n: usize) -> (i64, Vec<News>) {
    let bed = (!now.beds.is_empty()).then(|| now.beds[any(dice, &now.beds)].clone());
    let request =
        (!now.requests.is_empty()).then(|| now.requests[any(dice, &now.requests)].clone());
    let fresh = small(&mut Dice::of(u64::from(dice.below(1_000_000)), 7, 1));
    let news = match (dice.below(9), bed, request) {
        (0..=2, _, _) => {
            let given: Vec<_> = roster.given().collect();
            if given.is_empty() {
                return (0, Vec::new());
            }
            let (request, bed) = given[any(dice, &given)];
            let taken = beds::Bed { state: BedState::Held, ..bed.clone() };
            vec![News::RequestGone(request.id.clone()), News::Bed(taken)]
        }
        (3, _, _) => {
            let mut request = fresh.requests[0].clone();
            request.id = format!("new-{n}");
            request.authored_on_millis = now.as_of_millis;
            vec![News::Request(request)]
        }
        (4, _, Some(request)) => vec![News::RequestGone(request.id)],
        (5, _, Some(mut request)) => {
            let score = u8::try_from(dice.below(12)).unwrap();
            (request.tier, request.severity) = (tier(score), Points::from(score));
            if dice.chance(300_000) {
                request.barred = request.barred.is_none().then_some(Bar::Paused);
            }
            vec![News::Request(request)]
        }
        (6, Some(mut bed), _) => {
            bed.state = dice.pick(&[BedState::Ready, BedState::Occupied]).unwrap();
            vec![News::Bed(bed)]
        }
        (7, _, _) => {
            let mut bed = fresh.beds[0].clone();
            bed.id = format!("new-{n}");
            bed.hospital.clone_from(&now.hospitals[0].id);
            vec![News::Bed(bed)]
        }
        (8, Some(bed), _) if dice.chance(300_000) => vec![News::BedGone(bed.id)],
        _ => Vec::new(),
    };
    (i64::from(dice.below(30)) * HOUR, news)
}

fn any<T>(dice: &mut Dice, of: &[T]) -> usize {
    usize::try_from(dice.below(u32::try_from(of.len()).unwrap())).unwrap()
}

fn served(plan: &Plan) -> BTreeSet<&str> {
    plan.allocations.iter().map(|it| it.request.as_str()).collect()
}

/// Every answer of the roster is one that a new plan could give.
fn compare(roster: &Roster, now: &Snapshot, what: &str) {
    let plan = allocate(now).unwrap();
    let given: BTreeSet<&str> = roster.given().map(|(request, _)| request.id.as_str()).collect();
    assert_eq!((given, roster.cost()), (served(&plan), plan.cost), "{what}: {now:#?}");
    let (mut beds, mut cost) = (BTreeSet::new(), 0);
    for request in &now.requests {
        match roster.decide(&request.id).unwrap() {
            Verdict::Given(it) => {
                let planned = plan.allocations.iter().find(|other| other.request == it.request);
                let planned = planned.unwrap();
                assert_eq!((it.rank, it.standing), (planned.rank, planned.standing), "{what}");
                assert!(beds.insert(it.bed.clone()), "{what}: {} is given twice", it.bed);
                cost += it.cost.iter().map(|term| i64::from(term.value)).sum::<i64>();
                is_feasible(request, now, (&it.bed, it.distance_metres));
            }
            Verdict::Refused(it) => {
                let planned = plan.unallocated.iter().find(|other| other.request == it.request);
                let planned = planned.unwrap();
                let told = |it: &beds::Unallocated| (it.reason, it.blocking.clone(), it.position);
                assert_eq!(told(&it), told(planned), "{what}");
            }
        }
    }
    assert_eq!(cost, plan.cost, "{what}");
}

fn is_feasible(request: &Request, now: &Snapshot, (bed, metres): (&str, Option<u32>)) {
    let bed = now.beds.iter().find(|it| it.id == bed).unwrap();
    assert!(broken(request, bed, metres, &now.policy).is_empty(), "{request:?} {bed:?}");
}

#[test]
fn a_roster_that_goes_on_is_as_good_as_a_new_plan_and_replays() {
    let (mut steps, mut anew) = (0, 0);
    for seed in 0..400 {
        let dice = &mut Dice::of(seed, 5, 1);
        let first = small(dice);
        let mut roster = Roster::new(first.clone()).unwrap();
        compare(&roster, &first, &format!("seed {seed}"));
        let mut turns: Vec<Turn> = Vec::new();
        for n in 0..30 {
            let now = roster.snapshot();
            let (later, news) = next(dice, &roster, &now, n);
            let what = format!("seed {seed}, step {n}, {later} later: {news:?}");
            let turn = roster.advance(now.as_of_millis + later, news).unwrap();
            steps += 1;
            anew += usize::from(turn.as_ref().is_some_and(|turn| turn.is_planned_anew));
            turns.extend(turn);
            compare(&roster, &roster.snapshot(), &what);
        }
        for request in roster.snapshot().requests {
            let single = Single {
                policy: String::new(),
                roster: String::new(),
                turns: turns.len() as u64,
                as_of_millis: roster.snapshot().as_of_millis,
                verdict: roster.decide(&request.id).unwrap(),
                request: request.id,
                requests: roster.requests(),
                cost: roster.cost(),
            };
            let again = single.replay(first.clone(), turns.clone()).unwrap();
            assert_eq!(again.snapshot(), roster.snapshot());
            assert_eq!(again.alternatives(&single.request), roster.alternatives(&single.request));
        }
    }
    assert!(anew * 3 < steps, "planned anew too often: {anew} of {steps}");
}
