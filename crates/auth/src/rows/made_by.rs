//! What an organization made, by the elements that say so; and what it consists of.

use fhir_model::ResourceType;
use search::{COVERED, During, Filter, ParamId, SERVICE, TypePlan};

use super::written::{self, chain, has, id_is, one_of, refers};

/// Parameters that name the organization that made a resource, or to which it was sent.
const AUTHORED: &[(&str, &[&str])] = &[
    ("Account", &["owner"]),
    ("CarePlan", &["performer"]),
    ("CareTeam", &["participant"]),
    ("ChargeItem", &["performing-organization"]),
    ("Claim", &["provider"]),
    ("ClaimResponse", &["requestor"]),
    ("Communication", &["sender", "recipient"]),
    ("CommunicationRequest", &["requester", "sender", "recipient"]),
    ("Composition", &["author"]),
    ("CoverageEligibilityRequest", &["provider"]),
    ("CoverageEligibilityResponse", &["requestor"]),
    ("Device", &["organization"]),
    ("DeviceRequest", &["requester", "performer"]),
    ("DiagnosticReport", &["performer"]),
    ("DocumentManifest", &["author"]),
    ("DocumentReference", &["custodian", "author"]),
    ("Encounter", &["service-provider"]),
    ("EpisodeOfCare", &["organization"]),
    ("ExplanationOfBenefit", &["provider"]),
    ("Flag", &["author"]),
    ("ImagingStudy", &["performer"]),
    ("Immunization", &["performer"]),
    ("Invoice", &["issuer"]),
    ("MedicationDispense", &["performer"]),
    ("MedicationRequest", &["requester", "intended-performer"]),
    ("Observation", &["performer"]),
    ("Patient", &["organization"]),
    ("Procedure", &["performer"]),
    ("Provenance", &["agent"]),
    ("ServiceRequest", &["requester", "performer"]),
    ("SupplyRequest", &["requester"]),
    ("Task", &["requester", "owner"]),
];

/// Parameters that lead to the encounter in which a resource came to be. What names no organization itself belongs
/// to the encounter's.
const ENCOUNTER: &[&str] = &["encounter", "context"];

/// Types that belong to the organization that manages the patient's record.
const OF_PATIENT: &[&str] = &["RelatedPerson", "Coverage"];

/// The parameters by which the rows of an organization are told.
pub(super) fn params(ty: ResourceType) -> Vec<ParamId> {
    let made = AUTHORED.iter().filter(|(name, _)| *name == ty.name()).flat_map(|(_, codes)| *codes);
    let other =
        ENCOUNTER.iter().chain(&["organization", "insurer", "payor", "claim", "request", "device"]);
    made.chain(other).filter_map(|code| written::params(ty, code)).flatten().collect()
}

/// What of a type the organization made.
pub(super) fn organization(ty: ResourceType, id: &str) -> Option<Filter> {
    let codes =
        AUTHORED.iter().find(|(name, _)| *name == ty.name()).map_or(&[] as &[_], |one| one.1);
    let mut any: Vec<Filter> =
        codes.iter().filter_map(|code| refers(ty, code, ("Organization", id))).collect();
    let encounters = if any.is_empty() { ENCOUNTER } else { &[] };
    for code in encounters {
        let encounter = ResourceType::named("Encounter")?;
        let ours = vec![refers(encounter, "service-provider", ("Organization", id))?];
        any.extend(written::params(ty, code).and_then(|params| chain(params, "Encounter", ours)));
    }
    if OF_PATIENT.contains(&ty.name()) {
        let patient = ResourceType::named("Patient")?;
        let ours = vec![refers(patient, "organization", ("Organization", id))?];
        any.extend(
            written::params(ty, "patient").and_then(|params| chain(params, "Patient", ours)),
        );
    }
    (!any.is_empty()).then_some(Filter::Any(any))
}

/// What of a type was sent to the organization as the insurer. An answer to a Claim, what explains it and a payment take a
/// Claim that was covered; what names none is closed.
pub(super) fn insurer(ty: ResourceType, id: &str) -> Option<Filter> {
    let us = ("Organization", id);
    let claim = ResourceType::named("Claim")?;
    let of_claim = |code: &str, ours: Vec<Filter>| chain(written::params(ty, code)?, "Claim", ours);
    let ours = refers(claim, "insurer", us)?;
    match ty.name() {
        "Claim" => Some(Filter::All(vec![refers(ty, "insurer", us)?, covered(ty, us)?])),
        "ClaimResponse" => {
            let claimed = of_claim("request", vec![ours, covered(claim, us)?])?;
            Some(Filter::All(vec![refers(ty, "insurer", us)?, claimed]))
        }
        "CoverageEligibilityResponse" => refers(ty, "insurer", us),
        "Coverage" => refers(ty, "payor", us),
        "ExplanationOfBenefit" => {
            let claimed = of_claim("claim", vec![ours, covered(claim, us)?])?;
            Some(Filter::All(vec![claimed, covered(ty, us)?]))
        }
        "PaymentNotice" => of_claim("request", vec![ours, covered(claim, us)?]),
        _ => None,
    }
}

/// That the patient was insured by the organization when the first of the services was done, and when the last was: by
/// one Coverage or by two. What does not say when is not covered.
fn covered(ty: ResourceType, us: (&str, &str)) -> Option<Filter> {
    let coverage = ResourceType::named("Coverage")?;
    let during = |at: ParamId| {
        Some(Filter::During(Box::new(During {
            about: written::params(ty, "patient")?,
            middle: ResourceType::named("Patient")?,
            at,
            other: TypePlan { ty: coverage, filters: vec![refers(coverage, "payor", us)?] },
            refers: written::params(coverage, "beneficiary")?,
            within: COVERED,
        })))
    };
    let [first, last] = SERVICE;
    Some(Filter::All(vec![during(first)?, during(last)?]))
}

/// What of a type is about patients who have a contract with the organization that both have signed.
pub(super) fn contracted(ty: ResourceType, id: &str) -> Option<Filter> {
    let contract = ResourceType::named("Contract")?;
    let us = ("Organization", id);
    let party = [refers(contract, "signer", us)?, refers(contract, "authority", us)?];
    let executed = one_of(contract, "status", None, &["executed"])?;
    let patient = has("Contract", "patient", vec![executed, Filter::Any(party.into())])?;
    chain(super::membership(ty), "Patient", vec![patient])
}

/// What of a type the organization consists of.
pub(super) fn part_of(ty: ResourceType, id: &str) -> Option<Filter> {
    if ty.name() == "Organization" {
        Some(id_is(id))
    } else {
        refers(ty, "organization", ("Organization", id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_the_table_is_one_of_r4() {
        for (name, codes) in AUTHORED {
            let ty = ResourceType::named(name).expect(name);
            for code in *codes {
                assert!(refers(ty, code, ("Organization", "o")).is_some(), "{name}.{code}");
            }
        }
    }
}
