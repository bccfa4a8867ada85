//! The problem in numbers: a network from requests over lobbies to classes.
//!
//! A request can enter a site (a hospital with free beds) for the cost of its approach. What it finds there
//! depends on its profile alone, so all requests of a profile share a lobby at each site, from which a class
//! costs its fit. A request and a class are thus joined by two short arcs instead of a long list of its own:
//! 5,000 requests and 3,000 classes in 100 hospitals take half a million numbers in place of five million.

/// A cost that is never paid. Sums of such stay far from overflow.
pub(crate) const INFEASIBLE: i64 = i64::MAX / 16;

/// In [`Network::approach`]: a site that a request cannot enter.
pub(crate) const NEVER: u32 = u32::MAX;

/// What [`Network::approach`] says, as a cost.
pub(crate) fn approach(cost: u32) -> i64 {
    if cost == NEVER { INFEASIBLE } else { i64::from(cost) }
}

/// Requests are numbered by rank, the first to be served first.
#[derive(Debug)]
pub(crate) struct Network {
    /// How many sites.
    pub(crate) sites: usize,
    /// How many kinds.
    pub(crate) kinds: usize,
    /// By request and site; [`NEVER`] where it cannot enter.
    pub(crate) approach: Vec<u32>,
    /// By profile and kind.
    pub(crate) fit: Vec<i64>,
    /// By request.
    pub(crate) profile_of: Vec<usize>,
    /// By site, ascending.
    pub(crate) classes: Vec<Class>,
}

/// Free beds that are alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class {
    pub(crate) site: usize,
    pub(crate) kind: usize,
    pub(crate) beds: usize,
}

impl Network {
    /// What a request costs in a class.
    pub(crate) fn cost(&self, request: usize, class: usize) -> Option<i64> {
        let Class { site, kind, .. } = self.classes.get(class)?;
        let profile = self.profile_of.get(request)?;
        let approach = approach(*self.approach.get(request * self.sites + site)?);
        let fit = self.fit.get(profile * self.kinds + kind)?;
        let cost = approach + fit;
        (cost < INFEASIBLE).then_some(cost)
    }

    /// What a request pays to enter a site.
    pub(crate) fn approach_of(&self, request: usize, site: usize) -> i64 {
        self.approach.get(request * self.sites + site).map_or(INFEASIBLE, |cost| approach(*cost))
    }
}
