//! Values for the slots of a query, sampled from what the nation stored.

use crate::dice::Dice;
use crate::nation::{
    self, ENCOUNTERS_PER_PATIENT, Nation, PATIENT_NUMBERS, PRACTITIONERS_PER_HOSPITAL,
    WATCHED_EVERY, encounter, names,
    observation::{CATEGORIES, COMPONENTS, LABS, MEASURES, Measure},
    terms,
};

/// What a slot may be filled with.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: &'static str,
    /// A well-formed value that nothing matches.
    nothing: &'static str,
    some: fn(&mut Sampler) -> String,
}

pub(crate) const SLOTS: &[Slot] = &[
    slot("address", "Nowhere", address),
    slot("address-part", "owhereel", address_part),
    slot("birthdate", "1800-01-01", |sampler| {
        let day = birthday(sampler);
        format!("{}{day}", prefix(sampler))
    }),
    slot("birthday", "2100-01-01", birthday),
    slot("category", "nothing", |sampler| picked(sampler, &CATEGORIES)),
    slot("chronic", "nobody", |sampler| {
        let watched = sampler.dice.below(sampler.patients.div_ceil(WATCHED_EVERY));
        nation::patient_id(watched * WATCHED_EVERY)
    }),
    slot("code-quantity", "0-0$gt0", |sampler| code_quantity(sampler, &MEASURES)),
    slot("component-code-quantity", "0-0$gt0", |sampler| code_quantity(sampler, &COMPONENTS)),
    slot("component-quantity", "987654321", |sampler| quantity(sampler, &COMPONENTS)),
    slot("date", "1800-01-01", |sampler| {
        let day = day(sampler, 2015, 11);
        format!("{}{day}", prefix(sampler))
    }),
    slot("disorder", "0", |sampler| terms::some_disorder(&mut sampler.dice).to_owned()),
    slot("encounter", "nobody-e0", |sampler| {
        let patient = sampler.patient();
        nation::encounter_id(patient, sampler.dice.below(ENCOUNTERS_PER_PATIENT))
    }),
    slot("encounter-class", "NOTHING", |sampler| {
        encounter::some_class(&mut sampler.dice).to_owned()
    }),
    slot("encounter-status", "unknown", |sampler| {
        encounter::some_status(&mut sampler.dice).to_owned()
    }),
    slot("family", "Qxqxqx", |sampler| picked(sampler, &names::FAMILIES)),
    slot("hospital", "Nowhere", |sampler| picked_city(sampler).to_owned()),
    slot("hospital-part", "nowhereel", |sampler| {
        let name = picked(sampler, &names::HOSPITALS);
        middle(&name).to_owned()
    }),
    slot("identifier", "N", |sampler| {
        format!("{PATIENT_NUMBERS}|{}", nation::patient_number(sampler.patient()))
    }),
    slot("location", "nowhere", |sampler| nation::location_id(sampler.hospital())),
    slot("loinc", "0-0", |sampler| {
        let all = MEASURES.len() + LABS.len();
        let at = sampler.dice.below(all);
        MEASURES.into_iter().chain(&LABS).nth(at).map_or_else(String::new, |one| one.code.into())
    }),
    slot("name", "Qxqxqx", name),
    slot("name-part", "qxqxqx", |sampler| middle(&name(sampler)).to_owned()),
    slot("patient", "nobody", |sampler| nation::patient_id(sampler.patient())),
    slot("practitioner", "nobody", |sampler| {
        let hospital = sampler.hospital();
        nation::practitioner_id(hospital, sampler.dice.below(PRACTITIONERS_PER_HOSPITAL))
    }),
    slot("pressure", "987654321", |sampler| (90 + sampler.dice.below(60)).to_string()),
    slot("procedure", "0", |sampler| terms::some_procedure(&mut sampler.dice).to_owned()),
    slot("quantity", "987654321", |sampler| quantity(sampler, &MEASURES)),
    slot("vital", "0-0", |sampler| measure(sampler, &MEASURES).code.to_owned()),
];

const fn slot(name: &'static str, nothing: &'static str, some: fn(&mut Sampler) -> String) -> Slot {
    Slot { name, nothing, some }
}

/// Throws the dice of one virtual user for values that a population of this size has.
#[derive(Debug)]
pub(crate) struct Sampler {
    patients: usize,
    dice: Dice,
}

impl Sampler {
    pub(crate) fn new(seed: u64, patients: usize, user: usize) -> Self {
        let user = u64::try_from(user).unwrap_or_default();
        Self { patients, dice: Dice::new(seed.wrapping_mul(1_000).wrapping_add(user)) }
    }

    pub(super) fn value(&mut self, slot: &Slot) -> String {
        (slot.some)(self)
    }

    pub(super) fn value_or_nothing(&mut self, slot: &Slot) -> String {
        if self.dice.below(10) == 0 { slot.nothing.to_owned() } else { self.value(slot) }
    }

    fn patient(&mut self) -> usize {
        self.dice.below(self.patients)
    }

    fn hospital(&mut self) -> usize {
        self.dice.below(Nation::hospitals(self.patients))
    }
}

/// None of them stands for `eq`.
const PREFIXES: [&str; 8] = ["", "eq", "lt", "gt", "ge", "le", "sa", "eb"];

fn prefix(sampler: &mut Sampler) -> String {
    picked(sampler, &PREFIXES)
}

fn picked(sampler: &mut Sampler, from: &[&str]) -> String {
    sampler.dice.pick(from).copied().unwrap_or_default().to_owned()
}

fn picked_city(sampler: &mut Sampler) -> &'static str {
    sampler.dice.pick(&names::CITIES).map(|(city, ..)| *city).unwrap_or_default()
}

fn day(sampler: &mut Sampler, from: usize, years: usize) -> String {
    let (year, month) = (from + sampler.dice.below(years), 1 + sampler.dice.below(12));
    format!("{year}-{month:02}-{:02}", 1 + sampler.dice.below(28))
}

fn birthday(sampler: &mut Sampler) -> String {
    day(sampler, 1930, 84)
}

fn name(sampler: &mut Sampler) -> String {
    let lists: [&[&str]; 3] = [&names::FAMILIES, &names::FEMALE, &names::MALE];
    let list = sampler.dice.pick(&lists).copied().unwrap_or_default();
    picked(sampler, list)
}

fn address(sampler: &mut Sampler) -> String {
    match sampler.dice.pick(&names::CITIES) {
        Some((_, state, _)) if sampler.dice.below(4) == 0 => (*state).to_owned(),
        Some((city, ..)) => (*city).to_owned(),
        None => String::new(),
    }
}

fn address_part(sampler: &mut Sampler) -> String {
    if sampler.dice.below(2) == 0 {
        let street = picked(sampler, &names::STREETS);
        return middle(&street).to_owned();
    }
    middle(picked_city(sampler)).to_owned()
}

/// Three or four letters from within a name, in ASCII; of a short one all, since servers refuse shorter parts.
fn middle(name: &str) -> &str {
    name.get(1..name.len().min(5)).filter(|part| part.len() >= 3).unwrap_or(name)
}

fn measure(sampler: &mut Sampler, among: &[&'static Measure]) -> &'static Measure {
    sampler.dice.pick(among).copied().unwrap_or(MEASURES[0])
}

fn quantity(sampler: &mut Sampler, among: &[&'static Measure]) -> String {
    let value = measure(sampler, among).value(&mut sampler.dice);
    format!("{}{value}", prefix(sampler))
}

fn code_quantity(sampler: &mut Sampler, among: &[&'static Measure]) -> String {
    let measure = measure(sampler, among);
    let value = measure.value(&mut sampler.dice);
    format!("{}|{}${}{value}", terms::LOINC, measure.code, prefix(sampler))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_resources_that_a_population_of_the_size_has() {
        let patients = 60;
        let nation = Nation::new(5);
        let stored: Vec<String> = (0..Nation::hospitals(patients))
            .flat_map(|number| nation.hospital(number))
            .chain((0..patients).flat_map(|number| nation.patient(number)))
            .map(|resource| resource["id"].as_str().unwrap().to_owned())
            .collect();
        let mut sampler = Sampler::new(5, patients, 0);
        for name in ["patient", "chronic", "encounter", "practitioner", "location"] {
            let slot = SLOTS.iter().find(|slot| slot.name == name).unwrap();
            for _ in 0..200 {
                let id = sampler.value(slot);
                assert!(stored.contains(&id), "{name} {id}");
            }
            assert!(!stored.iter().any(|id| id == slot.nothing), "{name}");
        }
    }

    #[test]
    fn a_seed_and_a_user_give_the_same_values() {
        let values = |user| {
            let mut sampler = Sampler::new(1, 100, user);
            SLOTS.iter().map(|slot| sampler.value(slot)).collect::<Vec<_>>()
        };
        assert_eq!(values(0), values(0));
        assert_ne!(values(0), values(1));
    }
}
