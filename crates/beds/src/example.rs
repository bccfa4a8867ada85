//! A request and a bed that fit each other, for tests.

use crate::bed::{AgeGroup, Bay, Bed, BedState, BedType, GenderPolicy, Kind};
use crate::code::CodeSet;
use crate::rank::Points;
use crate::request::{BayWish, Needs, Request};
use crate::tier::Tier;

/// An adult man who needs a ward bed, soon.
pub(crate) fn request(id: &str) -> Request {
    Request {
        id: id.to_owned(),
        authored_on_millis: 0,
        tier: Tier::Soon,
        severity: Points::whole(2),
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
