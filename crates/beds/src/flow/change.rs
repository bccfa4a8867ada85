//! A flow that goes on: requests come and go, beds are taken and come free, and what was searched for before is not
//! searched for again.
//!
//! What stays the best without a search: taking away a request *with* its bed; taking away a bed that nobody has;
//! a bed more in a class whose beds are worth nothing more (price 0, not closed), since the potentials still prove
//! that nobody would gain. A request more is one more search. What else there is ([`Flow::is_settled`] says so)
//! needs a new plan.

#![expect(
    clippy::indexing_slicing,
    reason = "places are made here, by the lists they are places of"
)]

use super::Flow;

impl Flow {
    /// A new profile, by what it costs in each kind.
    pub(crate) fn add_profile(&mut self, fit: Vec<i64>) -> usize {
        let profile = self.network.fit.len() / self.network.kinds.max(1);
        self.network.fit.extend(fit);
        self.open_lobbies(profile);
        profile
    }

    /// A new request, which is not served yet: in the place of one that is gone, if there is such a place.
    pub(crate) fn add(&mut self, place: Option<usize>, profile: usize, approach: &[u32]) -> usize {
        let sites = self.network.sites;
        if let Some(place) = place {
            self.network.approach[place * sites..][..sites].copy_from_slice(approach);
            self.network.profile_of[place] = profile;
            self.near.forget(place);
            return place;
        }
        self.network.approach.extend_from_slice(approach);
        self.network.profile_of.push(profile);
        self.lobby_of.push(None);
        self.near.add();
        self.lobby_of.len() - 1
    }

    /// Whether a request is served.
    pub(crate) fn is_served(&self, request: usize) -> bool {
        self.lobby_of[request].is_some()
    }

    /// The class of a request that is served.
    pub(crate) fn class_of<K: Ord>(
        &self,
        request: usize,
        rank: impl Fn(usize) -> K,
    ) -> Option<usize> {
        let given = self.given_in(self.lobby_of[request]?, rank);
        given.into_iter().find(|(it, _)| *it == request).map(|(_, class)| class)
    }

    /// Those who have beds of a class.
    pub(crate) fn holders_of<K: Ord>(
        &self,
        class: usize,
        rank: impl Fn(usize) -> K + Copy,
    ) -> Vec<usize> {
        let (site, sites) = (self.network.classes[class].site, self.network.sites);
        let lobbies = self.holders[class].iter().map(|(profile, _)| profile * sites + site);
        let given = lobbies.flat_map(|lobby| self.given_in(lobby, rank));
        given.filter(|(_, it)| *it == class).map(|(request, _)| request).collect()
    }

    /// All who may have beds of a class: those whom its holders' lobbies serve.
    pub(crate) fn around(&self, class: usize) -> impl Iterator<Item = usize> + '_ {
        let (site, sites) = (self.network.classes[class].site, self.network.sites);
        let lobbies = self.holders[class].iter().map(move |(profile, _)| profile * sites + site);
        lobbies.flat_map(|lobby| self.members[lobby].iter().copied())
    }

    /// The classes of the lobby that a request is served in: those who are served there could change among them.
    pub(crate) fn taken_around(&self, request: usize) -> Vec<usize> {
        let Some(lobby) = self.lobby_of[request] else { return Vec::new() };
        let (profile, site) = (lobby / self.network.sites, lobby % self.network.sites);
        let has = |class: &usize| self.holders[*class].iter().any(|(holder, _)| *holder == profile);
        self.classes_of[site].clone().filter(has).collect()
    }

    /// Takes a request away, whose bed, one of this class, is free then.
    pub(crate) fn remove(&mut self, request: usize, class: usize) {
        self.take_from(request, class);
        self.left[class] += 1;
    }

    /// Takes a request away together with its bed of this class, which is one of those of its lobby.
    pub(crate) fn remove_with_bed(&mut self, request: usize, class: usize) {
        self.take_from(request, class);
        self.network.classes[class].beds -= 1;
    }

    fn take_from(&mut self, request: usize, class: usize) {
        let Some(lobby) = self.lobby_of[request].take() else { return };
        self.members[lobby].retain(|member| *member != request);
        self.leave(class, lobby / self.network.sites);
    }

    /// A bed more of a class.
    pub(crate) fn gain(&mut self, class: usize) {
        self.network.classes[class].beds += 1;
        self.left[class] += 1;
    }

    /// A bed less of a class that nobody has; `false` if all that are left are somebody's.
    pub(crate) fn lose(&mut self, class: usize) -> bool {
        let is_free = self.left[class] > 0;
        if is_free {
            self.left[class] -= 1;
            self.network.classes[class].beds -= 1;
        }
        is_free
    }

    /// Whether a class has no free bed that somebody would gain by.
    pub(crate) fn is_settled(&self, class: usize) -> bool {
        self.left[class] == 0 || (self.potential[class] == 0 && self.closed[class].is_none())
    }

    /// What all who are served cost together.
    pub(crate) fn cost(&self) -> i64 {
        let sites = self.network.sites;
        let approach = self.lobby_of.iter().enumerate().filter_map(|(request, lobby)| {
            Some(self.network.approach_of(request, (*lobby)? % sites))
        });
        let fit = self.holders.iter().zip(&self.network.classes).flat_map(|(holders, class)| {
            holders.iter().map(|(profile, beds)| {
                let beds = i64::try_from(*beds).unwrap_or(i64::MAX);
                self.network.fit[profile * self.network.kinds + class.kind].saturating_mul(beds)
            })
        });
        approach.chain(fit).sum()
    }
}
