//! Chains and `_has` along canonical URLs: what is at the other end is searched first, as whoever asks may see it, and its
//! URLs take its place: <https://hl7.org/fhir/R4/references.html#canonical>.

use std::collections::{BTreeMap, BTreeSet};

use auth::{Action, Named, Permit};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, json};
use search::{
    Filter, ParamId, Plan, ReferenceTest, System, Target, Test, TokenTest, TypePlan, UriTest,
    Version,
};
use storage::Turn;

use super::{concepts, weight};
use crate::Fhir;

/// How many resources may be at the other end.
const FOUND_MAX: u32 = 100;

/// What refers to a resource that satisfies one of the plans: by its URL, and its version or none.
///
/// # Errors
/// `too-costly` when there are more than are looked at; what is wrong with the plans.
pub(super) async fn referring_to(
    fhir: &Fhir,
    permit: &Permit,
    targets: &[TypePlan],
) -> Result<Vec<Test>, Outcome> {
    let mut tests = Vec::new();
    for body in found(fhir, permit, targets).await? {
        let tree = json::parse_trusted(body);
        let text = |name: &str| tree.root().child_text(name);
        let Some(url) = text("url") else { continue };
        let version = Version::Of(text("version").map(|version| search::caseless(&version)));
        let url = search::key(&url).into();
        let test = Test::Reference(ReferenceTest::Url { url, version });
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    Ok(tests)
}

/// That a resource is referred to by one that satisfies the plan: it has such a URL, and the version that is named with it.
///
/// # Errors
/// Those of [`referring_to`].
pub(super) async fn referred_to(
    fhir: &Fhir,
    permit: &Permit,
    (source, params): (&TypePlan, &[ParamId]),
    (url, version): (&[ParamId], &[ParamId]),
) -> Result<Filter, Outcome> {
    let registry = fhir.vault.registry();
    let mut urls: BTreeMap<Option<Box<str>>, BTreeSet<Box<str>>> = BTreeMap::new();
    for body in found(fhir, permit, std::slice::from_ref(source)).await? {
        let rows = search::extract(&registry, &json::parse_trusted(body), fhir.base());
        let rows = rows.references.into_iter().filter(|row| params.contains(&row.param));
        for row in rows {
            if let Target::Url { url, version } = row.target {
                urls.entry(version).or_default().insert(url);
            }
        }
    }
    let count: usize = urls.values().map(BTreeSet::len).sum();
    if count > FOUND_MAX as usize {
        return Err(too_many("URLs"));
    }
    let one_of = |(named, urls): (Option<Box<str>>, BTreeSet<Box<str>>)| {
        let any = urls.into_iter().map(|url| Test::Uri(UriTest::Is(url))).collect();
        let by_url = Filter::Value { params: url.to_vec(), any };
        let Some(named) = named else { return by_url };
        let any = vec![Test::Token(TokenTest { system: System::Any, code: Some(named) })];
        Filter::All(vec![by_url, Filter::Value { params: version.to_vec(), any }])
    };
    Ok(Filter::Any(urls.into_iter().map(one_of).collect()))
}

/// The bodies of all that satisfies one of the plans and may be found.
async fn found(fhir: &Fhir, permit: &Permit, plans: &[TypePlan]) -> Result<Vec<Bytes>, Outcome> {
    let Some(first) = plans.first() else { return Ok(Vec::new()) };
    let mut plan = Plan { types: plans.to_vec(), ..Plan::over(first.ty) };
    auth::check(&mut plan, permit, (&[Action::Search], Named::Everything))?;
    // a chain is as long as the parser lets it be
    Box::pin(concepts::settle(fhir, permit, &mut plan)).await?;
    weight::check(&plan)?;
    let page = fhir.vault.search(permit, &plan, &Turn::First, FOUND_MAX + 1).await?;
    if page.versions.len() > FOUND_MAX as usize {
        return Err(too_many("resources"));
    }
    Ok(page.versions.into_iter().filter_map(|version| version.body).collect())
}

fn too_many(what: &str) -> Outcome {
    let text = format!(
        "References by canonical URL are followed to at most {FOUND_MAX} {what}; ask for fewer at their other end"
    );
    Outcome::new(IssueType::TooCostly, text)
}
