//! Random snapshots, small and large.

use beds::sim::Dice;
use beds::{
    AgeGroup, Bay, BayWish, Bed, BedState, BedType, CodeSet, Equipment, GenderPolicy, Hospital,
    Isolation, Kind, Needs, Points, Policy, Position, Request, Snapshot, Tier,
};

const HOUR: i64 = 3_600_000;
const AS_OF: i64 = 1_000 * HOUR;

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

/// At most six beds and six requests, so that everything can be tried; every rule plays a part.
#[allow(dead_code, reason = "each of the programs that include this file uses what it needs")]
pub(crate) fn small(dice: &mut Dice) -> Snapshot {
    let hospitals = 1 + dice.below(3);
    let size =
        Size { hospitals, beds: 1 + dice.below(6), requests: 1 + dice.below(6), extent: 500_000 };
    let mut snapshot = region(dice, size);
    for bed in &mut snapshot.beds {
        bed.is_staffed = !dice.chance(50_000);
        bed.is_active = !dice.chance(50_000);
        if dice.chance(100_000) {
            bed.state = BedState::Occupied;
        }
        bed.kind.age_group = AgeGroup::Adult;
        bed.kind.bed_type = dice.pick(&[BedType::General, BedType::Hdu]).unwrap();
    }
    for request in &mut snapshot.requests {
        request.needs.age_group = AgeGroup::Adult;
        request.needs.bed_type = dice.pick(&[BedType::General, BedType::Hdu]).unwrap();
        if dice.chance(200_000) {
            request.preferred = vec![format!("hospital-{}", dice.below(hospitals))];
            request.accepts_alternative = dice.chance(500_000);
        }
        if dice.chance(100_000) {
            request.allowed = vec![format!("hospital-{}", dice.below(hospitals))];
        }
        // many ties
        request.authored_on_millis = AS_OF - i64::from(dice.below(3)) * HOUR;
    }
    snapshot
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
        since_millis: AS_OF - i64::from(dice.below(100_000_000)),
    });
    let beds = beds.collect();
    let requests = (0..size.requests).map(|n| {
        let (tier, severity) = urgency(dice);
        Request {
            id: format!("task-{n}"),
            authored_on_millis: AS_OF - i64::from(dice.below(200_000_000)),
            tier,
            severity,
            needs: needs(dice),
            position: Some(position(dice)),
            distance_metres_max: dice.chance(100_000).then(|| 20_000 + dice.below(50_000)),
            allowed: Vec::new(),
            preferred: match dice.chance(300_000) {
                true => vec![format!("hospital-{}", dice.below(size.hospitals))],
                false => Vec::new(),
            },
            accepts_alternative: true,
            barred: None,
        }
    });
    let requests = requests.collect();
    Snapshot { as_of_millis: AS_OF, policy: Policy::default(), hospitals, beds, requests }
}

fn urgency(dice: &mut Dice) -> (Tier, Points) {
    let score = [0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 12];
    let score = dice.pick(&score).unwrap();
    (tier(score), Points::from(score))
}

fn tier(score: u8) -> Tier {
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
        gender_policy: match bed_type {
            BedType::General => dice.weighted(&policies).unwrap(),
            _ => GenderPolicy::Any,
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

/// A ward bed for adults, men and women.
#[allow(dead_code, reason = "each of the programs that include this file uses what it needs")]
pub(crate) fn bed(id: &str, hospital: &str) -> Bed {
    Bed {
        id: id.to_owned(),
        hospital: hospital.to_owned(),
        kind: Kind {
            bed_type: BedType::General,
            gender_policy: GenderPolicy::Mixed,
            age_group: AgeGroup::Adult,
            isolation: CodeSet::EMPTY,
            equipment: CodeSet::EMPTY,
            bay: Bay::Single,
        },
        is_staffed: true,
        is_active: true,
        state: BedState::Ready,
        since_millis: 0,
    }
}

/// An adult man of this severity who needs a ward bed.
#[allow(dead_code, reason = "each of the programs that include this file uses what it needs")]
pub(crate) fn request(id: &str, score: u8) -> Request {
    Request {
        id: id.to_owned(),
        authored_on_millis: AS_OF,
        tier: tier(score),
        severity: Points::from(score),
        needs: Needs {
            bed_type: BedType::General,
            accepts_higher_level: true,
            bay: BayWish::MaleOrMixed,
            age_group: AgeGroup::Adult,
            isolation: CodeSet::EMPTY,
            equipment: CodeSet::EMPTY,
            organism: None,
        },
        position: None,
        distance_metres_max: None,
        allowed: Vec::new(),
        preferred: Vec::new(),
        accepts_alternative: true,
        barred: None,
    }
}

/// The hospitals `city` and `far`, 15.3 km apart.
#[allow(dead_code, reason = "each of the programs that include this file uses what it needs")]
pub(crate) fn snapshot(
    beds: impl IntoIterator<Item = Bed>,
    requests: impl IntoIterator<Item = Request>,
) -> Snapshot {
    let hospital = |id: &str, latitude_microdegrees| Hospital {
        id: id.to_owned(),
        position: Some(Position { latitude_microdegrees, longitude_microdegrees: 73_000_000 }),
    };
    Snapshot {
        as_of_millis: AS_OF,
        policy: Policy::default(),
        hospitals: vec![hospital("city", 18_000_000), hospital("far", 18_137_600)],
        beds: beds.into_iter().collect(),
        requests: requests.into_iter().collect(),
    }
}
