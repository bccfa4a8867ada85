//! Why a question about codes has no answer here, as sentences and as `OperationOutcome`.

use std::fmt;

use fhir_model::{IssueType, Outcome};

use crate::Canonical;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Neither stored nor one that R4 itself defines with codes known here.
    UnknownValueSet(Canonical),
    /// The content of a code system would have to be known.
    UnknownCodeSystem(Canonical),
    /// A `ValueSet` without `compose` and `expansion`.
    NoDefinition(String),
    /// A `ValueSet` that is there only as a part of its expansion.
    PartialExpansion(String),
    /// `ValueSet`s that import one another, in this order.
    Cycle(Vec<Canonical>),
    /// Something in a `ValueSet` that cannot be understood.
    Malformed {
        /// The `ValueSet`'s URL.
        value_set: String,
        /// The place, as `FHIRPath`.
        path: String,
        /// What is wrong there.
        message: String,
    },
    /// More codes than [`crate::Limits::codes`].
    TooManyCodes {
        /// The limit.
        max: usize,
    },
    /// More definitions than [`crate::Limits::resources`].
    TooManyResources {
        /// The limit.
        max: usize,
    },
    /// More work than [`crate::Limits::steps`].
    TooManySteps {
        /// The limit.
        max: usize,
    },
}

impl Refusal {
    fn issue_type(&self) -> IssueType {
        match self {
            Self::UnknownValueSet(_)
            | Self::NoDefinition(_)
            | Self::Cycle(_)
            | Self::Malformed { .. } => IssueType::Invalid,
            Self::UnknownCodeSystem(_) | Self::PartialExpansion(_) => IssueType::NotSupported,
            Self::TooManyCodes { .. }
            | Self::TooManyResources { .. }
            | Self::TooManySteps { .. } => IssueType::TooCostly,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownValueSet(name) => {
                write!(f, "The ValueSet {} is not stored here", Named(name))
            }
            Self::UnknownCodeSystem(name) => write!(
                f,
                "The concepts of the CodeSystem {} are needed for this, but are not stored here",
                Named(name)
            ),
            Self::NoDefinition(url) => {
                write!(f, "The ValueSet {} has neither compose nor expansion", short(url))
            }
            Self::PartialExpansion(url) => write!(
                f,
                "The ValueSet {} has no compose, and its expansion is only a part",
                short(url)
            ),
            Self::Cycle(names) => {
                f.write_str("These ValueSets import one another: ")?;
                for (n, name) in names.iter().enumerate() {
                    let arrow = if n == 0 { "" } else { " -> " };
                    write!(f, "{arrow}{}", Named(name))?;
                }
                Ok(())
            }
            Self::Malformed { value_set, path, message } => {
                write!(f, "The ValueSet {} cannot be used: {message} ({path})", short(value_set))
            }
            Self::TooManyCodes { max } => write!(f, "This selects more than {max} codes"),
            Self::TooManyResources { max } => {
                write!(f, "This draws on more than {max} ValueSets and CodeSystems")
            }
            Self::TooManySteps { max } => {
                write!(f, "Finding the codes of this takes more than {max} steps")
            }
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.issue_type(), refusal.to_string())
    }
}

/// A canonical, cut when long.
struct Named<'a>(&'a Canonical);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(short(&self.0.url))?;
        self.0.version.as_deref().map_or(Ok(()), |version| write!(f, "|{}", short(version)))
    }
}

/// What a sentence shows of somebody's text.
pub(crate) fn short(text: &str) -> &str {
    text.char_indices().nth(200).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}
