//! What a policy does to people: a region over weeks, under the same random numbers for every policy.
//!
//! Patients arrive in waves, wait while their severity may worsen, take a bed for their time and leave it to
//! be cleaned. Who arrives when, needs what, stays how long and worsens how fast while waiting follows from
//! the seed alone, so that policies are compared on the same patients. Whole numbers throughout: the same
//! seed gives the same figures on every machine.

mod chart;
mod dice;
mod measure;
mod region;
mod run;
mod table;

pub use chart::svg;
pub use dice::Dice;
pub use measure::{Measures, Waits};
pub use region::Scenario;
pub use table::{Contender, Row, compare, contenders, markdown};

/// Length of a tick of the clock.
const TICK_MINUTES: u32 = 15;
const TICKS_PER_HOUR: u32 = 60 / TICK_MINUTES;
const TICKS_PER_DAY: u32 = 24 * TICKS_PER_HOUR;
