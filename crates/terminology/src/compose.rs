//! The parts of `ValueSet.compose`: <https://hl7.org/fhir/R4/valueset.html#compositions>.

use std::borrow::Cow;

use fhir_model::NodeRef;

use crate::{Canonical, Need};

/// An `include` or `exclude`.
#[derive(Debug)]
pub(crate) struct Part<'t> {
    pub(crate) node: NodeRef<'t>,
    pub(crate) system: Option<Cow<'t, str>>,
    version: Option<Cow<'t, str>>,
    has_concepts: bool,
    pub(crate) filters: Vec<NodeRef<'t>>,
    pub(crate) value_sets: Vec<Cow<'t, str>>,
}

/// What the part takes of its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// There is no system: the part is made of imports.
    Imports,
    /// Every code.
    Whole,
    /// Those in `concept`.
    Listed,
    /// Those that pass every `filter`.
    Filtered,
}

impl<'t> Part<'t> {
    pub(crate) fn new(node: NodeRef<'t>) -> Self {
        let (mut system, mut version, mut has_concepts) = (None, None, false);
        let (mut filters, mut value_sets) = (Vec::new(), Vec::new());
        for child in node.children() {
            match child.name() {
                "system" => system = child.text(),
                "version" => version = child.text(),
                "concept" => has_concepts = true,
                "filter" => filters.push(child),
                "valueSet" => value_sets.extend(child.text()),
                _ => {}
            }
        }
        Self { node, system, version, has_concepts, filters, value_sets }
    }

    /// What it takes; a sentence when it breaks the rules vsd-1, vsd-2 or vsd-3.
    pub(crate) fn selection(&self) -> Result<Selection, &'static str> {
        match (self.system.is_some(), self.has_concepts, self.filters.is_empty()) {
            (_, true, false) => Err("it has both concepts and filters"),
            (false, true, _) | (false, _, false) => Err("its concepts or filters need a system"),
            (false, false, true) if self.value_sets.is_empty() => {
                Err("it has neither a system nor a ValueSet")
            }
            (false, false, true) => Ok(Selection::Imports),
            (true, true, true) => Ok(Selection::Listed),
            (true, false, false) => Ok(Selection::Filtered),
            (true, false, true) => Ok(Selection::Whole),
        }
    }

    /// The code system it selects from.
    pub(crate) fn code_system(&self) -> Option<Need> {
        let canonical = Canonical::new(self.system.as_deref()?, self.version.as_deref());
        Some(Need::CodeSystem(canonical))
    }

    /// The definitions that it cannot be evaluated without. Listed concepts are taken at their word, so
    /// their code system is not asked for, unless it has to say which of them are inactive.
    pub(crate) fn needs(&self, inactive: Inactive) -> impl Iterator<Item = Need> {
        let is_asked = match self.selection() {
            Ok(Selection::Whole | Selection::Filtered) => true,
            Ok(Selection::Listed) => inactive == Inactive::Left,
            Ok(Selection::Imports) | Err(_) => false,
        };
        let imports = self.value_sets.iter().map(|url| Need::ValueSet(Canonical::parse(url)));
        imports.chain(self.code_system().filter(|_| is_asked))
    }
}

/// What `compose.inactive` wants with the inactive codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inactive {
    /// They are members like others; also when nothing is said.
    Kept,
    /// They are left out.
    Left,
}

impl Inactive {
    pub(crate) fn of(compose: NodeRef<'_>) -> Self {
        match compose.child_text("inactive").as_deref() {
            Some("false") => Self::Left,
            _ => Self::Kept,
        }
    }
}
