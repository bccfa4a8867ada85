//! What the vault writes for itself and takes from nobody else: Tasks that wait for a signature, and signatures of others.
//! And what an intern leaves open, in every coding of it.

use auth::{Permit, Role};
use fhir_model::{Instant, IssueType, NodeRef, Outcome, ResourceType, Tree, json};
use storage::{Change, Key, Tx};

use super::{commit::Context, cosigning};

/// Who confirms, or answers for it: <https://hl7.org/fhir/R4/valueset-provenance-agent-type.html> and
/// <http://terminology.hl7.org/CodeSystem/v3-ParticipationType>.
const VERIFIER: &[&str] = &["verifier", "VRF", "legal", "LA", "attester", "AUTHEN"];

/// Refuses what is not the caller's to write. The operator may.
///
/// # Errors
/// `forbidden`, `business-rule`: which change, and why; the database's own trouble.
pub(super) async fn refuse(
    context: &Context,
    changes: &[Change],
    tx: &mut Tx<'_>,
) -> Result<(), (usize, Outcome)> {
    let permit = tx.permit().clone();
    if is_operator(&permit) {
        return Ok(());
    }
    for (at, change) in changes.iter().enumerate() {
        let refused = match change.key.resource_type.name() {
            "Task" => task(change),
            "Condition" => condition(&permit, change),
            "Provenance" => match foreign(context, &permit, change) {
                Ok(roles) => are_own(context, &roles, tx).await,
                Err(no) => Err(no),
            },
            _ => Ok(()),
        };
        refused.map_err(|no| (at, no))?;
    }
    Ok(())
}

fn is_operator(permit: &Permit) -> bool {
    permit.covers_all_rows() || permit.principal().is_some_and(|who| who.role() == Role::Operator)
}

/// The new version.
fn after(change: &Change) -> Option<Tree> {
    let stamped = change.body.as_ref()?;
    Some(json::parse_trusted(stamped.bytes(1, Instant::from_millis(0))))
}

/// A Task that waits for a signature follows what is signed, and nobody's hand.
fn task(change: &Change) -> Result<(), Outcome> {
    let before = change.replaces.as_ref().and_then(|head| head.body.clone());
    let versions = [before.map(json::parse_trusted), after(change)];
    if !versions.iter().flatten().any(|tree| has_code(tree.root(), "code", &[cosigning::CODE])) {
        return Ok(());
    }
    let text = "A Task with the code cosign is the vault's own: it follows what an intern writes and $cosign";
    Err(Outcome::new(IssueType::Forbidden, text).at("Task.code"))
}

/// Whether a concept of the node, or one of several, has one of these codes.
fn has_code(node: NodeRef<'_>, name: &str, codes: &[&str]) -> bool {
    node.named(name).any(|concept| {
        let mut found = concept.named("coding").filter_map(|coding| coding.child_text("code"));
        found.any(|code| codes.contains(&&*code))
    })
}

/// One coding that is provisional does not make another one so.
fn condition(permit: &Permit, change: &Change) -> Result<(), Outcome> {
    let Some(tree) = after(change) else { return Ok(()) };
    let is_intern = permit.principal().is_some_and(|who| who.role() == Role::Intern);
    if !is_intern || cosigning::is_preliminary(tree.root()) {
        return Ok(());
    }
    let text = "cosign-required: an intern writes a Condition with no coding of verificationStatus but provisional; the supervisor confirms it";
    Err(Outcome::new(IssueType::BusinessRule, text).at("Condition.verificationStatus"))
}

/// Who names nobody but themselves as who verifies or signs; roles that remain to be looked up, with whose they have to
/// be.
fn foreign(
    context: &Context,
    permit: &Permit,
    change: &Change,
) -> Result<Vec<(Key, String)>, Outcome> {
    let mut roles = Vec::new();
    let Some(tree) = after(change) else { return Ok(roles) };
    let own = permit.principal().and_then(|who| who.itself());
    let own = own.map(|(ty, id)| format!("{ty}/{id}"));
    let root = tree.root();
    let verifies = |agent: &NodeRef<'_>| {
        has_code(*agent, "type", VERIFIER) || has_code(*agent, "role", VERIFIER)
    };
    for signer in root.named("agent").filter(verifies).chain(root.named("signature")) {
        let own = own.clone().ok_or_else(another)?;
        let said = signer.child("who").and_then(|who| who.child_text("reference"));
        let said = local(context, said.as_deref().ok_or_else(another)?).to_owned();
        if said == own {
            continue;
        }
        let id = said.strip_prefix("PractitionerRole/").filter(|id| !id.contains('/'));
        let role = ResourceType::named("PractitionerRole").zip(id).ok_or_else(another)?;
        roles.push((Key::new(role.0, role.1), own));
    }
    Ok(roles)
}

/// Whether these roles are theirs.
async fn are_own(
    context: &Context,
    roles: &[(Key, String)],
    tx: &mut Tx<'_>,
) -> Result<(), Outcome> {
    if roles.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = roles.iter().map(|(key, _)| key.clone()).collect();
    let heads = tx.load(&keys).await?;
    for ((_, own), head) in roles.iter().zip(heads) {
        let body = head.and_then(|head| head.body).ok_or_else(another)?;
        let tree = json::parse_trusted(body);
        let of = tree.root().child("practitioner").and_then(|of| of.child_text("reference"));
        if of.as_deref().map(|of| local(context, of)) != Some(own) {
            return Err(another());
        }
    }
    Ok(())
}

/// Without the address of this server.
fn local<'t>(context: &Context, reference: &'t str) -> &'t str {
    let mut bases = context.bases().into_iter();
    let found = bases.find_map(|base| reference.strip_prefix(base)?.strip_prefix('/'));
    found.unwrap_or(reference)
}

fn another() -> Outcome {
    let text = "A Provenance names as who verifies or signs it nobody but who writes it; $cosign names the supervisor who signs";
    Outcome::new(IssueType::Forbidden, text).at("Provenance.agent")
}
