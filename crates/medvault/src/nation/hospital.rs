//! Hospitals with their wards, beds and doctors.

use serde_json::{Value, json};

use super::{
    CANONICAL,
    bundle::{Bundle, Code, SNOMED, hl7, reference, uhid},
    dice::Dice,
    place::{REGIONS, Region, telephone},
    uhid::{Role, issue},
};

/// A hospital.
#[derive(Debug)]
pub(super) struct Hospital {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) city: &'static str,
    position: (f64, f64),
    pub(super) doctors: Vec<Doctor>,
    pub(super) beds: Vec<Bed>,
}

/// A doctor.
#[derive(Debug)]
pub(super) struct Doctor {
    pub(super) id: String,
    given: &'static str,
    family: &'static str,
    is_woman: bool,
    specialty: Code,
    telecom: Value,
}

/// A bed of a ward.
#[derive(Debug)]
pub(super) struct Bed {
    pub(super) id: String,
    pub(super) name: String,
    ward: &'static Ward,
}

/// A kind of ward that every hospital has.
#[derive(Debug)]
struct Ward {
    slug: &'static str,
    name: &'static str,
    /// `v3-RoleCode`
    role: (&'static str, &'static str),
    bed_type: &'static str,
    beds: u32,
}

#[rustfmt::skip]
const HOSPITALS: &[(&str, &str, (f64, f64))] = &[
    ("Cauvery General Hospital (demo)", "Bengaluru", (12.9716, 77.5946)),
    ("Marina Medical College (demo)", "Chennai", (13.0827, 80.2707)),
    ("Sahyadri Institute of Medicine (demo)", "Mumbai", (19.076, 72.8777)),
    ("Hooghly District Hospital (demo)", "Kolkata", (22.5726, 88.3639)),
    ("Gomti Women and Children's Hospital (demo)", "Lucknow", (26.8467, 80.9462)),
    ("Luit Community Hospital (demo)", "Guwahati", (26.1445, 91.7362)),
];

#[rustfmt::skip]
const WARDS: &[Ward] = &[
    Ward { slug: "gen", name: "General Ward", role: ("HU", "Hospital unit"), bed_type: "general", beds: 8 },
    Ward { slug: "icu", name: "Intensive Care", role: ("ICU", "Intensive care unit"), bed_type: "icu", beds: 4 },
    Ward { slug: "ped", name: "Children's Ward", role: ("PEDU", "Pediatric unit"), bed_type: "general", beds: 4 },
];

#[rustfmt::skip]
const SPECIALTIES: &[Code] = &[
    Code::new(SNOMED, "419772000", "Family practice"),
    Code::new(SNOMED, "394579002", "Cardiology"),
    Code::new(SNOMED, "419192003", "Internal medicine"),
    Code::new(SNOMED, "394537008", "Pediatric specialty"),
];

pub(super) fn all(dice: &mut Dice) -> Vec<Hospital> {
    HOSPITALS
        .iter()
        .map(|(name, city, position)| {
            let id = issue(Role::Hospital, dice);
            let doctors = SPECIALTIES.iter().map(|specialty| doctor(*specialty, dice)).collect();
            Hospital { beds: beds(&id), id, name, city, position: *position, doctors }
        })
        .collect()
}

fn doctor(specialty: Code, dice: &mut Dice) -> Doctor {
    let region = dice.pick(REGIONS);
    let is_woman = dice.happens(50);
    let given = dice.pick(if is_woman { region.women } else { region.men });
    let family = dice.pick(region.families);
    let telecom = telephone(dice);
    Doctor { id: issue(Role::Practitioner, dice), given, family, is_woman, specialty, telecom }
}

fn beds(hospital: &str) -> Vec<Bed> {
    let of_ward = |ward: &'static Ward| {
        (1..=ward.beds).map(move |number| Bed {
            id: format!("{hospital}-{}-{number:02}", ward.slug),
            name: format!("{} {number}", ward.name),
            ward,
        })
    };
    WARDS.iter().flat_map(of_ward).collect()
}

impl Doctor {
    pub(super) fn name(&self) -> String {
        format!("Dr. {} {}", self.given, self.family)
    }
}

/// The bed of the so-manieth patient who lies in one: hospitals take turns.
pub(super) fn bed_of(hospitals: &[Hospital], number: usize) -> Option<(&Hospital, &Bed)> {
    let hospital = hospitals.get(number % hospitals.len().max(1))?;
    Some((hospital, hospital.beds.get(number / hospitals.len().max(1))?))
}

/// All hospitals, with so many beds taken.
pub(super) fn bundle(hospitals: &[Hospital], occupied: u32) -> Bundle {
    let taken: Vec<&str> = (0..usize::try_from(occupied).unwrap_or_default())
        .filter_map(|number| bed_of(hospitals, number))
        .map(|(_, bed)| bed.id.as_str())
        .collect();
    let mut bundle = Bundle::default();
    for hospital in hospitals {
        bundle.put(organization(hospital));
        bundle.put(site(hospital));
        for ward in WARDS {
            bundle.put(ward_location(hospital, ward));
        }
        for bed in &hospital.beds {
            let is_taken = taken.contains(&bed.id.as_str());
            let state = if is_taken { ("O", "Occupied") } else { ("U", "Unoccupied") };
            bundle.put(bed_location(hospital, bed, state));
        }
        for doctor in &hospital.doctors {
            bundle.put(practitioner(doctor));
            bundle.put(practitioner_role(hospital, doctor));
        }
    }
    bundle
}

fn organization(hospital: &Hospital) -> Value {
    let region = REGIONS.iter().find(|region| region.city == hospital.city);
    json!({
        "resourceType": "Organization",
        "id": hospital.id,
        "identifier": [uhid(&hospital.id)],
        "active": true,
        "type": [hl7("organization-type", "prov", "Healthcare Provider")],
        "name": hospital.name,
        "address": [{
            "city": hospital.city,
            "state": region.map_or("", |region: &Region| region.state),
            "country": "IN",
        }],
    })
}

fn site(hospital: &Hospital) -> Value {
    let (latitude, longitude) = hospital.position;
    json!({
        "resourceType": "Location",
        "id": format!("{}-site", hospital.id),
        "status": "active",
        "name": hospital.name,
        "mode": "instance",
        "physicalType": hl7("location-physical-type", "si", "Site"),
        "position": {"longitude": longitude, "latitude": latitude},
        "managingOrganization": reference("Organization", &hospital.id, hospital.name),
    })
}

fn ward_location(hospital: &Hospital, ward: &Ward) -> Value {
    let (role, display) = ward.role;
    json!({
        "resourceType": "Location",
        "id": format!("{}-{}", hospital.id, ward.slug),
        "status": "active",
        "name": format!("{}, {}", ward.name, hospital.city),
        "mode": "instance",
        "type": [hl7("v3-RoleCode", role, display)],
        "physicalType": hl7("location-physical-type", "wa", "Ward"),
        "managingOrganization": reference("Organization", &hospital.id, hospital.name),
        "partOf": reference("Location", &format!("{}-site", hospital.id), hospital.name),
    })
}

fn bed_location(hospital: &Hospital, bed: &Bed, (state, display): (&str, &str)) -> Value {
    let ward = bed.ward;
    json!({
        "resourceType": "Location",
        "id": bed.id,
        "extension": [
            {"url": format!("{CANONICAL}/bed-type"), "valueCode": ward.bed_type},
            {"url": format!("{CANONICAL}/staffed"), "valueBoolean": true},
        ],
        "status": "active",
        "operationalStatus": {
            "system": "http://terminology.hl7.org/CodeSystem/v2-0116",
            "code": state,
            "display": display,
        },
        "name": bed.name,
        "mode": "instance",
        "type": [hl7("v3-RoleCode", ward.role.0, ward.role.1)],
        "physicalType": hl7("location-physical-type", "bd", "Bed"),
        "managingOrganization": reference("Organization", &hospital.id, hospital.name),
        "partOf": reference("Location", &format!("{}-{}", hospital.id, ward.slug), ward.name),
    })
}

fn practitioner(doctor: &Doctor) -> Value {
    json!({
        "resourceType": "Practitioner",
        "id": doctor.id,
        "identifier": [uhid(&doctor.id)],
        "active": true,
        "name": [{
            "use": "official",
            "text": doctor.name(),
            "family": doctor.family,
            "given": [doctor.given],
            "prefix": ["Dr."],
        }],
        "telecom": [doctor.telecom],
        "gender": if doctor.is_woman { "female" } else { "male" },
        "qualification": [{"code": {"text": "MBBS, MD"}}],
    })
}

fn practitioner_role(hospital: &Hospital, doctor: &Doctor) -> Value {
    json!({
        "resourceType": "PractitionerRole",
        "id": format!("{}-role", doctor.id),
        "active": true,
        "practitioner": reference("Practitioner", &doctor.id, &doctor.name()),
        "organization": reference("Organization", &hospital.id, hospital.name),
        "specialty": [doctor.specialty.concept()],
        "location": [reference("Location", &format!("{}-site", hospital.id), hospital.name)],
    })
}
