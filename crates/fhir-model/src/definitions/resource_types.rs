//! The concrete resource types: <https://hl7.org/fhir/R4/resourcelist.html>.

use std::{fmt, str::FromStr, sync::LazyLock};

use super::TypeId;

/// A concrete resource type. Its [`number`](Self::number) is stable: it is stored in databases.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceType(pub(crate) u8);

/// The type before the first concrete resource type, which stand in a row.
const BEFORE: u16 = TypeId::DOMAIN_RESOURCE.0;

/// How many there are in R4.
const COUNT: u8 = 146;

impl ResourceType {
    /// Every one, by name.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<ResourceType>> =
            LazyLock::new(|| (1..=COUNT).map(ResourceType).collect());
        &ALL
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        TypeId::named(name)?.as_resource()
    }

    /// `Patient`.
    #[inline]
    pub fn name(self) -> &'static str {
        self.ty().name()
    }

    /// From 1, in the order of R4's names; never changes.
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The inverse of [`Self::number`].
    pub const fn from_number(number: u8) -> Option<Self> {
        if number >= 1 && number <= COUNT { Some(Self(number)) } else { None }
    }

    /// As a type among all types.
    #[inline]
    pub const fn ty(self) -> TypeId {
        TypeId(BEFORE + self.0 as u16)
    }

    /// Of a type, if it is a concrete resource type.
    #[inline]
    pub(super) const fn of(ty: TypeId) -> Option<Self> {
        match ty.0.checked_sub(BEFORE) {
            #[expect(clippy::cast_possible_truncation, reason = "COUNT fits in u8")]
            Some(number) if number <= COUNT as u16 => Self::from_number(number as u8),
            _ => None,
        }
    }
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No resource type of R4 has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownResourceType;

impl fmt::Display for UnknownResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("R4 has no resource type of this name")
    }
}

impl std::error::Error for UnknownResourceType {}

impl FromStr for ResourceType {
    type Err = UnknownResourceType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::named(name).ok_or(UnknownResourceType)
    }
}

impl PartialEq<ResourceType> for TypeId {
    fn eq(&self, other: &ResourceType) -> bool {
        *self == other.ty()
    }
}

impl From<ResourceType> for TypeId {
    fn from(resource_type: ResourceType) -> Self {
        resource_type.ty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::TypeKind;

    #[test]
    fn numbers_follow_the_names_and_never_change() {
        let all = ResourceType::all();
        assert_eq!(all.len(), 146);
        assert!(all.windows(2).all(|pair| pair[0].name() < pair[1].name()));
        for (number, name) in
            [(1, "Account"), (96, "Observation"), (103, "Patient"), (146, "VisionPrescription")]
        {
            let resource_type = ResourceType::named(name).unwrap();
            assert_eq!((resource_type.number(), resource_type.name()), (number, name));
            assert_eq!(ResourceType::from_number(number), Some(resource_type));
            assert_eq!(TypeId::named(name).unwrap().as_resource(), Some(resource_type));
        }
        for not_concrete in ["Resource", "DomainResource", "HumanName", "Patient.contact", ""] {
            assert_eq!(ResourceType::named(not_concrete), None);
        }
        assert_eq!(ResourceType::from_number(0), None);
        assert_eq!(ResourceType::from_number(147), None);
        assert_eq!("Patient".parse(), Ok(ResourceType::named("Patient").unwrap()));
        let concrete =
            TypeId::all().filter(|ty| ty.kind() == TypeKind::Resource && !ty.is_abstract());
        assert!(concrete.map(TypeId::as_resource).eq(all.iter().copied().map(Some)));
    }
}
