//! An `AuditEvent` in the form of IHE's Basic Audit Log Patterns: <https://profiles.ihe.net/ITI/BALP/content.html>.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fhir_model::json;
use storage::Access;

use super::said::Said;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ENTITY: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP: &str = "https://profiles.ihe.net/ITI/BALP";

/// An interaction as events say it.
struct Kind {
    code: &'static str,
    /// Create, read, update, delete, execute.
    action: &'static str,
    /// The pattern, and the interaction that it asks for besides.
    pattern: Option<(&'static str, &'static str)>,
}

const fn kind(
    code: &'static str,
    action: &'static str,
    pattern: Option<(&'static str, &'static str)>,
) -> Kind {
    Kind { code, action, pattern }
}

/// By <http://hl7.org/fhir/ValueSet/type-restful-interaction>.
const KINDS: [Kind; 16] = [
    kind("read", "R", Some(("Read", "read"))),
    kind("vread", "R", Some(("Read", "read"))),
    kind("search", "E", Some(("Query", "search"))),
    kind("search-type", "E", Some(("Query", "search"))),
    kind("search-system", "E", Some(("Query", "search"))),
    kind("create", "C", Some(("Create", "create"))),
    kind("update", "U", Some(("Update", "update"))),
    kind("patch", "U", Some(("Update", "update"))),
    kind("delete", "D", Some(("Delete", "delete"))),
    kind("history-instance", "R", None),
    kind("history-type", "R", None),
    kind("history-system", "R", None),
    kind("capabilities", "R", None),
    kind("operation", "E", None),
    kind("transaction", "E", None),
    kind("batch", "E", None),
];

/// An event in the making.
struct Event {
    out: String,
    entities: Vec<String>,
}

/// The event of what was done.
pub(super) fn of(access: &Access) -> Vec<u8> {
    let said = Said::read(&access.bearer);
    let kind = KINDS.iter().find(|kind| kind.code == access.interaction);
    let action = kind.map_or("E", |kind| kind.action);
    let mut event = Event { out: String::with_capacity(2_000), entities: Vec::new() };
    event.head(access, kind);
    event.purpose(&said);
    event.agents(&said, action);
    event.text(r#","source":{"observer":{"display":"MedVault"}}"#);
    if !access.what.is_empty() {
        event.what(&access.what);
    }
    if !access.query.is_empty() {
        event.query(&access.query);
    }
    access.patients.iter().for_each(|patient| event.patient(patient));
    if !access.request.is_empty() {
        event.request(&access.request);
    }
    event.finish()
}

impl Event {
    fn head(&mut self, access: &Access, kind: Option<&Kind>) {
        self.text(r#"{"resourceType":"AuditEvent","#);
        let pattern = kind.and_then(|kind| kind.pattern);
        if let Some((pattern, _)) = pattern.filter(|_| access.outcome == 0) {
            let patient = if access.patients.len() == 1 { "Patient" } else { "" };
            self.text(&format!(
                r#""meta":{{"profile":["{BALP}/StructureDefinition/IHE.BasicAudit.{patient}{pattern}"]}},"#
            ));
        }
        self.text(r#""type":{"system":"http://terminology.hl7.org/CodeSystem/audit-event-type","code":"rest"},"subtype":["#);
        let code = &*access.interaction;
        let besides = pattern.map(|(_, code)| code).filter(|besides| *besides != code);
        for (n, code) in std::iter::once(code).chain(besides).enumerate() {
            self.text(if n > 0 { "," } else { "" });
            self.text(r#"{"system":"http://hl7.org/fhir/restful-interaction","code":"#);
            self.string(code);
            self.text("}");
        }
        let (action, outcome, at) =
            (kind.map_or("E", |kind| kind.action), access.outcome, access.at);
        self.text(&format!(r#"],"action":"{action}","recorded":"{at}","outcome":"{outcome}""#));
        if !access.why.is_empty() {
            self.text(r#","outcomeDesc":"#);
            self.string(&access.why);
        }
    }

    fn purpose(&mut self, said: &Said) {
        let Some(code) = &said.purpose else { return };
        self.text(r#","purposeOfEvent":["#);
        self.reason(code, said.reason.as_deref());
        self.text("]");
    }

    fn reason(&mut self, code: &str, text: Option<&str>) {
        self.text(&format!(r#"{{"coding":[{{"system":"{REASON}","code":"{code}"}}]"#));
        if let Some(text) = text {
            self.text(r#","text":"#);
            self.string(text);
        }
        self.text("}");
    }

    /// The client, the server and the user. Who sends and who receives depends on which way the data go.
    fn agents(&mut self, said: &Said, action: &str) {
        let (source, destination) = ((DICOM, "110153"), (DICOM, "110152"));
        let (client, server) = match action {
            "R" => (destination, source),
            "D" => ((DICOM, "110150"), (PARTICIPANT, "custodian")),
            _ => (source, destination),
        };
        self.text(r#","agent":["#);
        self.agent(client);
        self.text(r#"{"identifier":{"value":"#);
        self.string(said.client.as_deref().unwrap_or("medvault token"));
        self.text(r#"}},"requestor":"#);
        self.text(if said.user.is_none() { "true" } else { "false" });
        self.text(r#","policy":["#);
        self.string(&format!("urn:ietf:params:oauth:jti:{}", said.token));
        self.text("]},");
        self.agent(server);
        self.text(r#"{"display":"MedVault"},"requestor":false}"#);
        if let Some(user) = &said.user {
            self.text(",");
            self.agent((PARTICIPATION, "IRCP"));
            self.text("{");
            if let Some(itself) = &user.itself {
                self.text(r#""reference":"#);
                self.string(itself);
                self.text(",");
            }
            self.text(r#""display":"#);
            self.string(&user.login);
            self.text(r#"},"requestor":true,"role":[{"text":"#);
            self.string(&user.role);
            self.text("}]");
            if let Some(code) = &said.purpose {
                self.text(r#","purposeOfUse":["#);
                self.reason(code, None);
                self.text("]");
            }
            self.text("}");
        }
        self.text("]");
    }

    fn agent(&mut self, (system, code): (&str, &str)) {
        self.text(&format!(
            r#"{{"type":{{"coding":[{{"system":"{system}","code":"{code}"}}]}},"who":"#
        ));
    }

    fn what(&mut self, reference: &str) {
        let (reference, kind) = (quoted(reference), coded("2", "4"));
        self.entities.push(format!(r#"{{"what":{{"reference":{reference}}},{kind}}}"#));
    }

    fn query(&mut self, address: &str) {
        let (query, kind) = (STANDARD.encode(address), coded("2", "24"));
        let description = quoted(address);
        self.entities.push(format!(r#"{{{kind},"description":{description},"query":"{query}"}}"#));
    }

    fn patient(&mut self, id: &str) {
        let (reference, kind) = (quoted(&format!("Patient/{id}")), coded("1", "1"));
        self.entities.push(format!(r#"{{"what":{{"reference":{reference}}},{kind}}}"#));
    }

    fn request(&mut self, id: &str) {
        let id = quoted(id);
        self.entities.push(format!(
            r#"{{"what":{{"identifier":{{"value":{id}}}}},"type":{{"system":"{BALP}/CodeSystem/BasicAuditEntityType","code":"XrequestId"}}}}"#
        ));
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.entities.is_empty() {
            self.out.push_str(r#","entity":["#);
            self.out.push_str(&self.entities.join(","));
            self.out.push(']');
        }
        self.out.push('}');
        self.out.into_bytes()
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn string(&mut self, text: &str) {
        self.out.push_str(&quoted(text));
    }
}

fn coded(kind: &str, role: &str) -> String {
    format!(
        r#""type":{{"system":"{ENTITY}","code":"{kind}"}},"role":{{"system":"{ROLE}","code":"{role}"}}"#
    )
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    json::write_string(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}
