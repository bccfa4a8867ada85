//! What the gate and the record ask of a version again and again, worked out once: the index rows that say whom it is
//! about, who made it and how confidential it is.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, OnceLock},
};

use fhir_model::{Tree, json};
use search::{ParamId, Registry, Rows};

use crate::Version;

/// Worked out when somebody asks. A version never changes, so it stays true.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts(OnceLock<Arc<Rows>>);

/// What is known of a version does not tell it from itself.
impl PartialEq for Facts {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Facts {}

/// Parameters, and what extracts them alone.
struct Asked {
    /// By number.
    is_asked: Vec<bool>,
    registry: Registry,
}

impl Version {
    /// The index rows that say whom it is about, who made it and how confidential it is; none of a deletion. `base` is
    /// [`crate::Vault::index_base`].
    pub fn facts(&self, base: &str) -> Arc<Rows> {
        let extract = || {
            let Some(body) = &self.body else { return Arc::default() };
            let tree = json::parse_trusted(body.clone());
            Arc::new(extracted(&tree, base))
        };
        Arc::clone(self.facts.0.get_or_init(extract))
    }
}

/// The facts of a resource.
pub(crate) fn extracted(tree: &Tree, base: &str) -> Rows {
    search::extract(&asked().registry, tree, base)
}

/// Whether the rows of a parameter are among the facts.
pub(crate) fn is_known(param: ParamId) -> bool {
    asked().is_about(param)
}

/// The facts of a resource and all that Consents to the word ask of it.
pub(crate) fn told(tree: &Tree, base: &str) -> Rows {
    search::extract(&asked_by_terms().registry, tree, base)
}

/// Whether the rows of a parameter are among those.
pub(crate) fn is_told(param: ParamId) -> bool {
    asked_by_terms().is_about(param)
}

fn asked() -> &'static Asked {
    static ASKED: LazyLock<Asked> = LazyLock::new(|| Asked::of(auth::judged_by()));
    &ASKED
}

fn asked_by_terms() -> &'static Asked {
    static ASKED: LazyLock<Asked> = LazyLock::new(|| {
        let mut params = auth::judged_by();
        params.extend(auth::judged_by_terms());
        Asked::of(params)
    });
    &ASKED
}

impl Asked {
    fn of(params: BTreeSet<ParamId>) -> Self {
        let params: Vec<ParamId> = params.into_iter().collect();
        let registry = Registry::r4().only(&params);
        let last = params.last().map_or(0, |param| param.0);
        let is_asked = (0..=last).map(|n| params.binary_search(&ParamId(n)).is_ok()).collect();
        Self { is_asked, registry }
    }

    fn is_about(&self, param: ParamId) -> bool {
        let number = usize::try_from(param.0).ok();
        number.and_then(|number| self.is_asked.get(number)).is_some_and(|asked| *asked)
    }
}
