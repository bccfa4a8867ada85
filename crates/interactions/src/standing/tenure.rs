//! The end of an intern's time, told once: an `AuditEvent` that auditors find by `subtype=tenure-expired`.

use fhir_model::{Instant, NodeRef, Outcome, ResourceType, Tree, json};

use crate::{
    Fhir, Interaction, Prefer, Query,
    operation::quoted,
    write::{Target, Write},
};

/// Tells that an intern came after the time of the last of their roles.
///
/// # Errors
/// The database's own trouble.
pub(super) async fn tell(
    fhir: &Fhir,
    intern: &str,
    roles: &[Tree],
    now: Instant,
) -> Result<(), Outcome> {
    let end = |role: &Tree| role.root().child("period").and_then(|it| text(it, "end"));
    let Some(role) = roles.iter().max_by_key(|role| end(role)) else { return Ok(()) };
    let (Some(ty), Some(id)) = (ResourceType::named("AuditEvent"), text(role.root(), "id")) else {
        return Ok(());
    };
    // once for each end: a time that was made longer may end again
    let since = end(role).map_or_else(String::new, |end| format!("&date=ge{end}"));
    let criteria = format!("subtype=tenure-expired&entity=PractitionerRole/{id}{since}");
    let if_none_exist = Some(Target::criteria(fhir, ty, &Query::parse(&criteria)?)?);
    let event = event(intern, &format!("PractitionerRole/{id}"), now);
    let resource = json::parse(event.into(), &json::Limits::default())?;
    let write = Interaction::Write(Box::new(Write::Create { resource, if_none_exist }));
    fhir.perform(&auth::Caller::Operator, write, Prefer::default()).await.map(drop)
}

fn event(intern: &str, role: &str, now: Instant) -> String {
    let (intern, role) = (quoted(intern), quoted(role));
    format!(
        r#"{{"resourceType":"AuditEvent","type":{{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"110113","display":"Security Alert"}},"subtype":[{{"system":"https://medvault.example/fhir/CodeSystem/audit-event","code":"tenure-expired"}}],"action":"E","recorded":"{now}","outcome":"4","outcomeDesc":"Access was asked for after the end of the time at the hospital","agent":[{{"who":{{"reference":{intern}}},"requestor":true}}],"source":{{"observer":{{"display":"MedVault"}}}},"entity":[{{"what":{{"reference":{role}}}}}]}}"#
    )
}

fn text(node: NodeRef<'_>, name: &str) -> Option<String> {
    node.child_text(name).map(std::borrow::Cow::into_owned)
}
