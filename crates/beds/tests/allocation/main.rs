//! The allocation as a whole: against trying everything, what it says of itself, and what must not matter.

#[cfg(test)]
mod brute_force;
#[cfg(test)]
mod explanation;
#[cfg(test)]
mod fairness;
#[cfg(test)]
mod region;
#[cfg(test)]
mod roster;
#[cfg(test)]
mod small;
