//! Who ranks above whom now, and whether those who are served still rank above those who are not.

use std::cmp::Reverse;

use super::{Roster, Slot};
use crate::rank::{Points, standing};

/// Where a request stands; the least is served first.
pub(super) type Standing<'r> = (Reverse<Points>, i64, &'r str);

impl Roster {
    pub(super) fn stands(&self, place: usize) -> Option<Standing<'_>> {
        self.slot(place).map(|slot| self.slot_stands(slot))
    }

    pub(super) fn slot_stands<'r>(&'r self, slot: &'r Slot) -> Standing<'r> {
        let request = &slot.request;
        let points = standing(request, &self.policy, self.as_of_millis).points;
        (Reverse(points), request.authored_on_millis, request.id.as_str())
    }

    /// The place in the order of service, from 1.
    pub(super) fn rank(&self, slot: &Slot) -> usize {
        let own = self.slot_stands(slot);
        let above = self.slots.iter().flatten().filter(|it| self.slot_stands(it) < own);
        above.count() + 1
    }

    /// The place among those who are not served, from 1.
    pub(super) fn position(&self, slot: &Slot) -> usize {
        let own = self.slot_stands(slot);
        let waiting = self
            .slots
            .iter()
            .enumerate()
            .filter_map(|(place, it)| it.as_ref().filter(|_| !self.flow.is_served(place)));
        waiting.filter(|it| self.slot_stands(it) < own).count() + 1
    }

    /// Says of a request that is not served which closed sets it depends on.
    pub(super) fn remember_reach(&mut self, place: usize) {
        let classes = 0..self.classes.len();
        let reach = if self.flow.is_served(place) {
            None
        } else {
            let feasible = classes.filter(|class| self.flow.network.cost(place, *class).is_some());
            feasible.filter_map(|class| self.flow.closed_in(class)).max()
        };
        if let Some(Some(slot)) = self.slots.get_mut(place) {
            slot.reach = reach;
        }
    }

    /// Whether everybody whom somebody not served could take the place of ranks above them. Waiting changes the
    /// order: who waits long in a lower tier gains on a higher one.
    pub(super) fn is_in_order(&self) -> bool {
        let waiting = self.slots.iter().flatten();
        let waiting: Vec<(usize, &Slot)> =
            waiting.filter_map(|slot| Some((slot.reach?, slot))).collect();
        let Some(sets) = waiting.iter().map(|(reach, _)| reach + 1).max() else { return true };
        // by closed set, who ranks lowest of those in it
        let mut lowest: Vec<Option<Standing<'_>>> = vec![None; sets];
        for class in 0..self.classes.len() {
            let Some(set) = self.flow.closed_in(class) else { continue };
            let Some(lowest) = lowest.get_mut(set) else { continue };
            let there = self.flow.around(class).filter_map(|place| self.stands(place)).max();
            *lowest = there.max(*lowest);
        }
        // a set may lead on to those that were closed before it
        let mut so_far = None;
        for lowest in &mut lowest {
            so_far = so_far.max(*lowest);
            *lowest = so_far;
        }
        waiting.into_iter().all(|(reach, slot)| {
            let lowest = lowest.get(reach).copied().flatten();
            lowest.is_none_or(|lowest| lowest < self.slot_stands(slot))
        })
    }
}
