//! What is told to a roster, and what that does to its flow.

use std::collections::BTreeSet;

use super::{News, Roster, Slot};
use crate::bed::{Bed, Kind};
use crate::constraint::by_state;
use crate::place::Position;
use crate::request::Request;
use crate::snapshot::relevant;

/// What changes for the flow.
#[derive(Debug, Default)]
struct Effects {
    /// Places of requests that go.
    leaving: Vec<usize>,
    /// Requests that come.
    coming: BTreeSet<String>,
    /// Classes that have a bed more, and a bed less.
    gained: Vec<usize>,
    lost: Vec<usize>,
    /// A class or a hospital that the flow does not have.
    is_beyond: bool,
}

impl Roster {
    /// Takes in what happened; whether the flow could go on. If it could not, what is known is up to date all the
    /// same.
    pub(super) fn hear(&mut self, news: &[News]) -> bool {
        let mut effects = Effects::default();
        for item in news {
            match item {
                News::Hospital(hospital) => {
                    let known = self.hospitals.insert(hospital.id.clone(), hospital.clone());
                    effects.is_beyond |= known.as_ref() != Some(hospital);
                }
                News::Bed(bed) => {
                    let before = self.beds.insert(bed.id.clone(), bed.clone());
                    self.hear_bed(before.as_ref(), Some(bed), &mut effects);
                }
                News::BedGone(id) => {
                    let before = self.beds.remove(id);
                    self.hear_bed(before.as_ref(), None, &mut effects);
                }
                News::Request(request) => {
                    self.requests.insert(request.id.clone(), request.clone());
                    self.hear_request(request, &mut effects);
                }
                News::RequestGone(id) => {
                    self.requests.remove(id);
                    effects.coming.remove(id);
                    effects.leaving.extend(self.place_of.remove(id));
                }
            }
        }
        !effects.is_beyond && self.go_on(effects)
    }

    fn hear_bed(&mut self, before: Option<&Bed>, after: Option<&Bed>, effects: &mut Effects) {
        let is_free = |bed: &&Bed| by_state(bed).next().is_none();
        let was = before.filter(is_free).map(|bed| (self.class_of(bed), bed));
        let is = after.filter(is_free).map(|bed| (self.class_of(bed), bed));
        if let Some((Some(class), bed)) = was
            && let Some(class) = self.classes.get_mut(class)
        {
            class.free.remove(&(bed.since_millis, bed.id.clone()));
        }
        if let Some((Some(class), bed)) = is
            && let Some(class) = self.classes.get_mut(class)
        {
            class.free.insert((bed.since_millis, bed.id.clone()));
        }
        let (was, is) = (was.map(|(class, _)| class), is.map(|(class, _)| class));
        effects.is_beyond |= was == Some(None) || is == Some(None);
        if was != is {
            effects.lost.extend(was.flatten());
            effects.gained.extend(is.flatten());
        }
    }

    fn class_of(&self, bed: &Bed) -> Option<usize> {
        let hospital = self.ground.iter().position(|(it, _)| it.id == bed.hospital)?;
        self.class_at.get(&(hospital, bed.kind.clone())).copied()
    }

    fn hear_request(&mut self, request: &Request, effects: &mut Effects) {
        let place = self.place_of.get(&request.id).copied();
        let takes_part = request.barred.is_none();
        if let Some(Some(slot)) = place.and_then(|place| self.slots.get_mut(place))
            && takes_part
            && wants_the_same(&slot.request, request)
        {
            slot.request = request.clone();
            return;
        }
        effects.leaving.extend(self.place_of.remove(&request.id));
        if takes_part {
            effects.coming.insert(request.id.clone());
        } else {
            effects.coming.remove(&request.id);
        }
    }

    fn go_on(&mut self, effects: Effects) -> bool {
        let Effects { leaving, coming, gained, mut lost, .. } = effects;
        let mut touched: BTreeSet<usize> = BTreeSet::new();
        for place in leaving {
            touched.extend(self.leave(place, &mut lost));
        }
        for class in gained {
            self.flow.gain(class);
            touched.insert(class);
        }
        let mut unserved: Vec<usize> = Vec::new();
        for class in lost {
            if !self.flow.lose(class) {
                let around = self.flow.around(class);
                let Some(lowest) = around.max_by_key(|place| self.stands(*place)) else {
                    return false;
                };
                self.flow.remove_with_bed(lowest, class);
                unserved.push(lowest);
            }
        }
        for id in coming {
            let Some(request) = self.requests.get(&id).cloned() else { continue };
            unserved.push(self.add(request));
        }
        unserved.sort_by_key(|place| self.stands(*place).map(|it| (it.0, it.1, it.2.to_owned())));
        for place in unserved {
            self.flow.insert(place);
            self.remember_reach(place);
        }
        touched.into_iter().all(|class| self.flow.is_settled(class))
    }

    /// Takes a request out: together with its bed if that is lost, else the bed is free; of which class then.
    fn leave(&mut self, place: usize, lost: &mut Vec<usize>) -> Option<usize> {
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = None;
            self.vacant.push(place);
        }
        // those of a lobby are interchangeable
        let taken = self.flow.taken_around(place);
        if let Some(n) = lost.iter().position(|class| taken.contains(class)) {
            self.flow.remove_with_bed(place, lost.swap_remove(n));
            return None;
        }
        let class = taken.iter().copied().min_by_key(|class| self.flow.price(*class))?;
        self.flow.remove(place, class);
        Some(class)
    }

    fn add(&mut self, request: Request) -> usize {
        let needs = relevant(&request.needs, &self.cohorts);
        let from = request.position.map(Position::spot);
        let scene = self.scene();
        let asked = Some((&request, from));
        let approach: Vec<u32> =
            (0..scene.hospitals.len()).map(|hospital| scene.approach(asked, hospital)).collect();
        let profile = if let Some(profile) = self.profiles.get(&needs) {
            *profile
        } else {
            let kinds: Vec<&Kind> = self.kinds.iter().collect();
            let fit = scene.fit(&needs, &kinds);
            let profile = self.flow.add_profile(fit);
            self.profiles.insert(needs, profile);
            profile
        };
        let place = self.flow.add(self.vacant.pop(), profile, &approach);
        self.place_of.insert(request.id.clone(), place);
        let slot = Some(Slot { request, from, reach: None });
        match self.slots.get_mut(place) {
            Some(vacant) => *vacant = slot,
            None => self.slots.push(slot),
        }
        place
    }
}

/// Whether two versions of a request differ in their urgency at most.
fn wants_the_same(a: &Request, b: &Request) -> bool {
    let urgency = Request {
        tier: b.tier,
        severity: b.severity,
        authored_on_millis: b.authored_on_millis,
        is_recalled: b.is_recalled,
        ..a.clone()
    };
    urgency == *b
}
