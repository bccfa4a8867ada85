//! The types that a collection may hold, and whether it has an order.

use fhir_model::TypeId;

use super::Result;
use crate::{error::TypeError, type_specifier::TypeSpecifier};

/// A type of either namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Fhir(TypeId),
    System(&'static str),
}

impl Type {
    pub(super) const BOOLEAN: Self = Self::System("Boolean");
    pub(super) const INTEGER: Self = Self::System("Integer");
    pub(super) const STRING: Self = Self::System("String");

    fn name(self) -> &'static str {
        match self {
            Self::Fhir(ty) => ty.name(),
            Self::System(name) => name,
        }
    }
}

/// What is known of a collection.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// `None` when anything may be in it.
    types: Option<Vec<Type>>,
    is_ordered: bool,
}

/// More types than these are as good as unknown.
const TYPES_MAX: usize = 200;

impl Shape {
    pub(super) fn of(ty: Type) -> Self {
        Self { types: Some(vec![ty]), is_ordered: true }
    }

    pub(super) fn nothing() -> Self {
        Self { types: Some(Vec::new()), is_ordered: true }
    }

    pub(super) fn unknown() -> Self {
        Self { types: None, is_ordered: true }
    }

    pub(super) fn without_order(self) -> Self {
        Self { is_ordered: false, ..self }
    }

    pub(super) fn ordered(self) -> Self {
        Self { is_ordered: true, ..self }
    }

    fn with(self, types: Vec<Type>) -> Self {
        Self { types: (types.len() <= TYPES_MAX).then_some(types), ..self }
    }

    /// The only type it may hold.
    pub(super) fn only(&self) -> Option<Type> {
        match self.types.as_deref() {
            Some([only]) => Some(*only),
            _ => None,
        }
    }

    /// Whether something of the first shape may also be of the second.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        match (&self.types, &other.types) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(types), Some(others)) => types.iter().all(|ty| others.contains(ty)),
        }
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        let is_ordered = self.is_ordered && other.is_ordered;
        let types = self.types.zip(other.types).map(|(mut types, others)| {
            for ty in others {
                if !types.contains(&ty) {
                    types.push(ty);
                }
            }
            types
        });
        Self { types, is_ordered }
    }

    /// Refuses a collection without order.
    pub(super) fn in_order(self, place: &str) -> Result<Self> {
        if self.is_ordered {
            return Ok(self);
        }
        Err(TypeError(format!("{place} needs an order, but this collection has none")))
    }

    /// After the type name that a path begins with.
    pub(super) fn rooted(self, name: &str, root: TypeId) -> Result<Self> {
        let Some(types) = &self.types else {
            return Ok(Self::of(Type::Fhir(root)));
        };
        let fits: Vec<_> = types.iter().filter_map(|ty| narrowed(*ty, root)).collect();
        if fits.is_empty() && !types.is_empty() {
            let found = self.names();
            return Err(TypeError(format!(
                "the path begins with {name}, but it starts from {found}"
            )));
        }
        Ok(self.with(fits))
    }

    /// After `as` or `ofType`.
    pub(super) fn selected(self, specifier: &TypeSpecifier) -> Self {
        let Some(types) = &self.types else {
            return specifier.fhir.map_or_else(Self::unknown, |ty| Self::of(Type::Fhir(ty)));
        };
        let fits = types
            .iter()
            .filter_map(|ty| match ty {
                Type::Fhir(_) => specifier.fhir.and_then(|wanted| narrowed(*ty, wanted)),
                Type::System(name) => {
                    (specifier.system && **name == *specifier.name).then_some(*ty)
                }
            })
            .collect();
        self.with(fits)
    }

    /// After `.name`.
    pub(super) fn member(self, name: &str) -> Result<Self> {
        let Some(types) = &self.types else { return Ok(self) };
        let mut members: Vec<Type> = Vec::new();
        let mut may_be_derived = false;
        for ty in types {
            let Type::Fhir(ty) = ty else {
                may_be_derived |= matches!(ty.name(), "Quantity" | "TypeInfo");
                continue;
            };
            may_be_derived |= ty.is_abstract();
            for element in ty.elements().iter().filter(|element| element.name == name) {
                if !members.contains(&Type::Fhir(element.ty)) {
                    members.push(Type::Fhir(element.ty));
                }
            }
        }
        if members.is_empty() && may_be_derived {
            return Ok(Self::unknown());
        }
        if members.is_empty() && !types.is_empty() {
            return Err(TypeError(format!("{} has no element {name}", self.names())));
        }
        Ok(self.with(members))
    }

    /// All members of all types, in no order.
    pub(super) fn children(self) -> Self {
        let Some(types) = &self.types else { return self.without_order() };
        let mut members = Vec::new();
        for ty in types {
            let Type::Fhir(ty) = ty else { continue };
            if ty.is_abstract() {
                return Self::unknown().without_order();
            }
            for element in ty.elements() {
                if !members.contains(&Type::Fhir(element.ty)) {
                    members.push(Type::Fhir(element.ty));
                }
            }
        }
        self.with(members).without_order()
    }

    /// Refuses what holds no text, when that is known.
    pub(super) fn must_be_text(&self, place: &str) -> Result<()> {
        let Some(types) = &self.types else { return Ok(()) };
        let may_be_text = types.is_empty()
            || types.iter().any(|ty| match ty {
                Type::Fhir(ty) => ty.primitive().is_some() || ty.is_abstract(),
                Type::System(name) => *name == "String",
            });
        if may_be_text {
            return Ok(());
        }
        Err(TypeError(format!("{place} works on a string, but this is {}", self.names())))
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.types.iter().flatten().map(|ty| ty.name()).collect();
        names.join(" or ")
    }
}

/// The more special of two types when one is derived from the other.
fn narrowed(ty: Type, wanted: TypeId) -> Option<Type> {
    let Type::Fhir(found) = ty else { return None };
    if found.is_a(wanted) { Some(ty) } else { wanted.is_a(found).then_some(Type::Fhir(wanted)) }
}
