//! The codes that a `ValueSet` selects: <https://hl7.org/fhir/R4/valueset.html#compositions>.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use fhir_model::{NodeRef, Tree};

use crate::{
    Canonical, Codes, Concepts, Library, Limits, Need, Refusal,
    code_system::{CodeSystem, Content},
    compose::{Inactive, Part, Selection},
    expansion,
    filter::{Filter, Unusable},
    implicit,
    limits::Budget,
};

/// `ValueSet`s that may lie between the one asked for and one that it imports.
const DEPTH_MAX: usize = 32;

/// The `ValueSet` to expand.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// By name, `url|version`. Those of R4 itself need not be stored.
    Canonical(&'a str),
    /// One that is at hand, found by its id perhaps.
    Resource(&'a Tree),
}

/// Expands a `ValueSet`. `compose` decides; its `expansion` is used when there is no `compose`, or when that
/// selects from a code system whose concepts are not here. A code system that is included as a whole stays
/// whole when its concepts are not here. What the library has no answer to counts as not there.
pub fn expand(wanted: Wanted<'_>, library: &Library, limits: &Limits) -> Result<Concepts, Refusal> {
    let mut expander = Expander {
        library,
        budget: Budget::new(limits),
        done: BTreeMap::new(),
        open: Vec::new(),
        systems: BTreeMap::new(),
    };
    let concepts = match wanted {
        Wanted::Canonical(text) => expander.named(&Canonical::parse(text))?,
        Wanted::Resource(tree) => Rc::new(expander.value_set(tree.root())?),
    };
    if concepts.len() > limits.codes {
        return Err(Refusal::TooManyCodes { max: limits.codes });
    }
    drop(expander);
    Ok(Rc::unwrap_or_clone(concepts))
}

struct Expander<'l> {
    library: &'l Library,
    budget: Budget,
    /// `ValueSet`s that are expanded, so that a second import costs nothing.
    done: BTreeMap<Canonical, Rc<Concepts>>,
    /// `ValueSet`s in the making, the outermost first.
    open: Vec<Canonical>,
    systems: BTreeMap<Need, Rc<CodeSystem<'l>>>,
}

impl<'l> Expander<'l> {
    fn named(&mut self, canonical: &Canonical) -> Result<Rc<Concepts>, Refusal> {
        if let Some(concepts) = self.done.get(canonical) {
            return Ok(Rc::clone(concepts));
        }
        if let Some(start) = self.open.iter().position(|open| open == canonical) {
            let circle = self.open.iter().skip(start).chain([canonical]);
            return Err(Refusal::Cycle(circle.cloned().collect()));
        }
        if self.open.len() == DEPTH_MAX {
            return Err(Refusal::TooManyResources { max: DEPTH_MAX });
        }
        let concepts = match self.library.get(&Need::ValueSet(canonical.clone())) {
            Some(tree) => {
                self.open.push(canonical.clone());
                let concepts = self.value_set(tree.root());
                self.open.pop();
                concepts?
            }
            None => implicit::concepts(canonical)
                .ok_or_else(|| Refusal::UnknownValueSet(canonical.clone()))?,
        };
        let concepts = Rc::new(concepts);
        self.done.insert(canonical.clone(), Rc::clone(&concepts));
        Ok(concepts)
    }

    fn value_set(&mut self, node: NodeRef<'_>) -> Result<Concepts, Refusal> {
        let url = node.child_text("url").unwrap_or_else(|| "without url".into());
        let (compose, stored) = (node.child("compose"), node.child("expansion"));
        let composed = match compose {
            Some(compose) => self.compose(compose, &url),
            None => Err(Refusal::NoDefinition(url.clone().into_owned())),
        };
        match (composed, stored) {
            (Err(Refusal::NoDefinition(_) | Refusal::UnknownCodeSystem(_)), Some(stored)) => {
                expansion::concepts(stored, &url, &mut self.budget)
            }
            (composed, _) => composed,
        }
    }

    fn compose(&mut self, compose: NodeRef<'_>, url: &str) -> Result<Concepts, Refusal> {
        let inactive = Inactive::of(compose);
        let mut included = Concepts::default();
        for part in compose.named("include") {
            let part = self.part(&Part::new(part), inactive, url)?;
            self.budget.charge(1 + part.weight())?;
            included.unite(&part);
        }
        let mut excluded = Concepts::default();
        for part in compose.named("exclude") {
            let part = self.part(&Part::new(part), Inactive::Kept, url)?;
            self.budget.charge(1 + part.weight())?;
            excluded.unite(&part);
        }
        self.budget.charge(included.weight() + excluded.weight())?;
        included.subtract(&excluded);
        Ok(included)
    }

    /// What one `include` or `exclude` selects: that of its system which is in all of its imports.
    fn part(
        &mut self,
        part: &Part<'_>,
        inactive: Inactive,
        url: &str,
    ) -> Result<Concepts, Refusal> {
        let selection = part.selection().map_err(|message| malformed(part.node, message, url))?;
        let mut concepts = match selection {
            Selection::Imports => None,
            Selection::Listed => Some(self.listed(part)?),
            Selection::Whole => Some(self.whole(part)?),
            Selection::Filtered => Some(self.filtered(part, url)?),
        };
        if let Some(concepts) = &mut concepts
            && inactive == Inactive::Left
        {
            self.leave_inactive(part, concepts)?;
        }
        for import in &part.value_sets {
            let imported = self.named(&Canonical::parse(import))?;
            self.budget.charge(1 + imported.weight())?;
            match &mut concepts {
                None => concepts = Some((*imported).clone()),
                Some(concepts) => {
                    self.budget.charge(concepts.weight())?;
                    concepts.intersect(&imported);
                }
            }
        }
        Ok(concepts.unwrap_or_default())
    }

    /// Codes are taken at their word, whether or not the code system is here.
    fn listed(&mut self, part: &Part<'_>) -> Result<Concepts, Refusal> {
        let mut codes = BTreeSet::new();
        for concept in part.node.named("concept") {
            self.budget.charge(1)?;
            codes.extend(concept.child_text("code").map(String::from));
        }
        Ok(Concepts::of(system_of(part), Codes::Only(codes)))
    }

    fn whole(&mut self, part: &Part<'_>) -> Result<Concepts, Refusal> {
        let codes = match self.code_system(part)? {
            Some(system) if system.content() == Content::Complete => {
                self.budget.charge(system.size())?;
                Codes::Only(system.all().map(|at| system.code(at).to_owned()).collect())
            }
            _ => Codes::AllBut(BTreeSet::new()),
        };
        Ok(Concepts::of(system_of(part), codes))
    }

    fn filtered(&mut self, part: &Part<'_>, url: &str) -> Result<Concepts, Refusal> {
        let not_here = || Refusal::UnknownCodeSystem(Canonical::new(system_of(part), None));
        let system = self.code_system(part)?.ok_or_else(not_here)?;
        let mut left: Vec<usize> = system.all().collect();
        for node in &part.filters {
            let filter = Filter::read(*node, &system, &mut self.budget);
            let filter = filter.map_err(|unusable| match unusable {
                Unusable::Malformed(message) => malformed(*node, &message, url),
                Unusable::NotHere => not_here(),
                Unusable::Refused(refusal) => refusal,
            })?;
            left = filter.select(&system, left, &mut self.budget)?;
        }
        let codes = left.into_iter().map(|at| system.code(at).to_owned()).collect();
        Ok(Concepts::of(system_of(part), Codes::Only(codes)))
    }

    fn leave_inactive(&mut self, part: &Part<'_>, concepts: &mut Concepts) -> Result<(), Refusal> {
        let Some(system) = self.code_system(part)? else { return Ok(()) };
        self.budget.charge(system.size() + concepts.weight())?;
        let inactive = system.all().filter(|at| system.is_inactive(*at));
        let inactive = inactive.map(|at| system.code(at).to_owned()).collect();
        concepts.subtract(&Concepts::of(system_of(part), Codes::Only(inactive)));
        Ok(())
    }

    /// The code system of a part, if its concepts are here.
    fn code_system(&mut self, part: &Part<'_>) -> Result<Option<Rc<CodeSystem<'l>>>, Refusal> {
        let Some(need) = part.code_system() else { return Ok(None) };
        if let Some(system) = self.systems.get(&need) {
            return Ok(Some(Rc::clone(system)));
        }
        let Some(tree) = self.library.get(&need) else { return Ok(None) };
        let system = CodeSystem::new(tree, &mut self.budget)?;
        if system.content() == Content::Absent {
            return Ok(None);
        }
        let system = Rc::new(system);
        self.systems.insert(need, Rc::clone(&system));
        Ok(Some(system))
    }
}

fn system_of<'p>(part: &'p Part<'_>) -> &'p str {
    part.system.as_deref().unwrap_or_default()
}

fn malformed(node: NodeRef<'_>, message: &str, url: &str) -> Refusal {
    Refusal::Malformed { value_set: url.to_owned(), path: node.path(), message: message.to_owned() }
}
