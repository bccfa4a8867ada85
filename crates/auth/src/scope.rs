//! Scopes of SMART App Launch 2.2: <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>.
//! `patient/Observation.rs?category=laboratory` opens what a patient's app may read and search; the first version's
//! `patient/Observation.read` means `.rs`.

mod actions;
pub(crate) mod constraint;

use std::fmt;

use fhir_model::ResourceType;
use search::Filter;

pub use actions::{Action, Actions};

/// The longest list of scopes that is read.
const BYTES_MAX: usize = 16 << 10;
/// The most scopes.
const SCOPES_MAX: usize = 250;

/// Whose rows a scope is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// `patient/`: those of the patient in context.
    Patient,
    /// `user/`: those that the user may see.
    User,
    /// `system/`: those that the client itself may see.
    System,
}

/// One scope for resources.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    context: Context,
    /// `None`: every type (`*`).
    ty: Option<ResourceType>,
    actions: Actions,
    /// What must hold of the resource besides; empty: nothing.
    filters: Vec<Filter>,
    /// As it was asked for.
    text: Box<str>,
}

/// What a token opens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeSet {
    scopes: Vec<Scope>,
    /// `openid`, `launch/patient`, ...: what is no scope for resources.
    others: Vec<Box<str>>,
}

/// A scope that is refused: `invalid_scope`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidScope {
    /// The scope.
    pub scope: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl ScopeSet {
    /// Reads scopes that are separated by spaces. What is no scope for resources is kept and means nothing here.
    ///
    /// # Errors
    /// The first scope that is malformed, a constraint that is more than an equality on the type itself, and
    /// `system/` beside `patient/` or `user/`.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        if text.len() > BYTES_MAX {
            return Err(InvalidScope::of("", "is more than 16 KiB of scopes"));
        }
        let mut set = Self::default();
        for word in text.split_ascii_whitespace() {
            match Scope::parse(word)? {
                Some(scope) if set.scopes.contains(&scope) => {}
                Some(scope) => set.scopes.push(scope),
                None if set.others.iter().any(|known| **known == *word) => {}
                None => set.others.push(word.into()),
            }
            if set.scopes.len() + set.others.len() > SCOPES_MAX {
                return Err(InvalidScope::of(word, "is one of more than 250 scopes"));
            }
        }
        let has = |wanted| set.scopes.iter().find(|scope| scope.context == wanted);
        if let (Some(_), Some(mixed)) =
            (has(Context::System), has(Context::Patient).or(has(Context::User)))
        {
            return Err(InvalidScope::of(
                &mixed.text,
                "cannot be together with a system/ scope: one token is a person's or a client's",
            ));
        }
        Ok(set)
    }

    /// Whether some scope covers this, whatever must hold of the resource besides.
    pub fn allows(&self, ty: ResourceType, action: Action) -> bool {
        self.covering(ty, action).next().is_some()
    }

    /// The scopes that cover this. They add up: a resource is open when one of them opens it.
    pub fn covering(&self, ty: ResourceType, action: Action) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(move |scope| scope.covers(ty, action))
    }

    /// The scopes for resources.
    pub fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    /// Whether it has a word that is no scope for resources, such as `openid`.
    pub fn has(&self, word: &str) -> bool {
        self.others.iter().any(|known| **known == *word)
    }

    /// What is no scope for resources.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|word| &**word)
    }
}

impl Scope {
    /// `None`: it is no scope for resources.
    fn parse(word: &str) -> Result<Option<Self>, InvalidScope> {
        let refuse = |why| InvalidScope::of(word, why);
        let Some((context, rest)) = context(word) else { return Ok(None) };
        let decoded = constraint::decoded(rest).ok_or_else(|| refuse("does not decode to text"))?;
        let (head, query) = match rest.split_once('?') {
            Some((head, query)) => (head, Some(query)),
            None => (decoded.as_str(), None),
        };
        let (ty, actions) =
            head.rsplit_once('.').ok_or_else(|| refuse("lacks its actions, for example .rs"))?;
        let ty = match ty {
            "*" => None,
            name => Some(
                ResourceType::named(name).ok_or_else(|| refuse("names no resource type of R4"))?,
            ),
        };
        let actions = Actions::parse(actions)
            .ok_or_else(|| refuse("needs actions out of cruds in this order, or read, write, *"))?;
        let filters = match (query, ty) {
            (None, _) => Vec::new(),
            (Some(query), Some(ty)) => constraint::filters(ty, query).map_err(refuse)?,
            (Some(_), None) => return Err(refuse("puts a condition on every type; name one")),
        };
        Ok(Some(Self { context, ty, actions, filters, text: word.into() }))
    }

    /// Whose rows it is about.
    pub fn context(&self) -> Context {
        self.context
    }

    /// The type; `None`: every one.
    pub fn ty(&self) -> Option<ResourceType> {
        self.ty
    }

    /// What may be done.
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// What must hold of a resource besides; empty: nothing.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// Whether it is about this type and action.
    pub fn covers(&self, ty: ResourceType, action: Action) -> bool {
        self.ty.is_none_or(|own| own == ty) && self.actions.contains(action)
    }
}

/// As it was asked for: what came as a scope of the first version goes back as one.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.scopes.iter().map(|scope| &*scope.text);
        let all: Vec<&str> = self.others().chain(texts).collect();
        f.write_str(&all.join(" "))
    }
}

impl InvalidScope {
    fn of(scope: &str, why: &'static str) -> Self {
        Self { scope: scope.chars().take(200).collect(), why }
    }
}

impl fmt::Display for InvalidScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The scope {} {}", self.scope, self.why)
    }
}

fn context(word: &str) -> Option<(Context, &str)> {
    // some clients encode the slash, too
    let (context, rest) = word.split_once('/').or_else(|| {
        let at = word.to_ascii_lowercase().find("%2f")?;
        Some((word.get(..at)?, word.get(at + 3..)?))
    })?;
    let context = match context {
        "patient" => Context::Patient,
        "user" => Context::User,
        "system" => Context::System,
        _ => return None,
    };
    Some((context, rest))
}

#[cfg(test)]
mod tests;
