//! Resources that a workload finds on the server, or puts there before its clock starts.

use crate::bundle::{BundleAnswer, TransactionBuilder};
use crate::call::Call;
use crate::fault::Fault;
use crate::sample::{References, Sample, Samples};
use crate::session::Session;
use crate::target::Target;

/// Up to `wanted` paths `Type/id`, by paging through the type.
pub(crate) async fn harvest(
    session: &mut Session,
    resource_type: &str,
    wanted: usize,
) -> Result<Vec<String>, Fault> {
    let mut paths = Vec::new();
    let mut next = Some(format!("{resource_type}?_count={}", wanted.clamp(1, 1000)));
    while let Some(page) = next.filter(|_| paths.len() < wanted) {
        let answer = session.require(Call::get("harvest", &page).keeping_body()).await?;
        let bundle = BundleAnswer::parse(&answer.body)?;
        paths.extend(bundle.found_ids().map(|id| format!("{resource_type}/{id}")));
        next = bundle.next().and_then(Target::path_of_link);
    }
    paths.truncate(wanted);
    Ok(paths)
}

/// Creates `count` resources in transactions; gives back their paths `Type/id`.
pub(crate) async fn seed(
    session: &mut Session,
    sample: &Sample,
    references: &References,
    count: usize,
) -> Result<Vec<String>, Fault> {
    const ENTRIES_PER_BUNDLE: usize = 200;
    let mut paths = Vec::with_capacity(count);
    while paths.len() < count {
        let mut bundle = TransactionBuilder::new();
        for _ in 0..ENTRIES_PER_BUNDLE.min(count - paths.len()) {
            let name = uuid::Uuid::now_v7().to_string();
            bundle.create(&format!("urn:uuid:{name}"), sample.name, |out| {
                sample.body_into(out, &name, None, references);
            });
        }
        let entries = bundle.entries();
        let call = Call::bundle("seed", bundle.finish()).keeping_body();
        let answer = BundleAnswer::parse(&session.require(call).await?.body)?;
        let before = paths.len();
        paths.extend(answer.created_ids().map(|id| format!("{}/{id}", sample.name)));
        if paths.len() - before != entries {
            let status = answer.rejected().map_or("no location", |entry| &entry.status);
            return Err(Fault::Answer(format!("seeding {}: {status}", sample.name)));
        }
    }
    Ok(paths)
}

/// One resource of each type that the samples refer to, under the names of the samples' slots.
pub(crate) async fn surroundings(
    session: &mut Session,
    samples: &Samples,
) -> Result<References, Fault> {
    const SLOTS: [(&str, &str); 7] = [
        ("patient", "Patient"),
        ("practitioner", "Practitioner"),
        ("organization", "Organization"),
        ("location", "Location"),
        ("encounter", "Encounter"),
        ("medication_request", "MedicationRequest"),
        ("claim", "Claim"),
    ];
    let mut references = References::new();
    for (slot, resource_type) in SLOTS {
        let n = uuid::Uuid::now_v7().to_string();
        let call = samples.get(resource_type)?.create(&n, &references);
        let answer = session.require(call).await?;
        let id = answer.id().ok_or_else(|| {
            Fault::Answer(format!("create {resource_type}: the answer has no Location"))
        })?;
        references.push((slot, format!("{resource_type}/{id}")));
    }
    Ok(references)
}

/// As many as are there of `wanted`; seeds when they are too few to be called a set.
pub(crate) async fn harvest_or_seed(
    session: &mut Session,
    samples: &Samples,
    resource_type: &str,
    wanted: usize,
) -> Result<Vec<String>, Fault> {
    const FEW: usize = 100;
    let found = harvest(session, resource_type, wanted).await?;
    if found.len() >= wanted.min(FEW) {
        return Ok(found);
    }
    let references = surroundings(session, samples).await?;
    seed(session, samples.get(resource_type)?, &references, wanted).await
}
