//! Beds on the board: read from their Locations and their claims, and where they stand.

use std::collections::{BTreeMap, BTreeSet};

use beds::{
    AgeGroup, Bay, Bed, BedState, BedType, Code, CodeSet, GenderPolicy, Hospital, Kind, News,
};
use fhir_model::{Instant, Outcome, json::Value};
use storage::{BedRow, Claim, ClaimState, EMERGENCY_UNITS, Stage};

use super::{Board, BoardBed, LEVELS_MAX, Over, Place, Site};
use crate::{
    Fhir,
    operation::beds::{
        document::{codes, extensions, items, read, referred, text},
        patient::of_location,
        planners, ty,
    },
};

/// After this time wards and sites are read again.
const PLACES_MILLIS: i64 = 30_000;

impl Board {
    pub(super) async fn take_beds(
        &mut self,
        fhir: &Fhir,
        mut rows: Vec<BedRow>,
        now: Instant,
    ) -> Result<(), Outcome> {
        let permit = planners()?;
        let location = ty("Location")?;
        rows.retain(|row| !self.beds.get(&row.id).is_some_and(|it| it.is_as(row)));
        let ids: Vec<&str> =
            rows.iter().filter(|row| !row.is_gone).map(|row| row.id.as_str()).collect();
        let versions = if ids.is_empty() {
            Vec::new()
        } else {
            fhir.vault.read_many(&permit, location, &ids).await?
        };
        let mut bodies: BTreeMap<&str, &bytes::Bytes> = BTreeMap::new();
        for version in &versions {
            bodies.extend(version.body.as_ref().map(|body| (version.id.as_str(), body)));
        }
        let mut changed = Vec::new();
        let mut before: BTreeMap<String, Bed> = BTreeMap::new();
        for row in &rows {
            let known = self.beds.remove(&row.id);
            if let Some(of) = known.as_ref().and_then(|it| self.beds_of.get_mut(&it.bed.hospital)) {
                of.remove(&row.id);
            }
            let body = bodies.get(row.id.as_str()).and_then(|body| read(body).ok());
            if let Some(body) = body {
                changed.push((row.id.clone(), bed(row, &body, (now, fhir.base()))));
                before.extend(known.map(|it| (row.id.clone(), it.bed)));
            } else if known.is_some() {
                self.tell(|| News::BedGone(row.id.clone()));
            }
        }
        let is_old = self.places_read.is_none_or(|at| now.millis() - at.millis() > PLACES_MILLIS);
        if is_old {
            self.places.clear();
            self.places_read = Some(now);
        }
        let mut of: Vec<String> = changed.iter().map(|(id, _)| id.clone()).collect();
        self.beds.extend(changed);
        if is_old {
            let others = self.beds.iter().filter(|(id, _)| !before.contains_key(*id));
            let others: Vec<_> = others.map(|(id, it)| (id.clone(), it.bed.clone())).collect();
            before.extend(others);
            of = self.beds.keys().cloned().collect();
        }
        self.read_places(fhir, &of).await?;
        for id in &of {
            self.settle_site(id);
            let Some(known) = self.beds.get(id) else { continue };
            let until = known.claim.as_ref().and_then(|claim| claim.hold_until);
            self.over.extend(until.map(|until| (until, Over::Hold(id.clone()))));
            let bed = known.as_of(now);
            if before.get(id) != Some(&bed) {
                self.tell(|| News::Bed(bed));
            }
        }
        Ok(())
    }

    /// Reads the wards, buildings and sites that beds are part of and that are not known.
    async fn read_places(&mut self, fhir: &Fhir, of: &[String]) -> Result<(), Outcome> {
        let (permit, location) = (planners()?, ty("Location")?);
        let wards = of.iter().filter_map(|id| self.beds.get(id)?.ward.clone());
        let mut wanted: BTreeSet<String> = wards.collect();
        for _ in 0..LEVELS_MAX {
            wanted.retain(|id| !self.places.contains_key(id));
            if wanted.is_empty() {
                break;
            }
            let ids: Vec<String> = std::mem::take(&mut wanted).into_iter().collect();
            for version in fhir.vault.read_many(&permit, location, &ids).await? {
                let Some(body) = version.body.as_ref().and_then(|body| read(body).ok()) else {
                    continue;
                };
                let place = Place {
                    part_of: referred(&body, "partOf", "Location", fhir.base()).map(str::to_owned),
                    position: of_location(&body),
                    name: text(&body, "name").unwrap_or_default().to_owned(),
                    organization: referred(
                        &body,
                        "managingOrganization",
                        "Organization",
                        fhir.base(),
                    )
                    .map(str::to_owned),
                    is_emergency: is_emergency(&body),
                };
                wanted.extend(place.part_of.clone());
                self.places.insert(version.id, place);
            }
        }
        Ok(())
    }

    /// Says of a bed in which hospital it stands, and of the hospital where.
    fn settle_site(&mut self, id: &str) {
        let Some(bed) = self.beds.get_mut(id) else { return };
        let mut organization = bed.organization.clone();
        let (mut position, mut name, mut outermost) = (bed.position, String::new(), None);
        let mut next = bed.ward.as_ref();
        for _ in 0..LEVELS_MAX {
            let Some((at, place)) = next.and_then(|it| self.places.get_key_value(it)) else {
                break;
            };
            // where the site is, not the room: all its beds are to say the same
            position = place.position.or(position);
            organization = organization.or_else(|| place.organization.clone());
            name.clone_from(&place.name);
            outermost = Some(at.clone());
            next = place.part_of.as_ref();
        }
        let hospital = organization.clone().or_else(|| outermost.clone());
        let hospital = hospital.unwrap_or_else(|| id.to_owned());
        if bed.bed.hospital != hospital
            && let Some(of) = self.beds_of.get_mut(&bed.bed.hospital)
        {
            of.remove(id);
        }
        bed.bed.hospital.clone_from(&hospital);
        self.beds_of.entry(hospital.clone()).or_default().insert(id.to_owned());
        if name.is_empty() {
            name.clone_from(&hospital);
        }
        let is_new = !self.sites.contains_key(&hospital);
        let site = self.sites.entry(hospital.clone()).or_insert_with(|| Site {
            hospital: Hospital { id: hospital, position: None },
            name,
            organization,
            location: outermost.clone(),
        });
        // a hospital of several sites is where the first one is
        let says_where = site.location == outermost || site.hospital.position.is_none();
        let position = position.filter(|_| says_where).or(site.hospital.position);
        if is_new || site.hospital.position != position {
            site.hospital.position = position;
            let hospital = site.hospital.clone();
            self.tell(|| News::Hospital(hospital));
        }
    }
}

fn bed(row: &BedRow, body: &Value, (now, base): (Instant, &str)) -> BoardBed {
    let status = text(body, "status").unwrap_or("active");
    let is_staffed =
        !extensions(body, "staffed").any(|it| it.get("valueBoolean") == Some(&Value::Bool(false)));
    BoardBed {
        bed: Bed {
            id: row.id.clone(),
            hospital: String::new(),
            kind: kind(body),
            is_staffed,
            is_active: status != "inactive",
            state: state_of(row.claim.as_ref()),
            since_millis: row.claim.as_ref().map_or(row.changed, |it| it.starts_at).millis(),
        },
        name: text(body, "name").unwrap_or(&row.id).to_owned(),
        ward: referred(body, "partOf", "Location", base).map(str::to_owned),
        organization: referred(body, "managingOrganization", "Organization", base)
            .map(str::to_owned),
        is_emergency: is_emergency(body),
        position: of_location(body),
        claim: row.claim.clone(),
        changed: row.changed,
        read: now,
    }
}

fn is_emergency(location: &Value) -> bool {
    items(location, "type").iter().flat_map(codes).any(|it| EMERGENCY_UNITS.contains(&it))
}

fn state_of(claim: Option<&Claim>) -> BedState {
    match claim.map(|claim| (claim.state, claim.stage)) {
        None => BedState::Ready,
        Some((ClaimState::Held, _)) => BedState::Held,
        Some((ClaimState::Planned, _)) => BedState::Planned,
        Some((ClaimState::Occupied, _)) => BedState::Occupied,
        Some((ClaimState::Turnover, Some(Stage::Cleaning))) => BedState::Cleaning,
        Some((ClaimState::Turnover, _)) => BedState::Dirty,
        Some((ClaimState::Blocked, _)) => BedState::Blocked,
    }
}

fn kind(body: &Value) -> Kind {
    fn code<T: Code>(body: &Value, name: &str) -> Option<T> {
        extensions(body, name).find_map(|it| T::parse(text(it, "valueCode")?))
    }
    fn all<T: Code>(body: &Value, name: &str) -> CodeSet<T> {
        let of = |it: &Value| {
            let coding = it.get("valueCoding").and_then(|coding| text(coding, "code"));
            let concept = it.get("valueCodeableConcept").and_then(|it| codes(it).next());
            text(it, "valueCode").or(coding).or(concept).and_then(T::parse)
        };
        extensions(body, name).filter_map(of).collect()
    }
    let gender_policy = code(body, "gender-policy").unwrap_or(GenderPolicy::Any);
    let cohort = extensions(body, "cohort").find_map(|it| text(it, "valueCode"));
    let bay = match (cohort, gender_policy) {
        (Some(organism), _) => Bay::Cohort(organism.to_owned()),
        // a bed for anyone is a room of one's own
        (None, GenderPolicy::Any) => Bay::Single,
        (None, GenderPolicy::Female | GenderPolicy::Male | GenderPolicy::Mixed) => Bay::Shared,
    };
    Kind {
        bed_type: code(body, "bed-type").unwrap_or(BedType::General),
        gender_policy,
        age_group: code(body, "age-group").unwrap_or(AgeGroup::Any),
        isolation: all(body, "isolation-capability"),
        equipment: all(body, "bed-equipment"),
        bay,
    }
}
