//! The exact allocation: requests are inserted by rank, each along a shortest augmenting path.
//!
//! The sets of requests that can be served together form a transversal matroid, so inserting by rank and
//! keeping whoever fits serves the lexicographically best set: an inserted request may be moved to another
//! bed later, never out of one. Each path is a shortest one under dual potentials (Jonker and Volgenant 1987,
//! <https://doi.org/10.1007/BF02278710>, with capacities), which keeps the assignment the cheapest for those
//! served. If no path exists, everything that was reached is full and nothing leads out of it (a Hall
//! violator): this closed set is the reason of the refusal and takes no part in later searches.

#![expect(
    clippy::indexing_slicing,
    reason = "places are made here, by the lists they are places of"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::network::{Class, INFEASIBLE, Network};

/// Who gets which class, and what the search knows in the end.
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

/// Serves the requests of the network in their order.
pub(crate) fn augment(network: &Network) -> Matching {
    let mut search = Search::new(network);
    for request in 0..network.profile_of.len() {
        search.insert(request);
    }
    search.finish()
}

/// How a node was reached.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The inserted request enters the site of this lobby.
    Enter,
    /// A request moves here from another lobby of its profile.
    Move { request: usize, from: usize },
    /// A request of this lobby gives up a bed of this class.
    Leave { class: usize },
    /// A class is taken from this lobby.
    Take { lobby: usize },
}

/// Nodes are the lobbies, by profile and site, and after them the classes.
#[derive(Debug)]
struct Search<'a> {
    network: &'a Network,
    lobbies: usize,
    /// By site, its classes.
    classes_of: Vec<std::ops::Range<usize>>,
    /// By request, its lobby.
    lobby_of: Vec<Option<usize>>,
    /// By lobby, its requests.
    members: Vec<Vec<usize>>,
    /// By class, how many requests of which profile have it.
    holders: Vec<Vec<(usize, usize)>>,
    /// By class, free beds.
    left: Vec<usize>,
    /// By node; never positive. A node that leads nowhere or is closed has `-INFEASIBLE`: nothing reaches it.
    potential: Vec<i64>,
    /// By class, its price when it was closed.
    closed: Vec<Option<(usize, i64)>>,
    closed_sets: usize,
    // of one search
    distance: Vec<i64>,
    step: Vec<Step>,
    touched: Vec<usize>,
    settled: Vec<usize>,
    heap: BinaryHeap<Reverse<(i64, usize)>>,
}

impl<'a> Search<'a> {
    fn new(network: &'a Network) -> Self {
        let profiles = network.fit.len() / network.kinds.max(1);
        let lobbies = profiles * network.sites;
        let nodes = lobbies + network.classes.len();
        let mut classes_of = vec![0..0; network.sites];
        for (n, class) in network.classes.iter().enumerate() {
            let range = &mut classes_of[class.site];
            *range = if range.end == 0 { n..n + 1 } else { range.start..n + 1 };
        }
        let mut potential = vec![0; nodes];
        for (lobby, potential) in potential.iter_mut().take(lobbies).enumerate() {
            let (profile, site) = (lobby / network.sites, lobby % network.sites);
            let fit = &network.fit[profile * network.kinds..][..network.kinds];
            let mut classes = network.classes[classes_of[site].clone()].iter();
            if classes.all(|class| fit[class.kind] >= INFEASIBLE) {
                *potential = -INFEASIBLE;
            }
        }
        Self {
            network,
            lobbies,
            classes_of,
            lobby_of: vec![None; network.profile_of.len()],
            members: vec![Vec::new(); lobbies],
            holders: vec![Vec::new(); network.classes.len()],
            left: network.classes.iter().map(|class| class.beds).collect(),
            potential,
            closed: vec![None; network.classes.len()],
            closed_sets: 0,
            distance: vec![INFEASIBLE; nodes],
            step: vec![Step::Enter; nodes],
            touched: Vec::new(),
            settled: Vec::new(),
            heap: BinaryHeap::new(),
        }
    }

    fn insert(&mut self, request: usize) {
        match self.nearest_free(request) {
            Some((class, distance)) => {
                for node in self.settled.drain(..) {
                    self.potential[node] += self.distance[node].min(distance) - distance;
                }
                self.apply(request, class);
            }
            None => self.close(),
        }
        for node in self.touched.drain(..) {
            self.distance[node] = INFEASIBLE;
        }
        self.settled.clear();
        self.heap.clear();
    }

    /// The free class that a shortest path leads to, and how far it is in reduced costs.
    fn nearest_free(&mut self, request: usize) -> Option<(usize, i64)> {
        let sites = self.network.sites;
        let lobby = self.network.profile_of[request] * sites;
        let mut nearest = None;
        let mut limit = INFEASIBLE / 2;
        self.enter(request, lobby, (0, Step::Enter), limit);
        while let Some(Reverse((distance, node))) = self.heap.pop() {
            if distance >= limit {
                break;
            }
            if distance > self.distance[node] {
                continue;
            }
            self.settled.push(node);
            match node.checked_sub(self.lobbies) {
                None => {
                    if let Some(class) = self.visit_lobby(node, distance, &mut limit) {
                        nearest = Some(class);
                    }
                }
                Some(class) => self.visit_class(class, distance, limit),
            }
        }
        nearest.map(|class| (class, limit))
    }

    /// Reaches the lobbies of the request's profile at all its sites, starting with this length.
    fn enter(&mut self, request: usize, first: usize, (length, step): (i64, Step), limit: i64) {
        let sites = self.network.sites;
        let approach = &self.network.approach[request * sites..][..sites];
        let potential = &self.potential[first..][..sites];
        let known = &mut self.distance[first..][..sites];
        for (site, ((approach, potential), known)) in
            approach.iter().zip(potential).zip(known).enumerate()
        {
            let distance = length + approach - potential;
            if distance < *known && distance < limit {
                if *known == INFEASIBLE {
                    self.touched.push(first + site);
                }
                *known = distance;
                self.step[first + site] = step;
                self.heap.push(Reverse((distance, first + site)));
            }
        }
    }

    /// Goes on to the classes of the site, and by moving a request that came through this lobby. Says if
    /// a free class is nearer than the limit, which becomes its distance.
    fn visit_lobby(&mut self, lobby: usize, distance: i64, limit: &mut i64) -> Option<usize> {
        let sites = self.network.sites;
        let (profile, site) = (lobby / sites, lobby % sites);
        let length = distance + self.potential[lobby];
        let mut nearest = None;
        for class in self.classes_of[site].clone() {
            let fit =
                self.network.fit[profile * self.network.kinds + self.network.classes[class].kind];
            let node = self.lobbies + class;
            let distance = length + fit - self.potential[node];
            if distance < *limit && distance < self.distance[node] {
                self.reach(node, distance, Step::Take { lobby });
                if self.left[class] > 0 {
                    *limit = distance;
                    nearest = Some(class);
                }
            }
        }
        for n in 0..self.members[lobby].len() {
            let request = self.members[lobby][n];
            let length = length - self.network.approach[request * sites + site];
            let step = Step::Move { request, from: lobby };
            self.enter(request, profile * sites, (length, step), *limit);
        }
        nearest
    }

    /// Goes back to the lobbies of those who hold the class.
    fn visit_class(&mut self, class: usize, distance: i64, limit: i64) {
        let Class { site, kind, .. } = self.network.classes[class];
        let length = distance + self.potential[self.lobbies + class];
        for n in 0..self.holders[class].len() {
            let (profile, _) = self.holders[class][n];
            let lobby = profile * self.network.sites + site;
            let fit = self.network.fit[profile * self.network.kinds + kind];
            let distance = length - fit - self.potential[lobby];
            if distance < limit && distance < self.distance[lobby] {
                self.reach(lobby, distance, Step::Leave { class });
            }
        }
    }

    fn reach(&mut self, node: usize, distance: i64, step: Step) {
        if self.distance[node] == INFEASIBLE {
            self.touched.push(node);
        }
        self.distance[node] = distance;
        self.step[node] = step;
        self.heap.push(Reverse((distance, node)));
    }

    /// Moves everybody along the path to this free class.
    fn apply(&mut self, inserted: usize, class: usize) {
        self.left[class] -= 1;
        let mut node = self.lobbies + class;
        loop {
            match self.step[node] {
                Step::Take { lobby } => {
                    self.take(node - self.lobbies, lobby / self.network.sites);
                    node = lobby;
                }
                Step::Leave { class } => {
                    self.leave(class, node / self.network.sites);
                    node = self.lobbies + class;
                }
                Step::Move { request, from } => {
                    self.members[from].retain(|member| *member != request);
                    self.members[node].push(request);
                    self.lobby_of[request] = Some(node);
                    node = from;
                }
                Step::Enter => {
                    self.members[node].push(inserted);
                    self.lobby_of[inserted] = Some(node);
                    return;
                }
            }
        }
    }

    fn take(&mut self, class: usize, profile: usize) {
        let holders = &mut self.holders[class];
        match holders.iter_mut().find(|(holder, _)| *holder == profile) {
            Some((_, beds)) => *beds += 1,
            None => holders.push((profile, 1)),
        }
    }

    fn leave(&mut self, class: usize, profile: usize) {
        let holders = &mut self.holders[class];
        if let Some((_, beds)) = holders.iter_mut().find(|(holder, _)| *holder == profile) {
            *beds -= 1;
        }
        holders.retain(|(_, beds)| *beds > 0);
    }

    /// Nothing free was reached: what was reached is closed.
    fn close(&mut self) {
        let mut has_class = false;
        for node in self.settled.drain(..) {
            if let Some(class) = node.checked_sub(self.lobbies) {
                self.closed[class] = Some((self.closed_sets, -self.potential[node]));
                has_class = true;
            }
            self.potential[node] = -INFEASIBLE;
        }
        self.closed_sets += usize::from(has_class);
    }

    /// Gives the classes of each lobby to its requests: the first to be served gets what fits best.
    fn finish(mut self) -> Matching {
        let sites = self.network.sites;
        let mut taken: Vec<Vec<(i64, usize, usize)>> = vec![Vec::new(); self.lobbies];
        for (class, holders) in self.holders.iter().enumerate() {
            let Class { site, kind, .. } = self.network.classes[class];
            for (profile, beds) in holders {
                let fit = self.network.fit[profile * self.network.kinds + kind];
                taken[profile * sites + site].push((fit, class, *beds));
            }
        }
        let mut class_of = vec![None; self.lobby_of.len()];
        for (members, taken) in self.members.iter_mut().zip(&mut taken) {
            members.sort_unstable();
            taken.sort_unstable();
            let beds = taken.iter().flat_map(|(_, class, beds)| std::iter::repeat_n(*class, *beds));
            for (request, class) in members.iter().zip(beds) {
                class_of[*request] = Some(class);
            }
        }
        let price = self.closed.iter().zip(&self.potential[self.lobbies..]);
        Matching {
            class_of,
            price: price.map(|(closed, open)| closed.map_or(-open, |(_, price)| price)).collect(),
            closed_in: self.closed.iter().map(|closed| closed.map(|(set, _)| set)).collect(),
            closed_sets: self.closed_sets,
        }
    }
}
