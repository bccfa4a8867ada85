//! What the waiting did.

use std::collections::BTreeMap;

use super::TICKS_PER_HOUR;
use super::run::CERTAIN;
use crate::bed::BedType;
use crate::tier::Tier;

/// One patient's waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    /// On arrival.
    pub(super) severity: u8,
    /// On arrival.
    pub(super) tier: Tier,
    pub(super) bed_type: BedType,
    pub(super) is_female: bool,
    pub(super) ticks: u32,
    pub(super) stay_ticks: u32,
    /// The chance to have come to harm, in parts of [`CERTAIN`].
    pub(super) harm: u64,
    pub(super) is_served: bool,
}

/// The waits of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many patients.
    pub patients: u64,
    /// Tenths of an hour.
    pub mean_decihours: u64,
    /// 95 of 100 waited at most so long, in tenths of an hour.
    pub p95_decihours: u64,
    /// The longest, in tenths of an hour.
    pub max_decihours: u64,
}

/// What a policy did to the patients of a scenario. Those who were still waiting at the end count with what
/// they waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// Who came.
    pub patients: u64,
    /// Who was still waiting at the end.
    pub unserved: u64,
    /// Serious events while waiting that are to be expected, in hundredths of a patient in a thousand.
    pub harm_per_100_000: u64,
    /// The mean wait weighted by severity on arrival, in tenths of an hour.
    pub weighted_wait_decihours: u64,
    /// Of those who came with 7 points and more.
    pub immediate: Waits,
    /// Of those who came with 4 points and less.
    pub low: Waits,
    /// Fairness: the mean wait of the sex that waited longer over that of the other, in percent, in the
    /// worst tier of a bed type with 30 of each and more.
    pub sex_ratio_percent: u64,
}

impl Measures {
    pub(super) fn of(waits: &[Wait]) -> Self {
        let patients = waits.len() as u64;
        let harm: u128 = waits.iter().map(|wait| u128::from(wait.harm)).sum();
        let harm = harm * 100_000 / u128::from(CERTAIN) / u128::from(patients.max(1));
        let weight: u64 = waits.iter().map(|wait| u64::from(wait.severity)).sum();
        let weighted: u64 =
            waits.iter().map(|wait| u64::from(wait.severity) * u64::from(wait.ticks)).sum();
        Self {
            patients,
            unserved: waits.iter().filter(|wait| !wait.is_served).count() as u64,
            harm_per_100_000: u64::try_from(harm).unwrap_or(u64::MAX),
            weighted_wait_decihours: decihours(weighted) / weight.max(1),
            immediate: Waits::of(waits.iter().filter(|wait| wait.severity >= 7)),
            low: Waits::of(waits.iter().filter(|wait| wait.severity <= 4)),
            sex_ratio_percent: sex_ratio_percent(waits),
        }
    }
}

impl Waits {
    fn of<'a>(waits: impl Iterator<Item = &'a Wait>) -> Self {
        let mut ticks: Vec<u64> = waits.map(|wait| wait.ticks.into()).collect();
        ticks.sort_unstable();
        let at = |place: usize| ticks.get(place).copied().unwrap_or_default();
        let patients = ticks.len() as u64;
        Self {
            patients,
            mean_decihours: decihours(ticks.iter().sum()) / patients.max(1),
            p95_decihours: decihours(at((ticks.len() * 95).div_ceil(100).saturating_sub(1))),
            max_decihours: decihours(at(ticks.len().saturating_sub(1))),
        }
    }
}

fn decihours(ticks: u64) -> u64 {
    ticks * 10 / u64::from(TICKS_PER_HOUR)
}

fn sex_ratio_percent(waits: &[Wait]) -> u64 {
    // by tier and bed type: patients and their ticks, of men and of women
    let mut groups: BTreeMap<(Tier, BedType), [(u64, u64); 2]> = BTreeMap::new();
    for wait in waits {
        let [men, women] = groups.entry((wait.tier, wait.bed_type)).or_default();
        let (patients, ticks) = if wait.is_female { women } else { men };
        *patients += 1;
        *ticks += u64::from(wait.ticks);
    }
    let ratio = |group: &[(u64, u64); 2]| {
        let mean =
            |(patients, ticks): (u64, u64)| (patients >= 30).then(|| ticks * 1_000 / patients);
        let (men, women) = (mean(group[0])?, mean(group[1])?);
        Some(women.max(men) * 100 / women.min(men).max(1))
    };
    groups.values().filter_map(ratio).max().unwrap_or(100)
}
