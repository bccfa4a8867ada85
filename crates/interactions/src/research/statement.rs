//! What the view of a study can do: <https://hl7.org/fhir/R4/capabilitystatement.html>.

use fhir_model::definitions::r4;
use serde_json::{Value, json};

use super::{cells::PATIENTS_MIN, link, table::Table};
use crate::Fhir;

/// When what is stated here last changed.
const DATE: &str = "2026-11-23";

/// The statement of a study's view.
pub(super) fn of(fhir: &Fhir, project: &str) -> Vec<u8> {
    let registry = fhir.vault.registry();
    let resource = |(ty, of): (fhir_model::ResourceType, &super::table::TypeTable)| {
        let parameters = of.parameters.iter().filter_map(|code| {
            let parameter = registry.parameter(ty, code)?;
            Some(json!({ "name": code, "type": parameter.kind.code() }))
        });
        json!({
            "type": ty.name(),
            "interaction": [{ "code": "search-type" }],
            "searchParam": parameters.collect::<Vec<Value>>(),
        })
    };
    let resources: Vec<Value> = Table::vault().types().map(resource).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": fhir.software.name, "version": fhir.software.version },
        "implementation": {
            "description": "What patients let this study see, without who they are",
            "url": link::base(fhir, project),
        },
        "fhirVersion": r4().package().version,
        "format": ["application/fhir+json", "application/fhir+xml"],
        "rest": [{
            "mode": "server",
            "documentation": documentation(fhir.study_questions),
            "resource": resources,
        }],
    })
    .to_string()
    .into_bytes()
}

fn documentation(budget: u32) -> String {
    format!(
        "Searches by type with the parameters that are listed, with :not, with patient.[parameter] of the patient and, of a \
         Patient, with _has:[type]:patient:[parameter]; _count (200 at most), _summary=count and _total. Dates are moved \
         by days that are the same for all of a patient, of a time the hour in UTC is left, ids are this study's own, nobody \
         is older than 90. What is about fewer than {PATIENTS_MIN} patients, or differs by so few from everything or from an earlier answer, is withheld \
         (<11). {budget} questions within 24 hours; further pages within ten minutes are none."
    )
}
