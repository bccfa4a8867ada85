//! An `AuditEvent` in the form of IHE's Basic Audit Log Patterns.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use auth::Principal;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fhir_model::{Instant, NodeRef, ResourceType, TypeId, json};
use search::{ParamId, Registry};
use storage::Vault;

use super::Note;

/// Patients that one event names, at most.
const PATIENTS_MAX: usize = 100;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";

/// A version that was written.
#[derive(Debug)]
pub(crate) struct Written<'w> {
    /// `create`, `update`, `patch`, `delete`
    pub(crate) interaction: &'static str,
    /// `C`, `U`, `D`
    pub(crate) action: &'static str,
    /// `Observation/1/_history/2`
    pub(crate) reference: String,
    /// Logical ids of the patients whom it is about.
    pub(crate) patients: BTreeSet<Box<str>>,
    pub(crate) who: &'w Principal,
    pub(crate) at: Instant,
}

/// An event in the making.
struct Event {
    out: Vec<u8>,
    entities: Vec<Vec<u8>>,
}

/// The event of a write.
pub(crate) fn of_write(written: &Written<'_>) -> Vec<u8> {
    let mut event =
        Event::new((written.interaction, written.action), written.at, ("0", None), written.who);
    event.what(&written.reference);
    written.patients.iter().for_each(|patient| event.patient(patient));
    event.finish()
}

/// The event of what was looked at, or refused.
pub(super) fn of_note(note: &Note, patients: &BTreeSet<Box<str>>) -> Vec<u8> {
    let outcome = match note.status {
        0..400 => ("0", None),
        400..500 => ("4", note.body.as_ref().and_then(diagnostics)),
        _ => ("8", None),
    };
    let mut event = Event::new(note.asked.interaction(), note.at, outcome, &note.who);
    if let Some(reference) = note.asked.reference() {
        event.what(&reference);
    } else {
        event.query(&note.asked.address());
    }
    patients.iter().take(PATIENTS_MAX).for_each(|patient| event.patient(patient));
    event.finish()
}

/// The patients whose data was shown, and whom the token is for.
pub(super) fn patients_of(vault: &Vault, note: &Note) -> BTreeSet<Box<str>> {
    let body = note.body.as_ref().filter(|_| note.status < 300);
    let mut patients = body.map(|body| shown(vault, body)).unwrap_or_default();
    patients.extend(note.who.only_patient().map(Into::into));
    patients
}

impl Event {
    fn new(
        (interaction, action): (&str, &str),
        at: Instant,
        (outcome, why): (&str, Option<String>),
        who: &Principal,
    ) -> Self {
        let mut event = Self { out: Vec::with_capacity(1500), entities: Vec::new() };
        event.text(
            r#"{"resourceType":"AuditEvent","type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},"subtype":[{"system":"http://hl7.org/fhir/restful-interaction","code":"#,
        );
        event.string(interaction);
        event.text(&format!(r#"}}],"action":"{action}","recorded":"{at}","outcome":"{outcome}""#));
        if let Some(why) = why {
            event.text(r#","outcomeDesc":"#);
            event.string(&why);
        }
        if let Some(reason) = who.emergency() {
            event.text(r#","purposeOfEvent":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"BTG"}],"text":"#);
            event.string(reason);
            event.text("}]");
        }
        event.agents(who, action);
        event.text(r#","source":{"observer":{"display":"MedVault"}}"#);
        event
    }

    /// The client, the server and the user. Who sends and who receives depends on which way the data go.
    fn agents(&mut self, who: &Principal, action: &str) {
        let grant = who.grant();
        let (source, destination) = ("110153", "110152");
        let (client, server) =
            if action == "R" { (destination, source) } else { (source, destination) };
        let agent = |code: &str| {
            format!(r#"{{"type":{{"coding":[{{"system":"{DICOM}","code":"{code}"}}]}},"who":"#)
        };
        self.text(r#","agent":["#);
        self.text(&agent(client));
        self.text(r#"{"identifier":{"value":"#);
        self.string(grant.client.as_deref().unwrap_or("medvault token"));
        self.text(r#"}},"requestor":"#);
        self.text(if grant.user.is_none() { "true" } else { "false" });
        self.text(r#","policy":["#);
        self.string(&format!("urn:ietf:params:oauth:jti:{}", grant.token_id));
        self.text("]},");
        self.text(&agent(server));
        self.text(r#"{"display":"MedVault"},"requestor":false}"#);
        if let Some(user) = &grant.user {
            self.text(
                r#",{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}]},"who":{"#,
            );
            if let Some(fhir_user) = &user.fhir_user {
                self.text(r#""reference":"#);
                self.string(fhir_user);
                self.text(",");
            }
            self.text(r#""display":"#);
            self.string(&user.login);
            self.text(r#"},"requestor":true,"role":[{"text":"#);
            self.string(who.role().name());
            self.text("}]}");
        }
        self.text("]");
    }

    fn what(&mut self, reference: &str) {
        let mut out = br#"{"what":{"reference":"#.to_vec();
        json::write_string(&mut out, reference);
        out.extend_from_slice(
            br#"},"type":{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2"},"role":{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"4"}}"#,
        );
        self.entities.push(out);
    }

    fn query(&mut self, address: &str) {
        let query = STANDARD.encode(address);
        self.entities.push(
            format!(
                r#"{{"type":{{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"2"}},"role":{{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"24"}},"query":"{query}"}}"#
            )
            .into_bytes(),
        );
    }

    fn patient(&mut self, id: &str) {
        self.entities.push(
            format!(
                r#"{{"what":{{"reference":"Patient/{id}"}},"type":{{"system":"http://terminology.hl7.org/CodeSystem/audit-entity-type","code":"1"}},"role":{{"system":"http://terminology.hl7.org/CodeSystem/object-role","code":"1"}}}}"#
            )
            .into_bytes(),
        );
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.entities.is_empty() {
            self.out.extend_from_slice(br#","entity":["#);
            self.out.extend_from_slice(&self.entities.join(&b","[..]));
            self.out.push(b']');
        }
        self.out.push(b'}');
        self.out
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        json::write_string(&mut self.out, text);
    }
}

/// The sentence of a refusal.
fn diagnostics(body: &Bytes) -> Option<String> {
    let tree = json::parse_trusted(body.clone());
    let issue = tree.root().child("issue")?;
    issue.child_text("diagnostics").map(std::borrow::Cow::into_owned)
}

/// The patients whose data a resource or a Bundle shows.
fn shown(vault: &Vault, body: &Bytes) -> BTreeSet<Box<str>> {
    let tree = json::parse_trusted(body.clone());
    let root = tree.root();
    if tree.resource_type().is_some_and(|ty| ty.name() == "Bundle") {
        let entries = root.named("entry").filter_map(|entry| entry.child("resource"));
        return entries.flat_map(|one| about(vault, one)).collect();
    }
    about(vault, root).collect()
}

fn about(vault: &Vault, resource: NodeRef<'_>) -> impl Iterator<Item = Box<str>> + use<> {
    let base = vault.index_base();
    patients(resource, &base).into_iter()
}

/// The patients whom a resource is about.
fn patients(resource: NodeRef<'_>, base: &Arc<str>) -> Vec<Box<str>> {
    let Some(ty) = resource.ty().as_resource() else { return Vec::new() };
    let tree = json::parse_trusted(Bytes::copy_from_slice(resource.raw()));
    let rows = search::extract(compartments(), &tree, base);
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
