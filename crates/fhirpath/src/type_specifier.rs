//! Type names in expressions: <http://hl7.org/fhirpath/N1/#type-specifiers>.

use fhir_model::{TypeId, definitions::TypeKind};

use crate::item::Item;

/// `Quantity`, `FHIR.Patient`, `System.String`. A name without namespace may mean a type of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeSpecifier {
    pub(crate) name: Box<str>,
    pub(crate) fhir: Option<TypeId>,
    pub(crate) system: bool,
}

/// The types of the namespace `System`.
const SYSTEM: &[&str] =
    &["Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time", "Quantity"];

impl TypeSpecifier {
    /// `None` for a name that neither FHIR nor `System` has; `System` may be asked for any name.
    pub(crate) fn resolve(namespace: Option<&str>, name: &str) -> Option<Self> {
        let (fhir, system) = match namespace {
            None => (TypeId::named(name), SYSTEM.contains(&name)),
            Some("FHIR") => (TypeId::named(name), false),
            Some("System") => (None, true),
            Some(_) => return None,
        };
        (fhir.is_some() || system).then(|| Self { name: name.into(), fhir, system })
    }

    /// What `is` says: the type or one derived from it.
    pub(crate) fn includes(&self, item: &Item<'_>) -> bool {
        match item.fhir_type() {
            Some(ty) => self.fhir.is_some_and(|wanted| ty.is_a(wanted)),
            None => self.system && item.type_info().name == &*self.name,
        }
    }

    /// What `as` and `ofType` keep: of primitives the very type, since `code` and `string` are
    /// alternatives of one choice; of others derived types too.
    pub(crate) fn selects(&self, item: &Item<'_>) -> bool {
        match (item.fhir_type(), self.fhir) {
            (Some(ty), Some(wanted)) if wanted.kind() == TypeKind::Primitive => ty == wanted,
            _ => self.includes(item),
        }
    }
}
