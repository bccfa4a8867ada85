//! Snapshots that are small enough to think through.

use beds::sim::Dice;
use beds::{
    AgeGroup, Bay, BayWish, Bed, BedState, BedType, CodeSet, GenderPolicy, Hospital, Kind, Needs,
    Points, Policy, Position, Request, Snapshot,
};

use crate::region::{AS_OF_MILLIS, Size, region, tier};

/// At most six beds and six requests, so that everything can be tried; every rule plays a part.
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
        request.authored_on_millis = AS_OF_MILLIS - i64::from(dice.below(3)) * 3_600_000;
    }
    snapshot
}

/// A ward bed for adults, men and women.
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
pub(crate) fn request(id: &str, score: u8) -> Request {
    Request {
        id: id.to_owned(),
        authored_on_millis: AS_OF_MILLIS,
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
        is_recalled: false,
    }
}

/// The hospitals `city` and `far`, 15.3 km apart.
pub(crate) fn snapshot(
    beds: impl IntoIterator<Item = Bed>,
    requests: impl IntoIterator<Item = Request>,
) -> Snapshot {
    let hospital = |id: &str, latitude_microdegrees| Hospital {
        id: id.to_owned(),
        position: Some(Position { latitude_microdegrees, longitude_microdegrees: 73_000_000 }),
    };
    Snapshot {
        as_of_millis: AS_OF_MILLIS,
        policy: Policy::default(),
        hospitals: vec![hospital("city", 18_000_000), hospital("far", 18_137_600)],
        beds: beds.into_iter().collect(),
        requests: requests.into_iter().collect(),
    }
}
