//! Which lobbies a request finds near, so that a search looks at a few of them and not at all. What a lobby costs a
//! request, its approach less the lobby's potential, never falls while the flow goes on: so a bound from an earlier
//! look at all lobbies still holds, and those beyond it are looked at only when a search has come as far.

#![expect(
    clippy::indexing_slicing,
    reason = "places are made here, by the lists they are places of"
)]

use std::cmp::Reverse;

use super::{Flow, Step};
use crate::network::{INFEASIBLE, approach};

/// So many lobbies are looked at first, then so many times as many, and so on.
const NEAR: usize = 24;
const WIDER: usize = 4;

/// Longer than any path.
pub(super) const ENDLESS: i64 = INFEASIBLE / 2;

/// What requests find near.
#[derive(Debug, Default)]
pub(super) struct Near {
    /// By request.
    around: Vec<Around>,
    /// Requests that entered in this search.
    entered: Vec<usize>,
    all: Vec<(i64, u32)>,
}

#[derive(Debug, Clone)]
struct Around {
    /// Sites of near lobbies.
    sites: Vec<u32>,
    /// No other lobby costs less than this.
    beyond: i64,
    /// In this search: how long the way to the request is, and how many lobbies it looks at next.
    length: i64,
    next: usize,
}

const NOTHING: Around = Around { sites: Vec::new(), beyond: -ENDLESS, length: 0, next: NEAR };

impl Near {
    pub(super) fn of(requests: usize) -> Self {
        Self { around: vec![NOTHING; requests], ..Self::default() }
    }

    /// One request more.
    pub(super) fn add(&mut self) {
        self.around.push(NOTHING);
    }

    /// Another request takes this place.
    pub(super) fn forget(&mut self, request: usize) {
        self.around[request] = NOTHING;
    }

    /// Ends a search.
    pub(super) fn leave(&mut self) {
        for request in self.entered.drain(..) {
            self.around[request].next = NEAR;
        }
    }
}

impl Flow {
    /// Reaches the near lobbies of a request that so long a way leads to; the others may follow.
    pub(super) fn enter(&mut self, request: usize, length: i64, limit: i64) {
        let sites = std::mem::take(&mut self.near.around[request].sites);
        for site in &sites {
            self.reach_lobby(request, *site as usize, (length, limit));
        }
        let around = &mut self.near.around[request];
        (around.sites, around.length) = (sites, length);
        self.near.entered.push(request);
        self.look_later(request, self.near.around[request].beyond, limit);
    }

    /// Looks further around a request, now that the search has come as far as its bound.
    pub(super) fn look_further(&mut self, request: usize, limit: i64) {
        let mut all = std::mem::take(&mut self.near.all);
        self.look_at_all(request, &mut all);
        let Around { length, next, .. } = self.near.around[request];
        let beyond = if next < all.len() {
            let (_, (beyond, _), _) = all.select_nth_unstable(next);
            *beyond
        } else {
            ENDLESS
        };
        all.truncate(next);
        for (_, site) in &all {
            self.reach_lobby(request, *site as usize, (length, limit));
        }
        let around = &mut self.near.around[request];
        if next == NEAR {
            around.sites.clear();
            around.sites.extend(all.iter().map(|(_, site)| *site));
            around.beyond = beyond;
        }
        around.next *= WIDER;
        all.clear();
        self.near.all = all;
        self.look_later(request, beyond, limit);
    }

    /// What each lobby that leads somewhere costs a request.
    fn look_at_all(&self, request: usize, all: &mut Vec<(i64, u32)>) {
        let sites = self.network.sites;
        let first = self.lobby_node(self.network.profile_of[request] * sites);
        let approaches = &self.network.approach[request * sites..][..sites];
        let potentials = &self.potential[first..][..sites];
        for ((metres, potential), site) in approaches.iter().zip(potentials).zip(0..) {
            let value = approach(*metres) - potential;
            if value < ENDLESS {
                all.push((value, site));
            }
        }
    }

    fn look_later(&mut self, request: usize, beyond: i64, limit: i64) {
        let distance = self.near.around[request].length + beyond;
        if beyond < ENDLESS && distance < limit {
            self.heap.push(Reverse((distance, self.potential.len() + request)));
        }
    }

    fn reach_lobby(&mut self, request: usize, site: usize, (length, limit): (i64, i64)) {
        let sites = self.network.sites;
        let node = self.lobby_node(self.network.profile_of[request] * sites + site);
        let distance = length + self.network.approach_of(request, site) - self.potential[node];
        if distance < self.distance[node] && distance < limit {
            let step = match self.lobby_of[request] {
                Some(from) => Step::Move { request, from },
                None => Step::Enter,
            };
            self.reach(node, distance, step);
        }
    }
}
