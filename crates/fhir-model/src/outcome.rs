//! What went wrong, in the words of `OperationOutcome`: <https://hl7.org/fhir/R4/operationoutcome.html>.

use std::{borrow::Cow, fmt};

use crate::json;

/// A code of <http://hl7.org/fhir/ValueSet/issue-type> together with the HTTP status it answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueType {
    /// 400: the bytes are not JSON or XML, or not the shape that the definitions give.
    Structure,
    /// 400: an element is missing.
    Required,
    /// 400: a value has the wrong format.
    Value,
    /// 400: anything else that is malformed (a header, a parameter, a path).
    Invalid,
    /// 400: what was asked for is not something this server does.
    NotSupported,
    /// 401: who are you?
    Login,
    /// 403: you may not, whatever exists.
    Forbidden,
    /// 404: nothing there, or nothing that this caller may know of.
    NotFound,
    /// 405: the address exists, the method does not.
    MethodNotAllowed,
    /// 406: none of the formats asked for is spoken here.
    NotAcceptable,
    /// 408: the request did not arrive in time.
    Timeout,
    /// 409: somebody else is in the way; ask again.
    Conflict,
    /// 409: something is being worked on that must not be disturbed; ask again.
    Locked,
    /// 409: the reference is needed by others, or two entries name one resource.
    Duplicate,
    /// 410: was there, was deleted.
    Deleted,
    /// 412: `If-Match` named another version.
    VersionConflict,
    /// 412: the criteria match more than one.
    MultipleMatches,
    /// 412: the criteria of a reference match nothing.
    Unmatched,
    /// 413: over a limit of size, depth or number.
    TooLong,
    /// 415: the body's format is not spoken here.
    UnsupportedMedia,
    /// 422: a code outside its required value set.
    CodeInvalid,
    /// 422: a rule of the specification (an invariant, a cardinality).
    Invariant,
    /// 422: a rule of the business.
    BusinessRule,
    /// 422: what is there is not enough to decide.
    Incomplete,
    /// 422: the query would cost too much.
    TooCostly,
    /// 429: too many requests.
    Throttled,
    /// 503: overloaded or shutting down; ask again.
    Transient,
    /// 500: our fault.
    Exception,
    /// 200: said in passing.
    Informational,
}

impl IssueType {
    /// HTTP status and issue-type code.
    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::Structure => (400, "structure"),
            Self::Required => (400, "required"),
            Self::Value => (400, "value"),
            Self::Invalid => (400, "invalid"),
            Self::NotSupported => (400, "not-supported"),
            Self::Login => (401, "login"),
            Self::Forbidden => (403, "forbidden"),
            Self::NotFound => (404, "not-found"),
            Self::MethodNotAllowed => (405, "not-supported"),
            Self::NotAcceptable => (406, "not-supported"),
            Self::Timeout => (408, "timeout"),
            Self::Conflict => (409, "conflict"),
            Self::Locked => (409, "lock-error"),
            Self::Duplicate => (409, "duplicate"),
            Self::Deleted => (410, "deleted"),
            Self::VersionConflict => (412, "conflict"),
            Self::MultipleMatches => (412, "multiple-matches"),
            Self::Unmatched => (412, "not-found"),
            Self::TooLong => (413, "too-long"),
            Self::UnsupportedMedia => (415, "not-supported"),
            Self::CodeInvalid => (422, "code-invalid"),
            Self::Invariant => (422, "invariant"),
            Self::BusinessRule => (422, "business-rule"),
            Self::Incomplete => (422, "incomplete"),
            Self::TooCostly => (422, "too-costly"),
            Self::Throttled => (429, "throttled"),
            Self::Transient => (503, "transient"),
            Self::Exception => (500, "exception"),
            Self::Informational => (200, "informational"),
        }
    }

    /// The HTTP status for this issue.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The code in `OperationOutcome.issue.code`.
    pub const fn code(self) -> &'static str {
        self.row().1
    }
}

/// `OperationOutcome.issue.severity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The action failed because of this.
    Error,
    /// Worth knowing; the action went on.
    Warning,
    /// All is well.
    Information,
}

impl Severity {
    /// The code in `OperationOutcome.issue.severity`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

/// The `CodeSystem` of the vault's own rules, in `OperationOutcome.issue.details`.
pub const VAULT_ISSUE: &str = "https://medvault.example/fhir/CodeSystem/vault-issue";

/// One `OperationOutcome.issue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// How bad.
    pub severity: Severity,
    /// What kind of trouble.
    pub code: IssueType,
    /// Which rule of the vault's own, for programs: a code of [`VAULT_ISSUE`].
    pub details: Option<&'static str>,
    /// A sentence for the developer who reads it; never patient data.
    pub diagnostics: Cow<'static, str>,
    /// The `FHIRPath` of the place, for example `Patient.name[0].family`.
    pub expression: Option<String>,
}

/// A refusal (or a remark): at least one issue. The first decides the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome(Vec<Issue>);

impl Outcome {
    /// A refusal with one issue.
    pub fn new(code: IssueType, diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Issue {
            severity: Severity::Error,
            code,
            details: None,
            diagnostics: diagnostics.into(),
            expression: None,
        }])
    }

    /// A remark that refuses nothing.
    pub fn information(diagnostics: impl Into<Cow<'static, str>>) -> Self {
        Self(vec![Issue {
            severity: Severity::Information,
            code: IssueType::Informational,
            details: None,
            diagnostics: diagnostics.into(),
            expression: None,
        }])
    }

    /// Several faults at once; `None` when there are none.
    pub fn from_issues(issues: Vec<Issue>) -> Option<Self> {
        (!issues.is_empty()).then_some(Self(issues))
    }

    /// Names the rule of the vault's own that the last issue is about, by its code.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        if let Some(issue) = self.0.last_mut() {
            issue.details = Some(code);
        }
        self
    }

    /// Points the last issue at an element.
    #[must_use]
    pub fn at(mut self, expression: impl Into<String>) -> Self {
        if let Some(issue) = self.0.last_mut() {
            issue.expression = Some(expression.into());
        }
        self
    }

    /// Makes every issue's place relative to an outer one: `Patient.name` inside
    /// `Bundle.entry[3].resource` becomes `Bundle.entry[3].resource.name`.
    #[must_use]
    pub fn inside(mut self, outer: &str) -> Self {
        for issue in &mut self.0 {
            let inner = issue.expression.as_deref().and_then(|path| path.split_once('.'));
            issue.expression = Some(match inner {
                Some((_, rest)) => format!("{outer}.{rest}"),
                None => outer.to_owned(),
            });
        }
        self
    }

    /// Makes every issue's place that of another entry: what was found in `Bundle.entry[0]` is in `Bundle.entry[n]`.
    #[must_use]
    pub(crate) fn of_entry(mut self, n: usize) -> Self {
        for issue in &mut self.0 {
            let inner =
                issue.expression.as_deref().and_then(|it| it.strip_prefix("Bundle.entry[0]"));
            issue.expression = Some(format!("Bundle.entry[{n}]{}", inner.unwrap_or_default()));
        }
        self
    }

    /// All issues, the decisive one first.
    pub fn issues(&self) -> &[Issue] {
        &self.0
    }

    /// The HTTP status of the first issue.
    pub fn status(&self) -> u16 {
        self.0.first().map_or(500, |issue| issue.code.status())
    }

    /// The resource as JSON bytes.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = br#"{"resourceType":"OperationOutcome""#.to_vec();
        self.write_issues(&mut out);
        out
    }

    /// The resource as JSON bytes, with a logical id: an entry of a Bundle has one.
    pub fn to_json_under(&self, id: &str) -> Vec<u8> {
        let mut out = br#"{"resourceType":"OperationOutcome","id":"#.to_vec();
        json::write_string(&mut out, id);
        self.write_issues(&mut out);
        out
    }

    fn write_issues(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#","issue":["#);
        for (n, issue) in self.0.iter().enumerate() {
            if n > 0 {
                out.push(b',');
            }
            out.extend_from_slice(br#"{"severity":""#);
            out.extend_from_slice(issue.severity.code().as_bytes());
            out.extend_from_slice(br#"","code":""#);
            out.extend_from_slice(issue.code.code().as_bytes());
            out.push(b'"');
            if let Some(code) = issue.details {
                let details = format!(
                    r#","details":{{"coding":[{{"system":"{VAULT_ISSUE}","code":"{code}"}}]}}"#
                );
                out.extend_from_slice(details.as_bytes());
            }
            out.extend_from_slice(br#","diagnostics":"#);
            json::write_string(out, &issue.diagnostics);
            if let Some(expression) = &issue.expression {
                out.extend_from_slice(br#","expression":["#);
                json::write_string(out, expression);
                out.push(b']');
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, issue) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("; ")?;
            }
            if let Some(expression) = &issue.expression {
                write!(f, "{expression}: ")?;
            }
            f.write_str(&issue.diagnostics)?;
        }
        Ok(())
    }
}

impl std::error::Error for Outcome {}
