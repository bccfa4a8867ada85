//! Whose data a resource is: <https://hl7.org/fhir/R4/compartmentdefinition-patient.html>.

use fhir_model::{ResourceType, TypeId};

use crate::{
    registry::Registry,
    rows::{Rows, Target},
};

/// The ids of the patients whose compartments a resource of this type and id with these rows lies in,
/// sorted. A Patient lies in its own.
pub fn patient_compartment(
    registry: &Registry,
    ty: ResourceType,
    id: &str,
    rows: &Rows,
) -> Vec<Box<str>> {
    let patient = TypeId::PATIENT.as_resource();
    let params = patient.map_or(&[] as &[_], |patient| registry.compartment(patient, ty));
    let mut patients: Vec<Box<str>> = rows
        .references
        .iter()
        .filter(|row| params.contains(&row.param))
        .filter_map(|row| match &row.target {
            Target::Local { ty, id } if ty.ty() == TypeId::PATIENT => Some(id.clone()),
            Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
        })
        .collect();
    if ty.ty() == TypeId::PATIENT {
        patients.push(id.into());
    }
    patients.sort_unstable();
    patients.dedup();
    patients
}
