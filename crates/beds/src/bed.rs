//! A bed and what it can do: the extensions of its `Location`.

use serde::{Deserialize, Serialize};

use crate::code::{CodeSet, codes};
use crate::place::Position;

codes! {
    /// `{c}/bed-type`.
    BedType {
        /// A ward bed.
        General = "general",
        /// High dependency.
        Hdu = "hdu",
        /// Intensive care.
        Icu = "icu",
        /// Intensive care of the newborn.
        Nicu = "nicu",
        /// Intensive care of children.
        Picu = "picu",
        /// Maternity.
        Maternity = "maternity",
        /// Psychiatry.
        Psychiatric = "psychiatric",
        /// Burns.
        Burns = "burns",
        /// A unit for isolation.
        Isolation = "isolation",
        /// For the day.
        DayCase = "day-case",
    }
}

impl BedType {
    /// How many levels of care more than needed this type gives; `None` if it cannot stand in at all.
    pub fn levels_above(self, needed: Self) -> Option<u32> {
        const LADDER: [BedType; 4] =
            [BedType::DayCase, BedType::General, BedType::Hdu, BedType::Icu];
        if self == needed {
            return Some(0);
        }
        let step = |of: Self| LADDER.iter().position(|rung| *rung == of);
        let above = step(self)?.checked_sub(step(needed)?)?;
        u32::try_from(above).ok()
    }
}

codes! {
    /// `{c}/gender-policy` of a bed's bay.
    GenderPolicy {
        /// Women only.
        Female = "female",
        /// Men only.
        Male = "male",
        /// Women and men together.
        Mixed = "mixed",
        /// Anyone: a room of its own.
        Any = "any",
    }
}

codes! {
    /// `{c}/age-group` of a bed.
    AgeGroup {
        /// To 28 days.
        Neonate = "neonate",
        /// To 15 years.
        Child = "child",
        /// From 16 years.
        Adult = "adult",
        /// Anyone.
        Any = "any",
    }
}

codes! {
    /// `{c}/isolation-capability`.
    Isolation {
        /// Against touch.
        Contact = "contact",
        /// Against droplets.
        Droplet = "droplet",
        /// Negative pressure.
        Airborne = "airborne",
        /// Positive pressure, for those without defences.
        Protective = "protective",
    }
}

codes! {
    /// `{c}/bed-equipment`.
    Equipment {
        /// Oxygen at the wall.
        Oxygen = "oxygen",
        /// Ventilator.
        Ventilator = "ventilator",
        /// Monitor.
        Monitor = "monitor",
        /// Dialysis.
        Dialysis = "dialysis",
        /// For patients of great weight.
        Bariatric = "bariatric",
    }
}

codes! {
    /// `{c}/bed-state`: a projection of the bed's claim.
    BedState {
        /// Free.
        Ready = "ready",
        /// Offered to a patient until a time.
        Held = "held",
        /// Accepted, the patient is on the way.
        Planned = "planned",
        /// A patient lies in it.
        Occupied = "occupied",
        /// Left and not yet cleaned.
        Dirty = "dirty",
        /// Being cleaned.
        Cleaning = "cleaning",
        /// Out of use.
        Blocked = "blocked",
    }
}

/// Who else lies in the bay.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bay {
    /// Nobody: a single room.
    #[default]
    Single,
    /// Others, who are not isolated together.
    Shared,
    /// Others with this organism (a code), and no one else.
    Cohort(String),
}

/// What a bed is, apart from where it stands: beds of one kind in one hospital are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kind {
    /// `{c}/bed-type`.
    pub bed_type: BedType,
    /// `{c}/gender-policy`.
    pub gender_policy: GenderPolicy,
    /// `{c}/age-group`.
    pub age_group: AgeGroup,
    /// `{c}/isolation-capability`.
    #[serde(default)]
    pub isolation: CodeSet<Isolation>,
    /// `{c}/bed-equipment`.
    #[serde(default)]
    pub equipment: CodeSet<Equipment>,
    /// Who else lies there.
    #[serde(default)]
    pub bay: Bay,
}

/// A bed, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bed {
    /// `Location.id`.
    pub id: String,
    /// [`Hospital::id`].
    pub hospital: String,
    /// What it is.
    pub kind: Kind,
    /// `{c}/staffed`.
    pub is_staffed: bool,
    /// `Location.status` is `active`.
    pub is_active: bool,
    /// `{c}/bed-state`.
    pub state: BedState,
    /// Since when it has been in its state, in milliseconds since 1970; the longest ready is given first.
    pub since_millis: i64,
}

/// A hospital or site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hospital {
    /// `Organization.id` or `Location.id`: what [`Bed::hospital`] names.
    pub id: String,
    /// Where it is.
    #[serde(default)]
    pub position: Option<Position>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code as _;

    #[test]
    fn levels_of_care() {
        let cells = [
            (BedType::General, BedType::DayCase, Some(1)),
            (BedType::Hdu, BedType::General, Some(1)),
            (BedType::Icu, BedType::General, Some(2)),
            (BedType::Icu, BedType::Hdu, Some(1)),
            (BedType::General, BedType::Icu, None),
            (BedType::Picu, BedType::General, None),
            (BedType::Icu, BedType::Picu, None),
            (BedType::General, BedType::Maternity, None),
        ];
        for (bed, needed, expected) in cells {
            assert_eq!(bed.levels_above(needed), expected, "{bed:?} for {needed:?}");
        }
        for kind in BedType::ALL {
            assert_eq!(kind.levels_above(*kind), Some(0));
        }
    }
}
