//! A made-up region: 12 hospitals of 50 beds, and the patients who come.
//!
//! The figures are chosen, not measured; only the relation between policies counts.

use super::{Dice, TICKS_PER_DAY, TICKS_PER_HOUR};
use crate::bed::{
    AgeGroup, Bay, Bed, BedState, BedType, Equipment, GenderPolicy, Hospital, Isolation, Kind,
};
use crate::code::CodeSet;
use crate::place::Position;
use crate::request::{BayWish, Needs};

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// Bed time asked for per hundred of bed time there is.
    pub load_percent: u32,
    /// How long.
    pub days: u32,
}

const HOSPITALS: u32 = 12;
/// 60 km north to south and a little less east to west.
const EXTENT_MICRODEGREES: u32 = 540_000;
/// Between two patients.
pub(super) const CLEANING_TICKS: u32 = TICKS_PER_HOUR;

/// Every fourth week is an epidemic: 30 % more arrivals, and 10 % fewer in the other three.
const WAVE: [u32; 4] = [90, 90, 130, 90];
/// By day 30 % more, by night 30 % fewer.
const BY_DAY: [u32; 2] = [70, 130];

/// Beds of a hospital that are alike.
struct Ward {
    bed_type: BedType,
    gender_policy: GenderPolicy,
    age_group: AgeGroup,
    isolation: &'static [Isolation],
    equipment: &'static [Equipment],
    bay: Bay,
    beds: u32,
}

const ISOLATION: &[Isolation] = &[Isolation::Contact, Isolation::Airborne];
const OXYGEN: &[Equipment] = &[Equipment::Oxygen];
const MONITOR: &[Equipment] = &[Equipment::Oxygen, Equipment::Monitor];
const VENTILATOR: &[Equipment] = &[Equipment::Oxygen, Equipment::Monitor, Equipment::Ventilator];

/// What is not said otherwise.
const WARD: Ward = Ward {
    bed_type: BedType::General,
    gender_policy: GenderPolicy::Any,
    age_group: AgeGroup::Adult,
    isolation: &[],
    equipment: OXYGEN,
    bay: Bay::Shared,
    beds: 0,
};

/// The beds of each hospital.
const WARDS: [Ward; 9] = [
    Ward { gender_policy: GenderPolicy::Female, beds: 9, ..WARD },
    Ward { gender_policy: GenderPolicy::Male, beds: 9, ..WARD },
    Ward { isolation: ISOLATION, bay: Bay::Single, beds: 4, ..WARD },
    Ward { gender_policy: GenderPolicy::Mixed, equipment: MONITOR, beds: 6, ..WARD },
    Ward { age_group: AgeGroup::Child, beds: 6, ..WARD },
    Ward { bed_type: BedType::Hdu, equipment: MONITOR, beds: 6, ..WARD },
    Ward { bed_type: BedType::Icu, equipment: MONITOR, beds: 3, ..WARD },
    Ward {
        bed_type: BedType::Icu,
        isolation: ISOLATION,
        equipment: VENTILATOR,
        bay: Bay::Single,
        beds: 3,
        ..WARD
    },
    Ward {
        bed_type: BedType::Maternity,
        gender_policy: GenderPolicy::Female,
        equipment: &[],
        beds: 4,
        ..WARD
    },
];

/// Patients of one kind.
struct Stream {
    bed_type: BedType,
    age_group: AgeGroup,
    /// Beds of a hospital that are meant for them.
    beds: u32,
    /// The least, then each tenth of the patients, up to the longest, in hours.
    stay_hours: [u32; 11],
    /// Severity on arrival, by weight.
    severity: &'static [(u8, u32)],
    isolated_per_million: u32,
    ventilated_per_million: u32,
}

const STREAMS: [Stream; 5] = [
    Stream {
        bed_type: BedType::General,
        age_group: AgeGroup::Adult,
        beds: 28,
        stay_hours: [12, 24, 36, 48, 66, 84, 108, 144, 192, 288, 504],
        severity: &[(0, 10), (1, 20), (2, 20), (3, 15), (4, 12), (5, 9), (6, 7), (7, 4), (8, 3)],
        isolated_per_million: 100_000,
        ventilated_per_million: 0,
    },
    Stream {
        bed_type: BedType::General,
        age_group: AgeGroup::Child,
        beds: 6,
        stay_hours: [6, 12, 18, 24, 36, 48, 60, 72, 96, 144, 288],
        severity: &[(0, 10), (1, 25), (2, 25), (3, 15), (4, 10), (5, 8), (6, 4), (7, 3)],
        isolated_per_million: 0,
        ventilated_per_million: 0,
    },
    Stream {
        bed_type: BedType::Hdu,
        age_group: AgeGroup::Adult,
        beds: 6,
        stay_hours: [12, 24, 30, 36, 48, 60, 72, 96, 132, 192, 336],
        severity: &[(3, 10), (4, 15), (5, 20), (6, 20), (7, 15), (8, 10), (9, 10)],
        isolated_per_million: 0,
        ventilated_per_million: 0,
    },
    Stream {
        bed_type: BedType::Icu,
        age_group: AgeGroup::Adult,
        beds: 6,
        stay_hours: [24, 36, 48, 72, 96, 120, 156, 204, 288, 408, 672],
        severity: &[(5, 10), (6, 10), (7, 20), (8, 20), (9, 15), (10, 10), (11, 8), (12, 7)],
        isolated_per_million: 50_000,
        ventilated_per_million: 400_000,
    },
    Stream {
        bed_type: BedType::Maternity,
        age_group: AgeGroup::Adult,
        beds: 4,
        stay_hours: [12, 24, 30, 36, 42, 48, 54, 60, 72, 96, 144],
        severity: &[(0, 50), (1, 30), (2, 15), (3, 5)],
        isolated_per_million: 0,
        ventilated_per_million: 0,
    },
];

/// Somebody who comes.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    pub(super) arrival_tick: u32,
    pub(super) severity: u8,
    pub(super) is_female: bool,
    pub(super) needs: Needs,
    pub(super) position: Position,
    pub(super) distance_metres_max: Option<u32>,
    pub(super) stay_ticks: u32,
}

impl Scenario {
    pub(super) fn ticks(self) -> u32 {
        self.days.saturating_mul(TICKS_PER_DAY)
    }

    pub(super) fn hospitals(self) -> Vec<Hospital> {
        let mut dice = Dice::of(self.seed, 1, 0);
        let hospital = |n| Hospital { id: format!("h{n:02}"), position: Some(place(&mut dice)) };
        (0..HOSPITALS).map(hospital).collect()
    }

    /// All beds, each with the tick at which whoever lies there at the start will leave it.
    pub(super) fn beds(self) -> Vec<(Bed, Option<u32>)> {
        let mut dice = Dice::of(self.seed, 2, 0);
        let mut beds = Vec::new();
        for hospital in 0..HOSPITALS {
            for ward in &WARDS {
                for _ in 0..ward.beds {
                    let bed = bed(beds.len(), hospital, ward.kind());
                    let stay = self.first_stay(&mut dice, ward);
                    beds.push((bed, stay));
                }
            }
        }
        beds
    }

    fn first_stay(self, dice: &mut Dice, ward: &Ward) -> Option<u32> {
        let (is_taken, part) = (dice.below(100) < self.load_percent, dice.below(1_000));
        let is_meant = |stream: &&Stream| {
            stream.bed_type == ward.bed_type && stream.age_group == ward.age_group
        };
        let meant_for = STREAMS.iter().find(is_meant);
        let stay_ticks = meant_for.map_or(0, |stream| stream.stay_ticks(dice));
        is_taken.then(|| stay_ticks.saturating_mul(part) / 1_000)
    }

    /// Everybody who comes, by arrival.
    pub(super) fn patients(self) -> Vec<Patient> {
        let mut patients = Vec::new();
        for (n, stream) in (0..).zip(&STREAMS) {
            let mut arrivals = Dice::of(self.seed, 3, n);
            for tick in 0..self.ticks() {
                for _ in 0..stream.arrivals(&mut arrivals, self.load_percent, tick) {
                    let number = u64::from(tick) * 1_000 + patients.len() as u64;
                    let mut dice = Dice::of(self.seed, 100 + n, number);
                    patients.push(stream.patient(&mut dice, tick));
                }
            }
        }
        patients.sort_by_key(|patient: &Patient| patient.arrival_tick);
        patients
    }
}

impl Ward {
    fn kind(&self) -> Kind {
        Kind {
            bed_type: self.bed_type,
            gender_policy: self.gender_policy,
            age_group: self.age_group,
            isolation: self.isolation.iter().copied().collect(),
            equipment: self.equipment.iter().copied().collect(),
            bay: self.bay.clone(),
        }
    }
}

impl Stream {
    /// The mean time of a bed between two patients: the stay, with straight lines between the tenths, and
    /// the cleaning.
    fn mean_bed_ticks(&self) -> u32 {
        let twice: u32 = self.stay_hours.windows(2).map(|pair| pair.iter().sum::<u32>()).sum();
        twice * TICKS_PER_HOUR / 20 + CLEANING_TICKS
    }

    fn stay_ticks(&self, dice: &mut Dice) -> u32 {
        let tenths = self.stay_hours.windows(2).map(|pair| (pair.first().zip(pair.last()), 1));
        let tenths: Vec<_> = tenths.collect();
        let (from, to) = dice.weighted(&tenths).flatten().unwrap_or((&0, &0));
        (from * TICKS_PER_HOUR) + dice.below((to - from) * TICKS_PER_HOUR)
    }

    /// How many come in a tick: four throws make it nearly a Poisson number.
    fn arrivals(&self, dice: &mut Dice, load_percent: u32, tick: u32) -> u32 {
        let week = usize::try_from(tick / TICKS_PER_DAY / 7 % 4).unwrap_or_default();
        let hour = tick / TICKS_PER_HOUR % 24;
        let wave = WAVE.get(week).copied().unwrap_or(100);
        let [night, day] = BY_DAY;
        let by_day = if (8..20).contains(&hour) { day } else { night };
        let beds = u64::from(self.beds * HOSPITALS);
        let factors = u64::from(load_percent) * u64::from(wave) * u64::from(by_day);
        let per_million = beds * factors / u64::from(self.mean_bed_ticks() * 4);
        let per_million = u32::try_from(per_million).unwrap_or(u32::MAX);
        (0..4).map(|_| u32::from(dice.chance(per_million))).sum()
    }

    fn patient(&self, dice: &mut Dice, arrival_tick: u32) -> Patient {
        let is_maternity = self.bed_type == BedType::Maternity;
        let is_female = dice.chance(500_000) || is_maternity;
        let wants_own_sex = dice.chance(100_000);
        let is_isolated = dice.chance(self.isolated_per_million);
        let is_ventilated = dice.chance(self.ventilated_per_million);
        let needs_oxygen = dice.chance(300_000) && !is_maternity;
        let equipment = [
            (is_ventilated, Equipment::Ventilator),
            (needs_oxygen || is_ventilated, Equipment::Oxygen),
        ];
        let wanted = equipment.into_iter().filter(|(is_wanted, _)| *is_wanted);
        let isolation = is_isolated.then_some(Isolation::Airborne);
        Patient {
            arrival_tick,
            severity: dice.weighted(self.severity).unwrap_or_default(),
            is_female,
            needs: Needs {
                bed_type: self.bed_type,
                accepts_higher_level: true,
                bay: match (is_female, wants_own_sex) {
                    (true, true) => BayWish::Female,
                    (true, false) => BayWish::FemaleOrMixed,
                    (false, true) => BayWish::Male,
                    (false, false) => BayWish::MaleOrMixed,
                },
                age_group: self.age_group,
                isolation: isolation.into_iter().collect::<CodeSet<_>>(),
                equipment: wanted.map(|(_, equipment)| equipment).collect(),
                organism: None,
            },
            position: place(dice),
            distance_metres_max: dice.chance(150_000).then_some(40_000),
            stay_ticks: self.stay_ticks(dice),
        }
    }
}

fn place(dice: &mut Dice) -> Position {
    let mut offset = || i32::try_from(dice.below(EXTENT_MICRODEGREES)).unwrap_or_default();
    Position {
        latitude_microdegrees: 18_300_000 + offset(),
        longitude_microdegrees: 73_600_000 + offset(),
    }
}

fn bed(number: usize, hospital: u32, kind: Kind) -> Bed {
    Bed {
        id: format!("b{number:04}"),
        hospital: format!("h{hospital:02}"),
        kind,
        is_staffed: true,
        is_active: true,
        state: BedState::Ready,
        since_millis: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beds_are_those_that_are_meant_for_somebody() {
        let of_a_hospital: u32 = WARDS.iter().map(|ward| ward.beds).sum();
        assert_eq!(of_a_hospital, STREAMS.iter().map(|stream| stream.beds).sum::<u32>());
        let scenario = Scenario { seed: 1, load_percent: 90, days: 1 };
        assert_eq!(scenario.beds().len(), 600);
    }

    #[test]
    fn the_load_is_what_was_asked_for() {
        for load_percent in [85, 100] {
            let scenario = Scenario { seed: 1, load_percent, days: 280 };
            let patients = scenario.patients();
            let asked: u64 =
                patients.iter().map(|patient| u64::from(patient.stay_ticks + CLEANING_TICKS)).sum();
            let load = asked * 100 / (600 * u64::from(scenario.ticks()));
            assert!(load.abs_diff(load_percent.into()) <= 2, "{load} of {load_percent}");
            assert!(patients.is_sorted_by_key(|patient| patient.arrival_tick));
        }
    }
}
