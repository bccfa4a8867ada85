//! What a region decides: the JSON of its policy `Library`. Everything has a default.

use serde::{Deserialize, Serialize};

use crate::code::codes;
use crate::tier::Tier;

codes! {
    /// What the queue is ordered by.
    Order {
        /// First come, first served: for comparison.
        Arrival = "arrival",
        /// Severity alone.
        Severity = "severity",
        /// Severity, and a point for every tau of waiting.
        SeverityAndWait = "severity-and-wait",
    }
}

codes! {
    /// The early-warning score of a region.
    EarlyWarning {
        /// NEWS2.
        News2 = "news2",
        /// MEWS, where it is still in use.
        Mews = "mews",
    }
}

codes! {
    /// What vital signs are to an allocation.
    VitalsRule {
        /// Who has none, or old ones, is warned.
        Warned = "warned",
        /// Who has none, or old ones, gets no bed until they are taken.
        Required = "required",
    }
}

/// A number for every tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerTier {
    /// Of [`Tier::Immediate`].
    pub immediate: u32,
    /// Of [`Tier::Urgent`].
    pub urgent: u32,
    /// Of [`Tier::Soon`].
    pub soon: u32,
    /// Of [`Tier::Routine`].
    pub routine: u32,
}

impl PerTier {
    /// The number of this tier.
    pub fn of(self, tier: Tier) -> u32 {
        match tier {
            Tier::Immediate => self.immediate,
            Tier::Urgent => self.urgent,
            Tier::Soon => self.soon,
            Tier::Routine => self.routine,
        }
    }
}

/// Costs, in units of 100 m: what somebody would travel to avoid it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// A level of care more than needed.
    pub level_up: u32,
    /// An isolation that is not needed.
    pub isolation_waste: u32,
    /// A piece of equipment that is not needed.
    pub equipment_waste: u32,
    /// A ventilator or a dialysis that is not needed, in place of `equipment_waste`.
    pub scarce_equipment_waste: u32,
    /// Each place down the list of preferred hospitals.
    pub preference_step: u32,
    /// A hospital that is not on a list of preferred ones.
    pub preference_miss: u32,
    /// A patient who needs isolation from touch or droplets, in a shared bay.
    pub cohort_mix: u32,
    /// A hospital whose position nobody knows.
    pub distance_unknown: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            level_up: 300,
            isolation_waste: 100,
            equipment_waste: 20,
            scarce_equipment_waste: 200,
            preference_step: 50,
            preference_miss: 200,
            cohort_mix: 150,
            distance_unknown: 1_000,
        }
    }
}

/// The whole policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What the queue is ordered by.
    pub order: Order,
    /// The score by which tiers are found. What is not said keeps the name of a policy as it was.
    #[serde(skip_serializing_if = "is_news2")]
    pub early_warning: EarlyWarning,
    /// Hours of waiting that count as much as a point of severity.
    pub tau_hours: PerTier,
    /// Hours of waiting after which a human must look.
    pub guard_hours: PerTier,
    /// Hours for which vital signs count.
    pub vitals_hours: PerTier,
    /// What becomes of those without. What is not said keeps the name of a policy as it was.
    #[serde(skip_serializing_if = "is_warned")]
    pub vitals: VitalsRule,
    /// Levels of care above the needed one that somebody may get.
    pub levels_up_max: u32,
    /// Costs.
    pub weights: Weights,
}

impl Default for Policy {
    /// The taus were found with [`crate::sim`]. Slower ones (48 h for soon, 96 h for routine) do as little
    /// harm, but let the longest wait of those with few points grow beyond three times that of first come,
    /// first served.
    fn default() -> Self {
        Self {
            order: Order::SeverityAndWait,
            early_warning: EarlyWarning::News2,
            tau_hours: PerTier { immediate: 24, urgent: 48, soon: 24, routine: 36 },
            guard_hours: PerTier { immediate: 4, urgent: 24, soon: 72, routine: 14 * 24 },
            vitals_hours: PerTier { immediate: 6, urgent: 24, soon: 24, routine: 24 },
            vitals: VitalsRule::Warned,
            levels_up_max: 1,
            weights: Weights::default(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks it")]
fn is_warned(rule: &VitalsRule) -> bool {
    *rule == VitalsRule::Warned
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks it")]
fn is_news2(score: &EarlyWarning) -> bool {
    *score == EarlyWarning::News2
}
