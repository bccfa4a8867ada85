//! What the view of a study shows and what may be asked of it: `fhir-profiles/vault/research.tsv`, read once.

use std::{collections::BTreeMap, sync::LazyLock};

use fhir_model::ResourceType;

use super::codes::Codes;

const TEXT: &str = include_str!("../../../../fhir-profiles/vault/research.tsv");

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    types: BTreeMap<ResourceType, TypeTable>,
    systems: BTreeMap<&'static str, Codes>,
    regions: Vec<&'static str>,
    /// By country.
    sparse: BTreeMap<&'static str, Vec<&'static str>>,
}

/// Of one type.
#[derive(Debug, Default)]
pub(crate) struct TypeTable {
    /// Elements that are shown.
    pub(super) elements: Elements,
    /// Parameters that may be asked.
    pub(super) parameters: Vec<&'static str>,
    /// Those of them that are about codes without a system.
    pub(super) bare: Vec<&'static str>,
}

/// By their names in JSON.
pub(super) type Elements = BTreeMap<&'static str, Element>;

/// What becomes of an element.
#[derive(Debug)]
pub(super) enum Element {
    /// It is treated as a whole.
    Leaf(Treatment, Need),
    /// It has such parts.
    Parts(Elements),
}

/// Whether R4 demands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    Optional,
    Demanded,
}

/// How a value loses what could tell whose it is; the file says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    Code,
    Number,
    Concept,
    Coding,
    Date,
    Period,
    Birth,
    Quantity,
    Range,
    Ratio,
    Age,
    Ages,
    Reference,
    Region,
    Postcode,
}

const TREATMENTS: &[(&str, Treatment)] = &[
    ("code", Treatment::Code),
    ("number", Treatment::Number),
    ("concept", Treatment::Concept),
    ("coding", Treatment::Coding),
    ("date", Treatment::Date),
    ("period", Treatment::Period),
    ("birth", Treatment::Birth),
    ("quantity", Treatment::Quantity),
    ("range", Treatment::Range),
    ("ratio", Treatment::Ratio),
    ("age", Treatment::Age),
    ("ages", Treatment::Ages),
    ("reference", Treatment::Reference),
    ("region", Treatment::Region),
    ("postcode", Treatment::Postcode),
];

impl Table {
    /// The one that comes with this version. A file that is not understood shows nothing; a test sees to it that it is.
    pub(crate) fn vault() -> &'static Self {
        static VAULT: LazyLock<Table> = LazyLock::new(|| Table::parse(TEXT).unwrap_or_default());
        &VAULT
    }

    /// The types that are shown.
    pub(crate) fn types(&self) -> impl Iterator<Item = (ResourceType, &TypeTable)> {
        self.types.iter().map(|(ty, table)| (*ty, table))
    }

    /// What is shown of a type.
    pub(super) fn of(&self, ty: ResourceType) -> Option<&TypeTable> {
        self.types.get(&ty)
    }

    /// Whether a code of a system is shown.
    pub(super) fn shows_code(&self, system: &str, code: &str) -> bool {
        self.systems.get(system).is_some_and(|codes| codes.has(code))
    }

    /// Whether the name of a state or a country is shown.
    pub(super) fn shows_region(&self, name: &str) -> bool {
        self.regions.contains(&name)
    }

    /// The beginnings of postal codes under which few people live; `None` for a country of which nothing is known, and where
    /// none is named.
    pub(super) fn sparse(&self, country: Option<&str>) -> Option<&[&'static str]> {
        self.sparse.get(short(country?)).map(Vec::as_slice)
    }

    /// The number of the first line that is not understood is the error.
    fn parse(text: &'static str) -> Result<Self, usize> {
        let mut table = Self::default();
        for (n, line) in (1_usize..).zip(text.lines()) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<&'static str> = line.split('\t').collect();
            table.take(&fields).ok_or(n)?;
        }
        Ok(table)
    }

    fn take(&mut self, fields: &[&'static str]) -> Option<()> {
        match fields {
            ["search", ty, names] => {
                let table = self.types.get_mut(&ResourceType::named(ty)?)?;
                table.parameters.extend(names.split(' '));
            }
            ["bare", ty, names] => {
                let table = self.types.get_mut(&ResourceType::named(ty)?)?;
                table.bare.extend(names.split(' '));
            }
            ["region", names] => self.regions.extend(names.split(", ")),
            ["system", system, codes] => {
                self.systems.insert(system, Codes::parse(codes)?);
            }
            ["sparse", country, beginnings] => {
                self.sparse.insert(country, beginnings.split_whitespace().collect());
            }
            [ty, path, treatment] => {
                let (name, need) = match treatment.strip_suffix('!') {
                    Some(name) => (name, Need::Demanded),
                    None => (*treatment, Need::Optional),
                };
                let treatment = TREATMENTS.iter().find(|(known, _)| *known == name)?.1;
                let table = self.types.entry(ResourceType::named(ty)?).or_default();
                insert(&mut table.elements, path, Element::Leaf(treatment, need))?;
            }
            _ => return None,
        }
        Some(())
    }
}

/// As ISO 3166 shortens it.
fn short(country: &str) -> &str {
    const NAMES: &[(&str, &[&str])] = &[
        ("US", &["US", "USA", "United States", "United States of America"]),
        ("IN", &["IN", "IND", "India"]),
    ];
    let known = |name: &&str| name.eq_ignore_ascii_case(country.trim());
    NAMES.iter().find(|(_, names)| names.iter().any(known)).map_or("", |(short, _)| short)
}

fn insert(elements: &mut Elements, path: &'static str, element: Element) -> Option<()> {
    let Some((first, rest)) = path.split_once('.') else {
        return elements.insert(path, element).is_none().then_some(());
    };
    let parts = elements.entry(first).or_insert_with(|| Element::Parts(Elements::new()));
    match parts {
        Element::Parts(parts) => insert(parts, rest, element),
        Element::Leaf(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use auth::{Action, Policy, Role};
    use fhir_model::TypeId;
    use search::{Registry, SearchKind};

    use super::*;

    #[test]
    fn the_file_is_about_elements_and_parameters_of_r4() {
        let table = Table::parse(TEXT).unwrap();
        assert_eq!(table.types.len(), 13);
        for (ty, of) in table.types() {
            known(TypeId::named(ty.name()).unwrap(), &of.elements);
            assert!(!of.parameters.is_empty(), "{ty}");
            for code in &of.parameters {
                let parameter = Registry::r4().parameter(ty, code);
                let kind = parameter.unwrap_or_else(|| panic!("{ty}.{code}")).kind;
                let may = [SearchKind::Token, SearchKind::Quantity, SearchKind::Composite];
                assert!(may.contains(&kind), "{ty}.{code}");
            }
            assert!(of.bare.iter().all(|code| of.parameters.contains(code)), "{ty}");
        }
        assert_eq!(Table::parse("Patient\tname\tname").unwrap_err(), 1);
        assert_eq!(Table::parse("#\nShoe\tsize\tcode").unwrap_err(), 2);
        assert_eq!(Table::parse("system\thttp://own.example\tany").unwrap_err(), 1);
    }

    fn known(owner: TypeId, elements: &Elements) {
        for (name, element) in elements {
            let found = owner.member(name).unwrap_or_else(|| panic!("{}.{name}", owner.name()));
            if let Element::Parts(parts) = element {
                known(found.ty, parts);
            }
        }
    }

    #[test]
    fn the_policy_opens_what_the_table_shows() {
        for ty in ResourceType::all() {
            let is_open = Policy::vault().allows(Role::Study, *ty, Action::Search);
            assert_eq!(is_open, Table::vault().of(*ty).is_some(), "{ty}");
        }
    }
}
