//! What of the scopes asked for is granted: the overlap with what a client may have, what a person leaves ticked,
//! and each scope in plain words.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html>

mod words;

use super::{Code, Refusal};
use crate::{Action, Actions, Scope, ScopeSet, scope::Context};

pub use words::{Group, in_words, sub_scopes};

/// What a client may have that registered nothing else.
pub const USUAL: &str = "openid fhirUser profile launch launch/patient launch/encounter offline_access \
     online_access patient/*.cruds user/*.cruds";

/// What a flow can give at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// A person at a browser or a device: everything but `system/`.
    Person,
    /// A client on its own: `system/` only.
    System,
}

/// What of `asked` a client may have, in the order of asking.
///
/// # Errors
/// `invalid_scope` when a scope is malformed or nothing is left.
pub fn narrow(asked: &str, allowed: &str, flow: Flow) -> Result<String, Refusal> {
    let asked = parse(asked)?;
    let allowed = parse_each(allowed);
    let mut granted: Vec<String> = Vec::new();
    for word in asked.others().filter(|_| flow == Flow::Person) {
        let is_allowed = allowed.iter().any(|set| set.has(word) || set.has(plain(word)));
        if is_allowed && is_known(word) {
            granted.push(word.to_owned());
        }
    }
    for scope in asked.scopes().iter().filter(|scope| flow.gives(scope.context())) {
        for limit in allowed.iter().flat_map(ScopeSet::scopes) {
            if let Some(both) = overlap(scope, limit).filter(|both| !granted.contains(both)) {
                granted.push(both);
            }
        }
    }
    // what a wider one among them opens anyway is not said twice
    let kept = without_covered(&granted);
    if kept.is_empty() {
        let why = "None of the scopes asked for is among those that the client may have";
        return Err(Refusal::new(Code::InvalidScope, why));
    }
    Ok(kept.join(" "))
}

/// Whether every scope of `asked` stands in `granted`, letter by letter or under a wider one.
pub fn is_subset(asked: &str, granted: &str) -> bool {
    let Ok(asked) = ScopeSet::parse(asked) else { return false };
    let granted = parse_each(granted);
    let has = |word: &str| granted.iter().any(|set| set.has(word));
    asked.others().all(has)
        && asked.scopes().iter().all(|scope| {
            granted
                .iter()
                .flat_map(ScopeSet::scopes)
                .any(|limit| overlap(scope, limit).is_some_and(|both| both == scope.to_string()))
        })
}

/// Reads a list.
///
/// # Errors
/// `invalid_scope`, with the scope that is malformed.
pub fn parse(text: &str) -> Result<ScopeSet, Refusal> {
    ScopeSet::parse(text).map_err(|why| Refusal::new(Code::InvalidScope, why.to_string()))
}

/// Whether a list has a word: `openid`, `launch/patient`.
pub fn has(scopes: &str, word: &str) -> bool {
    scopes.split_ascii_whitespace().any(|scope| scope == word || plain(scope) == word)
}

/// Whether a list has a scope of that context.
pub fn has_context(scopes: &str, context: Context) -> bool {
    parse_each(scopes).iter().flat_map(ScopeSet::scopes).any(|scope| scope.context() == context)
}

/// Whether a refresh token goes with these scopes.
pub fn wants_refresh(scopes: &str) -> bool {
    has(scopes, "offline_access") || has(scopes, "online_access")
}

impl Flow {
    fn gives(self, context: Context) -> bool {
        (self == Self::System) == (context == Context::System)
    }
}

/// Each word on its own: what a client may have can be of both kinds.
fn parse_each(scopes: &str) -> Vec<ScopeSet> {
    scopes.split_ascii_whitespace().filter_map(|word| ScopeSet::parse(word).ok()).collect()
}

/// `launch/patient?role=x` is `launch/patient`.
fn plain(word: &str) -> &str {
    match word.split_once('?') {
        Some((head, _)) if head.starts_with("launch/") => head,
        _ => word,
    }
}

/// Words that mean something here.
fn is_known(word: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "openid",
        "fhirUser",
        "profile",
        "launch",
        "launch/patient",
        "launch/encounter",
        "offline_access",
        "online_access",
        "smart/orchestrate_launch",
    ];
    KNOWN.contains(&plain(word)) || word.starts_with("__")
}

/// What two scopes both open, as the first was written where that says it.
fn overlap(asked: &Scope, limit: &Scope) -> Option<String> {
    if asked.context() != limit.context() {
        return None;
    }
    let ty = match (asked.ty(), limit.ty()) {
        (Some(one), Some(other)) if one != other => return None,
        (Some(one), _) | (None, Some(one)) => Some(one),
        (None, None) => None,
    };
    let actions = asked.actions().and(limit.actions());
    let letters = letters(actions);
    if letters.is_empty() {
        return None;
    }
    let own = asked.to_string();
    let (condition, limiting) = (condition(&own), limit.to_string());
    let limiting = self::condition(&limiting);
    let condition = match (condition, limiting) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (Some(one), Some(other)) if one == other => Some(one.to_owned()),
        (Some(one), Some(other)) => Some(format!("{one}&{other}")),
    };
    let is_as_asked = ty == asked.ty()
        && actions == asked.actions()
        && condition.as_deref() == self::condition(&own);
    if is_as_asked {
        return Some(own);
    }
    let ty = ty.map_or("*", fhir_model::ResourceType::name);
    let query = condition.map_or_else(String::new, |condition| format!("?{condition}"));
    Some(format!("{}/{ty}.{letters}{query}", name(asked.context())))
}

fn condition(scope: &str) -> Option<&str> {
    scope.split_once('?').map(|(_, condition)| condition)
}

fn name(context: Context) -> &'static str {
    match context {
        Context::Patient => "patient",
        Context::User => "user",
        Context::System => "system",
    }
}

fn letters(actions: Actions) -> String {
    let all = [
        (Action::Create, 'c'),
        (Action::Read, 'r'),
        (Action::Update, 'u'),
        (Action::Delete, 'd'),
        (Action::Search, 's'),
    ];
    all.iter().filter(|(action, _)| actions.contains(*action)).map(|(_, letter)| letter).collect()
}

/// Leaves out what another one of them covers.
fn without_covered(granted: &[String]) -> Vec<String> {
    let covered = |n: usize, word: &String| {
        granted.iter().enumerate().any(|(other, wide)| {
            other != n
                && wide != word
                && !wide.contains('?')
                && word.contains('/')
                && wide.contains('/')
                && !word.starts_with("launch")
                && !wide.starts_with("launch")
                && is_subset(word, wide)
                // of two that open the same, the first stays
                && !(is_subset(wide, word) && other > n)
        })
    };
    let kept = granted.iter().enumerate().filter(|(n, word)| !covered(*n, word));
    kept.map(|(_, word)| word.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_granted_is_what_both_open() {
        use Flow::{Person, System};
        let cases = [
            ("patient/*.rs", "patient/*.cruds", Person, "patient/*.rs"),
            ("patient/*.cruds", "patient/*.rs", Person, "patient/*.rs"),
            ("patient/*.read", "patient/*.cruds", Person, "patient/*.read"),
            ("patient/Observation.*", "patient/*.rs", Person, "patient/Observation.rs"),
            (
                "patient/*.rs",
                "patient/Patient.r patient/Condition.rs",
                Person,
                "patient/Patient.r patient/Condition.rs",
            ),
            (
                "openid fhirUser launch/patient x",
                "openid launch/patient",
                Person,
                "openid launch/patient",
            ),
            ("launch/patient?role=x", "launch/patient", Person, "launch/patient?role=x"),
            ("system/*.rs openid", "system/*.cruds openid", System, "system/*.rs"),
            ("user/*.rs", "system/*.rs user/*.rs", Person, "user/*.rs"),
            (
                "patient/Observation.rs",
                "patient/Observation.rs?category=a",
                Person,
                "patient/Observation.rs?category=a",
            ),
            (
                "patient/Observation.rs?category=a",
                "patient/*.rs",
                Person,
                "patient/Observation.rs?category=a",
            ),
            (
                "patient/Observation.rs patient/Observation.r",
                "patient/*.rs",
                Person,
                "patient/Observation.rs",
            ),
        ];
        for (asked, allowed, flow, granted) in cases {
            assert_eq!(narrow(asked, allowed, flow).unwrap(), granted, "{asked} of {allowed}");
        }
        for (asked, allowed, flow) in [
            ("system/*.rs", "system/*.rs", Person),
            ("patient/*.rs", "patient/*.rs", System),
            ("patient/Patient.rs", "patient/Condition.rs", Person),
            ("user/*.rs system/*.rs", "user/*.rs system/*.rs", Person),
            ("", "openid", Person),
        ] {
            assert_eq!(
                narrow(asked, allowed, flow).unwrap_err().code,
                Code::InvalidScope,
                "{asked}"
            );
        }
    }

    #[test]
    fn a_refresh_may_ask_for_less_only() {
        let granted = "openid patient/*.rs user/Observation.rs?category=a";
        for (asked, expected) in [
            ("openid", true),
            ("patient/Patient.r", true),
            ("patient/*.rs openid", true),
            ("patient/*.cruds", false),
            ("user/Observation.rs", false),
            ("user/Observation.rs?category=a", true),
            ("fhirUser", false),
            ("patient/Nonsense.r", false),
        ] {
            assert_eq!(is_subset(asked, granted), expected, "{asked}");
        }
    }
}
