//! The faults of a document, collected so that several can be told at once.

use std::borrow::Cow;

use crate::{Issue, IssueType, Outcome, Severity};

use super::lexer::{Broken, Stop, line_and_column};

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    issues: Vec<Issue>,
    max: usize,
}

impl Faults {
    pub(super) fn new(max: usize) -> Self {
        Self { issues: Vec::new(), max }
    }

    /// Notes a fault; stops when there are enough.
    pub(super) fn add(
        &mut self,
        code: IssueType,
        expression: String,
        diagnostics: impl Into<Cow<'static, str>>,
    ) -> Result<(), Stop> {
        let diagnostics = diagnostics.into();
        self.issues.push(Issue {
            severity: Severity::Error,
            code,
            details: None,
            diagnostics,
            expression: (!expression.is_empty()).then_some(expression),
        });
        if self.issues.len() < self.max { Ok(()) } else { Err(Stop) }
    }

    /// Notes where the document ceases to be JSON.
    pub(super) fn add_broken(&mut self, text: &[u8], broken: Broken) {
        self.issues.push(syntax_issue(text, broken));
    }

    /// The refusal, if there is reason for one.
    pub(super) fn into_outcome(self) -> Option<Outcome> {
        Outcome::from_issues(self.issues)
    }
}

/// The document is not JSON.
pub(super) fn syntax_issue(text: &[u8], broken: Broken) -> Issue {
    let (line, column) = line_and_column(text, broken.at);
    Issue {
        severity: Severity::Error,
        code: IssueType::Structure,
        details: None,
        diagnostics: format!("Not JSON at line {line}, column {column}: {}", broken.what).into(),
        expression: None,
    }
}

/// The candidate that the name is most likely a misspelling of.
pub(super) fn nearest<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    // longer names are no misspellings, and the work grows with the product of the lengths
    if name.len() > 64 {
        return None;
    }
    let within = (name.len() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= within)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters to add, drop or change; case counts for nothing.
fn distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, l) in (1..).zip(left) {
        let mut diagonal = above - 1;
        let mut before = above;
        if let Some(first) = row.first_mut() {
            *first = above;
        }
        for (cell, r) in row.iter_mut().skip(1).zip(right) {
            let change = diagonal + usize::from(!l.eq_ignore_ascii_case(r));
            diagonal = *cell;
            before = change.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// `, did you mean 'x'?`, or nothing.
pub(super) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; did you mean '{nearest}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspellings_find_their_word() {
        let names = ["birthDate", "name", "gender", "valueString", "value"];
        let cases = [
            ("brithDate", Some("birthDate")),
            ("birthdate", Some("birthDate")),
            ("names", Some("name")),
            ("gendr", Some("gender")),
            ("xyz", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names.into_iter()), expected, "{name}");
        }
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(nearest(&"n".repeat(100_000), names.into_iter()), None);
    }
}
