//! `Location/$bed-availability`: how many beds of which kind each facility has, and how many are free. Counted from
//! the board; strangers get the numbers of facilities only.

use std::collections::{BTreeMap, BTreeSet};

use beds::{
    AgeGroup, BayWish, BedState, BedType, Code, CodeSet, Equipment, Gender, Isolation, Position,
};
use fhir_model::{Instant, IssueType, Outcome};
use storage::ClaimState;

use super::{
    board::{Board, BoardBed},
    capacity,
    expected::{Expected, expected},
    gate::is_staff,
    patient::near,
    system,
};
use crate::{
    Answer,
    operation::{Input, Output, Request, coding, output::reference},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Facility,
    Ward,
    Bed,
}

/// Which beds are asked for.
struct Wanted {
    near: Option<(Position, Option<u32>)>,
    organizations: BTreeSet<String>,
    kinds: Vec<BedType>,
    isolation: CodeSet<Isolation>,
    equipment: CodeSet<Equipment>,
    bay: Option<BayWish>,
    age: Option<AgeGroup>,
    detail: Detail,
}

/// Beds by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) total: u32,
    pub(super) staffed: u32,
    pub(super) available: u32,
    pub(super) held: u32,
    pub(super) occupied: u32,
    pub(super) turnover: u32,
    pub(super) blocked: u32,
}

impl Counts {
    pub(super) fn add(&mut self, bed: &BoardBed, now: Instant) {
        let is_over = bed.claim.as_ref().is_some_and(|claim| claim.is_expired(now));
        let state = if is_over { BedState::Ready } else { bed.bed.state };
        self.total += 1;
        self.staffed += u32::from(bed.bed.is_staffed);
        match state {
            BedState::Ready if bed.bed.is_staffed && bed.bed.is_active => self.available += 1,
            BedState::Ready | BedState::Blocked => self.blocked += 1,
            BedState::Held | BedState::Planned => self.held += 1,
            BedState::Occupied => self.occupied += 1,
            BedState::Dirty | BedState::Cleaning => self.turnover += 1,
        }
    }
}

/// A hospital (and ward), its distance and the beds of one kind.
type Row<'b> = (&'b str, Option<&'b str>, BedType);

pub(crate) async fn availability(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, input) = (request.fhir, &request.call.input);
    let wanted = Wanted::of(input, fhir.base())?;
    if wanted.detail != Detail::Facility && !is_staff(request.caller) {
        let text = "Who is no member of staff sees the numbers of facilities only";
        return Err(Outcome::new(IssueType::Forbidden, text));
    }
    if input.text("at").is_some() {
        let text = "Availability is told as of now; leave out at";
        return Err(Outcome::new(IssueType::NotSupported, text));
    }
    let now = fhir.vault.clock().now();
    let expected = expected(fhir).await?;
    let mut board = fhir.desk.board.lock().await;
    board.look(fhir).await?;
    let distances = wanted.distances(&board);
    let near = distances.keys().flat_map(|hospital| board.beds_of(hospital));
    let chosen: Vec<&BoardBed> = near.filter(|bed| wanted.covers(bed)).collect();
    let mut out = Output::default();
    out.text("asOf", "instant", &now.to_string());
    match input.text("format") {
        None | Some("parameters") => {}
        Some("measure-report") => {
            let report = capacity::measure_report(&chosen, now);
            out.resource("measureReport", report.to_vec().into());
            return out.answer(request.call.operation.definition);
        }
        Some(_) => return Err(wrong("The format is parameters or measure-report")),
    }
    let mut rows: BTreeMap<Row<'_>, (Counts, Vec<&BoardBed>)> = BTreeMap::new();
    for bed in chosen {
        let ward = bed.ward.as_deref().filter(|_| wanted.detail != Detail::Facility);
        let row = rows.entry((&bed.bed.hospital, ward, bed.bed.kind.bed_type)).or_default();
        row.0.add(bed, now);
        row.1.push(bed);
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    // the nearest first, and where that is the same by id
    rows.sort_by_key(|((hospital, ..), _)| {
        distances.get(*hospital).copied().flatten().unwrap_or(u32::MAX)
    });
    let count = input.number::<usize>("_count").unwrap_or(usize::MAX);
    let mut facilities: BTreeSet<&str> = BTreeSet::new();
    for ((hospital, ward, kind), (counts, beds)) in &rows {
        facilities.insert(hospital);
        if facilities.len() > count {
            break;
        }
        let distance = distances.get(*hospital).copied().flatten();
        let mut part = facility(&board, (hospital, *ward, *kind), distance, counts);
        if wanted.detail == Detail::Facility {
            let waiting = board.waiting_at.get(&((*hospital).to_owned(), *kind));
            part.number("waitlist", "unsignedInt", waiting.copied().unwrap_or(0));
        }
        if let Some(free) = free_in_a_day(&expected, (*kind, beds), now) {
            part.number("expectedFree24h", "unsignedInt", free);
        }
        if wanted.detail == Detail::Bed {
            for bed in beds {
                part.parts("bed", of_bed(bed, now));
            }
        }
        out.parts("facility", part);
    }
    out.answer(request.call.operation.definition)
}

/// How many beds that are not free are expected to be so within a day; `None` where too few stays were seen.
fn free_in_a_day(
    expected: &Expected,
    (kind, beds): (BedType, &[&BoardBed]),
    now: Instant,
) -> Option<usize> {
    let tomorrow = now.millis() + 24 * 3_600_000;
    expected.is_known(kind).then(|| {
        let is_soon = |bed: &&&BoardBed| match bed.claim.as_ref() {
            Some(claim) if claim.state == ClaimState::Turnover => true,
            Some(claim) => {
                let free = expected.free_at(claim, (kind, now));
                free.is_some_and(|at| at.millis() <= tomorrow)
            }
            None => false,
        };
        beds.iter().filter(is_soon).count()
    })
}

fn facility(
    board: &Board,
    (hospital, ward, kind): Row<'_>,
    distance: Option<u32>,
    counts: &Counts,
) -> Output {
    let mut part = Output::default();
    let site = board.sites.get(hospital);
    if let Some(organization) = site.and_then(|site| site.organization.as_deref()) {
        part.value("organization", "Reference", reference("Organization", organization));
    }
    if let Some(location) = site.and_then(|site| site.location.as_deref()) {
        part.value("location", "Reference", reference("Location", location));
    }
    if let Some(ward) = ward {
        part.value("ward", "Reference", reference("Location", ward));
    }
    if let Some(metres) = distance {
        let hectometres = metres.saturating_add(50) / 100;
        part.number("distanceKm", "decimal", format!("{}.{}", hectometres / 10, hectometres % 10));
    }
    part.value("bedType", "Coding", coding(&system("bed-type"), kind.code()));
    let Counts { total, staffed, available, held, occupied, turnover, blocked } = *counts;
    for (name, number) in [
        ("total", total),
        ("staffed", staffed),
        ("available", available),
        ("held", held),
        ("occupied", occupied),
        ("turnover", turnover),
        ("blocked", blocked),
    ] {
        part.number(name, "unsignedInt", number);
    }
    part
}

fn of_bed(bed: &BoardBed, now: Instant) -> Output {
    let mut part = Output::default();
    let kind = &bed.bed.kind;
    part.reference("location", "Location", &bed.bed.id);
    part.text("state", "code", bed.as_of(now).state.code());
    part.text("genderPolicy", "code", kind.gender_policy.code());
    part.text("ageGroup", "code", kind.age_group.code());
    for isolation in kind.isolation.iter() {
        part.text("isolation", "code", isolation.code());
    }
    for equipment in kind.equipment.iter() {
        part.text("equipment", "code", equipment.code());
    }
    part
}

fn wrong(text: &'static str) -> Outcome {
    Outcome::new(IssueType::Value, text).at("Parameters.parameter")
}

impl Wanted {
    fn of(input: &Input, base: &str) -> Result<Self, Outcome> {
        let place = match input.text("near") {
            Some(text) => Some(near(text).ok_or_else(|| {
                wrong("near is lat|lon|distance|km, for example 12.97|77.59|30|km")
            })?),
            None => None,
        };
        let detail = match input.text("detail") {
            None | Some("facility") => Detail::Facility,
            Some("ward") => Detail::Ward,
            Some("bed") => Detail::Bed,
            Some(_) => return Err(wrong("The detail is facility, ward or bed")),
        };
        let gender = input.text("gender").map(|code| {
            Gender::parse(code).ok_or_else(|| wrong("The gender is female, male, other or unknown"))
        });
        let age = input.text("ageGroup").map(|code| {
            AgeGroup::parse(code)
                .ok_or_else(|| wrong("The ageGroup is neonate, child, adult or any"))
        });
        let organizations = input.references("organization", base, &["Organization"])?;
        Ok(Self {
            near: place,
            organizations: organizations.into_iter().map(|key| key.id).collect(),
            kinds: all(input, "bedType")?,
            isolation: all(input, "isolation")?.into_iter().collect(),
            equipment: all(input, "equipment")?.into_iter().collect(),
            bay: gender.transpose()?.map(|gender| BayWish::of(gender, None)),
            age: age.transpose()?,
            detail,
        })
    }

    /// Of each hospital that is near enough, how far it is.
    fn distances<'b>(&self, board: &'b Board) -> BTreeMap<&'b str, Option<u32>> {
        let sites = board.sites.iter().filter_map(|(id, site)| {
            let Some((from, max)) = self.near else { return Some((id.as_str(), None)) };
            let metres = from.metres_to(site.hospital.position?);
            max.is_none_or(|max| metres <= max).then_some((id.as_str(), Some(metres)))
        });
        sites.collect()
    }

    fn covers(&self, bed: &BoardBed) -> bool {
        let kind = &bed.bed.kind;
        (self.organizations.is_empty() || self.organizations.contains(&bed.bed.hospital))
            && (self.kinds.is_empty() || self.kinds.contains(&kind.bed_type))
            && self.isolation.is_subset(kind.isolation)
            && self.equipment.is_subset(kind.equipment)
            && self.bay.is_none_or(|bay| bay.accepts(kind.gender_policy))
            && self.age.is_none_or(|age| {
                age == AgeGroup::Any || kind.age_group == AgeGroup::Any || kind.age_group == age
            })
    }
}

fn all<T: Code>(input: &Input, name: &'static str) -> Result<Vec<T>, Outcome> {
    let code = |code: &str| {
        T::parse(code).ok_or_else(|| {
            let known: Vec<&str> = T::ALL.iter().map(|it| it.code()).collect();
            let text = format!("{name} is one of {}", known.join(", "));
            Outcome::new(IssueType::Value, text).at("Parameters.parameter")
        })
    };
    input.codes(name).into_iter().map(code).collect()
}
