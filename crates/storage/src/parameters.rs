//! The search parameters that `SearchParameter` resources define: <https://hl7.org/fhir/R4/searchparameter.html>.
//!
//! **Invariant**: from the commit of a definition on, every write extracts what it asks for. A resource that was
//! there before is indexed in the background; until all are, the parameter cannot be asked for. A number is given
//! once and never again, so rows of the index tables cannot change their meaning.

mod effect;
mod kept;
mod published;

use std::sync::Arc;

use search::{Custom, Definition, ParamId, Registry, State};

pub(crate) use effect::Effect;
pub(crate) use kept::{all, epoch, keep, load, set_stage};
pub(crate) use published::Published;

/// Numbers of `SearchParameter` resources' parameters are above this one.
pub(crate) const FIRST: u32 = 1_000_000;

/// What resources are indexed by, swapped as a whole.
#[derive(Debug)]
pub(crate) struct Parameters {
    /// What extracts, and what can be asked for.
    pub(crate) registry: Arc<Registry>,
    /// Grows with every change.
    pub(crate) epoch: u64,
    /// Those that are not gone, by number.
    pub(crate) entries: Vec<Entry>,
    /// The last number that was given.
    pub(crate) last: u32,
}

/// A parameter of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number.
    pub(crate) param: ParamId,
    /// The id of the `SearchParameter` resource.
    pub(crate) id: String,
    /// What it is.
    pub(crate) definition: Definition,
    /// How far it is.
    pub(crate) stage: Stage,
}

/// The life of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// What was there before is being indexed.
    Building,
    /// It can be asked for.
    Ready,
    /// Its index rows are being removed.
    Leaving,
    /// It has no rows any more.
    Gone,
}

impl Stage {
    /// The number in the column `state`.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Building => 1,
            Self::Ready => 2,
            Self::Leaving => 3,
            Self::Gone => 4,
        }
    }

    /// Reads the column `state`.
    pub(crate) const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::Building,
            2 => Self::Ready,
            3 => Self::Leaving,
            _ => Self::Gone,
        }
    }

    /// Whether what it asks for is extracted.
    pub(crate) const fn is_extracted(self) -> bool {
        matches!(self, Self::Building | Self::Ready)
    }
}

impl Parameters {
    /// R4's own, and these.
    pub(crate) fn new(epoch: u64, entries: Vec<Entry>, last: u32) -> Self {
        let registry = Arc::new(registry_of(&entries));
        Self { registry, epoch, entries, last }
    }

    /// Those at this stage.
    pub(crate) fn at(&self, stage: Stage) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.stage == stage)
    }

    /// The same, after these came to another stage.
    pub(crate) fn moved(&self, params: &[ParamId], stage: Stage) -> Self {
        let mut entries = self.entries.clone();
        for entry in entries.iter_mut().filter(|entry| params.contains(&entry.param)) {
            entry.stage = stage;
        }
        entries.retain(|entry| entry.stage != Stage::Gone);
        Self::new(self.epoch + 1, entries, self.last)
    }
}

fn registry_of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Registry {
    let custom = |entry: &Entry| {
        let state = match entry.stage {
            Stage::Building => State::Building,
            Stage::Ready => State::Ready,
            Stage::Leaving | Stage::Gone => return None,
        };
        let definition = entry.definition.clone();
        Some(Custom { id: entry.param, state, definition })
    };
    Registry::r4().with(entries.into_iter().filter_map(custom).collect())
}
