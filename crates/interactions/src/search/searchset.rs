//! The entries of a searchset: <https://hl7.org/fhir/R4/bundle.html#searchset>.

use std::borrow::Cow;

use bytes::Bytes;
use fhir_model::{Issue, IssueType, Outcome, Severity, json};
use search::Plan;
use storage::{Page, Version};

use crate::{
    bundle::{Bundle, Mode},
    elements::Elements,
};

/// Writes what was found, and what belongs to it. `_elements` is about what was searched for, `_summary`
/// about all.
pub(crate) fn enter(bundle: &mut Bundle, base: &str, plan: &Plan, page: &Page) {
    let elements = Elements::of_plan(plan);
    for version in &page.versions {
        let Some((url, body)) = entry(base, version) else { continue };
        bundle.found((&url, Mode::Match), &shown(elements.as_ref(), &body));
    }
    let of_includes = elements.filter(|elements| !matches!(elements, Elements::Named(_)));
    for version in &page.included {
        let Some((url, body)) = entry(base, version) else { continue };
        bundle.found((&url, Mode::Include), &shown(of_includes.as_ref(), &body));
    }
}

/// What has to be said about the search itself.
pub(super) fn remarks(ignored: Vec<Issue>, page: &Page) -> Vec<Outcome> {
    let cut = page.is_cut.then_some( Issue {
        severity: Severity::Warning,
        code: IssueType::TooCostly,
        details: None,        diagnostics: Cow::Borrowed(
            "There is more to include than a page holds; ask for fewer matches with _count, or follow the \
             references",
        ),
        expression: None,
    });
    Outcome::from_issues(ignored.into_iter().chain(cut).collect()).into_iter().collect()
}

/// The address and the JSON of what was found: a resource, or one that it contains.
fn entry(base: &str, version: &Version) -> Option<(String, Bytes)> {
    let body = version.body.clone()?;
    let url = format!("{base}/{}/{}", version.resource_type, version.id);
    let Some(local) = &version.contained else { return Some((url, body)) };
    let tree = json::parse_trusted(body);
    let mut contained = tree.root().named("contained");
    let found = contained.find(|one| one.child_text("id").as_deref() == Some(local))?;
    Some((format!("{url}#{local}"), Bytes::copy_from_slice(found.raw())))
}

fn shown(elements: Option<&Elements>, body: &Bytes) -> Bytes {
    elements.map_or_else(|| body.clone(), |elements| elements.of(body))
}
