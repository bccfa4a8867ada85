//! What a feasible bed costs, in units of 100 m. The least sum is taken among the plans that serve the same
//! requests; cost never decides who is served.

use serde::{Deserialize, Serialize};

use crate::bed::{Bay, Equipment, Kind};
use crate::code::{CodeSet, codes};
use crate::policy::Policy;
use crate::request::{Needs, Request};

codes! {
    /// A part of a cost.
    Term {
        /// The way to the hospital.
        Distance = "distance",
        /// More care than needed.
        LevelUp = "level-up",
        /// Isolation that somebody else may need.
        IsolationWaste = "isolation-waste",
        /// Equipment that somebody else may need.
        EquipmentWaste = "equipment-waste",
        /// Not the hospital that was preferred most.
        PreferenceMiss = "preference-miss",
        /// An infection in a bay with others.
        CohortMix = "cohort-mix",
    }
}

/// A part of a cost that is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostTerm {
    /// Which part.
    pub term: Term,
    /// In units of 100 m.
    pub value: u32,
}

/// All parts of the cost of a bed of this kind in this hospital that are not zero.
pub fn terms(
    request: &Request,
    kind: &Kind,
    (hospital, metres): (&str, Option<u32>),
    policy: &Policy,
) -> Vec<CostTerm> {
    let all = by_hospital(request, hospital, metres, policy).into_iter().chain(by_kind(
        &request.needs,
        kind,
        policy,
    ));
    all.filter(|(_, value)| *value > 0).map(|(term, value)| CostTerm { term, value }).collect()
}

pub(crate) type Parts<const N: usize> = [(Term, u32); N];

pub(crate) fn total<const N: usize>(parts: Parts<N>) -> u32 {
    parts.iter().fold(0, |sum, (_, value)| sum.saturating_add(*value))
}

/// What depends on where the bed stands.
pub(crate) fn by_hospital(
    request: &Request,
    hospital: &str,
    metres: Option<u32>,
    policy: &Policy,
) -> Parts<2> {
    let weights = &policy.weights;
    let distance = match (request.position, metres) {
        (None, _) => 0,
        (Some(_), None) => weights.distance_unknown,
        (Some(_), Some(metres)) => metres.saturating_add(50) / 100,
    };
    let step = |place: usize| {
        u32::try_from(place).unwrap_or(u32::MAX).saturating_mul(weights.preference_step)
    };
    let preference = match request.preferred.iter().position(|id| id == hospital) {
        Some(place) => step(place),
        None if request.preferred.is_empty() => 0,
        None => weights.preference_miss.max(step(request.preferred.len())),
    };
    [(Term::Distance, distance), (Term::PreferenceMiss, preference)]
}

/// What depends on what the bed is.
pub(crate) fn by_kind(needs: &Needs, kind: &Kind, policy: &Policy) -> Parts<4> {
    let weights = &policy.weights;
    let levels = kind.bed_type.levels_above(needs.bed_type).unwrap_or(0);
    let idle = kind.equipment.without(needs.equipment);
    let scarce = CodeSet::from_iter([Equipment::Ventilator, Equipment::Dialysis]);
    let idle_scarce = idle.len() - idle.without(scarce).len();
    let equipment = idle_scarce
        .saturating_mul(weights.scarce_equipment_waste)
        .saturating_add(idle.without(scarce).len().saturating_mul(weights.equipment_waste));
    let isolation = kind.isolation.without(needs.isolation).len();
    let is_mixed = kind.bay == Bay::Shared && !needs.isolation.is_empty();
    [
        (Term::LevelUp, levels.saturating_mul(weights.level_up)),
        (Term::IsolationWaste, isolation.saturating_mul(weights.isolation_waste)),
        (Term::EquipmentWaste, equipment),
        (Term::CohortMix, if is_mixed { weights.cohort_mix } else { 0 }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{BedType, Isolation};
    use crate::example;
    use crate::place::Position;

    type Case = (&'static str, fn(&mut Request, &mut Kind), Option<(Term, u32)>);

    #[test]
    fn each_part() {
        let cases: [Case; 11] = [
            ("nothing", |_, _| {}, None),
            ("far", |request, _| request.position = Some(ORIGIN), Some((Term::Distance, 124))),
            ("a level up", |_, kind| kind.bed_type = BedType::Hdu, Some((Term::LevelUp, 300))),
            (
                "isolation that nobody needs",
                |_, kind| {
                    kind.isolation = CodeSet::from_iter([Isolation::Contact, Isolation::Droplet]);
                },
                Some((Term::IsolationWaste, 200)),
            ),
            (
                "isolation that is needed",
                |request, kind| {
                    kind.isolation = CodeSet::from_iter([Isolation::Contact]);
                    request.needs.isolation = kind.isolation;
                },
                None,
            ),
            (
                "a monitor that nobody needs",
                |_, kind| kind.equipment = CodeSet::from_iter([Equipment::Monitor]),
                Some((Term::EquipmentWaste, 20)),
            ),
            (
                "a ventilator that nobody needs",
                |_, kind| kind.equipment = CodeSet::from_iter([Equipment::Ventilator]),
                Some((Term::EquipmentWaste, 200)),
            ),
            (
                "the first of the preferred",
                |request, _| request.preferred = vec!["h1".to_owned()],
                None,
            ),
            (
                "the second of the preferred",
                |request, _| request.preferred = vec!["h2".to_owned(), "h1".to_owned()],
                Some((Term::PreferenceMiss, 50)),
            ),
            (
                "none of the preferred",
                |request, _| request.preferred = vec!["h2".to_owned()],
                Some((Term::PreferenceMiss, 200)),
            ),
            (
                "droplets in a shared bay",
                |request, kind| {
                    kind.isolation = CodeSet::from_iter([Isolation::Droplet]);
                    kind.bay = Bay::Shared;
                    request.needs.isolation = kind.isolation;
                },
                Some((Term::CohortMix, 150)),
            ),
        ];
        for (what, change, expected) in cases {
            let (mut request, mut kind) = (example::request("t1"), example::bed("b1", "h1").kind);
            change(&mut request, &mut kind);
            let found = terms(&request, &kind, ("h1", Some(12_350)), &Policy::default());
            let expected: Vec<CostTerm> =
                expected.into_iter().map(|(term, value)| CostTerm { term, value }).collect();
            assert_eq!(found, expected, "{what}");
        }
    }

    const ORIGIN: Position = Position { latitude_microdegrees: 0, longitude_microdegrees: 0 };

    #[test]
    fn a_position_that_nobody_knows() {
        let mut request = example::request("t1");
        let kind = example::bed("b1", "h1").kind;
        assert_eq!(terms(&request, &kind, ("h1", None), &Policy::default()), []);
        request.position = Some(ORIGIN);
        let unknown = CostTerm { term: Term::Distance, value: 1_000 };
        assert_eq!(terms(&request, &kind, ("h1", None), &Policy::default()), [unknown]);
    }
}
