//! Why a parameter was not understood. The sentences never repeat a value: it may be a patient's name.

use std::borrow::Cow;

use fhir_model::{Issue, IssueType, Severity};

/// What is wrong with a parameter, as a clause that follows its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no such parameter.
    Unknown(String),
    /// It is FHIR, but not yet ours.
    Unsupported(Cow<'static, str>),
    /// The modifier does not go with the parameter.
    Modifier(String),
    /// The value is malformed.
    Value(Cow<'static, str>),
    /// It asks for too much.
    TooCostly(Cow<'static, str>),
}

impl Fault {
    /// Modifiers and values that are not understood always refuse: ignoring them would widen the answer.
    pub(super) fn may_be_ignored(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Unsupported(_))
    }

    pub(super) fn issue(self, name: &str, severity: Severity) -> Issue {
        let (code, text) = match self {
            Self::Unknown(text) | Self::Modifier(text) => {
                (IssueType::NotSupported, Cow::Owned(text))
            }
            Self::Unsupported(text) => (IssueType::NotSupported, text),
            Self::Value(text) => (IssueType::Value, text),
            Self::TooCostly(text) => (IssueType::TooCostly, text),
        };
        let name: String = name.chars().take(100).collect();
        Issue {
            severity,
            code,
            diagnostics: format!("The search parameter '{name}' {text}").into(),
            expression: None,
        }
    }
}
