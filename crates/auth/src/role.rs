//! The parts that people and systems play.

use std::fmt;

/// The part that somebody plays; what each may do stands in `fhir-profiles/vault/policy.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the vault.
    Operator,
    /// Nobody in particular.
    Public,
    /// Whose records these are.
    Patient,
    /// A relative who acts for a patient.
    Proxy,
    /// Treats patients.
    Doctor,
    /// Learns to, under a supervisor and for a time.
    Intern,
    /// A hospital's own system.
    Hospital,
    /// Gives beds.
    BedManager,
    /// Pays.
    Insurer,
    /// Learns from many, about nobody.
    Researcher,
    /// The same within a study of theirs, by its view. No account has it.
    Study,
    /// Keeps accounts and the directory; sees nothing clinical.
    Admin,
    /// Sees who did what; nothing clinical.
    Auditor,
    /// Measures.
    Device,
}

/// As accounts and the policy name them.
const NAMES: &[(&str, Role)] = &[
    ("operator", Role::Operator),
    ("public", Role::Public),
    ("patient", Role::Patient),
    ("proxy", Role::Proxy),
    ("doctor", Role::Doctor),
    ("intern", Role::Intern),
    ("hospital", Role::Hospital),
    ("bed-manager", Role::BedManager),
    ("insurer", Role::Insurer),
    ("researcher", Role::Researcher),
    ("study", Role::Study),
    ("admin", Role::Admin),
    ("auditor", Role::Auditor),
    ("device", Role::Device),
];

impl Role {
    /// Every one.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, role)| *role)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }

    /// `bed-manager`
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// The role of a client by the type of the organization that it belongs to:
    /// <http://terminology.hl7.org/CodeSystem/organization-type>.
    pub fn of_organization(code: &str) -> Option<Self> {
        match code {
            "prov" | "dept" => Some(Self::Hospital),
            "ins" | "pay" => Some(Self::Insurer),
            "edu" | "crs" => Some(Self::Researcher),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
