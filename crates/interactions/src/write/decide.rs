//! What an entry does to what is there. Pure: the resource as found in, a change or a settled answer out.

use std::sync::Arc;

use bytes::Bytes;
use fhir_model::{Instant, IssueType, Outcome, Valid, json};
use search::Rows;
use storage::{Change, Head, Key, Method};

use super::{
    Effect, Target, Write, Written, app_state,
    commit::{Act, Context, Entry},
    identity::Identity,
    prepare::Prepared,
    references::Resolved,
};
use crate::{Conditions, patch::Patch};

/// What is to be done.
#[derive(Debug)]
pub(super) enum Decision {
    /// Write this; the answer follows.
    Change(Option<Box<Change>>, Effect),
    /// Nothing has to be written.
    Settled(Written),
    /// An earlier entry creates what this one asks for.
    Twin(Key),
    /// Look once everything is written.
    Look,
}

impl Decision {
    /// The change, for the vault.
    pub(super) fn take_change(&mut self) -> Option<Change> {
        match self {
            Self::Change(change, _) => change.take().map(|change| *change),
            Self::Settled(_) | Self::Twin(_) | Self::Look => None,
        }
    }

    fn change(change: Change, effect: Effect) -> Self {
        Self::Change(Some(Box::new(change)), effect)
    }
}

/// Decides for one entry. `head` is what stands under its key.
///
/// # Errors
/// Version conflicts, patches that fail, what the vault does not keep, and whatever else forbids the change.
pub(super) fn decide(
    context: &Context,
    (entry, identity): (&Entry, &Identity),
    head: Option<Head>,
    names: &Resolved<'_>,
) -> Result<Decision, Outcome> {
    let Act::Write(write) = &entry.action else { return Ok(Decision::Look) };
    let key = match identity {
        Identity::New(key) | Identity::Existing(key) | Identity::Found(key) => key,
        Identity::Open(_) | Identity::Nothing | Identity::Look => {
            return Ok(Decision::Settled(nothing(None)));
        }
    };
    match write {
        Write::Create { .. } if matches!(identity, Identity::Found(_)) => Ok(found(key, head)),
        Write::Create { resource, .. } => {
            let ready = ready(context, entry, (resource, key), names);
            ready.allowed()?;
            let change = new_version(key, Method::Post, None, &ready);
            Ok(Decision::change(change, Effect::Created))
        }
        Write::Update { resource, conditions, target } => {
            same_id(key, resource, target)?;
            hold(conditions, head.as_ref())?;
            app_state::follows(head.as_ref(), (conditions, Some(resource)), context.bases())?;
            let ready = ready(context, entry, (resource, key), names);
            ready.allowed()?;
            Ok(replace(key, Method::Put, head, &ready))
        }
        Write::Patch { patch, conditions, .. } => {
            hold(conditions, head.as_ref())?;
            let resource = patched(context, key, head.as_ref(), patch)?;
            app_state::follows(head.as_ref(), (conditions, Some(&resource)), context.bases())?;
            let ready = Prepared::make(context, &resource, &key.id, names);
            ready.allowed()?;
            Ok(replace(key, Method::Patch, head, &ready))
        }
        Write::Delete { conditions, .. } => {
            hold(conditions, head.as_ref())?;
            app_state::follows(head.as_ref(), (conditions, None), context.bases())?;
            Ok(delete(key, head))
        }
    }
}

/// What was made ready beforehand, or made ready now that all references are known.
fn ready(
    context: &Context,
    entry: &Entry,
    (resource, key): (&Valid, &Key),
    names: &Resolved<'_>,
) -> Prepared {
    let id = &key.id;
    match entry.prepared() {
        // a conditional update finds its id only now
        Some(prepared) if prepared.is_settled() && prepared.is_for(id) => prepared.clone(),
        _ => Prepared::make(context, resource, id, names),
    }
}

fn new_version(key: &Key, method: Method, replaces: Option<Head>, ready: &Prepared) -> Change {
    Change {
        key: key.clone(),
        method,
        replaces,
        body: Some(Arc::clone(ready.stamped())),
        rows: Arc::clone(ready.rows()),
        epoch: ready.epoch(),
    }
}

/// A new version, unless it would say what the current one says.
fn replace(key: &Key, method: Method, head: Option<Head>, ready: &Prepared) -> Decision {
    let current = head.as_ref().and_then(|head| head.body.as_ref().map(|body| (head, body)));
    let Some((head_now, body)) = current else {
        return Decision::change(new_version(key, method, head, ready), Effect::Created);
    };
    if ready.stamped().bytes(head_now.version, head_now.updated) == *body {
        return Decision::Settled(as_it_is(Effect::Unchanged, key, head_now));
    }
    Decision::change(new_version(key, method, head, ready), Effect::Updated)
}

fn delete(key: &Key, head: Option<Head>) -> Decision {
    match head {
        Some(head) if head.body.is_some() => {
            let change = Change {
                key: key.clone(),
                method: Method::Delete,
                replaces: Some(head),
                body: None,
                rows: Arc::new(Rows::default()),
                epoch: 0,
            };
            Decision::change(change, Effect::Deleted)
        }
        Some(head) if head.version > 0 => Decision::Settled(as_it_is(Effect::Nothing, key, &head)),
        _ => Decision::Settled(nothing(Some(key.clone()))),
    }
}

fn found(key: &Key, head: Option<Head>) -> Decision {
    match head {
        Some(head) => Decision::Settled(as_it_is(Effect::Found, key, &head)),
        None => Decision::Twin(key.clone()),
    }
}

fn as_it_is(effect: Effect, key: &Key, head: &Head) -> Written {
    Written {
        effect,
        key: Some(key.clone()),
        version: head.version,
        updated: head.updated,
        body: head.body.clone(),
    }
}

fn nothing(key: Option<Key>) -> Written {
    Written {
        effect: Effect::Nothing,
        key,
        version: 0,
        updated: Instant::from_millis(0),
        body: None,
    }
}

/// `If-Match`, also `*`, and `If-None-Match: *`.
fn hold(conditions: &Conditions, head: Option<&Head>) -> Result<(), Outcome> {
    let version = head.map_or(0, |head| head.version);
    let exists = head.is_some_and(|head| head.body.is_some());
    if let Some(wanted) = conditions.if_match
        && !conditions.admits(version)
    {
        return Err(Outcome::new(
            IssueType::VersionConflict,
            format!(
                "The change is for version {wanted}, the current version is {version}; read it again and \
                 repeat the change"
            ),
        ));
    }
    if conditions.if_exists && !exists {
        return Err(Outcome::new(
            IssueType::VersionConflict,
            "There is no resource yet, and If-Match: * asks for one",
        ));
    }
    if conditions.if_absent && exists {
        return Err(Outcome::new(
            IssueType::VersionConflict,
            "There is a resource already, and If-None-Match: * asks for none",
        ));
    }
    Ok(())
}

/// The criteria of a conditional update must not find somebody else.
fn same_id(key: &Key, resource: &Valid, target: &Target) -> Result<(), Outcome> {
    let id = resource.tree().root().child_text("id");
    match (target, id) {
        (Target::Criteria(..), Some(id)) if *id != *key.id => Err(Outcome::new(
            IssueType::Invalid,
            "The criteria find a resource with another id than the one in the body",
        )
        .at(format!("{}.id", key.resource_type))),
        _ => Ok(()),
    }
}

/// The current version with the patch applied, its structure checked like any other.
fn patched(
    context: &Context,
    key: &Key,
    head: Option<&Head>,
    patch: &Patch,
) -> Result<Valid, Outcome> {
    let Some(head) = head.filter(|head| head.version > 0) else {
        return Err(crate::read::not_found(key));
    };
    let Some(body) = &head.body else { return Err(crate::read::deleted(key)) };
    let bytes: Bytes = patch.apply(body)?;
    let resource = json::parse(bytes, &context.limits)?;
    let id = resource.tree().root().child_text("id");
    if resource.resource_type() != key.resource_type || id.as_deref() != Some(&key.id) {
        return Err(Outcome::new(
            IssueType::Invalid,
            "A patch cannot change the type or the id of a resource",
        ));
    }
    Ok(resource)
}
