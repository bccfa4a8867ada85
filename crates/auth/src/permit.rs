//! The proof that a caller was allowed to do something, and to which rows.

use std::{fmt, sync::Arc};

use fhir_model::{IssueType, Outcome, ResourceType};

use crate::{Action, Caller, Principal, policy::Policy, role::Role, rows, rows::Rows};

/// Proof that access was checked. Only [`authorize`] makes one, and storage asks for one; what storage shows and
/// writes lies in [`Permit::rows`].
///
/// ```compile_fail,E0451
/// let forged = auth::Permit { bounds: auth::Bounds::None };
/// ```
#[derive(Debug, Clone)]
#[must_use = "a permit is spent by handing it to storage"]
pub struct Permit {
    bounds: Bounds,
}

/// What a permit is bounded by.
#[derive(Debug, Clone)]
enum Bounds {
    /// Nothing: every row of the vault.
    None,
    /// What everybody may see.
    Public,
    /// What a token's scopes and its bearer's role open.
    Bearer(Arc<Principal>),
}

impl Permit {
    /// Whether every row may be touched, whoever it is about.
    pub fn covers_all_rows(&self) -> bool {
        matches!(self.bounds, Bounds::None)
    }

    /// Which rows of a type may be touched so.
    pub fn rows(&self, action: Action, ty: ResourceType) -> Rows {
        match &self.bounds {
            Bounds::None => Rows::All,
            Bounds::Public if Policy::vault().allows(Role::Public, ty, action) => Rows::All,
            Bounds::Public => Rows::None,
            Bounds::Bearer(who) if cfg!(feature = "mutant-rows") && who.may(action, ty) => {
                Rows::All
            }
            Bounds::Bearer(who) => who.rows(action, ty),
        }
    }

    /// Whether some row of a type may be touched so.
    pub fn may(&self, action: Action, ty: ResourceType) -> bool {
        match &self.bounds {
            Bounds::None => true,
            Bounds::Public => Policy::vault().allows(Role::Public, ty, action),
            Bounds::Bearer(who) => who.may(action, ty),
        }
    }

    /// Who has it; `None`: the operator, or nobody in particular.
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        match &self.bounds {
            Bounds::None | Bounds::Public => None,
            Bounds::Bearer(who) => Some(who),
        }
    }

    /// Names who has it, for what is theirs alone: the user at a client, or the client itself. Empty for the operator
    /// and for nobody in particular.
    pub fn bearer(&self) -> &str {
        self.principal().map_or("", |who| who.name())
    }

    /// Refuses a version that says less of how confidential it is than the one it replaces.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn keep_labels(
        &self,
        ty: ResourceType,
        (before, after): (&search::Rows, &search::Rows),
    ) -> Result<(), Outcome> {
        if self.covers_all_rows() || !rows::sensitive::lowers(ty, before, after) {
            return Ok(());
        }
        let text = "A security label cannot be lowered or taken away with this token";
        Err(Outcome::new(IssueType::Forbidden, text).at(format!("{ty}.meta.security")))
    }

    /// A version without its security labels, to tell whether it is these that put it outside the rows that may be
    /// written; `None` of what has none.
    pub fn unlabelled(ty: ResourceType, rows: &search::Rows) -> Option<search::Rows> {
        rows::sensitive::unlabelled(ty, rows)
    }

    /// The refusal of a version that lies outside the rows that may be written for its security labels alone.
    pub fn refusal_of_labels(action: Action, ty: ResourceType) -> Outcome {
        let text = format!(
            "This token may not {} a {ty} with such a security label: it is more confidential, or more sensitive, than \
             what its role is cleared for",
            action.verb()
        );
        Outcome::new(IssueType::Forbidden, text).at(format!("{ty}.meta.security"))
    }

    /// The refusal of a version that lies outside the rows that may be written.
    pub fn refusal(&self, action: Action, ty: ResourceType) -> Outcome {
        let broken = self.principal().and_then(|who| rows::broken(who, action, ty));
        match broken {
            Some("cosign-required") => Outcome::new(
                IssueType::BusinessRule,
                format!(
                    "cosign-required: an intern writes a {ty} as preliminary; the supervisor makes it final"
                ),
            ),
            Some("approval-missing") => Outcome::new(
                IssueType::BusinessRule,
                format!(
                    "approval-missing: a {ty} by this role is a proposal until somebody entitled approves it"
                ),
            ),
            _ => Outcome::new(
                IssueType::Forbidden,
                format!(
                    "This {ty} would not be among the records that this token may {}",
                    action.verb()
                ),
            ),
        }
    }

    /// The refusal of what its scopes or its role do not cover.
    pub(crate) fn insufficient(&self, action: Action, what: impl fmt::Display) -> Outcome {
        let is_nobody = self.principal().is_some_and(|who| who.role() == Role::Public);
        let hint =
            if is_nobody { ": its client acts for no organization of a known type" } else { "" };
        let text = format!("insufficient_scope: this token may not {} {what}{hint}", action.verb());
        Outcome::new(IssueType::Forbidden, text)
    }
}

/// Checks what a caller may do with a type of resource; `None` is the whole system, where each type counts for itself.
/// Decided before any look-up, so that a refusal does not tell what exists.
///
/// # Errors
/// `login` without a token, `forbidden` (`insufficient_scope`) when scopes or role do not cover it.
pub fn authorize(
    caller: &Caller,
    action: Action,
    resource_type: Option<ResourceType>,
) -> Result<Permit, Outcome> {
    let named = resource_type.map_or("this vault", ResourceType::name);
    let bounds = match caller {
        Caller::Operator => Bounds::None,
        Caller::Anonymous => Bounds::Public,
        Caller::Bearer(who) if is_unbounded(who) => Bounds::None,
        Caller::Bearer(who) => Bounds::Bearer(Arc::clone(who)),
    };
    let permit = Permit { bounds };
    let may = match resource_type {
        Some(ty) => permit.may(action, ty),
        None => ResourceType::all().iter().any(|ty| permit.may(action, *ty)),
    };
    let may = may && !(resource_type.is_none() && matches!(caller, Caller::Anonymous));
    match caller {
        _ if may => Ok(permit),
        Caller::Anonymous => Err(Outcome::new(
            IssueType::Login,
            format!("An access token is needed to {} {named}", action.verb()),
        )),
        Caller::Operator | Caller::Bearer(_) => Err(permit.insufficient(action, named)),
    }
}

/// The operator with scopes for everything is not slowed down by conditions that always hold.
fn is_unbounded(who: &Principal) -> bool {
    let covers_all = |scope: &crate::Scope| {
        scope.ty().is_none() && Action::ALL.into_iter().all(|one| scope.actions().contains(one))
    };
    who.role() == Role::Operator && who.scopes().scopes().iter().any(covers_all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_gets_exactly_what_the_table_says() {
        let ty = |name| ResourceType::named(name).unwrap();
        for action in Action::ALL {
            let permit = authorize(&Caller::Operator, action, None).unwrap();
            assert!(permit.covers_all_rows(), "{action:?}");
            for wanted in [None, Some(ty("Patient")), Some(ty("Observation"))] {
                let refused = authorize(&Caller::Anonymous, action, wanted).unwrap_err();
                assert_eq!(refused.status(), 401, "{action:?}");
            }
        }
        let directory = authorize(&Caller::Anonymous, Action::Search, Some(ty("Organization")));
        let directory = directory.unwrap();
        assert!(!directory.covers_all_rows());
        assert_eq!(directory.rows(Action::Search, ty("Location")), Rows::All);
        assert_eq!(directory.rows(Action::Search, ty("Patient")), Rows::None);
    }
}
