//! Transactions: all entries or none, <https://hl7.org/fhir/R4/http.html#transaction>.

use std::collections::BTreeSet;

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, NodeRef, Outcome, Valid};

use crate::{
    Answer, Fhir, Interaction, Prefer, Return, Verb,
    bundle::{Bundle, Response, status_line},
    entry,
    search::{concepts, plan_of},
    write::{
        Effect, Written,
        commit::{Act, Commit, Entry},
    },
};

/// Carries a transaction out.
///
/// # Errors
/// The refusal of the first entry that fails; nothing is stored then.
pub(crate) async fn transaction(
    fhir: &Fhir,
    caller: &Caller,
    bundle: &Valid,
    prefer: Prefer,
) -> Result<Answer, Outcome> {
    let nodes: Vec<NodeRef<'_>> = bundle.tree().root().named("entry").collect();
    let mut acts = Vec::with_capacity(nodes.len());
    let mut permit: Option<Permit> = None;
    for (n, node) in nodes.iter().enumerate() {
        let place = format!("Bundle.entry[{n}]");
        let (verb, mut act) = act(fhir, *node, prefer).map_err(|refusal| refusal.inside(&place))?;
        let allowed = allowed(caller, &mut act).map_err(|refusal| refusal.inside(&place))?;
        settle(fhir, &allowed, &mut act).await.map_err(|refusal| refusal.inside(&place))?;
        permit = Some(allowed);
        let full_url = node.child_text("fullUrl").map(std::borrow::Cow::into_owned);
        acts.push((n, verb, Entry::of_bundle(act, full_url, place)));
    }
    let Some(permit) = permit else {
        return Ok(Answer::ok(Bundle::new("transaction-response").finish()));
    };
    refuse_same_names(acts.iter().map(|(.., entry)| entry))?;
    // the order of the specification: DELETE, POST, PUT and PATCH, GET; within each, as sent
    acts.sort_by_key(|(_, verb, _)| rank(*verb));
    let order: Vec<usize> = acts.iter().map(|(n, ..)| *n).collect();
    let entries = acts.into_iter().map(|(_, _, entry)| entry).collect();
    let commit = Commit::new(fhir, entries).recorded(fhir, caller);
    let written = fhir.vault.commit(permit, commit).await?;
    let mut answers: Vec<(usize, Written)> = order.into_iter().zip(written).collect();
    answers.sort_by_key(|(n, _)| *n);
    let mut out = Bundle::new("transaction-response");
    for (_, written) in &answers {
        respond(&mut out, fhir, written, prefer);
    }
    Ok(Answer::ok(out.finish()))
}

/// bdl-7: a reference to a `fullUrl` means one entry.
fn refuse_same_names<'e>(entries: impl Iterator<Item = &'e Entry>) -> Result<(), Outcome> {
    let mut seen = BTreeSet::new();
    for entry in entries {
        let Some(url) = entry.full_url.as_deref() else { continue };
        if !seen.insert(url) {
            let text = "An earlier entry has the same fullUrl; a reference to it could mean either";
            let place = entry.place.as_deref().unwrap_or("Bundle.entry");
            return Err(Outcome::new(IssueType::Invalid, text).at(format!("{place}.fullUrl")));
        }
    }
    Ok(())
}

fn rank(verb: Verb) -> u8 {
    match verb {
        Verb::Delete => 0,
        Verb::Post => 1,
        Verb::Put | Verb::Patch => 2,
        Verb::Get => 3,
    }
}

fn act(fhir: &Fhir, node: NodeRef<'_>, prefer: Prefer) -> Result<(Verb, Act), Outcome> {
    let request = entry::request(fhir, node, prefer)?;
    let verb = request.verb;
    let act = match Interaction::parse(fhir, request)? {
        Interaction::Write(write) => Act::Write(*write),
        Interaction::Read(read) => Act::Read(read.key),
        Interaction::Search(reach, query) => {
            let (plan, count) = plan_of(fhir, &reach, query)?;
            Act::Search(reach, Box::new(plan), count)
        }
        Interaction::Batch(..) | Interaction::Transaction(_) => {
            return Err(Outcome::new(
                IssueType::Invalid,
                "A transaction holds no other Bundles to carry out",
            ));
        }
        Interaction::Capabilities
        | Interaction::VersionRead(..)
        | Interaction::History(..)
        | Interaction::Reindex(_)
        | Interaction::ReindexStatus(_)
        | Interaction::Operation(_) => {
            return Err(Outcome::new(
                IssueType::NotSupported,
                "Inside a transaction only reads and searches can be asked for; use a batch",
            ));
        }
    };
    Ok((verb, act))
}

fn allowed(caller: &Caller, act: &mut Act) -> Result<Permit, Outcome> {
    match act {
        Act::Write(write) => write.allowed(caller),
        Act::Read(key) => authorize(caller, Action::Read, Some(key.resource_type)),
        Act::Search(reach, plan, _) => {
            let permit = authorize(caller, Action::Search, reach.ty())?;
            let named = reach.named(plan);
            auth::check(plan, &permit, (&[Action::Search], named))?;
            Ok(permit)
        }
    }
}

/// Looks up the value sets that an entry's criteria name.
async fn settle(fhir: &Fhir, permit: &Permit, act: &mut Act) -> Result<(), Outcome> {
    match act {
        Act::Write(write) => write.settle(fhir, permit).await,
        Act::Search(_, plan, _) => concepts::settle(fhir, permit, plan).await,
        Act::Read(_) => Ok(()),
    }
}

fn respond(out: &mut Bundle, fhir: &Fhir, written: &Written, prefer: Prefer) {
    let is_look = written.key.is_none() && written.body.is_some();
    let wants_body = is_look || prefer.answer == Some(Return::Representation);
    let resource =
        written.body.as_deref().filter(|_| wants_body || written.effect == Effect::Found);
    let outcome = (prefer.answer == Some(Return::OperationOutcome) && !is_look)
        .then(|| written.account().to_json());
    let location = written.location(&fhir.base);
    let has_version = written.version > 0;
    out.response(&Response {
        status: &status_line(written.status(resource.or(outcome.as_deref()))),
        resource,
        location: location.as_deref(),
        version: has_version.then_some(written.version),
        updated: has_version.then_some(written.updated),
        outcome: outcome.as_deref(),
    });
}
