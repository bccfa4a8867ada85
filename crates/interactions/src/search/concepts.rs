//! Value sets and hierarchies of codes as lists of codes, from the definitions that are stored here:
//! <https://hl7.org/fhir/R4/search.html#token>. Chains along canonicals as lists of URLs.

use std::{collections::BTreeSet, sync::Arc};

use auth::{Action, Caller, Permit, authorize};
use fhir_model::{IssueType, Outcome, ResourceType, Tree, json};
use search::{
    Concepts, Direction, Filter, Plan, Registry, Sort, SortKey, System, Test, TokenTest, UriTest,
};
use storage::{Key, Turn, Version};
use terminology::{Canonical, Codes, Library, Limits, Need, Wanted};

use super::{canonicals, weight};
use crate::Fhir;

/// Value sets and hierarchies that one search may draw on.
const CONCEPTS_MAX: usize = 10;

/// What one of them may cost: a tenth of a second, and as many codes as one statement takes.
const LIMITS: Limits = Limits { codes: 5_000, resources: 100, steps: 1_000_000 };

/// Stored versions of a definition that are looked at, the latest first.
const VERSIONS_MAX: u32 = 10;

/// Writes codes in the place of every [`Test::Concepts`].
///
/// # Errors
/// `invalid` for a value set that is not here, `not-supported` where the concepts of a code system would
/// have to be known, `too-costly`.
pub(crate) async fn settle(fhir: &Fhir, permit: &Permit, plan: &mut Plan) -> Result<(), Outcome> {
    let mut asked: Vec<Concepts> = Vec::new();
    for of_type in &mut plan.types {
        walk(&mut of_type.filters, &mut |filter| note(filter, &mut asked));
    }
    if asked.is_empty() {
        return Ok(());
    }
    if asked.len() > CONCEPTS_MAX {
        let text = format!("A search draws on at most {CONCEPTS_MAX} value sets and hierarchies");
        return Err(Outcome::new(IssueType::TooCostly, text));
    }
    let mut settled = Vec::with_capacity(asked.len());
    for concepts in asked {
        let says = said(fhir, permit, &concepts).await?;
        settled.push((concepts, says));
    }
    for of_type in &mut plan.types {
        walk(&mut of_type.filters, &mut |filter| replace(filter, &settled));
    }
    weight::check(plan)
}

/// Whether a plan still needs [`settle`].
///
/// # Errors
/// `not-supported`, where nobody can wait for it.
pub(crate) fn refuse(plan: &Plan) -> Result<(), Outcome> {
    let mut asked = Vec::new();
    let mut plan = plan.clone();
    for of_type in &mut plan.types {
        walk(&mut of_type.filters, &mut |filter| note(filter, &mut asked));
    }
    if asked.is_empty() {
        return Ok(());
    }
    Err(Outcome::new(
        IssueType::NotSupported,
        "A reference by search has no :in, :not-in, :above and :below, and follows no canonical URL; use the codes and \
         URLs themselves",
    ))
}

/// Every filter, those inside others first. A plan is as deep as the parser lets it be.
fn walk(filters: &mut [Filter], visit: &mut dyn FnMut(&mut Filter)) {
    for filter in filters {
        match filter {
            Filter::All(inner) | Filter::Any(inner) => walk(inner, visit),
            Filter::Not(inner) => walk(std::slice::from_mut(inner), visit),
            Filter::Chain { targets, .. } => {
                for target in targets {
                    walk(&mut target.filters, visit);
                }
            }
            Filter::Has { source, .. } => walk(&mut source.filters, visit),
            Filter::Id(_)
            | Filter::Updated(_)
            | Filter::Value { .. }
            | Filter::Present { .. }
            | Filter::Words { .. }
            | Filter::Near { .. }
            | Filter::During(_) => {}
        }
        visit(filter);
    }
}

fn note(filter: &Filter, asked: &mut Vec<Concepts>) {
    let Filter::Value { any, .. } = filter else { return };
    for test in any {
        if let Test::Concepts(concepts) = test
            && !asked.contains(concepts)
        {
            asked.push(concepts.clone());
        }
    }
}

/// What says the same as [`Test::Concepts`].
#[derive(Debug, Clone)]
enum Said {
    /// One of these tests holds.
    Tests(Vec<Test>),
    /// This holds, in the place of the whole filter.
    Filter(Filter),
}

/// What was asked for, and what says the same.
type Settled = [(Concepts, Said)];

/// Codes instead of concepts, each once. Where there are none, nothing is found.
fn replace(filter: &mut Filter, settled: &Settled) {
    let Filter::Value { any, .. } = filter else { return };
    if !any.iter().any(|test| matches!(test, Test::Concepts(_))) {
        return;
    }
    let mut seen = BTreeSet::new();
    let mut tests = Vec::new();
    for test in any.iter() {
        let Test::Concepts(concepts) = test else {
            tests.push(test.clone());
            continue;
        };
        let known = settled.iter().find(|(asked, _)| asked == concepts);
        match known {
            Some((_, Said::Tests(same))) => {
                tests.extend(same.iter().filter(|test| is_new(test, &mut seen)).cloned());
            }
            Some((_, Said::Filter(same))) => {
                *filter = same.clone();
                return;
            }
            None => {}
        }
    }
    if tests.is_empty() {
        *filter = Filter::Id(Vec::new());
    } else {
        *any = tests;
    }
}

/// Systems and codes that were met.
type Seen = BTreeSet<(Option<Box<str>>, Option<Box<str>>)>;

/// Whether a code was not there before; what is no code comes once anyway.
fn is_new(test: &Test, seen: &mut Seen) -> bool {
    let Test::Token(token) = test else { return true };
    let system = match &token.system {
        System::Is(system) => Some(system.clone()),
        System::None | System::Any => None,
    };
    seen.insert((system, token.code.clone()))
}

async fn said(fhir: &Fhir, permit: &Permit, concepts: &Concepts) -> Result<Said, Outcome> {
    // what codes mean is public, whatever else a token opens
    let public = authorize(&Caller::Anonymous, Action::Search, ResourceType::named("ValueSet"))?;
    let open = if permit.covers_all_rows() { permit } else { &public };
    let codes = match concepts {
        Concepts::ValueSet(name) => members(fhir, open, name).await?,
        Concepts::Below(token) => relatives(fhir, open, token, terminology::below).await?,
        Concepts::Above(token) => relatives(fhir, open, token, terminology::above).await?,
        Concepts::Canonicals(targets) => {
            return canonicals::referring_to(fhir, permit, targets).await.map(Said::Tests);
        }
        Concepts::Referring { source, params, url, version } => {
            let of = (source, params.as_slice());
            let filter = canonicals::referred_to(fhir, permit, of, (url, version)).await?;
            return Ok(Said::Filter(filter));
        }
    };
    Ok(Said::Tests(codes.into_iter().map(Test::Token).collect()))
}

/// What a value set selects.
async fn members(fhir: &Fhir, permit: &Permit, name: &str) -> Result<Vec<TokenTest>, Outcome> {
    let at_hand = match by_id(fhir, name) {
        Some(key) => Some(read(fhir, permit, &key).await?),
        None => None,
    };
    let wanted = || at_hand.as_ref().map_or(Wanted::Canonical(name), Wanted::Resource);
    let mut library = Library::default();
    loop {
        let missing = terminology::needs(wanted(), &library, &LIMITS)?;
        if missing.is_empty() {
            break;
        }
        for need in missing {
            let found = find(fhir, permit, &need).await?;
            library.put(need, found.map(Arc::new));
        }
    }
    let concepts = terminology::expand(wanted(), &library, &LIMITS)?;
    let mut tests = Vec::with_capacity(concepts.len());
    for (system, codes) in concepts.systems() {
        match codes {
            Codes::Only(codes) => tests.extend(codes.iter().map(|code| token(system, Some(code)))),
            Codes::AllBut(except) if except.is_empty() => tests.push(token(system, None)),
            Codes::AllBut(_) => {
                return Err(Outcome::new(
                    IssueType::NotSupported,
                    "The value set excludes codes of a code system whose concepts are not stored here",
                ));
            }
        }
    }
    Ok(tests)
}

/// The code and what it subsumes, or what subsumes it.
async fn relatives(
    fhir: &Fhir,
    permit: &Permit,
    start: &TokenTest,
    reach: fn(&Tree, &str, &Limits) -> Result<BTreeSet<String>, terminology::Refusal>,
) -> Result<Vec<TokenTest>, Outcome> {
    let (System::Is(system), Some(code)) = (&start.system, &start.code) else {
        let text = ":above and :below need a code with its system, system|code";
        return Err(Outcome::new(IssueType::Invalid, text));
    };
    let canonical = Canonical::parse(system);
    let need = Need::CodeSystem(canonical.clone());
    let found = find(fhir, permit, &need).await?;
    let tree = found.ok_or(terminology::Refusal::UnknownCodeSystem(canonical))?;
    let codes = reach(&tree, code, &LIMITS)?;
    Ok(codes.iter().map(|code| token(Some(system), Some(code))).collect())
}

fn token(system: Option<&str>, code: Option<&str>) -> TokenTest {
    let key = |text: &str| -> Box<str> { search::key(text).into() };
    TokenTest {
        system: system.map_or(System::None, |system| System::Is(key(system))),
        code: code.map(key),
    }
}

/// `ValueSet/id`, also under the server's own URL.
fn by_id(fhir: &Fhir, name: &str) -> Option<Key> {
    let own = name.strip_prefix(&*fhir.base).and_then(|rest| rest.strip_prefix('/'));
    let id = own.unwrap_or(name).strip_prefix("ValueSet/")?;
    Some(Key::new(ResourceType::named("ValueSet")?, id))
}

async fn read(fhir: &Fhir, permit: &Permit, key: &Key) -> Result<Tree, Outcome> {
    let found = fhir.vault.read(permit, key).await?;
    let body = found.and_then(|version| version.body.clone());
    body.map(json::parse_trusted).ok_or_else(|| {
        let text = format!("{}/{} is not stored here", key.resource_type, key.id);
        Outcome::new(IssueType::Invalid, text)
    })
}

/// The definition of this URL, and version if there is one: the active one that was stored last, else the
/// one that was stored last.
async fn find(fhir: &Fhir, permit: &Permit, need: &Need) -> Result<Option<Tree>, Outcome> {
    let name = match need {
        Need::ValueSet(_) => "ValueSet",
        Need::CodeSystem(_) => "CodeSystem",
    };
    let Some(plan) = ResourceType::named(name)
        .and_then(|ty| plan_of(&fhir.vault.registry(), ty, need.canonical()))
    else {
        return Ok(None);
    };
    let page = fhir.vault.search(permit, &plan, &Turn::First, VERSIONS_MAX).await?;
    let bodies = page.versions.into_iter().filter_map(|version: Version| version.body);
    let mut trees: Vec<Tree> = bodies.map(json::parse_trusted).collect();
    let is_active = |tree: &Tree| tree.root().child_text("status").as_deref() == Some("active");
    let at = trees.iter().position(is_active).unwrap_or(0);
    Ok((!trees.is_empty()).then(|| trees.swap_remove(at)))
}

fn plan_of(registry: &Registry, ty: ResourceType, canonical: &Canonical) -> Option<Plan> {
    let value = |code: &str, test: Test| {
        let params = registry.parameter(ty, code)?.sources.clone();
        Some(Filter::Value { params, any: vec![test] })
    };
    let mut filters =
        vec![value("url", Test::Uri(UriTest::Is(search::key(&canonical.url).into())))?];
    if let Some(version) = &canonical.version {
        let code = Some(search::caseless(version));
        filters.push(value("version", Test::Token(TokenTest { system: System::Any, code }))?);
    }
    let mut plan = Plan::over(ty);
    for of_type in &mut plan.types {
        of_type.filters.clone_from(&filters);
    }
    plan.sort = vec![Sort { key: SortKey::Updated, direction: Direction::Descending }];
    Some(plan)
}

#[cfg(test)]
mod tests {
    use search::ParamId;

    use super::*;

    fn value(tests: Vec<Test>) -> Filter {
        Filter::Value { params: vec![ParamId(1)], any: tests }
    }

    fn asks(name: &str) -> Test {
        Test::Concepts(Concepts::ValueSet(name.into()))
    }

    #[test]
    fn concepts_are_replaced_wherever_they_stand() {
        let ty = ResourceType::named("Patient").unwrap();
        let deep = |filter: Filter| {
            let of_type = search::TypePlan { ty, filters: vec![Filter::Not(Box::new(filter))] };
            let has = Filter::Has { params: vec![ParamId(2)], source: Box::new(of_type) };
            let target = search::TypePlan { ty, filters: vec![Filter::Any(vec![has])] };
            Filter::Chain { params: vec![ParamId(3)], targets: vec![target] }
        };
        let (a, b) = (token(Some("s"), Some("a")), token(None, Some("b")));
        let said = |name: &str, codes: &[&TokenTest]| {
            let tests = codes.iter().map(|code| Test::Token((*code).clone())).collect();
            (Concepts::ValueSet(name.into()), Said::Tests(tests))
        };
        let settled = [said("one", &[&a, &b]), said("two", &[&b]), said("none", &[])];
        let cases = [
            (vec![asks("one"), asks("two")], value(vec![Test::Token(a), Test::Token(b.clone())])),
            (vec![asks("two")], value(vec![Test::Token(b)])),
            (vec![asks("none")], Filter::Id(Vec::new())),
        ];
        for (tests, expected) in cases {
            let (mut filters, mut asked) = ([deep(value(tests.clone()))], Vec::new());
            walk(&mut filters, &mut |filter| note(filter, &mut asked));
            assert_eq!(asked.len(), tests.len());
            walk(&mut filters, &mut |filter| replace(filter, &settled));
            assert_eq!(filters, [deep(expected)]);
        }
    }
}
