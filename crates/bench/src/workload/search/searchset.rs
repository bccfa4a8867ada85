//! Whether an answer is one: a searchset may carry an `OperationOutcome` that says an error.

use serde::Deserialize;

use crate::call::Answer;

/// What is wrong with an answer of status 200; mostly nothing, which is found without parsing it.
pub(crate) fn fault(answer: &Answer) -> Option<String> {
    const OUTCOME: &[u8] = b"\"OperationOutcome\"";
    memchr::memmem::find(&answer.body, OUTCOME)?;
    let outcomes = match serde_json::from_slice::<Bundle>(&answer.body) {
        Ok(bundle) => bundle.issues(),
        Err(error) => return Some(format!("200, and not JSON: {error}")),
    };
    let said = outcomes.into_iter().find(|issue| ["error", "fatal"].contains(&&*issue.severity));
    said.map(|issue| format!("200 with an {}: {}", issue.severity, issue.diagnostics))
}

/// The number that a searchset says or shows: its entries that match, or for a count its total.
pub(crate) fn found(answer: &Answer) -> Option<u64> {
    let bundle: Bundle = serde_json::from_slice(&answer.body).ok()?;
    if bundle.resource_type != "Bundle" {
        return Some(1);
    }
    let matches = bundle.entry.iter().filter(|entry| entry.is_match()).count();
    if bundle.entry.is_empty() { Some(bundle.total.unwrap_or(0)) } else { matches.try_into().ok() }
}

/// What is looked at of a Bundle, or of any other resource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    total: Option<u64>,
    #[serde(default)]
    entry: Vec<Entry>,
    /// Of an `OperationOutcome`.
    #[serde(default)]
    issue: Vec<Issue>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    search: Option<Search>,
    resource: Option<Box<Inner>>,
}

#[derive(Debug, Deserialize)]
struct Search {
    mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inner {
    resource_type: String,
    #[serde(default)]
    issue: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Issue {
    #[serde(default)]
    severity: String,
    #[serde(default)]
    diagnostics: String,
}

impl Bundle {
    fn issues(self) -> Vec<Issue> {
        let mut issues = self.issue;
        for inner in self.entry.into_iter().filter_map(|entry| entry.resource) {
            if inner.resource_type == "OperationOutcome" {
                issues
                    .extend(serde_json::from_value::<Vec<Issue>>(inner.issue).unwrap_or_default());
            }
        }
        issues
    }
}

impl Entry {
    fn is_match(&self) -> bool {
        let mode = self.search.as_ref().and_then(|search| search.mode.as_deref());
        mode.is_none_or(|mode| mode == "match")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: 200, body: body.to_owned().into(), ..Answer::default() }
    }

    #[test]
    fn an_error_among_the_entries_is_seen_and_a_warning_is_none() {
        let page = |severity: &str| {
            answer(&format!(
                r#"{{"resourceType":"Bundle","total":7,"entry":[
                {{"resource":{{"resourceType":"Patient","issue":4}},"search":{{"mode":"match"}}}},
                {{"resource":{{"resourceType":"Practitioner"}},"search":{{"mode":"include"}}}},
                {{"resource":{{"resourceType":"OperationOutcome","issue":[{{"severity":"{severity}",
                "diagnostics":"left out"}}]}},"search":{{"mode":"outcome"}}}}]}}"#
            ))
        };
        assert_eq!(fault(&page("error")).unwrap(), "200 with an error: left out");
        assert_eq!(fault(&page("warning")), None);
        assert_eq!(found(&page("warning")), Some(1));
        let alone = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"fatal"}]}"#;
        assert!(fault(&answer(alone)).is_some());
    }

    #[test]
    fn a_count_is_its_total_and_a_resource_is_one() {
        let cases = [
            (r#"{"resourceType":"Bundle","total":208000}"#, Some(208_000)),
            (r#"{"resourceType":"Bundle","total":0,"entry":[]}"#, Some(0)),
            (r#"{"resourceType":"Bundle"}"#, Some(0)),
            (r#"{"resourceType":"Patient","id":"p"}"#, Some(1)),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(found(&answer(body)), expected, "{body}");
        }
    }
}
