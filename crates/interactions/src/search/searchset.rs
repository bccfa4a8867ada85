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
    let all = page.versions.iter().chain(&page.included);
    bundle.expect(all.map(|one| one.body.as_ref().map_or(0, Bytes::len) + base.len()));
    let of_includes = elements.as_ref().filter(|one| !matches!(one, Elements::Named(_)));
    let mut url = String::new();
    let matches = page.versions.iter().map(|one| (one, Mode::Match, elements.as_ref()));
    let included = page.included.iter().map(|one| (one, Mode::Include, of_includes));
    for (version, mode, elements) in matches.chain(included) {
        let Some(body) = found(version) else { continue };
        address(&mut url, base, version);
        match elements {
            Some(elements) => bundle.found((&url, mode), &elements.of(&body)),
            None => bundle.found((&url, mode), &body),
        }
    }
}

/// What has to be said about the search itself.
pub(super) fn remarks(ignored: Vec<Issue>, page: &Page) -> Vec<Outcome> {
    let cut = page.is_cut.then_some(Issue {
        severity: Severity::Warning,
        code: IssueType::TooCostly,
        details: None,
        diagnostics: Cow::Borrowed(
            "There is more to include than a page holds; ask for fewer matches with _count, or \
             follow the references",
        ),
        expression: None,
    });
    Outcome::from_issues(ignored.into_iter().chain(cut).collect()).into_iter().collect()
}

/// The JSON of what was found: a resource, or one that it contains.
fn found(version: &Version) -> Option<Cow<'_, Bytes>> {
    let body = version.body.as_ref()?;
    let Some(local) = &version.contained else { return Some(Cow::Borrowed(body)) };
    let tree = json::parse_trusted(body.clone());
    let mut contained = tree.root().named("contained");
    let found = contained.find(|one| one.child_text("id").as_deref() == Some(local))?;
    Some(Cow::Owned(Bytes::copy_from_slice(found.raw())))
}

/// Its address, in place of what was there.
fn address(url: &mut String, base: &str, version: &Version) {
    url.clear();
    for part in [base, "/", version.resource_type.name(), "/", &version.id] {
        url.push_str(part);
    }
    if let Some(local) = &version.contained {
        url.push('#');
        url.push_str(local);
    }
}
