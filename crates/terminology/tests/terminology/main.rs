//! What `ValueSet`s select: the rules as rows, the search fixture, hostile input.

#[cfg(test)]
mod expansions;
#[cfg(test)]
mod filters;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod selection;
#[cfg(test)]
mod subsumption;
#[cfg(test)]
mod world;
