//! Resources in memory, searched by going through all of them: what databases are compared with.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use fhir_model::{Instant, ResourceType};

use crate::{
    SearchKind,
    matches::{Subject, World, matches},
    plan::{Contained, ContainedType, Direction, Include, IncludeWay, Plan, SortKey, Way},
    registry::{ParamId, Registry},
    rows::{Real, Rows, Target},
};

/// How often references are followed from what was included.
const DEPTH_MAX: usize = 3;

/// A resource with everything a search looks at.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its type.
    pub ty: ResourceType,
    /// Its logical id.
    pub id: Box<str>,
    /// `meta.lastUpdated`
    pub updated: Instant,
    /// What it is found by.
    pub rows: Rows,
    /// Of a contained resource: the place of its container.
    container: Option<usize>,
}

/// Something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The place in the corpus.
    pub at: usize,
}

/// All resources.
#[derive(Debug, Clone, Default)]
pub struct Corpus {
    entries: Vec<Entry>,
    by_key: BTreeMap<(ResourceType, Box<str>), usize>,
    /// By canonical URL: what has it, and its version.
    by_url: BTreeMap<Box<str>, Vec<Canonical>>,
}

/// The version of a canonical, and its place in the corpus.
type Canonical = (Option<Box<str>>, usize);

/// A value that is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// A time, in its own unit.
    Integer(i64),
    /// A number.
    Real(Real),
    /// A text.
    Text(Box<str>),
}

impl Corpus {
    /// Adds a resource and what it contains.
    pub fn add(&mut self, ty: ResourceType, id: &str, updated: Instant, mut rows: Rows) {
        let contained = std::mem::take(&mut rows.contained);
        let container = self.entries.len();
        self.by_key.insert((ty, id.into()), container);
        self.add_canonical(ty, &rows, container);
        self.entries.push(Entry { ty, id: id.into(), updated, rows, container: None });
        let inner = contained.into_iter().map(|one| Entry {
            ty: one.ty,
            id: one.id,
            updated,
            rows: one.rows,
            container: Some(container),
        });
        self.entries.extend(inner);
    }

    fn add_canonical(&mut self, ty: ResourceType, rows: &Rows, at: usize) {
        let param = |code| Registry::r4().parameter(ty, code).map(|parameter| parameter.id);
        let versions = rows.tokens.iter().filter(|row| Some(row.param) == param("version"));
        let version = versions.map(|row| row.code.clone()).next();
        for row in rows.uris.iter().filter(|row| Some(row.param) == param("url")) {
            self.by_url.entry(row.uri.clone()).or_default().push((version.clone(), at));
        }
    }

    /// `Patient/1`, of a contained resource `Medication/x#m1`.
    pub fn name(&self, hit: Hit) -> String {
        let Some(entry) = self.entries.get(hit.at) else { return String::new() };
        match entry.container.and_then(|at| self.entries.get(at)) {
            Some(container) => format!("{}/{}#{}", container.ty, container.id, entry.id),
            None => format!("{}/{}", entry.ty, entry.id),
        }
    }

    /// The type of a resource, of a contained one its own.
    pub fn ty(&self, hit: Hit) -> Option<ResourceType> {
        self.entries.get(hit.at).map(|entry| entry.ty)
    }

    /// What a plan finds, sorted.
    pub fn find(&self, plan: &Plan) -> Vec<Hit> {
        let (own, inside) = match plan.contained {
            Contained::No => (true, None),
            Contained::Only(shown) => (false, Some(shown)),
            Contained::Both(shown) => (true, Some(shown)),
        };
        let mut hits = BTreeSet::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let wanted = if entry.container.is_some() { inside.is_some() } else { own };
            let mut types = plan.types.iter().filter(|one| one.ty == entry.ty);
            let subject = self.subject(entry);
            if !wanted || !types.any(|one| matches(&one.filters, subject, self)) {
                continue;
            }
            let shown = match (entry.container, inside) {
                (Some(container), Some(ContainedType::Container)) => container,
                _ => at,
            };
            hits.insert(Hit { at: shown });
        }
        let mut hits: Vec<Hit> = hits.into_iter().collect();
        hits.sort_by(|a, b| self.compare(plan, *a, *b));
        hits
    }

    /// Which of two is to come first; resources that tie may stand in any order.
    pub fn compare(&self, plan: &Plan, a: Hit, b: Hit) -> Ordering {
        for sort in &plan.sort {
            let (left, right) = (
                self.sort_value(a, &sort.key, sort.direction),
                self.sort_value(b, &sort.key, sort.direction),
            );
            let order = match (&left, &right) {
                (Some(left), Some(right)) if sort.direction == Direction::Ascending => {
                    left.cmp(right)
                }
                (Some(left), Some(right)) => right.cmp(left),
                // what has no value comes last either way
                (left, right) => right.is_some().cmp(&left.is_some()),
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }

    /// What a resource is sorted by.
    pub fn sort_value(&self, hit: Hit, key: &SortKey, direction: Direction) -> Option<SortValue> {
        let entry = self.entries.get(hit.at)?;
        match key {
            SortKey::Id => Some(SortValue::Text(entry.id.clone())),
            SortKey::Updated => Some(SortValue::Integer(entry.updated.millis())),
            SortKey::Value { params, kind } => {
                let values = values(&entry.rows, params, *kind, direction).into_iter();
                if direction == Direction::Ascending { values.min() } else { values.max() }
            }
        }
    }

    /// What is to be shown besides the matches of a page.
    pub fn include(&self, includes: &[Include], page: &[Hit]) -> BTreeSet<Hit> {
        let matched: BTreeSet<Hit> = page.iter().copied().collect();
        let mut found = BTreeSet::new();
        let mut edge: BTreeSet<Hit> = matched.clone();
        for depth in 0..=DEPTH_MAX {
            let rules = includes.iter().filter(|one| depth == 0 || one.iterate);
            let mut next = BTreeSet::new();
            for include in rules {
                for from in &edge {
                    next.extend(self.follow(include, *from));
                }
            }
            edge = next
                .into_iter()
                .filter(|hit| !matched.contains(hit) && found.insert(*hit))
                .collect();
        }
        found
    }

    fn follow(&self, include: &Include, from: Hit) -> Vec<Hit> {
        let Some(entry) = self.entries.get(from.at).filter(|entry| entry.container.is_none())
        else {
            return Vec::new();
        };
        let takes = |param| include.params.as_ref().is_none_or(|params| params.contains(&param));
        let fits = |wanted: Option<ResourceType>, ty| wanted.is_none_or(|wanted| wanted == ty);
        match include.way {
            IncludeWay::Forwards => {
                let rows = entry.rows.references.iter().filter(|row| takes(row.param));
                let targets = rows.flat_map(|row| self.referenced(&row.target));
                let targets = targets.filter(|at| {
                    self.entries.get(*at).is_some_and(|one| fits(include.target, one.ty))
                });
                if fits(include.source, entry.ty) {
                    targets.map(|at| Hit { at }).collect()
                } else {
                    Vec::new()
                }
            }
            IncludeWay::Backwards => {
                if !fits(include.target, entry.ty) {
                    return Vec::new();
                }
                let others = self.entries.iter().enumerate();
                others
                    .filter(|(_, one)| one.container.is_none() && fits(include.source, one.ty))
                    .filter(|(_, one)| {
                        one.rows.references.iter().any(|row| {
                            takes(row.param) && self.referenced(&row.target).contains(&from.at)
                        })
                    })
                    .map(|(at, _)| Hit { at })
                    .collect()
            }
        }
    }

    /// By type and id, or by canonical URL and, when it is given, version.
    fn referenced(&self, target: &Target) -> Vec<usize> {
        match target {
            Target::Local { ty, id } => {
                self.by_key.get(&(*ty, id.clone())).into_iter().copied().collect()
            }
            Target::Url { url, version } => {
                let known = self.by_url.get(url).into_iter().flatten();
                let fits = known.filter(|(v, _)| version.is_none() || v == version);
                fits.map(|(_, at)| *at).collect()
            }
            Target::Contained { .. } => Vec::new(),
        }
    }

    fn subject<'a>(&'a self, entry: &'a Entry) -> Subject<'a> {
        let container = entry.container.and_then(|at| self.entries.get(at));
        Subject {
            ty: entry.ty,
            id: &entry.id,
            updated: entry.updated,
            rows: &entry.rows,
            container: container.map(|one| (one.ty, &*one.id)),
        }
    }
}

impl World for Corpus {
    fn resolve<'a>(&'a self, from: Subject<'_>, target: &Target) -> Option<Subject<'a>> {
        let at = match target {
            Target::Local { ty, id } => *self.by_key.get(&(*ty, id.clone()))?,
            Target::Contained { ty, id } => {
                let (outer, name) = from.container.unwrap_or((from.ty, from.id));
                let container = *self.by_key.get(&(outer, name.into()))?;
                self.entries.iter().position(|one| {
                    one.container == Some(container) && one.ty == *ty && one.id == *id
                })?
            }
            Target::Url { .. } => return None,
        };
        self.entries.get(at).map(|entry| self.subject(entry))
    }

    fn all<'a>(&'a self, ty: ResourceType) -> Box<dyn Iterator<Item = Subject<'a>> + 'a> {
        let of_type = move |one: &&Entry| one.container.is_none() && one.ty == ty;
        Box::new(self.entries.iter().filter(of_type).map(|entry| self.subject(entry)))
    }

    fn hierarchy(
        &self,
        ty: ResourceType,
        id: &str,
        part_of: ParamId,
        way: Way,
    ) -> BTreeSet<Box<str>> {
        let edges: Vec<(&str, &str)> = self
            .all(ty)
            .flat_map(|part| part.rows.references.iter().map(move |row| (part.id, row)))
            .filter(|(_, row)| row.param == part_of)
            .filter_map(|(part, row)| match &row.target {
                Target::Local { ty: t, id } if *t == ty => Some((part, &**id)),
                Target::Local { .. } | Target::Contained { .. } | Target::Url { .. } => None,
            })
            .collect();
        let mut found = BTreeSet::from([Box::from(id)]);
        loop {
            let before = found.len();
            for (part, whole) in &edges {
                match way {
                    Way::Above if found.contains(*part) => found.insert((*whole).into()),
                    Way::Below if found.contains(*whole) => found.insert((*part).into()),
                    Way::Above | Way::Below => false,
                };
            }
            if found.len() == before {
                return found;
            }
        }
    }
}

fn values(
    rows: &Rows,
    params: &[ParamId],
    kind: SearchKind,
    direction: Direction,
) -> Vec<SortValue> {
    let takes = |param: &ParamId| params.contains(param);
    match kind {
        SearchKind::Token => {
            let rows = rows.tokens.iter().filter(|row| takes(&row.param));
            rows.map(|row| SortValue::Text(row.code.clone())).collect()
        }
        SearchKind::String => {
            let rows = rows.strings.iter().filter(|row| takes(&row.param));
            rows.map(|row| SortValue::Text(row.folded.clone())).collect()
        }
        SearchKind::Uri => {
            let rows = rows.uris.iter().filter(|row| takes(&row.param));
            rows.map(|row| SortValue::Text(row.uri.clone())).collect()
        }
        SearchKind::Reference => {
            let rows = rows.references.iter().filter(|row| takes(&row.param));
            rows.filter_map(|row| match &row.target {
                Target::Local { id, .. } => Some(SortValue::Text(id.clone())),
                Target::Contained { .. } | Target::Url { .. } => None,
            })
            .collect()
        }
        SearchKind::Date => {
            let rows = rows.dates.iter().filter(|row| takes(&row.param));
            let end = |span: &crate::Timespan| match direction {
                Direction::Ascending => span.lo,
                Direction::Descending => span.hi,
            };
            rows.map(|row| SortValue::Integer(end(&row.span))).collect()
        }
        SearchKind::Number => {
            let rows = rows.numbers.iter().filter(|row| takes(&row.param));
            rows.map(|row| SortValue::Real(row.value)).collect()
        }
        SearchKind::Quantity => {
            let rows = rows.quantities.iter().filter(|row| takes(&row.param));
            rows.map(|row| SortValue::Real(row.value)).collect()
        }
        SearchKind::Composite | SearchKind::Special => Vec::new(),
    }
}
