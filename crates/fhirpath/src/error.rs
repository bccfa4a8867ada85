//! Why an expression cannot be used: it does not parse, does not fit the type, or cannot be evaluated.

use std::fmt;

use fhir_model::{IssueType, Outcome};

/// The text is not a `FHIRPath` expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset in the text.
    pub position: usize,
    /// What is wrong there.
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(position: usize, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {} of the expression)", self.message, self.position + 1)
    }
}

impl std::error::Error for ParseError {}

impl From<ParseError> for Outcome {
    fn from(error: ParseError) -> Self {
        Self::new(IssueType::Invalid, error.to_string())
    }
}

/// The expression can never mean anything on the type it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError(pub(crate) String);

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TypeError {}

impl From<TypeError> for Outcome {
    fn from(error: TypeError) -> Self {
        Self::new(IssueType::Invalid, error.0)
    }
}

/// The expression has no result on this input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvalError {
    /// Several items where the language wants one.
    NotSingle {
        /// Whose operand or input it is.
        place: &'static str,
        /// How many items there are.
        count: usize,
    },
    /// An operand of a type that the operator or function is not defined for.
    WrongType {
        /// The operator or function.
        place: &'static str,
        /// What it got.
        found: String,
    },
    /// The value is of the right type, yet not one that the function takes.
    WrongValue {
        /// The function.
        place: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// `%name` that nobody defined.
    UnknownVariable(String),
    /// Defined by the specification, but it needs something that is not at hand here.
    NotAvailable {
        /// The function.
        place: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// The step budget is used up.
    Budget,
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSingle { place, count } => {
                write!(f, "{place} works on a single item, but there are {count}")
            }
            Self::WrongType { place, found } => write!(f, "{place} is not defined for {found}"),
            Self::WrongValue { place, message } => write!(f, "{place}: {message}"),
            Self::UnknownVariable(name) => write!(f, "the variable %{name} is not defined"),
            Self::NotAvailable { place, needs } => write!(f, "{place} needs {needs}"),
            Self::Budget => f.write_str("the expression takes more steps than are allowed"),
        }
    }
}

impl std::error::Error for EvalError {}

impl From<EvalError> for Outcome {
    fn from(error: EvalError) -> Self {
        let code = match error {
            EvalError::Budget => IssueType::TooCostly,
            EvalError::NotAvailable { .. } => IssueType::NotSupported,
            EvalError::NotSingle { .. }
            | EvalError::WrongType { .. }
            | EvalError::WrongValue { .. }
            | EvalError::UnknownVariable(_) => IssueType::Invalid,
        };
        Self::new(code, error.to_string())
    }
}
