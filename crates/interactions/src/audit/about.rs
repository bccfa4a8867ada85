//! The patients whom resources are about.

use std::{collections::BTreeSet, sync::LazyLock};

use bytes::Bytes;
use fhir_model::{NodeRef, ResourceType, TypeId, json};
use search::{ParamId, Registry};
use storage::{Vault, Version};

/// Logical ids of the patients whom a version is about.
pub(crate) fn of_version(vault: &Vault, version: &Version) -> Vec<Box<str>> {
    of_versions(vault, [version])
}

/// The same of several.
pub(crate) fn of_versions<'v>(
    vault: &Vault,
    versions: impl IntoIterator<Item = &'v Version>,
) -> Vec<Box<str>> {
    let mut patients: BTreeSet<Box<str>> = BTreeSet::new();
    for version in versions {
        if let Some(patient) = version.sole_patient() {
            if !patients.contains(patient) {
                patients.insert(patient.into());
            }
            continue;
        }
        let facts = version.facts(&vault.index_base());
        let about =
            search::patient_compartment(Registry::r4(), version.resource_type, &version.id, &facts);
        patients.extend(about);
    }
    patients.into_iter().collect()
}

/// The patients whose data a resource or a Bundle shows.
pub(super) fn shown(vault: &Vault, body: &Bytes) -> BTreeSet<Box<str>> {
    let tree = json::parse_trusted(body.clone());
    let root = tree.root();
    if tree.resource_type().is_some_and(|ty| ty.name() == "Bundle") {
        let entries = root.named("entry").filter_map(|entry| entry.child("resource"));
        return entries.flat_map(|one| patients(vault, one)).collect();
    }
    patients(vault, root).into_iter().collect()
}

fn patients(vault: &Vault, resource: NodeRef<'_>) -> Vec<Box<str>> {
    let Some(ty) = resource.ty().as_resource() else { return Vec::new() };
    let tree = json::parse_trusted(Bytes::copy_from_slice(resource.raw()));
    let rows = search::extract(compartments(), &tree, &vault.index_base());
    let id = resource.child_text("id").unwrap_or_default();
    search::patient_compartment(Registry::r4(), ty, &id, &rows)
}

/// What puts resources into the compartments of patients, and nothing else.
fn compartments() -> &'static Registry {
    static COMPARTMENTS: LazyLock<Registry> = LazyLock::new(|| {
        let patient = TypeId::PATIENT.as_resource();
        let of = |ty: &ResourceType| {
            patient.map_or(&[] as &[ParamId], |patient| Registry::r4().compartment(patient, *ty))
        };
        let params: Vec<ParamId> = ResourceType::all().iter().flat_map(of).copied().collect();
        Registry::r4().only(&params)
    });
    &COMPARTMENTS
}
