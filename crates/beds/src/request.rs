//! A request in the queue: what the doctor ordered and what the patient asked for. There is no field for a
//! name, a payer, an income or an ethnicity, so that nothing can be decided by them.

use serde::{Deserialize, Serialize};

use crate::bed::{AgeGroup, BedType, Equipment, GenderPolicy, Isolation};
use crate::code::{CodeSet, codes};
use crate::place::Position;
use crate::rank::Points;
use crate::tier::Tier;

codes! {
    /// `Patient.gender`.
    Gender {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Other.
        Other = "other",
        /// Unknown.
        Unknown = "unknown",
    }
}

codes! {
    /// Which bays a patient may lie in.
    BayWish {
        /// With women only.
        Female = "female",
        /// With men only.
        Male = "male",
        /// With women, or with both.
        FemaleOrMixed = "female-or-mixed",
        /// With men, or with both.
        MaleOrMixed = "male-or-mixed",
        /// With both.
        Mixed = "mixed",
    }
}

impl BayWish {
    /// From the administrative gender and the bay that was asked for (`genderBay`), which goes before it.
    pub fn of(gender: Gender, asked: Option<GenderPolicy>) -> Self {
        match (asked.unwrap_or(GenderPolicy::Any), gender) {
            (GenderPolicy::Female, _) => Self::Female,
            (GenderPolicy::Male, _) => Self::Male,
            (GenderPolicy::Any, Gender::Female) => Self::FemaleOrMixed,
            (GenderPolicy::Any, Gender::Male) => Self::MaleOrMixed,
            (GenderPolicy::Mixed, _) | (GenderPolicy::Any, Gender::Other | Gender::Unknown) => {
                Self::Mixed
            }
        }
    }

    /// Whether a bay with this policy will do. A room of one's own always does.
    pub fn accepts(self, policy: GenderPolicy) -> bool {
        match policy {
            GenderPolicy::Any => true,
            GenderPolicy::Female => matches!(self, Self::Female | Self::FemaleOrMixed),
            GenderPolicy::Male => matches!(self, Self::Male | Self::MaleOrMixed),
            GenderPolicy::Mixed => {
                matches!(self, Self::FemaleOrMixed | Self::MaleOrMixed | Self::Mixed)
            }
        }
    }
}

/// What a bed must be, apart from where it stands. Requests with the same needs differ by place only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Needs {
    /// `ServiceRequest.locationCode`.
    pub bed_type: BedType,
    /// Whether more care than needed will do (`acceptHigherLevel`).
    #[serde(default = "yes")]
    pub accepts_higher_level: bool,
    /// Which bays.
    pub bay: BayWish,
    /// Whose age; `any` is read as adult.
    pub age_group: AgeGroup,
    /// Isolation that is ordered.
    #[serde(default)]
    pub isolation: CodeSet<Isolation>,
    /// Equipment that is ordered.
    #[serde(default)]
    pub equipment: CodeSet<Equipment>,
    /// The organism of an infection, a code.
    #[serde(default)]
    pub organism: Option<String>,
}

fn yes() -> bool {
    true
}

/// A request for a bed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `Task.id`.
    pub id: String,
    /// `Task.authoredOn`, in milliseconds since 1970; waiting counts from here.
    pub authored_on_millis: i64,
    /// How urgent.
    pub tier: Tier,
    /// The score within the tier, on the scale of NEWS2.
    pub severity: Points,
    /// What the bed must be.
    pub needs: Needs,
    /// Where the patient is.
    #[serde(default)]
    pub position: Option<Position>,
    /// `maxDistanceKm`, in metres.
    #[serde(default)]
    pub distance_metres_max: Option<u32>,
    /// Hospitals that the order allows (`ServiceRequest.performer`); empty: all.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// Hospitals that the patient prefers, the first most (`preferredOrganization`).
    #[serde(default)]
    pub preferred: Vec<String>,
    /// Whether another than the preferred will do (`acceptAlternative`).
    #[serde(default = "yes")]
    pub accepts_alternative: bool,
    /// Why it takes no part now.
    #[serde(default)]
    pub barred: Option<Bar>,
    /// Whether a bed that was held for it was taken back for somebody more urgent: then it stands at the head of its
    /// tier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_recalled: bool,
}

codes! {
    /// Why a request in the queue takes no part.
    Bar {
        /// The order's time is over.
        ApprovalExpired = "approval-expired",
        /// The vital signs are too old for the policy.
        VitalsStale = "vitals-stale",
        /// A clinician paused it.
        Paused = "paused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code as _;

    #[test]
    fn bays() {
        // female, male, mixed, any
        let cells = [
            (BayWish::Female, [true, false, false, true]),
            (BayWish::Male, [false, true, false, true]),
            (BayWish::FemaleOrMixed, [true, false, true, true]),
            (BayWish::MaleOrMixed, [false, true, true, true]),
            (BayWish::Mixed, [false, false, true, true]),
        ];
        for (wish, expected) in cells {
            for (policy, accepted) in GenderPolicy::ALL.iter().zip(expected) {
                assert_eq!(wish.accepts(*policy), accepted, "{wish:?} {policy:?}");
            }
        }
    }

    #[test]
    fn a_bay_that_was_asked_for_goes_before_the_gender() {
        let cells = [
            (Gender::Female, None, BayWish::FemaleOrMixed),
            (Gender::Male, None, BayWish::MaleOrMixed),
            (Gender::Other, None, BayWish::Mixed),
            (Gender::Unknown, Some(GenderPolicy::Any), BayWish::Mixed),
            (Gender::Female, Some(GenderPolicy::Female), BayWish::Female),
            (Gender::Male, Some(GenderPolicy::Female), BayWish::Female),
            (Gender::Other, Some(GenderPolicy::Male), BayWish::Male),
            (Gender::Male, Some(GenderPolicy::Mixed), BayWish::Mixed),
        ];
        for (gender, asked, expected) in cells {
            assert_eq!(BayWish::of(gender, asked), expected, "{gender:?} {asked:?}");
        }
    }
}
