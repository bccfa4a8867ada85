//! Why a parameter was not understood. The sentences never repeat a value: it may be a patient's name.

use std::borrow::Cow;

use fhir_model::{Issue, IssueType, ResourceType, Severity};

use super::{control, filter, suggest};
use crate::registry::Registry;

/// The most types that a sentence names.
const TYPES_MAX: usize = 3;

/// How a fault with a place begins.
const AT: &str = "at character ";

/// What is wrong with a parameter, as a clause that follows its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no such parameter for any of these types.
    Unknown {
        /// The last part of the name.
        code: Box<str>,
        /// Where it was looked for.
        types: Vec<ResourceType>,
    },
    /// It is FHIR, but not ours.
    Unsupported(Cow<'static, str>),
    /// The modifier does not go with the parameter.
    Modifier(String),
    /// The value is malformed.
    Value(Cow<'static, str>),
    /// It asks for too much.
    TooCostly(Cow<'static, str>),
}

impl Fault {
    /// The type has no parameter of this name.
    pub(super) fn unknown(code: &str, ty: ResourceType) -> Self {
        let code = code.chars().take(100).collect();
        Self::Unknown { code, types: vec![ty] }
    }

    /// Modifiers and values that are not understood always refuse: ignoring them would widen the answer.
    pub(super) fn may_be_ignored(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Unsupported(_))
    }

    /// A mistake at a character of a `_filter`, whose names are a value: they are not repeated. What says
    /// its place already stays as it is.
    pub(super) fn inside(self, registry: &Registry, at: usize) -> Self {
        let place = |text: Cow<'static, str>| -> Cow<'static, str> {
            if text.starts_with(AT) { text } else { format!("{AT}{at} {text}").into() }
        };
        match self {
            Self::Unknown { code, types } => {
                let hint = suggest::hint(&code, names(registry, &types));
                let types = list(&types);
                Self::Value(place(format!("names no search parameter of {types}{hint}").into()))
            }
            Self::TooCostly(text) => Self::TooCostly(place(text)),
            Self::Modifier(text) => Self::Modifier(place(text.into()).into_owned()),
            Self::Unsupported(text) => Self::Modifier(place(text).into_owned()),
            Self::Value(text) => Self::Value(place(text)),
        }
    }

    /// A malformed value, from this character on.
    pub(super) fn at(at: usize, text: &str) -> Self {
        Self::Value(format!("{AT}{at} {text}").into())
    }

    pub(super) fn issue(self, registry: &Registry, name: &str, severity: Severity) -> Issue {
        let (code, text) = match self {
            Self::Unknown { code, types } => {
                (IssueType::NotSupported, unknown(registry, name, (&code, &types)).into())
            }
            Self::Modifier(text) => (IssueType::NotSupported, Cow::Owned(text)),
            Self::Unsupported(text) => (IssueType::NotSupported, text),
            Self::Value(text) => (IssueType::Value, text),
            Self::TooCostly(text) => (IssueType::TooCostly, text),
        };
        let name: String = name.chars().take(100).collect();
        Issue {
            severity,
            code,
            details: None,
            diagnostics: format!("The search parameter '{name}' {text}").into(),
            expression: None,
        }
    }
}

fn unknown(registry: &Registry, name: &str, (code, types): (&str, &[ResourceType])) -> String {
    let own = control::names().chain(filter::names()).chain(["_include", "_revinclude", "_has"]);
    let known: Vec<&str> = names(registry, types).chain(own.map(|name| name as &str)).collect();
    let hint = suggest::hint(code, known.into_iter());
    let types = list(types);
    if name.split_once(':').map_or(name, |(name, _)| name) == code {
        format!("does not exist for {types}{hint}")
    } else {
        format!("leads to '{code}', which does not exist for {types}{hint}")
    }
}

fn names<'r>(
    registry: &'r Registry,
    types: &'r [ResourceType],
) -> impl Iterator<Item = &'r str> + use<'r> {
    let types = types.iter().take(TYPES_MAX);
    types.flat_map(|ty| registry.of(*ty)).map(|parameter| &*parameter.code)
}

/// `Patient`, `Patient, Group and 2 other types`
fn list(types: &[ResourceType]) -> String {
    let some: Vec<&str> = types.iter().take(TYPES_MAX).map(|ty| ty.name()).collect();
    match types.len().saturating_sub(TYPES_MAX) {
        0 => some.join(", "),
        1 => format!("{} and another type", some.join(", ")),
        others => format!("{} and {others} other types", some.join(", ")),
    }
}
