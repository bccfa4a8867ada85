//! Bed capacity as a `MeasureReport`, in the LOINC codes by which public health counts beds: a pair of occupied and
//! unoccupied for each kind. Unoccupied are beds that are staffed and not blocked.

use beds::{AgeGroup, BedType, Isolation};
use fhir_model::{Instant, json::Value};

use super::{
    CANONICAL,
    board::BoardBed,
    document::{coded, list, object, string},
};
use beds::BedState;

/// Codes of the occupied and the unoccupied beds of a group, and which beds are in it.
struct Group {
    occupied: &'static str,
    unoccupied: &'static str,
    words: &'static str,
    has: fn(&BoardBed) -> bool,
}

fn is_adult(bed: &BoardBed) -> bool {
    matches!(bed.bed.kind.age_group, AgeGroup::Adult | AgeGroup::Any)
}

fn is_child(bed: &BoardBed) -> bool {
    matches!(bed.bed.kind.age_group, AgeGroup::Child | AgeGroup::Neonate)
}

fn of(bed: &BoardBed, kind: BedType) -> bool {
    bed.bed.kind.bed_type == kind
}

#[rustfmt::skip]
const GROUPS: &[Group] = &[
    Group { occupied: "112579-8", unoccupied: "112578-0", words: "all inpatient beds", has: |bed| !of(bed, BedType::DayCase) },
    Group { occupied: "112575-6", unoccupied: "112574-9", words: "adult intensive care", has: |bed| of(bed, BedType::Icu) && is_adult(bed) },
    Group { occupied: "112577-2", unoccupied: "112576-4", words: "adult inpatient beds", has: |bed| is_adult(bed) && !of(bed, BedType::DayCase) },
    Group { occupied: "112570-7", unoccupied: "112569-9", words: "progressive care", has: |bed| of(bed, BedType::Hdu) && is_adult(bed) },
    Group { occupied: "112568-1", unoccupied: "112567-3", words: "acute care", has: |bed| of(bed, BedType::General) && is_adult(bed) },
    Group { occupied: "112564-0", unoccupied: "112563-2", words: "paediatric inpatient beds", has: |bed| is_child(bed) || of(bed, BedType::Picu) },
    Group { occupied: "112562-4", unoccupied: "112561-6", words: "paediatric intensive care", has: |bed| of(bed, BedType::Picu) || of(bed, BedType::Icu) && is_child(bed) },
    Group { occupied: "112514-5", unoccupied: "112513-7", words: "negative pressure", has: |bed| bed.bed.kind.isolation.contains(Isolation::Airborne) },
    Group { occupied: "112516-0", unoccupied: "112515-2", words: "burns", has: |bed| of(bed, BedType::Burns) },
];

/// The report over these beds.
pub(super) fn measure_report(beds: &[&BoardBed], now: Instant) -> Value {
    let mut groups = Vec::new();
    for group in GROUPS {
        let all = beds.iter().filter(|bed| (group.has)(bed));
        let (mut occupied, mut unoccupied) = (0_u32, 0_u32);
        for bed in all {
            let bed = bed.as_of(now);
            match bed.state {
                BedState::Occupied => occupied += 1,
                BedState::Blocked => {}
                BedState::Ready
                | BedState::Held
                | BedState::Planned
                | BedState::Dirty
                | BedState::Cleaning => {
                    unoccupied += u32::from(bed.is_staffed && bed.is_active);
                }
            }
        }
        groups.push(counted(group.occupied, (group.words, "occupied"), occupied));
        groups.push(counted(group.unoccupied, (group.words, "unoccupied"), unoccupied));
    }
    let day = now.to_string();
    object([
        ("resourceType", string("MeasureReport")),
        ("status", string("complete")),
        ("type", string("summary")),
        ("measure", string(format!("{CANONICAL}/Measure/bed-capacity"))),
        ("date", string(day.as_str())),
        ("period", object([("start", string(day.as_str())), ("end", string(day.as_str()))])),
        ("group", Value::Array(groups)),
    ])
}

fn counted(code: &str, (words, state): (&str, &str), count: u32) -> Value {
    let mut coded = coded("http://loinc.org", code);
    super::document::set(&mut coded, "text", string(format!("{words}, {state}")));
    let population = object([
        (
            "code",
            super::document::coded(
                "http://terminology.hl7.org/CodeSystem/measure-population",
                "initial-population",
            ),
        ),
        ("count", Value::Number(count.to_string())),
    ]);
    object([
        ("code", coded),
        ("population", list([population])),
        ("measureScore", object([("value", Value::Number(count.to_string()))])),
    ])
}
