//! What is shown besides the matches: <https://hl7.org/fhir/R4/search.html#revinclude>.

use std::collections::{BTreeMap, BTreeSet};

use auth::Permit;
use fhir_model::{Outcome, ResourceType};
use search::{Include, IncludeWay, Registry, SearchKind};

use super::{
    Version,
    ask::Ask,
    sight,
    statement::{Sql, Statement, sql},
};

/// How often `:iterate` follows references from what was included.
const DEPTH_MAX: usize = 3;
/// How many resources are included at most.
const INCLUDED_MAX: usize = 1000;
/// How many resources a statement starts from, at most.
const CHUNK: usize = 256;

/// What is included, and whether there was more.
pub(super) async fn included(
    includes: &[Include],
    matches: &[Version],
    (registry, permit): (&Registry, &Permit),
    ask: &mut impl Ask,
) -> Result<(Vec<Version>, bool), Outcome> {
    let own = matches.iter().filter(|version| version.contained.is_none());
    let mut edge: BTreeMap<i64, ResourceType> =
        own.map(|version| (version.res, version.resource_type)).collect();
    let mut seen: BTreeSet<i64> = edge.keys().copied().collect();
    let mut found = Vec::new();
    let mut is_cut = false;
    for depth in 0..=DEPTH_MAX {
        let mut next = BTreeMap::new();
        for include in includes.iter().filter(|one| depth == 0 || one.iterate) {
            let limit = i64::try_from(seen.len() + INCLUDED_MAX + 1).unwrap_or(i64::MAX);
            for links in links(include, &edge, registry) {
                for statement in links.statements(limit, permit, ask).await? {
                    for (res, ty) in ask.numbers(&statement).await? {
                        if let Some(ty) = resource_type(ty).filter(|_| !seen.contains(&res)) {
                            next.insert(res, ty);
                        }
                    }
                }
            }
        }
        if next.is_empty() {
            break;
        }
        seen.extend(next.keys());
        found.extend(next.keys());
        if found.len() > INCLUDED_MAX {
            found.truncate(INCLUDED_MAX);
            is_cut = true;
            break;
        }
        edge = next;
    }
    let mut versions = Vec::with_capacity(found.len());
    for chunk in found.chunks(CHUNK) {
        versions.extend(ask.found(&shown(chunk)).await?.into_iter().map(|found| found.version));
    }
    Ok((versions, is_cut))
}

fn resource_type(number: i64) -> Option<ResourceType> {
    u8::try_from(number).ok().and_then(ResourceType::from_number)
}

/// What one rule leads to from some resources: `select`, then `rest`.
struct Links {
    page: Sql,
    rest: Sql,
}

impl Links {
    /// The statements that give numbers and types of what is open to the permit: of a bounded one, a statement for
    /// each type that there is.
    async fn statements(
        self,
        limit: i64,
        permit: &Permit,
        ask: &mut impl Ask,
    ) -> Result<Vec<Statement>, Outcome> {
        let select = |columns: &str| self.page.clone().then(columns).with(self.rest.clone());
        let whole = || select("select distinct t.res, cast(t.type as bigint)");
        let finish = |piece: Sql| piece.then("\nlimit  ").bind(limit).statement();
        if permit.covers_all_rows() {
            return Ok(vec![finish(whole())]);
        }
        let types = select("select distinct cast(t.type as bigint), cast(0 as bigint)");
        let mut statements = Vec::new();
        for (number, _) in ask.numbers(&types.statement()).await? {
            let Some(ty) = resource_type(number) else { continue };
            if let Some(open) = sight::included(permit, ty, ask).await? {
                let of_type = sql("\n  and  t.type = ?\n  and  ", [number.into()]).with(open);
                statements.push(finish(whole().with(of_type)));
            }
        }
        Ok(statements)
    }
}

/// What one rule leads to.
fn links(include: &Include, edge: &BTreeMap<i64, ResourceType>, registry: &Registry) -> Vec<Links> {
    let near_end = match include.way {
        IncludeWay::Forwards => include.source,
        IncludeWay::Backwards => include.target,
    };
    let from: Vec<i64> = (edge.iter())
        .filter(|(_, ty)| near_end.is_none_or(|wanted| wanted == **ty))
        .map(|(res, _)| *res)
        .collect();
    if from.is_empty() {
        return Vec::new();
    }
    let params = params(include, edge, registry);
    let canonical = canonical(&params, registry);
    let mut all = Vec::new();
    for chunk in from.chunks(CHUNK) {
        if !params.is_empty() {
            all.push(Links { page: page(chunk), rest: by_reference(include, &params) });
        }
        if !canonical.is_empty() {
            let rest = by_url(include, &canonical, registry);
            all.push(Links { page: page(chunk), rest });
        }
    }
    all
}

/// The numbers of the reference parameters to follow.
fn params(include: &Include, edge: &BTreeMap<i64, ResourceType>, registry: &Registry) -> Vec<i64> {
    if let Some(params) = &include.params {
        return params.iter().map(|param| i64::from(param.number())).collect();
    }
    let types: BTreeSet<ResourceType> = edge.values().copied().collect();
    let is_source = |ty: ResourceType| match (include.source, include.way) {
        (Some(source), _) => source == ty,
        (None, IncludeWay::Forwards) => types.contains(&ty),
        (None, IncludeWay::Backwards) => true,
    };
    let all = registry.all().iter().filter(|one| one.kind == SearchKind::Reference);
    all.filter(|one| is_source(one.ty)).map(|one| i64::from(one.id.number())).collect()
}

/// Those of them that may refer by canonical URL.
fn canonical(params: &[i64], registry: &Registry) -> Vec<i64> {
    let has_url = |ty: &ResourceType| registry.parameter(*ty, "url").is_some();
    let may = |p: &i64| {
        let id = u32::try_from(*p).ok().map(search::ParamId);
        let parameter = id.and_then(|id| registry.by_id(id));
        parameter.is_none_or(|one| one.targets.is_empty() || one.targets.iter().any(has_url))
    };
    params.iter().copied().filter(may).collect()
}

/// The resources to start from. There are as many places as in the next bigger statement, so that few statements
/// serve all pages.
fn page(numbers: &[i64]) -> Sql {
    let places = numbers.len().next_power_of_two().max(8);
    let last = numbers.last().copied().unwrap_or(0);
    let values = numbers.iter().copied().chain(std::iter::repeat(last)).take(places);
    let rows = values.map(|res| sql("(?)", [res.into()]));
    sql("with page (res) as (values ", []).with(Sql::joined(rows, ", ")).then(")\n")
}

/// References between resources of this vault.
fn by_reference(include: &Include, params: &[i64]) -> Sql {
    let (near, far) = match include.way {
        IncludeWay::Forwards => ("i.res", "i.target"),
        IncludeWay::Backwards => ("i.target", "i.res"),
    };
    sql(
        format!(
            "\nfrom   page\n  cross join idx_reference i\n  \
             cross join resource t\nwhere  {near} = page.res\n  and  t.res = {far}\n  and  "
        ),
        [],
    )
    .with(Sql::one_of("i.p", params))
    .with(far_end(include))
}

/// References by canonical URL, to any version or to the one that is named.
fn by_url(include: &Include, params: &[i64], registry: &Registry) -> Sql {
    let numbers = |code: &str| -> Vec<i64> {
        let all = registry.all().iter().filter(|one| one.code == code);
        let of_type = all.filter(|one| include.target.is_none_or(|ty| ty == one.ty));
        of_type.map(|one| i64::from(one.id.number())).collect()
    };
    let (first, second, far) = match include.way {
        IncludeWay::Forwards => ("idx_uri i", "idx_uri u", "u.res"),
        IncludeWay::Backwards => ("idx_uri u", "idx_uri i", "i.res"),
    };
    let near = if include.way == IncludeWay::Forwards { "i.res" } else { "u.res" };
    sql(
        format!(
            "\nfrom   page\n  cross join {first}\n  \
             cross join {second}\n  cross join resource t\nwhere  {near} = page.res\n  and  u.uri = i.uri\n  \
             and  t.res = {far}\n  and  "
        ),
        [],
    )
    .with(Sql::one_of("i.p", params))
    .then("\n  and  ")
    .with(Sql::one_of("u.p", &numbers("url")))
    .then("\n  and  (i.version = '' or exists (select 1 from idx_token v where v.res = u.res and v.code = i.version and ")
    .with(Sql::one_of("v.p", &numbers("version")))
    .then("))")
    .with(far_end(include))
}

fn far_end(include: &Include) -> Sql {
    let ty = match include.way {
        IncludeWay::Forwards => include.target,
        IncludeWay::Backwards => include.source,
    };
    let there = sql("\n  and  t.body is not null", []);
    match ty {
        Some(ty) => there.then("\n  and  t.type = ").bind(i64::from(ty.number())),
        None => there,
    }
}

/// These resources, in the order of their numbers.
fn shown(numbers: &[i64]) -> Statement {
    page(numbers)
        .then(
            "select r.res, r.type, r.id, r.version, r.updated, r.method, r.body\n\
             from   (select distinct res from page) as one\n  cross join resource r\n\
             where  r.res = one.res\n  and  r.body is not null\norder  by r.res",
        )
        .statement()
}
