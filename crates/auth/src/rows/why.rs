//! Why something is not among somebody's rows, for who audits: the same conditions that keep it away, each by its name.

use fhir_model::ResourceType;
use search::Filter;

use super::{consent, way};
use crate::{Principal, policy::Policy, scope::Action};

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Whose it is, or who made it.
    Relation,
    /// The patient in the token's context.
    Context,
    /// That a Consent permits it.
    NoConsent,
    /// That no Consent denies it.
    Denied,
    /// Its security labels.
    Label,
    /// What the rule asks of a resource besides.
    Rule,
    /// What the scope asks of a resource.
    Scope,
}

/// A rule and a scope that together open something of a type.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// `doctor panel by user/*.rs`
    pub name: String,
    /// What must hold, all of it; `None`: nothing is opened, since somebody who is needed is not there.
    pub parts: Option<Vec<(Why, Filter)>>,
}

impl Why {
    /// As a sentence has it, after the name of a way.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Relation => "no relation to the record",
            Self::Context => "another patient than the token is for",
            Self::NoConsent => "no Consent permits it",
            Self::Denied => "a Consent denies it",
            Self::Label => "not cleared for its security labels",
            Self::Rule => "not what the rule is about",
            Self::Scope => "not what the scope is about",
        }
    }
}

/// By what somebody may do this to resources of a type; empty: by nothing.
pub(crate) fn ways(who: &Principal, action: Action, ty: ResourceType) -> Vec<Way> {
    let mut all = Vec::new();
    for scope in who.scopes().covering(ty, action) {
        for rule in Policy::vault().rules(who.role(), ty, action) {
            let name = format!("{} {} by {}", rule.role, rule.basis, scope);
            all.push(Way { name, parts: way(who, (scope, rule), (ty, action)) });
        }
    }
    all
}

/// That this one Consent denies something of a type; `None`: it is not asked.
pub(crate) fn denied_by(who: &Principal, ty: ResourceType, consent: &str) -> Option<Filter> {
    consent::denied_by(who, ty, consent)
}
