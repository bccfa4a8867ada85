//! What a policy does to people: a simulated region under the same random numbers for every policy.

mod dice;

pub use dice::Dice;
