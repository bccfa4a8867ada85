//! What a bed must satisfy, without exception. Each rule has a code, so that a refusal says which one.

use crate::bed::{AgeGroup, Bay, Bed, BedState, Isolation, Kind};
use crate::code::{CodeSet, codes};
use crate::policy::Policy;
use crate::request::{Needs, Request};

codes! {
    /// A hard constraint; a bed that breaks one is infeasible.
    Constraint {
        /// Another kind of care.
        BedType = "bed-type",
        /// Too much care, or more than the patient accepts.
        LevelOfCare = "level-of-care",
        /// For another age.
        AgeGroup = "age-group",
        /// A bay the patient may not lie in.
        GenderPolicy = "gender-policy",
        /// Lacks an isolation that is ordered.
        Isolation = "isolation",
        /// Lacks equipment that is ordered.
        Equipment = "equipment",
        /// The infection and the bay do not go together.
        Cohort = "cohort",
        /// Nobody to look after it.
        Staffed = "staffed",
        /// The Location is not active.
        Active = "active",
        /// Not one of the hospitals of the order.
        Hospital = "hospital",
        /// Not preferred, and no alternative is accepted.
        Preference = "preference",
        /// Too far.
        Distance = "distance",
        /// Somebody has it, or it is being cleaned or out of use.
        Taken = "taken",
    }
}

/// The constraints that a bed breaks for a request; empty: it is feasible and free. `metres` is the distance
/// from the patient to the bed's hospital, if both positions are known.
pub fn broken(
    request: &Request,
    bed: &Bed,
    metres: Option<u32>,
    policy: &Policy,
) -> CodeSet<Constraint> {
    by_kind(&request.needs, &bed.kind, policy)
        .chain(by_hospital(request, &bed.hospital, metres))
        .chain(by_state(bed))
        .collect()
}

/// A rule, and whether it is broken.
type Verdict = (Constraint, bool);

fn only_broken(verdicts: impl IntoIterator<Item = Verdict>) -> impl Iterator<Item = Constraint> {
    verdicts.into_iter().filter(|(_, is_broken)| *is_broken).map(|(constraint, _)| constraint)
}

/// What depends on what the bed is.
pub(crate) fn by_kind(
    needs: &Needs,
    kind: &Kind,
    policy: &Policy,
) -> impl Iterator<Item = Constraint> + use<> {
    let above = kind.bed_type.levels_above(needs.bed_type);
    let levels_max = if needs.accepts_higher_level { policy.levels_up_max } else { 0 };
    only_broken([
        (Constraint::BedType, above.is_none()),
        (Constraint::LevelOfCare, above.is_some_and(|levels| levels > levels_max)),
        (Constraint::AgeGroup, !age_fits(needs.age_group, kind.age_group)),
        (Constraint::GenderPolicy, !needs.bay.accepts(kind.gender_policy)),
        (Constraint::Isolation, !needs.isolation.is_subset(kind.isolation)),
        (Constraint::Equipment, !needs.equipment.is_subset(kind.equipment)),
        (Constraint::Cohort, !cohort_fits(needs, &kind.bay)),
    ])
}

/// What depends on where the bed stands.
pub(crate) fn by_hospital(
    request: &Request,
    hospital: &str,
    metres: Option<u32>,
) -> impl Iterator<Item = Constraint> + use<> {
    let names = |list: &[String]| list.iter().any(|id| id == hospital);
    let is_far = |max: u32| metres.is_none_or(|metres| metres > max);
    let is_alternative = !request.preferred.is_empty() && !names(&request.preferred);
    only_broken([
        (Constraint::Hospital, !request.allowed.is_empty() && !names(&request.allowed)),
        (Constraint::Preference, is_alternative && !request.accepts_alternative),
        (Constraint::Distance, request.distance_metres_max.is_some_and(is_far)),
    ])
}

/// What depends on the bed's hour.
pub(crate) fn by_state(bed: &Bed) -> impl Iterator<Item = Constraint> + use<> {
    only_broken([
        (Constraint::Staffed, !bed.is_staffed),
        (Constraint::Active, !bed.is_active),
        (Constraint::Taken, bed.state != BedState::Ready),
    ])
}

fn age_fits(patient: AgeGroup, bed: AgeGroup) -> bool {
    let patient = if patient == AgeGroup::Any { AgeGroup::Adult } else { patient };
    bed == AgeGroup::Any || bed == patient
}

/// An airborne infection shares a bay with its own organism only; one without defences shares none; a
/// cohort takes its organism only.
fn cohort_fits(needs: &Needs, bay: &Bay) -> bool {
    let needs_protection = needs.isolation.contains(Isolation::Protective);
    match bay {
        Bay::Single => true,
        Bay::Shared => !needs_protection && !needs.isolation.contains(Isolation::Airborne),
        Bay::Cohort(organism) => !needs_protection && needs.organism.as_ref() == Some(organism),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::{BedType, Equipment, GenderPolicy};
    use crate::code::Code as _;
    use crate::example;
    use crate::request::BayWish;

    /// A change to a request and a bed that fit each other, and the rule it breaks.
    type Case = (&'static str, fn(&mut Request, &mut Bed), Option<Constraint>);

    const CASES: [Case; 36] = [
        ("alike", |_, _| {}, None),
        ("a level above", |_, bed| bed.kind.bed_type = BedType::Hdu, None),
        (
            "a level above, refused",
            |request, bed| {
                bed.kind.bed_type = BedType::Hdu;
                request.needs.accepts_higher_level = false;
            },
            Some(Constraint::LevelOfCare),
        ),
        (
            "two levels above",
            |_, bed| bed.kind.bed_type = BedType::Icu,
            Some(Constraint::LevelOfCare),
        ),
        (
            "a level below",
            |request, _| request.needs.bed_type = BedType::Icu,
            Some(Constraint::BedType),
        ),
        (
            "another kind of care",
            |_, bed| bed.kind.bed_type = BedType::Burns,
            Some(Constraint::BedType),
        ),
        (
            "a child in a bed for adults",
            |request, _| request.needs.age_group = AgeGroup::Child,
            Some(Constraint::AgeGroup),
        ),
        (
            "an adult in a bed for the newborn",
            |_, bed| bed.kind.age_group = AgeGroup::Neonate,
            Some(Constraint::AgeGroup),
        ),
        (
            "a child in a bed for anyone",
            |request, bed| {
                request.needs.age_group = AgeGroup::Child;
                bed.kind.age_group = AgeGroup::Any;
            },
            None,
        ),
        ("an age that nobody noted", |request, _| request.needs.age_group = AgeGroup::Any, None),
        (
            "a woman among women",
            |request, bed| {
                request.needs.bay = BayWish::FemaleOrMixed;
                bed.kind.gender_policy = GenderPolicy::Female;
            },
            None,
        ),
        (
            "a man among women",
            |_, bed| bed.kind.gender_policy = GenderPolicy::Female,
            Some(Constraint::GenderPolicy),
        ),
        (
            "a woman among men",
            |request, bed| {
                request.needs.bay = BayWish::FemaleOrMixed;
                bed.kind.gender_policy = GenderPolicy::Male;
            },
            Some(Constraint::GenderPolicy),
        ),
        (
            "a woman who asked for women, among both",
            |request, _| request.needs.bay = BayWish::Female,
            Some(Constraint::GenderPolicy),
        ),
        (
            "a woman who asked for women, in a room of her own",
            |request, bed| {
                request.needs.bay = BayWish::Female;
                bed.kind.gender_policy = GenderPolicy::Any;
            },
            None,
        ),
        (
            "isolation that is there",
            |request, bed| {
                request.needs.isolation = CodeSet::from_iter([Isolation::Contact]);
                bed.kind.isolation = CodeSet::from_iter([Isolation::Contact, Isolation::Droplet]);
            },
            None,
        ),
        (
            "isolation that is not there",
            |request, bed| {
                request.needs.isolation = CodeSet::from_iter([Isolation::Airborne]);
                bed.kind.isolation = CodeSet::from_iter([Isolation::Contact]);
            },
            Some(Constraint::Isolation),
        ),
        ("equipment that nobody ordered", |_, bed| bed.kind.equipment = all(), None),
        (
            "equipment that is there",
            |request, bed| {
                request.needs.equipment = CodeSet::from_iter([Equipment::Ventilator]);
                bed.kind.equipment = all();
            },
            None,
        ),
        (
            "equipment that is partly there",
            |request, bed| {
                request.needs.equipment = all();
                bed.kind.equipment = CodeSet::from_iter([Equipment::Oxygen]);
            },
            Some(Constraint::Equipment),
        ),
        (
            "an airborne infection in a shared bay",
            |request, bed| {
                airborne(request, bed);
                bed.kind.bay = Bay::Shared;
            },
            Some(Constraint::Cohort),
        ),
        (
            "an airborne infection in a room of its own",
            |request, bed| {
                airborne(request, bed);
            },
            None,
        ),
        (
            "an airborne infection in its cohort",
            |request, bed| {
                airborne(request, bed);
                bed.kind.bay = Bay::Cohort("measles".to_owned());
            },
            None,
        ),
        (
            "an airborne infection in another cohort",
            |request, bed| {
                airborne(request, bed);
                bed.kind.bay = Bay::Cohort("tuberculosis".to_owned());
            },
            Some(Constraint::Cohort),
        ),
        (
            "no infection in a cohort",
            |_, bed| bed.kind.bay = Bay::Cohort("measles".to_owned()),
            Some(Constraint::Cohort),
        ),
        (
            "without defences in a shared bay",
            |request, bed| {
                request.needs.isolation = CodeSet::from_iter([Isolation::Protective]);
                bed.kind.isolation = CodeSet::from_iter([Isolation::Protective]);
                bed.kind.bay = Bay::Shared;
            },
            Some(Constraint::Cohort),
        ),
        (
            "droplets in a shared bay",
            |request, bed| {
                request.needs.isolation = CodeSet::from_iter([Isolation::Droplet]);
                bed.kind.isolation = CodeSet::from_iter([Isolation::Droplet]);
                bed.kind.bay = Bay::Shared;
            },
            None,
        ),
        ("without staff", |_, bed| bed.is_staffed = false, Some(Constraint::Staffed)),
        ("not active", |_, bed| bed.is_active = false, Some(Constraint::Active)),
        ("being cleaned", |_, bed| bed.state = BedState::Cleaning, Some(Constraint::Taken)),
        (
            "a hospital that the order does not name",
            |request, _| request.allowed = vec!["other".to_owned()],
            Some(Constraint::Hospital),
        ),
        (
            "a hospital that the order names",
            |request, bed| request.allowed = vec!["other".to_owned(), bed.hospital.clone()],
            None,
        ),
        ("not preferred", |request, _| request.preferred = vec!["other".to_owned()], None),
        (
            "not preferred and nothing else accepted",
            |request, _| {
                request.preferred = vec!["other".to_owned()];
                request.accepts_alternative = false;
            },
            Some(Constraint::Preference),
        ),
        ("near enough", |request, _| request.distance_metres_max = Some(5_000), None),
        (
            "too far",
            |request, _| request.distance_metres_max = Some(4_999),
            Some(Constraint::Distance),
        ),
    ];

    fn all() -> CodeSet<Equipment> {
        Equipment::ALL.iter().copied().collect()
    }

    fn airborne(request: &mut Request, bed: &mut Bed) {
        request.needs.isolation = CodeSet::from_iter([Isolation::Airborne]);
        request.needs.organism = Some("measles".to_owned());
        bed.kind.isolation = CodeSet::from_iter([Isolation::Airborne]);
    }

    #[test]
    fn a_bed_breaks_the_rule_that_is_named_and_no_other() {
        for (what, change, expected) in CASES {
            let (mut request, mut bed) = (example::request("t1"), example::bed("b1", "h1"));
            change(&mut request, &mut bed);
            let found = broken(&request, &bed, Some(5_000), &Policy::default());
            assert_eq!(found, expected.into_iter().collect(), "{what}");
        }
    }

    #[test]
    fn every_rule_has_a_case() {
        for constraint in Constraint::ALL {
            assert!(CASES.iter().any(|(_, _, broken)| *broken == Some(*constraint)));
        }
    }

    #[test]
    fn a_greatest_distance_needs_both_positions() {
        let mut request = example::request("t1");
        request.distance_metres_max = Some(5_000);
        let broken = broken(&request, &example::bed("b1", "h1"), None, &Policy::default());
        assert_eq!(broken, CodeSet::from_iter([Constraint::Distance]));
    }
}
