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

/// The parameters, and what extracts them alone.
struct Asked {
    params: BTreeSet<ParamId>,
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
    asked().params.contains(&param)
}

fn asked() -> &'static Asked {
    static ASKED: LazyLock<Asked> = LazyLock::new(|| {
        let params = auth::judged_by();
        let registry = Registry::r4().only(&params.iter().copied().collect::<Vec<_>>());
        Asked { params, registry }
    });
    &ASKED
}
