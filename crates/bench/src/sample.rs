//! The resources that the workloads write, invented here; sizes of 0.8 to 10 KB as real ones have.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::call::Call;
use crate::fault::Fault;
use crate::template::Template;

const TEXTS: &[(&str, &str)] = &[
    ("Patient", include_str!("bodies/patient.json")),
    ("Location", include_str!("bodies/location.json")),
    ("Organization", include_str!("bodies/organization.json")),
    ("Practitioner", include_str!("bodies/practitioner.json")),
    ("Encounter", include_str!("bodies/encounter.json")),
    ("Observation", include_str!("bodies/observation.json")),
    ("Condition", include_str!("bodies/condition.json")),
    ("MedicationRequest", include_str!("bodies/medication_request.json")),
    ("Claim", include_str!("bodies/claim.json")),
    ("ExplanationOfBenefit", include_str!("bodies/explanation_of_benefit.json")),
];

/// A resource type with its body, cut at the slots, and the labels of its interactions.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: &'static str,
    template: Template,
    labels: Labels,
}

#[derive(Debug)]
struct Labels {
    create: &'static str,
    read: &'static str,
    update: &'static str,
    delete: &'static str,
}

/// What a filled body refers to: slot name and reference, `("patient", "Patient/p1")`.
pub(crate) type References = Vec<(&'static str, String)>;

/// All samples by resource type, prepared once before the clock.
#[derive(Debug)]
pub(crate) struct Samples(BTreeMap<&'static str, Sample>);

impl Samples {
    pub(crate) fn prepare() -> Self {
        Self(TEXTS.iter().map(|(name, text)| (*name, Sample::new(name, text))).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Sample, Fault> {
        self.0.get(name).ok_or_else(|| Fault::Usage(format!("there is no sample of {name}")))
    }
}

impl Sample {
    fn new(name: &'static str, text: &str) -> Self {
        let on_one_line: String = text.lines().map(str::trim_start).collect();
        // Labels live as long as the process; there are forty of them.
        let label = |verb: &str| -> &'static str { format!("{verb} {name}").leak() };
        let labels = Labels {
            create: label("create"),
            read: label("read"),
            update: label("update"),
            delete: label("delete"),
        };
        Self { name, template: Template::new(&on_one_line), labels }
    }

    /// The body; `n` makes it different from its siblings, `id` is given for an update.
    pub(crate) fn body(&self, n: &str, id: Option<&str>, references: &References) -> Bytes {
        let mut out = Vec::new();
        self.body_into(&mut out, n, id, references);
        Bytes::from(out)
    }

    pub(crate) fn body_into(
        &self,
        out: &mut Vec<u8>,
        n: &str,
        id: Option<&str>,
        references: &References,
    ) {
        let id_member = id.map(|id| format!("\"id\": \"{id}\", "));
        let mut values = vec![("n", n), ("id_member", id_member.as_deref().unwrap_or_default())];
        values.extend(references.iter().map(|(slot, reference)| (*slot, reference.as_str())));
        self.template.fill_into(out, &values);
    }

    pub(crate) fn create(&self, n: &str, references: &References) -> Call<'static> {
        Call::create(self.labels.create, self.name, self.body(n, None, references))
    }

    pub(crate) fn read<'a>(&self, path: &'a str) -> Call<'a> {
        Call::get(self.labels.read, path)
    }

    pub(crate) fn update<'a>(&self, path: &'a str, n: &str, references: &References) -> Call<'a> {
        let id = path.rsplit_once('/').map(|(_, id)| id);
        Call::update(self.labels.update, path, self.body(n, id, references))
    }

    pub(crate) fn delete<'a>(&self, path: &'a str) -> Call<'a> {
        Call::delete(self.labels.delete, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_json_of_its_type_with_every_slot_filled() {
        let samples = Samples::prepare();
        let references: References = [
            "patient",
            "practitioner",
            "organization",
            "location",
            "encounter",
            "claim",
            "medication_request",
        ]
        .map(|slot| (slot, format!("Any/{slot}")))
        .into();
        for (name, text) in TEXTS {
            let body = samples.get(name).unwrap().body("n7", Some("x1"), &references);
            let resource: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(resource["resourceType"], *name);
            assert_eq!(resource["id"], "x1");
            assert!(!resource.to_string().contains("\"\""), "{name} has an empty slot");
            assert!(text.contains("{{n}}"), "{name} has no distinct part");
            let created = samples.get(name).unwrap().body("n7", None, &references);
            assert!(serde_json::from_slice::<serde_json::Value>(&created).unwrap()["id"].is_null());
        }
    }
}
