//! The demo nation: invented hospitals, insurers, doctors and patients with their records, the same in every
//! vault. No name, number or address here belongs to anybody; telephone numbers cannot be dialled.

mod bundle;
mod calendar;
mod care;
mod clinic;
mod dice;
mod hospital;
mod insurer;
mod patient;
mod place;
mod uhid;
mod vitals;

use bundle::Bundle;
use dice::Dice;
use hospital::Hospital;
use insurer::Insurer;

/// Where the codes and identifiers of this vault live.
const CANONICAL: &str = "https://medvault.example/fhir";

const PATIENTS: u32 = 100;

/// Every ninth patient lies in a bed today.
const IN_BED: u32 = 9;

/// Same seed, same nation.
const SEED: u64 = 1947;

/// The address of what is stored last: where it is, all the rest is too.
pub(crate) const SEAL: (&str, &str) = ("Organization", "medvault-demo-nation");

/// The nation as transaction Bundles: hospitals, insurers, then a Bundle a patient.
pub(crate) fn bundles() -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice::new(SEED);
    let hospitals = hospital::all(&mut dice);
    let insurers = insurer::all(&mut dice);
    let occupied = PATIENTS.div_ceil(IN_BED);
    let built = hospital::bundle(&hospitals, occupied);
    let insured = insurer::bundle(&insurers);
    let people = (0..PATIENTS).map(move |number| {
        let nation = Nation { hospitals: &hospitals, insurers: &insurers };
        patient::bundle(&nation, number, &mut Dice::new(SEED + 1 + u64::from(number)))
    });
    [built, insured].into_iter().chain(people).map(Bundle::finish)
}

/// The Bundle to store when all others are.
pub(crate) fn seal() -> Vec<u8> {
    let (_, id) = SEAL;
    let mut bundle = Bundle::default();
    bundle.put(serde_json::json!({
        "resourceType": "Organization",
        "id": id,
        "active": true,
        "type": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/organization-type",
            "code": "govt",
            "display": "Government",
        }]}],
        "name": "National Vault Authority (demo)",
        "telecom": [{"system": "url", "value": "https://medvault.example"}],
        "address": [{"city": "New Delhi", "state": "Delhi", "postalCode": "110001", "country": "IN"}],
    }));
    bundle.finish()
}

/// What a patient can meet.
#[derive(Debug, Clone, Copy)]
struct Nation<'n> {
    hospitals: &'n [Hospital],
    insurers: &'n [Insurer],
}

#[cfg(test)]
mod tests;
