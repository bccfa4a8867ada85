//! Changes of resources: create, update, patch, delete, with and without conditions. One of them alone, or
//! many as a transaction, go the same way: [`commit::Commit`].

mod aadhaar;
mod app_state;
mod catalogue;
pub(crate) mod commit;
pub(crate) mod cosigning;
mod decide;
mod identity;
mod prepare;
mod references;
mod reserved;

use auth::{Action, Caller, Named, Permit, authorize};
use bytes::Bytes;
use fhir_model::{Instant, Outcome, ResourceType, Valid};
use search::Plan;
use storage::Key;

use crate::{
    Answer, Conditions, Fhir, Prefer, Query, Return,
    patch::Patch,
    search::{concepts, criteria},
};
use commit::{Commit, Entry};

/// A change that is asked for.
#[derive(Debug)]
pub enum Write {
    /// <https://hl7.org/fhir/R4/http.html#create>
    Create {
        /// What.
        resource: Valid,
        /// Only when this finds nothing.
        if_none_exist: Option<Target>,
    },
    /// <https://hl7.org/fhir/R4/http.html#update>
    Update {
        /// Which.
        target: Target,
        /// What it becomes.
        resource: Valid,
        /// `If-Match`, `If-None-Match`.
        conditions: Conditions,
    },
    /// <https://hl7.org/fhir/R4/http.html#patch>
    Patch {
        /// Which.
        target: Target,
        /// What changes.
        patch: Patch,
        /// `If-Match`.
        conditions: Conditions,
    },
    /// <https://hl7.org/fhir/R4/http.html#delete>
    Delete {
        /// Which.
        target: Target,
        /// `If-Match`.
        conditions: Conditions,
    },
}

/// What a change is about.
#[derive(Debug, Clone)]
pub enum Target {
    /// A resource by its id.
    Key(Key),
    /// The one resource that a search finds.
    Criteria(ResourceType, Box<Plan>),
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// There is a new resource (or one that was deleted is back).
    Created,
    /// There is a new version.
    Updated,
    /// Nothing had to change.
    Unchanged,
    /// A conditional create found the resource that was there.
    Found,
    /// It is gone.
    Deleted,
    /// There was nothing to delete.
    Nothing,
}

/// A change that was carried out.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) effect: Effect,
    pub(crate) key: Option<Key>,
    pub(crate) version: u64,
    pub(crate) updated: Instant,
    pub(crate) body: Option<Bytes>,
}

impl Target {
    /// The criteria of a conditional interaction.
    ///
    /// # Errors
    /// Those of a search; also when there are no criteria, which would mean everything.
    pub(crate) fn criteria(fhir: &Fhir, ty: ResourceType, query: &Query) -> Result<Self, Outcome> {
        let mut query = query.clone();
        query.take("_format");
        query.take("_pretty");
        let plan = criteria(fhir, ty, &query)?;
        if plan.filters().is_empty() {
            return Err(Outcome::new(
                fhir_model::IssueType::Invalid,
                format!(
                    "Give the id of the {ty}, or criteria such as {ty}?identifier=system|value"
                ),
            ));
        }
        Ok(Self::Criteria(ty, Box::new(plan)))
    }
}

impl Write {
    /// The type and what is done to it, for the question whether that is allowed.
    pub(crate) fn action(&self) -> (Action, ResourceType) {
        match self {
            Self::Create { resource, .. } => (Action::Create, resource.resource_type()),
            Self::Update { resource, .. } => (Action::Update, resource.resource_type()),
            Self::Patch { target, .. } => (Action::Update, target.resource_type()),
            Self::Delete { target, .. } => (Action::Delete, target.resource_type()),
        }
    }
}

impl Write {
    /// The resource that is changed, or for a create the criteria that must find none.
    pub(crate) fn target(&self) -> Option<&Target> {
        match self {
            Self::Create { if_none_exist, .. } => if_none_exist.as_ref(),
            Self::Update { target, .. }
            | Self::Patch { target, .. }
            | Self::Delete { target, .. } => Some(target),
        }
    }
}

impl Write {
    /// Whether the caller may do this to resources of the type, and ask by its criteria.
    ///
    /// # Errors
    /// `login`, `forbidden`.
    pub(crate) fn allowed(&mut self, caller: &Caller) -> Result<Permit, Outcome> {
        let (action, ty) = self.action();
        let permit = authorize(caller, action, Some(ty))?;
        if let Some(Target::Criteria(_, plan)) = self.target_mut() {
            auth::check(plan, &permit, (&[Action::Search, action], Named::Types))?;
        }
        Ok(permit)
    }

    fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Self::Create { if_none_exist, .. } => if_none_exist.as_mut(),
            Self::Update { target, .. }
            | Self::Patch { target, .. }
            | Self::Delete { target, .. } => Some(target),
        }
    }

    /// Looks up the value sets that its criteria name: inside the transaction nothing can wait for that. What an app
    /// keeps for itself is checked and marked.
    ///
    /// # Errors
    /// Those of [`concepts::settle`], and of [`app_state::prepare`].
    pub(crate) async fn settle(&mut self, fhir: &Fhir, permit: &Permit) -> Result<(), Outcome> {
        app_state::prepare(fhir, permit, self)?;
        match self.target_mut() {
            Some(Target::Criteria(_, plan)) => concepts::settle(fhir, permit, plan).await,
            Some(Target::Key(_)) | None => Ok(()),
        }
    }
}

impl Target {
    pub(crate) fn resource_type(&self) -> ResourceType {
        match self {
            Self::Key(key) => key.resource_type,
            Self::Criteria(ty, _) => *ty,
        }
    }
}

/// One change alone.
///
/// # Errors
/// A refusal that the client can show as it is.
pub(crate) async fn single(
    fhir: &Fhir,
    caller: &Caller,
    mut write: Write,
    prefer: Prefer,
) -> Result<Answer, Outcome> {
    let permit = write.allowed(caller)?;
    write.settle(fhir, &permit).await?;
    let commit = Commit::new(fhir, vec![Entry::alone(write)]).recorded(fhir, caller);
    let written = fhir.vault.commit(permit, commit).await?;
    let missing = || Outcome::new(fhir_model::IssueType::Exception, "The write gave no answer");
    let written = written.into_iter().next().ok_or_else(missing)?;
    let body = match prefer.answer.unwrap_or(Return::Representation) {
        Return::Representation => written.body.clone(),
        Return::Minimal => None,
        Return::OperationOutcome => Some(written.account().to_json().into()),
    };
    let status = written.status(body.as_deref());
    Ok(Answer {
        status,
        body,
        version: (written.version > 0).then_some(written.version),
        updated: (written.version > 0).then_some(written.updated),
        location: written.location(&fhir.base),
        ..Answer::default()
    })
}

impl Written {
    /// The HTTP status, with this body.
    pub(crate) fn status(&self, body: Option<&[u8]>) -> u16 {
        match self.effect {
            Effect::Created => 201,
            Effect::Updated | Effect::Unchanged | Effect::Found => 200,
            Effect::Deleted | Effect::Nothing if body.is_some() => 200,
            Effect::Deleted | Effect::Nothing => 204,
        }
    }

    /// The version's address; none for what is gone.
    pub(crate) fn location(&self, base: &str) -> Option<String> {
        let key = self.key.as_ref()?;
        let gone = matches!(self.effect, Effect::Deleted | Effect::Nothing);
        (!gone)
            .then(|| format!("{base}/{}/{}/_history/{}", key.resource_type, key.id, self.version))
    }

    /// What was done, in words.
    pub(crate) fn account(&self) -> Outcome {
        let name = self
            .key
            .as_ref()
            .map_or_else(String::new, |key| format!("{}/{}", key.resource_type, key.id));
        Outcome::information(match self.effect {
            Effect::Created => format!("{name} was created as version {}", self.version),
            Effect::Updated => format!("{name} was updated to version {}", self.version),
            Effect::Unchanged => {
                format!("{name} was the same already; it stays at version {}", self.version)
            }
            Effect::Found => format!("{name} matches the criteria; nothing was created"),
            Effect::Deleted => format!("{name} was deleted"),
            Effect::Nothing => "There was nothing to delete".to_owned(),
        })
    }
}
