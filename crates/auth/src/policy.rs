//! Who may do what to which rows: `fhir-profiles/vault/policy.tsv`, read once. The test of roles and interactions is
//! made from the same rows.

use std::{collections::BTreeMap, fmt, sync::LazyLock};

use fhir_model::ResourceType;
use search::Filter;

use crate::{
    role::Role,
    scope::{Action, Actions, constraint},
};

/// The rules that come with this version.
const TEXT: &str = include_str!("../../../fhir-profiles/vault/policy.tsv");

/// All rules.
#[derive(Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
}

/// One rule: a role may do this to these rows.
#[derive(Debug)]
pub struct Rule {
    /// Who.
    pub role: Role,
    /// To which rows.
    pub basis: Basis,
    /// What.
    pub actions: Actions,
    /// Of which types, and what must hold of a resource besides.
    types: BTreeMap<ResourceType, Vec<Filter>>,
    /// What a version is refused with that lies in the rows, but breaks what must hold besides.
    pub refusal: Option<&'static str>,
}

/// Which rows a rule is about; the file says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Every row.
    All,
    /// The patient's compartment.
    Own,
    /// The compartments of patients who let a relative act for them.
    Granted,
    /// The compartments of patients under a practitioner's care.
    Panel,
    /// The same of the supervisor.
    Supervised,
    /// What the organization made.
    Authored,
    /// The organization itself, its places and people.
    Organization,
    /// What patients let the organization read.
    Consented,
    /// The same, of patients who have signed a contract with it.
    Contracted,
    /// What the organization insures.
    Insured,
    /// What patients let a study see.
    Studied,
    /// The one who asks.
    Itself,
    /// What the device measured.
    Made,
    /// What is about the one who asks.
    Mine,
    /// What is about nobody.
    Nobody,
    /// What stands under the same protection as something that may be read.
    Context,
}

const BASES: &[(&str, Basis)] = &[
    ("all", Basis::All),
    ("own", Basis::Own),
    ("granted", Basis::Granted),
    ("panel", Basis::Panel),
    ("supervised", Basis::Supervised),
    ("authored", Basis::Authored),
    ("organization", Basis::Organization),
    ("consented", Basis::Consented),
    ("contracted", Basis::Contracted),
    ("insured", Basis::Insured),
    ("studied", Basis::Studied),
    ("itself", Basis::Itself),
    ("made", Basis::Made),
    ("mine", Basis::Mine),
    ("nobody", Basis::Nobody),
    ("context", Basis::Context),
];

/// A line of the file that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault(usize, String);

impl Policy {
    /// The rules of the vault. A file that is not understood allows nothing; a test sees to it that it is.
    pub fn vault() -> &'static Self {
        static VAULT: LazyLock<Policy> = LazyLock::new(|| Policy::parse(TEXT).unwrap_or_default());
        &VAULT
    }

    fn parse(text: &'static str) -> Result<Self, Fault> {
        let mut groups: BTreeMap<&str, Vec<ResourceType>> = BTreeMap::new();
        groups.insert("*", ResourceType::all().to_vec());
        let mut rules = Vec::new();
        for (n, line) in (1..).zip(text.lines()) {
            let fault = |why: &str| Fault(n, why.to_owned());
            let fields: Vec<&'static str> = line.split('\t').collect();
            match fields.as_slice() {
                [""] => {}
                [comment] if comment.starts_with('#') => {}
                [name, members] if name.starts_with('@') => {
                    let types = types(members, &groups).map_err(fault)?;
                    groups.insert(name, types);
                }
                [role, basis, actions, members, rest @ ..] if rest.len() <= 2 => {
                    let named = BASES.iter().find(|(known, _)| known == basis);
                    let condition = rest.first().copied();
                    let types = types(members, &groups).map_err(fault)?.into_iter();
                    let types = types.map(|ty| match condition {
                        Some(condition) => Ok((ty, constraint::filters(ty, condition)?)),
                        None => Ok((ty, Vec::new())),
                    });
                    rules.push(Rule {
                        role: Role::named(role).ok_or_else(|| fault("no such role"))?,
                        basis: named.ok_or_else(|| fault("no such rows"))?.1,
                        actions: Actions::parse(actions).ok_or_else(|| fault("no such actions"))?,
                        types: types.collect::<Result<_, _>>().map_err(|why: &str| fault(why))?,
                        refusal: rest.get(1).copied(),
                    });
                }
                _ => return Err(fault("neither a group nor a rule")),
            }
        }
        Ok(Self { rules })
    }

    /// The rules by which a role may do this to resources of a type.
    pub fn rules(
        &self,
        role: Role,
        ty: ResourceType,
        action: Action,
    ) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| {
            rule.role == role && rule.actions.contains(action) && rule.types.contains_key(&ty)
        })
    }

    /// Whether a role may do this to some resource of a type.
    pub fn allows(&self, role: Role, ty: ResourceType, action: Action) -> bool {
        self.rules(role, ty, action).next().is_some()
    }
}

impl Rule {
    /// What must hold of a resource besides being in the rows.
    pub fn conditions(&self, ty: ResourceType) -> &[Filter] {
        self.types.get(&ty).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BASES.iter().find(|(_, basis)| basis == self).map_or("", |(name, _)| name))
    }
}

fn types<'t>(
    members: &'t str,
    groups: &BTreeMap<&str, Vec<ResourceType>>,
) -> Result<Vec<ResourceType>, &'t str> {
    let mut all = Vec::new();
    for name in members.split(' ') {
        match (groups.get(name), ResourceType::named(name)) {
            (Some(group), _) => all.extend(group),
            (None, Some(ty)) => all.push(ty),
            (None, None) => return Err(name),
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_understood_and_every_role_has_a_rule() {
        let policy = Policy::parse(TEXT).unwrap();
        for role in Role::all() {
            assert!(policy.rules.iter().any(|rule| rule.role == role), "{role}");
        }
        assert_eq!(Policy::parse("patient\town\trs\tShoe").unwrap_err(), Fault(1, "Shoe".into()));
        assert_eq!(Policy::parse("\nking\town\trs\tPatient").unwrap_err().0, 2);
        assert!(Policy::parse("patient\town\trs\tPatient\tcode:in=x").is_err());
    }

    #[test]
    fn nobody_but_the_operator_writes_what_must_not_be_written() {
        let ty = |name| ResourceType::named(name).unwrap();
        let others = || Role::all().filter(|role| *role != Role::Operator);
        for role in others() {
            for action in [Action::Create, Action::Update, Action::Delete] {
                assert!(
                    !Policy::vault().allows(role, ty("AuditEvent"), action),
                    "{role} {action:?}"
                );
            }
            for action in [Action::Update, Action::Delete] {
                assert!(
                    !Policy::vault().allows(role, ty("Provenance"), action),
                    "{role} {action:?}"
                );
            }
        }
        for role in [Role::Admin, Role::Auditor, Role::Researcher, Role::Public] {
            for name in ["Patient", "Observation", "DiagnosticReport", "Encounter", "Claim"] {
                for action in Action::ALL {
                    assert!(!Policy::vault().allows(role, ty(name), action), "{role} {name}");
                }
            }
        }
        assert!(!Policy::vault().allows(Role::Patient, ty("DiagnosticReport"), Action::Create));
        assert!(!Policy::vault().allows(Role::Intern, ty("Observation"), Action::Delete));
    }
}
