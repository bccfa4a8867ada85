//! Invariants: <https://hl7.org/fhir/R4/conformance-rules.html#constraints>.

use std::sync::LazyLock;

use super::{Definitions, ElementDef, TypeId, tsv::rows};

const INVARIANTS: &str = include_str!("../../../../fhir-profiles/r4/invariants.tsv");

/// A rule that every item at a path must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvariantDef {
    /// The type or element that declares it: `Patient.contact`, `Quantity`.
    pub path: &'static str,
    /// `pat-1`; not unique over all paths.
    pub key: &'static str,
    /// Whether breaking it is a warning only.
    pub is_warning: bool,
    /// `FHIRPath`, true for an item that keeps the rule.
    pub expression: &'static str,
}

impl Definitions {
    /// The rules declared at this very path; see [`Self::invariants_at`] for all that hold there.
    pub fn invariants_of(&self, path: &str) -> &'static [InvariantDef] {
        let all = all();
        let first = all.partition_point(|it| it.path < path);
        let count = all.iter().skip(first).take_while(|it| it.path == path).count();
        all.get(first..first + count).unwrap_or_default()
    }

    /// Every rule for an item of this type under this element (`None` for the root): those of the
    /// element, of the type and of all types it specialises.
    pub fn invariants_at(
        &self,
        element: Option<&ElementDef>,
        ty: TypeId,
    ) -> impl Iterator<Item = &'static InvariantDef> + use<> {
        let types = std::iter::successors(Some(ty), |ty| ty.base());
        let path = element.map(|element| element.path).filter(|path| *path != ty.name());
        let element = path.map_or::<&[_], _>(&[], |path| self.invariants_of(path));
        let definitions = super::r4();
        element.iter().chain(types.flat_map(|ty| definitions.invariants_of(ty.name())))
    }
}

/// Sorted by path.
fn all() -> &'static [InvariantDef] {
    static INVARIANTS: LazyLock<Vec<InvariantDef>> = LazyLock::new(load);
    &INVARIANTS
}

fn load() -> Vec<InvariantDef> {
    let mut invariants: Vec<InvariantDef> = rows(INVARIANTS)
        .map(|[path, key, severity, expression]| InvariantDef {
            path,
            key,
            is_warning: severity == "warning",
            expression,
        })
        .collect();
    invariants.sort_by_key(|it| it.path);
    invariants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::r4;

    fn keys(element: Option<&ElementDef>, ty: TypeId) -> Vec<&'static str> {
        r4().invariants_at(element, ty).map(|it| it.key).collect()
    }

    #[test]
    fn every_path_is_a_type_or_an_element() {
        let paths: Vec<&str> = TypeId::all().flat_map(TypeId::elements).map(|it| it.path).collect();
        for invariant in all() {
            let known = TypeId::named(invariant.path).is_some() || paths.contains(&invariant.path);
            assert!(known, "{}", invariant.path);
            assert!(!invariant.expression.is_empty(), "{}", invariant.key);
        }
    }

    #[test]
    fn a_type_keeps_the_rules_of_its_bases() {
        let contact = TypeId::PATIENT.member("contact").unwrap();
        assert_eq!(keys(Some(contact), contact.ty), ["pat-1", "ele-1"]);
        let all = keys(None, TypeId::PATIENT);
        assert_eq!(all, ["dom-2", "dom-3", "dom-4", "dom-5", "dom-6"]);
        assert_eq!(keys(None, TypeId::AGE), ["age-1", "qty-3", "ele-1"]);
        assert_eq!(keys(None, TypeId::EXTENSION), ["ext-1", "ele-1"]);
    }
}
