//! What a roster has for one request, and why.

use crate::bed::{Bed, Kind};
use crate::blocking::Blocking;
use crate::explain::{Alternative, WhyNot, alternatives};
use crate::plan::{Allocation, Reason, Unallocated, Value, allocation, barred};
use crate::rank::standing;
use crate::request::Request;
use crate::scene::Scene;
use crate::snapshot::relevant;

use super::{Roster, Slot, Verdict};

impl Roster {
    /// What a request would get now; `None` if it does not wait.
    pub fn decide(&self, request: &str) -> Option<Verdict> {
        let asked = self.requests.get(request)?;
        if let Some(bar) = asked.barred {
            return Some(Verdict::Refused(barred(asked, bar)));
        }
        let place = *self.place_of.get(request)?;
        let slot = self.slot(place)?;
        let verdict = match self.bed_of(place) {
            Some((class, bed)) => Verdict::Given(self.allocation(slot, class, bed)?),
            None => Verdict::Refused(self.refusal(slot, place)),
        };
        Some(verdict)
    }

    /// Everybody who would get a bed now, and which.
    pub fn given(&self) -> impl Iterator<Item = (&Request, &Bed)> {
        let places = self.slots.iter().enumerate();
        places.filter_map(|(place, slot)| {
            Some((&slot.as_ref()?.request, self.bed_of(place).map(|(_, bed)| bed)?))
        })
    }

    /// The class and the bed of a request: of those of its class, the first to be served gets the bed that has
    /// been ready longest.
    fn bed_of(&self, place: usize) -> Option<(usize, &Bed)> {
        let stands = |place: usize| self.stands(place);
        let class = self.flow.class_of(place, stands)?;
        let mut holders = self.flow.holders_of(class, stands);
        holders.sort_unstable_by_key(|place| self.stands(*place));
        let n = holders.iter().position(|it| *it == place)?;
        let (_, bed) = self.classes.get(class)?.free.iter().nth(n)?;
        Some((class, self.beds.get(bed)?))
    }

    fn allocation(&self, slot: &Slot, class: usize, bed: &Bed) -> Option<Allocation> {
        let standing = standing(&slot.request, &self.policy, self.as_of_millis);
        let hospital = self.classes.get(class)?.hospital;
        let value =
            Value { shadow_price: self.flow.price(class), closed_set: self.flow.closed_in(class) };
        let asked = (&slot.request, slot.from);
        let rank = (self.rank(slot), standing);
        Some(allocation(&self.scene(), (asked, rank), (hospital, bed), value))
    }

    fn refusal(&self, slot: &Slot, place: usize) -> Unallocated {
        let with_beds = self.classes.iter().enumerate().filter(|(_, it)| !it.free.is_empty());
        let feasible = with_beds
            .map(|(class, _)| class)
            .filter(|class| self.flow.network.cost(place, *class).is_some());
        let mut closed_sets: Vec<usize> =
            feasible.filter_map(|class| self.flow.closed_in(class)).collect();
        closed_sets.sort_unstable();
        closed_sets.dedup();
        let (reason, blocking) = if closed_sets.is_empty() {
            let scene = Scene { beds: self.all_beds(), ..self.scene() };
            let needs = relevant(&slot.request.needs, &self.cohorts);
            let blocking = Blocking::new(&scene).of((&slot.request, slot.from), (0, &needs));
            (Reason::NoFeasibleBed, blocking)
        } else {
            (Reason::Outranked, Vec::new())
        };
        Unallocated {
            request: slot.request.id.clone(),
            tier: slot.request.tier,
            reason,
            blocking,
            closed_sets,
            position: Some(self.position(slot)),
        }
    }

    fn all_beds(&self) -> Vec<(usize, &Bed)> {
        let place: std::collections::BTreeMap<&str, usize> =
            self.ground.iter().enumerate().map(|(n, (it, _))| (it.id.as_str(), n)).collect();
        let beds = self.beds.values();
        beds.filter_map(|bed| Some((*place.get(bed.hospital.as_str())?, bed))).collect()
    }

    /// Up to five classes that the request would not get, see [`crate::Solved::alternatives`].
    pub fn alternatives(&self, request: &str) -> Option<Vec<Alternative>> {
        let place = *self.place_of.get(request)?;
        let slot = self.slot(place)?;
        let own_class = self.flow.class_of(place, |place| self.stands(place));
        let own = own_class.and_then(|class| self.classes.get(class));
        let own = own.map(|own| (own.hospital, &own.kind));
        let classes = self
            .classes
            .iter()
            .map(|class| ((class.hospital, &class.kind), !class.free.is_empty()));
        let why_not =
            |hospital: usize, kind: &Kind| self.why_not((place, own_class), hospital, kind);
        let asked = (&slot.request, slot.from);
        Some(alternatives(&self.scene(), (asked, own), classes, why_not))
    }

    fn why_not(
        &self,
        (place, own): (usize, Option<usize>),
        hospital: usize,
        kind: &Kind,
    ) -> (WhyNot, Option<i64>) {
        let Some(class) = self.class_at.get(&(hospital, kind.clone())).copied() else {
            return (WhyNot::Occupied, None);
        };
        let stands = |place: usize| self.stands(place);
        let holders = self.flow.holders_of(class, stands);
        let beds = self.flow.network.classes.get(class).map_or(0, |class| class.beds);
        let is_full = holders.len() == beds;
        if is_full && holders.iter().all(|it| stands(*it) < stands(place)) {
            return (WhyNot::HeldForHigherPriority, None);
        }
        (WhyNot::Costlier, own.and_then(|own| self.delta(place, own, class)))
    }

    fn delta(&self, place: usize, own: usize, class: usize) -> Option<i64> {
        if self.flow.closed_in(class) != self.flow.closed_in(own) {
            return None;
        }
        let with_price =
            |class: usize| Some(self.flow.network.cost(place, class)? + self.flow.price(class));
        Some(with_price(class)? - with_price(own)?)
    }
}
