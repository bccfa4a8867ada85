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

mod change;
mod matching;
mod near;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::network::{Class, INFEASIBLE, Network};
pub(crate) use matching::Matching;
use near::{ENDLESS, Near};

/// Who has a bed of which class, and what the searches know. Nodes are the classes, and after them the lobbies, by
/// profile and site.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) network: Network,
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
    /// By class, the closed set it belongs to and its price when it was closed.
    closed: Vec<Option<(usize, i64)>>,
    closed_sets: usize,
    near: Near,
    // of one search; the heap also has requests to be looked around further, numbered after the nodes
    distance: Vec<i64>,
    step: Vec<Step>,
    touched: Vec<usize>,
    settled: Vec<usize>,
    heap: BinaryHeap<Reverse<(i64, usize)>>,
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

impl Flow {
    /// Serves the requests of the network in their order.
    pub(crate) fn of(network: Network) -> Self {
        let requests = network.profile_of.len();
        let mut flow = Self::empty(network);
        for request in 0..requests {
            flow.insert(request);
        }
        flow
    }

    fn empty(network: Network) -> Self {
        let mut classes_of = vec![0..0; network.sites];
        for (n, class) in network.classes.iter().enumerate() {
            let range = &mut classes_of[class.site];
            *range = if range.end == 0 { n..n + 1 } else { range.start..n + 1 };
        }
        let classes = network.classes.len();
        let profiles = network.fit.len() / network.kinds.max(1);
        let mut flow = Self {
            classes_of,
            lobby_of: vec![None; network.profile_of.len()],
            members: Vec::new(),
            holders: vec![Vec::new(); classes],
            left: network.classes.iter().map(|class| class.beds).collect(),
            potential: vec![0; classes],
            closed: vec![None; classes],
            closed_sets: 0,
            near: Near::of(network.profile_of.len()),
            distance: vec![INFEASIBLE; classes],
            step: vec![Step::Enter; classes],
            touched: Vec::new(),
            settled: Vec::new(),
            heap: BinaryHeap::new(),
            network,
        };
        for profile in 0..profiles {
            flow.open_lobbies(profile);
        }
        flow
    }

    /// Makes the lobbies of the next profile.
    fn open_lobbies(&mut self, profile: usize) {
        let sites = self.network.sites;
        let fit = &self.network.fit[profile * self.network.kinds..][..self.network.kinds];
        for classes in &self.classes_of {
            let mut classes = self.network.classes[classes.clone()].iter();
            let leads_nowhere = classes.all(|class| fit[class.kind] >= INFEASIBLE);
            self.potential.push(if leads_nowhere { -INFEASIBLE } else { 0 });
        }
        let nodes = self.potential.len();
        self.members.resize(self.members.len() + sites, Vec::new());
        self.distance.resize(nodes, INFEASIBLE);
        self.step.resize(nodes, Step::Enter);
    }

    fn lobby_node(&self, lobby: usize) -> usize {
        self.holders.len() + lobby
    }

    /// Serves a request that is not served; whether that could be done.
    pub(crate) fn insert(&mut self, request: usize) -> bool {
        let found = self.nearest_free(request);
        match found {
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
        self.near.leave();
        found.is_some()
    }

    /// The free class that a shortest path leads to, and how far it is in reduced costs.
    fn nearest_free(&mut self, request: usize) -> Option<(usize, i64)> {
        let mut nearest = None;
        let mut limit = ENDLESS;
        self.enter(request, 0, limit);
        while let Some(Reverse((distance, node))) = self.heap.pop() {
            if distance >= limit {
                break;
            }
            if let Some(request) = node.checked_sub(self.potential.len()) {
                self.look_further(request, limit);
                continue;
            }
            if distance > self.distance[node] {
                continue;
            }
            self.settled.push(node);
            match node.checked_sub(self.holders.len()) {
                Some(lobby) => {
                    if let Some(class) = self.visit_lobby(lobby, distance, &mut limit) {
                        nearest = Some(class);
                    }
                }
                None => self.visit_class(node, distance, limit),
            }
        }
        nearest.map(|class| (class, limit))
    }

    /// Goes on to the classes of the site, and by moving a request that came through this lobby. Says if
    /// a free class is nearer than the limit, which becomes its distance.
    fn visit_lobby(&mut self, lobby: usize, distance: i64, limit: &mut i64) -> Option<usize> {
        let sites = self.network.sites;
        let (profile, site) = (lobby / sites, lobby % sites);
        let length = distance + self.potential[self.lobby_node(lobby)];
        let mut nearest = None;
        for class in self.classes_of[site].clone() {
            let fit =
                self.network.fit[profile * self.network.kinds + self.network.classes[class].kind];
            let distance = length + fit - self.potential[class];
            if distance < *limit && distance < self.distance[class] {
                self.reach(class, distance, Step::Take { lobby });
                if self.left[class] > 0 {
                    *limit = distance;
                    nearest = Some(class);
                }
            }
        }
        for n in 0..self.members[lobby].len() {
            let request = self.members[lobby][n];
            self.enter(request, length - self.network.approach_of(request, site), *limit);
        }
        nearest
    }

    /// Goes back to the lobbies of those who hold the class.
    fn visit_class(&mut self, class: usize, distance: i64, limit: i64) {
        let Class { site, kind, .. } = self.network.classes[class];
        let length = distance + self.potential[class];
        for n in 0..self.holders[class].len() {
            let (profile, _) = self.holders[class][n];
            let node = self.lobby_node(profile * self.network.sites + site);
            let fit = self.network.fit[profile * self.network.kinds + kind];
            let distance = length - fit - self.potential[node];
            if distance < limit && distance < self.distance[node] {
                self.reach(node, distance, Step::Leave { class });
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
        let classes = self.holders.len();
        let mut node = class;
        loop {
            match self.step[node] {
                Step::Take { lobby } => {
                    self.take(node, lobby / self.network.sites);
                    node = classes + lobby;
                }
                Step::Leave { class } => {
                    self.leave(class, (node - classes) / self.network.sites);
                    node = class;
                }
                Step::Move { request, from } => {
                    self.members[from].retain(|member| *member != request);
                    self.members[node - classes].push(request);
                    self.lobby_of[request] = Some(node - classes);
                    node = classes + from;
                }
                Step::Enter => {
                    self.members[node - classes].push(inserted);
                    self.lobby_of[inserted] = Some(node - classes);
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
            if let Some(closed) = self.closed.get_mut(node) {
                *closed = Some((self.closed_sets, -self.potential[node]));
                has_class = true;
            }
            self.potential[node] = -INFEASIBLE;
        }
        self.closed_sets += usize::from(has_class);
    }
}
