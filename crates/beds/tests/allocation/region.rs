//! Random snapshots of a region.

use beds::sim::Dice;
use beds::{
    AgeGroup, Bay, BayWish, Bed, BedState, BedType, CodeSet, Equipment, GenderPolicy, Hospital,
    Isolation, Kind, Needs, Points, Policy, Position, Request, Snapshot, Tier,
};

/// When every snapshot is taken, in milliseconds since 1970.
pub(crate) const AS_OF_MILLIS: i64 = 3_600_000_000;

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Hospitals.
    pub(crate) hospitals: u32,
    /// Beds in all.
    pub(crate) beds: u32,
    /// Requests in all.
    pub(crate) requests: u32,
    /// Millionths of a degree that the region is wide and high.
    pub(crate) extent: u32,
}

/// A region with free beds and a queue.
pub(crate) fn region(dice: &mut Dice, size: Size) -> Snapshot {
    let position = |dice: &mut Dice| Position {
        latitude_microdegrees: 18_000_000 + i32::try_from(dice.below(size.extent)).unwrap(),
        longitude_microdegrees: 73_000_000 + i32::try_from(dice.below(size.extent)).unwrap(),
    };
    let hospitals = (0..size.hospitals)
        .map(|n| Hospital { id: format!("hospital-{n}"), position: Some(position(dice)) })
        .collect();
    let beds = (0..size.beds).map(|n| Bed {
        id: format!("bed-{n}"),
        hospital: format!("hospital-{}", dice.below(size.hospitals)),
        kind: kind(dice),
        is_staffed: true,
        is_active: true,
        state: BedState::Ready,
        since_millis: AS_OF_MILLIS - i64::from(dice.below(100_000_000)),
    });
    let beds = beds.collect();
    let requests = (0..size.requests).map(|n| {
        let (tier, severity) = urgency(dice);
        Request {
            id: format!("task-{n}"),
            authored_on_millis: AS_OF_MILLIS - i64::from(dice.below(200_000_000)),
            tier,
            severity,
            needs: needs(dice),
            position: Some(position(dice)),
            distance_metres_max: dice.chance(100_000).then(|| 20_000 + dice.below(50_000)),
            allowed: Vec::new(),
            preferred: if dice.chance(300_000) {
                vec![format!("hospital-{}", dice.below(size.hospitals))]
            } else {
                Vec::new()
            },
            accepts_alternative: true,
            barred: None,
            is_recalled: false,
        }
    });
    let requests = requests.collect();
    Snapshot { as_of_millis: AS_OF_MILLIS, policy: Policy::default(), hospitals, beds, requests }
}

fn urgency(dice: &mut Dice) -> (Tier, Points) {
    let score = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 12];
    let score = dice.pick(&score).unwrap();
    (tier(score), Points::from(score))
}

/// The tier of a NEWS2.
pub(crate) fn tier(score: u8) -> Tier {
    match score {
        7.. => Tier::Immediate,
        5..=6 => Tier::Urgent,
        1..=4 => Tier::Soon,
        _ => Tier::Routine,
    }
}

fn kind(dice: &mut Dice) -> Kind {
    let types = [(BedType::General, 70), (BedType::Hdu, 15), (BedType::Icu, 15)];
    let bed_type = dice.weighted(&types).unwrap();
    let policies = [(GenderPolicy::Female, 3), (GenderPolicy::Male, 3), (GenderPolicy::Mixed, 2)];
    let ages = [(AgeGroup::Adult, 90), (AgeGroup::Child, 10)];
    let isolation = [(None, 80), (Some(Isolation::Contact), 10), (Some(Isolation::Airborne), 10)];
    let equipment = [
        (&[Equipment::Oxygen][..], 60),
        (&[Equipment::Oxygen, Equipment::Monitor], 30),
        (&[Equipment::Oxygen, Equipment::Monitor, Equipment::Ventilator], 10),
    ];
    Kind {
        bed_type,
        gender_policy: if bed_type == BedType::General {
            dice.weighted(&policies).unwrap()
        } else {
            GenderPolicy::Any
        },
        age_group: dice.weighted(&ages).unwrap(),
        isolation: dice.weighted(&isolation).unwrap().into_iter().collect(),
        equipment: dice.weighted(&equipment).unwrap().iter().copied().collect(),
        bay: Bay::Single,
    }
}

fn needs(dice: &mut Dice) -> Needs {
    let types = [(BedType::General, 66), (BedType::Hdu, 17), (BedType::Icu, 17)];
    let wishes = [(BayWish::FemaleOrMixed, 48), (BayWish::MaleOrMixed, 48), (BayWish::Female, 4)];
    let ages = [(AgeGroup::Adult, 89), (AgeGroup::Child, 11)];
    let isolation = [(None, 90), (Some(Isolation::Contact), 5), (Some(Isolation::Airborne), 5)];
    let equipment = [
        (&[][..], 50),
        (&[Equipment::Oxygen], 32),
        (&[Equipment::Monitor], 12),
        (&[Equipment::Ventilator], 6),
    ];
    Needs {
        bed_type: dice.weighted(&types).unwrap(),
        accepts_higher_level: !dice.chance(100_000),
        bay: dice.weighted(&wishes).unwrap(),
        age_group: dice.weighted(&ages).unwrap(),
        isolation: dice.weighted(&isolation).unwrap().into_iter().collect::<CodeSet<_>>(),
        equipment: dice.weighted(&equipment).unwrap().iter().copied().collect(),
        organism: None,
    }
}
