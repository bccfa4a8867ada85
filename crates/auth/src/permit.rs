//! The proof that a caller was allowed to do something.

use fhir_model::{IssueType, Outcome, ResourceType};

use crate::{Action, Caller};

/// Proof that access was checked. Only [`authorize`] makes one, and storage asks for one.
///
/// ```compile_fail,E0451
/// let forged = auth::Permit { rows: auth::Rows::All };
/// ```
#[derive(Debug, Clone)]
#[must_use = "a permit is spent by handing it to storage"]
pub struct Permit {
    rows: Rows,
}

/// Which rows a permit opens. The access issue adds the compartments, relations and consents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Every row of the vault.
    All,
}

impl Permit {
    /// Whether every row may be touched, whoever it is about.
    pub fn covers_all_rows(&self) -> bool {
        self.rows == Rows::All
    }
}

/// Checks what a caller may do with a type of resource; `None` is the whole system.
///
/// # Errors
/// `login`, decided before any look-up, so that a refusal does not tell what exists.
pub fn authorize(
    caller: &Caller,
    action: Action,
    resource_type: Option<ResourceType>,
) -> Result<Permit, Outcome> {
    match caller {
        Caller::Operator => Ok(Permit { rows: Rows::All }),
        Caller::Anonymous => Err(Outcome::new(
            IssueType::Login,
            format!(
                "An access token is needed to {} {}",
                action.verb(),
                resource_type.map_or("this vault", ResourceType::name)
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_gets_exactly_what_the_table_says() {
        let actions =
            [Action::Create, Action::Read, Action::Update, Action::Delete, Action::Search];
        for action in actions {
            let permit = authorize(&Caller::Operator, action, None).unwrap();
            assert!(permit.covers_all_rows(), "{action:?}");
            let refused = authorize(&Caller::Anonymous, action, None).unwrap_err();
            assert_eq!(refused.status(), 401, "{action:?}");
        }
    }
}
