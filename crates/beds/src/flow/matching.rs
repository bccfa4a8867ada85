//! Who gets which class in the end, and what it is worth.

#![expect(
    clippy::indexing_slicing,
    reason = "places are made here, by the lists they are places of"
)]

use super::Flow;
use crate::network::Class;

/// The result of a flow whose requests are numbered by rank.
#[derive(Debug)]
pub(crate) struct Matching {
    /// By request, a class.
    pub(crate) class_of: Vec<Option<usize>>,
    /// By class: what one bed more would save those who are served.
    pub(crate) price: Vec<i64>,
    /// By class: the closed set it belongs to.
    pub(crate) closed_in: Vec<Option<usize>>,
    /// How many closed sets there are.
    pub(crate) closed_sets: usize,
}

impl Flow {
    /// Gives the classes of each lobby to its requests: the first to be served gets what fits best.
    pub(crate) fn matching(&self) -> Matching {
        let mut class_of = vec![None; self.lobby_of.len()];
        for lobby in 0..self.members.len() {
            for (request, class) in self.given_in(lobby, |request| request) {
                class_of[request] = Some(class);
            }
        }
        Matching {
            class_of,
            price: (0..self.holders.len()).map(|class| self.price(class)).collect(),
            closed_in: self.closed.iter().map(|closed| closed.map(|(set, _)| set)).collect(),
            closed_sets: self.closed_sets,
        }
    }

    /// The requests of a lobby by rank, with their classes.
    pub(crate) fn given_in<K: Ord>(
        &self,
        lobby: usize,
        rank: impl Fn(usize) -> K,
    ) -> Vec<(usize, usize)> {
        let mut members = self.members[lobby].clone();
        if members.is_empty() {
            return Vec::new();
        }
        let sites = self.network.sites;
        let (profile, site) = (lobby / sites, lobby % sites);
        let mut taken = Vec::new();
        for class in self.classes_of[site].clone() {
            let holder = self.holders[class].iter().find(|(holder, _)| *holder == profile);
            let Some((_, beds)) = holder else { continue };
            let Class { kind, .. } = self.network.classes[class];
            taken.push((self.network.fit[profile * self.network.kinds + kind], class, *beds));
        }
        taken.sort_unstable();
        members.sort_unstable_by_key(|request| rank(*request));
        let beds = taken.iter().flat_map(|(_, class, beds)| std::iter::repeat_n(*class, *beds));
        members.into_iter().zip(beds).collect()
    }

    /// What one bed more of a class would save those who are served.
    pub(crate) fn price(&self, class: usize) -> i64 {
        self.closed[class].map_or(-self.potential[class], |(_, price)| price)
    }

    /// The closed set that a class belongs to.
    pub(crate) fn closed_in(&self, class: usize) -> Option<usize> {
        self.closed[class].map(|(set, _)| set)
    }
}
