//! The patients under a practitioner's care: on a care team with them, treated by them now or in the last 90 days, or
//! sent to them.

use fhir_model::{Instant, ResourceType, TypeId};
use search::Filter;

use super::{
    chain, membership,
    written::{during, has, one_of, params, refers},
};

/// How long after an encounter its record stays open to who took part.
const AFTER_ENCOUNTER_DAYS: i64 = 90;

/// What of a type is about those patients.
pub(super) fn about(ty: ResourceType, practitioner: &str, now: Instant) -> Option<Filter> {
    let patients = patients(practitioner, now)?;
    if ty.ty() == TypeId::PATIENT {
        return Some(patients);
    }
    chain(membership(ty), "Patient", vec![patients])
}

fn patients(practitioner: &str, now: Instant) -> Option<Filter> {
    let ty = |name| ResourceType::named(name);
    let today = (now, now);
    let lately = (Instant::from_millis(now.millis() - AFTER_ENCOUNTER_DAYS * 86_400_000), now);
    let team = ty("CareTeam")?;
    let encounter = ty("Encounter")?;
    let request = ty("ServiceRequest")?;
    let team = has(
        "CareTeam",
        "patient",
        vec![
            is(team, "participant", practitioner)?,
            Filter::Not(Box::new(one_of(
                team,
                "status",
                None,
                &["proposed", "suspended", "inactive", "entered-in-error"],
            )?)),
            Filter::Any(vec![
                during(team, "date", today)?,
                Filter::Not(Box::new(present(team, "date")?)),
            ]),
        ],
    )?;
    let encounter = has(
        "Encounter",
        "patient",
        vec![
            is(encounter, "participant", practitioner)?,
            Filter::Any(vec![
                one_of(
                    encounter,
                    "status",
                    None,
                    &["arrived", "triaged", "in-progress", "onleave"],
                )?,
                Filter::All(vec![
                    one_of(encounter, "status", None, &["finished"])?,
                    during(encounter, "date", lately)?,
                ]),
            ]),
        ],
    )?;
    let request = has(
        "ServiceRequest",
        "patient",
        vec![
            is(request, "performer", practitioner)?,
            one_of(request, "status", None, &["active", "on-hold"])?,
        ],
    )?;
    Some(Filter::Any(vec![team, encounter, request]))
}

/// It names the practitioner, or one of their roles.
fn is(ty: ResourceType, code: &str, practitioner: &str) -> Option<Filter> {
    let role = ResourceType::named("PractitionerRole")?;
    let whose = vec![refers(role, "practitioner", ("Practitioner", practitioner))?];
    Some(Filter::Any(vec![
        refers(ty, code, ("Practitioner", practitioner))?,
        chain(params(ty, code)?, "PractitionerRole", whose)?,
    ]))
}

fn present(ty: ResourceType, code: &str) -> Option<Filter> {
    let parameter = search::Registry::r4().parameter(ty, code)?;
    Some(Filter::Present { params: parameter.sources.clone(), kind: parameter.kind })
}
