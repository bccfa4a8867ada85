//! What an expression yields: <http://hl7.org/fhirpath/N1/#types>.

use std::{borrow::Cow, fmt};

use fhir_model::{NodeRef, ResourceType, TypeId};
use rust_decimal::Decimal;

use crate::{moment::Moment, quantity::Quantity};

/// One item of a collection: an element of the resource, or a value that was computed.
#[derive(Debug, Clone)]
pub enum Item<'t> {
    /// An element or a resource.
    Node(NodeRef<'t>),
    /// `System.Boolean`
    Boolean(bool),
    /// `System.Integer`
    Integer(i64),
    /// `System.Decimal`
    Decimal(Decimal),
    /// `System.String`
    String(Cow<'t, str>),
    /// `System.Date`
    Date(Moment),
    /// `System.DateTime`
    DateTime(Moment),
    /// `System.Time`
    Time(Moment),
    /// `System.Quantity`
    Quantity(Quantity<'t>),
    /// A resource of which only the type is known: what `resolve()` gives for a reference that is
    /// not looked up.
    Resolved(ResourceType),
    /// What `type()` gives.
    Type(TypeInfo),
}

/// The name of a type in its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeInfo {
    /// `System` or `FHIR`.
    pub namespace: &'static str,
    /// `Integer`, `Patient`, ...
    pub name: &'static str,
}

impl<'t> Item<'t> {
    /// The element, if it is one.
    pub fn node(&self) -> Option<NodeRef<'t>> {
        if let Self::Node(node) = self { Some(*node) } else { None }
    }

    /// A text of the program itself, such as a name.
    pub(crate) const fn text(text: &'static str) -> Self {
        Self::String(Cow::Borrowed(text))
    }

    /// The FHIR type, of elements and resources.
    pub(crate) fn fhir_type(&self) -> Option<TypeId> {
        match self {
            Self::Node(node) => Some(node.ty()),
            Self::Resolved(resource) => Some(resource.ty()),
            _ => None,
        }
    }

    /// What `type()` says.
    pub fn type_info(&self) -> TypeInfo {
        let name = match self {
            Self::Node(node) => return TypeInfo { namespace: "FHIR", name: node.ty().name() },
            Self::Resolved(resource) => {
                return TypeInfo { namespace: "FHIR", name: resource.name() };
            }
            Self::Boolean(_) => "Boolean",
            Self::Integer(_) => "Integer",
            Self::Decimal(_) => "Decimal",
            Self::String(_) => "String",
            Self::Date(_) => "Date",
            Self::DateTime(_) => "DateTime",
            Self::Time(_) => "Time",
            Self::Quantity(_) => "Quantity",
            Self::Type(_) => "TypeInfo",
        };
        TypeInfo { namespace: "System", name }
    }
}

impl fmt::Display for TypeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// As `toString()` writes it; a complex element as its JSON.
impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => match node.text() {
                Some(text) => f.write_str(&text),
                None => f.write_str(&String::from_utf8_lossy(node.raw())),
            },
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(value) => write!(f, "{value}"),
            Self::String(value) => f.write_str(value),
            Self::Date(value) => value.write_date(f),
            Self::DateTime(value) => value.write_date_time(f),
            Self::Time(value) => value.write_time(f),
            Self::Quantity(value) => write!(f, "{value}"),
            Self::Resolved(resource) => write!(f, "{resource}"),
            Self::Type(info) => write!(f, "{info}"),
        }
    }
}
