//! What a compartment refers to and does not hold.

use std::collections::{BTreeMap, BTreeSet};

use auth::Permit;
use fhir_model::{NodeRef, Outcome, ResourceType, json};
use storage::Version;

use super::Wanted;
use crate::Fhir;

/// Types that are never somebody else's record.
const AROUND: [&str; 11] = [
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Medication",
    "Device",
    "Substance",
    "HealthcareService",
    "Endpoint",
    "Questionnaire",
    "PlanDefinition",
];

/// What attachments hold.
const CONTENT: &str = "Binary";

/// Whether resources of a type are shown because of what refers to them.
pub(super) fn is_around(ty: ResourceType) -> bool {
    ty.name() == CONTENT || AROUND.contains(&ty.name())
}

/// What is referred to, each once.
#[derive(Debug, Default)]
pub(super) struct Around {
    ids: BTreeMap<ResourceType, BTreeSet<String>>,
}

impl Around {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.ids.values().map(BTreeSet::len).sum()
    }

    /// Takes in what a resource refers to.
    pub(super) fn add(&mut self, version: &Version, base: &str) {
        let Some(body) = version.body.clone() else { return };
        let tree = json::parse_trusted(body);
        let is_reference = |node: &NodeRef<'_>| node.name() == "reference";
        // attachments name their content so
        let references = tree.nodes().filter(|node| is_reference(node) || node.name() == "url");
        for node in references {
            let Some(text) = node.text() else { continue };
            let local = text.strip_prefix(base).unwrap_or(&text).trim_start_matches('/');
            let Some((ty, id)) = local.split_once('/') else { continue };
            let is_known = ty == CONTENT || is_reference(&node) && AROUND.contains(&ty);
            let known = is_known.then(|| ResourceType::named(ty)).flatten();
            if let Some(ty) = known
                && !id.contains('/')
            {
                self.ids.entry(ty).or_default().insert(id.to_owned());
            }
        }
    }

    /// What is wanted of these and not among what was found.
    pub(super) async fn fetch(
        mut self,
        fhir: &Fhir,
        permit: &Permit,
        (wanted, found): (&Wanted, &[Version]),
    ) -> Result<Vec<Version>, Outcome> {
        for version in found {
            if let Some(ids) = self.ids.get_mut(&version.resource_type) {
                ids.remove(&version.id);
            }
        }
        let mut included = Vec::new();
        for (ty, ids) in self.ids.into_iter().filter(|(ty, _)| wanted.has_type(*ty)) {
            let ids: Vec<String> = ids.into_iter().collect();
            included.extend(fhir.vault.read_many(permit, ty, &ids).await?);
        }
        included.retain(|version| wanted.shows(version));
        Ok(included)
    }
}
