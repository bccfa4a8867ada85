//! What was asked for, as an event says it.

use crate::{Request, Verb};

/// A request, remembered for its event.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `Patient/1`, without what follows.
    pub(crate) path: Vec<String>,
    /// The query as it was sent.
    pub(crate) query: String,
    verb: Verb,
    /// `X-Request-Id`
    pub(crate) id: String,
}

/// By <http://hl7.org/fhir/ValueSet/type-restful-interaction>.
const HISTORY: &str = "_history";

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            path: request.path.clone(),
            query: request.query.to_string(),
            verb: request.verb,
            id: request.id.clone(),
        }
    }

    /// Whether an event of its own is written with what it changes; a Bundle has one besides those of its entries.
    pub(crate) fn writes(&self) -> bool {
        let is_search = self.path.last().is_some_and(|last| last == "_search");
        self.verb != Verb::Get && !is_search && !self.path.is_empty()
    }

    /// The code of the interaction.
    pub(crate) fn interaction(&self) -> &'static str {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        match (self.verb, path.as_slice()) {
            (Verb::Get | Verb::Post, [.., "_search"]) => "search",
            (_, [.., name]) if name.starts_with('$') => "operation",
            (Verb::Get, [HISTORY]) => "history-system",
            (Verb::Get, [_, HISTORY]) => "history-type",
            (Verb::Get, [_, _, HISTORY]) => "history-instance",
            (Verb::Get, [_, _, HISTORY, _]) => "vread",
            (Verb::Get, ["metadata"]) => "capabilities",
            (Verb::Get, [_, _]) => "read",
            (Verb::Get, []) => "search-system",
            (Verb::Get, _) => "search-type",
            (Verb::Post, []) => "transaction",
            (Verb::Post, _) => "create",
            (Verb::Put, _) => "update",
            (Verb::Patch, _) => "patch",
            (Verb::Delete, _) => "delete",
        }
    }

    /// `Patient/1`, when one resource was named.
    pub(crate) fn reference(&self) -> Option<String> {
        match self.path.as_slice() {
            [ty, id, rest @ ..]
                if !id.starts_with(['_', '$'])
                    && rest.first().is_none_or(|next| next == HISTORY) =>
            {
                Some(format!("{ty}/{id}"))
            }
            _ => None,
        }
    }

    /// `Observation?code=x`
    pub(crate) fn address(&self) -> String {
        let path = self.path.join("/");
        if self.query.is_empty() { path } else { format!("{path}?{}", self.query) }
    }
}
