//! Time to plan for a nation: `cargo bench -p beds`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "shared with the tests")]

use std::hint::black_box;
use std::time::Instant;

use beds::sim::Dice;
use beds::{Snapshot, Tier, allocate};
use region::Size;

#[path = "../tests/allocation/region.rs"]
mod region;

/// How often each is done; the fastest counts.
const ROUNDS: usize = 5;

fn main() {
    let plenty = Size { hospitals: 120, beds: 10_000, requests: 5_000, extent: 3_000_000 };
    measure("plenty", &region::region(&mut Dice::new(1), plenty));
    let scarce = Size { beds: 4_000, ..plenty };
    measure("scarce", &region::region(&mut Dice::new(2), scarce));
    let nation = Size { hospitals: 1_000, extent: 17_000_000, ..plenty };
    measure("plenty, 1,000 hospitals", &region::region(&mut Dice::new(3), nation));
    let scarce = Size { beds: 4_000, ..nation };
    measure("scarce, 1,000 hospitals", &region::region(&mut Dice::new(4), scarce));
}

fn measure(what: &str, snapshot: &Snapshot) {
    let mut fastest = u128::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        black_box(allocate(black_box(snapshot))).ok();
        fastest = fastest.min(started.elapsed().as_micros());
    }
    let Ok(plan) = allocate(snapshot) else {
        println!("{what}: no plan");
        return;
    };
    let served = plan.allocations.len();
    let immediate = plan.allocations.iter().filter(|it| it.tier == Tier::Immediate).count();
    let mean = plan.cost / i64::try_from(served).unwrap_or(1).max(1);
    println!(
        "{what}: {} beds, {} requests: {}.{:03} ms; {served} served ({immediate} immediate) at {mean}, {} closed sets",
        snapshot.beds.len(),
        snapshot.requests.len(),
        fastest / 1_000,
        fastest % 1_000,
        plan.closed_sets.len(),
    );
}
