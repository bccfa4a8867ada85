//! Types and their hierarchy: <https://hl7.org/fhir/R4/datatypes.html>.

use std::ops::Range;

use super::{Definitions, ElementDef, ResourceType, names::NameTable, r4};

/// A type: a resource, a data type, a primitive, or a backbone element (`Patient.contact`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeId(pub(crate) u16);

/// What sort of type a [`TypeId`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// `string`, `date`, ...: a JSON scalar.
    Primitive,
    /// `HumanName`, `Quantity`, ..., also `Element` and `BackboneElement`.
    Complex,
    /// `Patient.contact`, ...: defined inside its owner.
    Backbone,
    /// `Patient`, ..., also the abstract `Resource` and `DomainResource`.
    Resource,
}

/// A row of the table of types.
#[derive(Debug)]
pub(super) struct TypeDef {
    pub(super) name: &'static str,
    pub(super) kind: TypeKind,
    pub(super) base: Option<TypeId>,
    pub(super) is_abstract: bool,
    /// First and one past the last of the elements.
    pub(super) elements: (u32, u32),
    /// The elements by JSON name.
    pub(super) members: NameTable,
}

impl TypeDef {
    pub(super) fn elements(&self) -> Range<usize> {
        self.elements.0 as usize..self.elements.1 as usize
    }
}

/// Names for types that the code speaks of; the tests hold the numbers to the table.
macro_rules! known_types {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        impl TypeId {
            $(#[doc = concat!("`", $name, "`")] pub const $constant: Self = Self($number);)*
        }

        #[cfg(test)]
        const KNOWN: &[(TypeId, &str)] = &[$((TypeId::$constant, $name)),*];
    };
}

known_types! {
    BOOLEAN = 0, "boolean";
    INTEGER = 1, "integer";
    UNSIGNED_INT = 2, "unsignedInt";
    POSITIVE_INT = 3, "positiveInt";
    DECIMAL = 4, "decimal";
    STRING = 5, "string";
    MARKDOWN = 6, "markdown";
    CODE = 7, "code";
    ID = 8, "id";
    URI = 9, "uri";
    URL = 10, "url";
    CANONICAL = 11, "canonical";
    OID = 12, "oid";
    UUID = 13, "uuid";
    BASE64_BINARY = 14, "base64Binary";
    DATE = 15, "date";
    DATE_TIME = 16, "dateTime";
    INSTANT = 17, "instant";
    TIME = 18, "time";
    XHTML = 19, "xhtml";
    ELEMENT = 20, "Element";
    BACKBONE_ELEMENT = 21, "BackboneElement";
    ADDRESS = 22, "Address";
    AGE = 23, "Age";
    ANNOTATION = 24, "Annotation";
    ATTACHMENT = 25, "Attachment";
    CODEABLE_CONCEPT = 26, "CodeableConcept";
    CODING = 27, "Coding";
    CONTACT_DETAIL = 28, "ContactDetail";
    CONTACT_POINT = 29, "ContactPoint";
    CONTRIBUTOR = 30, "Contributor";
    COUNT = 31, "Count";
    DATA_REQUIREMENT = 32, "DataRequirement";
    DISTANCE = 33, "Distance";
    DOSAGE = 34, "Dosage";
    DURATION = 35, "Duration";
    ELEMENT_DEFINITION = 36, "ElementDefinition";
    EXPRESSION = 37, "Expression";
    EXTENSION = 38, "Extension";
    HUMAN_NAME = 39, "HumanName";
    IDENTIFIER = 40, "Identifier";
    MARKETING_STATUS = 41, "MarketingStatus";
    META = 42, "Meta";
    MONEY = 43, "Money";
    NARRATIVE = 44, "Narrative";
    PARAMETER_DEFINITION = 45, "ParameterDefinition";
    PERIOD = 46, "Period";
    POPULATION = 47, "Population";
    PROD_CHARACTERISTIC = 48, "ProdCharacteristic";
    PRODUCT_SHELF_LIFE = 49, "ProductShelfLife";
    QUANTITY = 50, "Quantity";
    RANGE = 51, "Range";
    RATIO = 52, "Ratio";
    REFERENCE = 53, "Reference";
    RELATED_ARTIFACT = 54, "RelatedArtifact";
    SAMPLED_DATA = 55, "SampledData";
    SIGNATURE = 56, "Signature";
    SUBSTANCE_AMOUNT = 57, "SubstanceAmount";
    TIMING = 58, "Timing";
    TRIGGER_DEFINITION = 59, "TriggerDefinition";
    USAGE_CONTEXT = 60, "UsageContext";
    RESOURCE = 61, "Resource";
    DOMAIN_RESOURCE = 62, "DomainResource";
    BINARY = 71, "Binary";
    BUNDLE = 74, "Bundle";
    CAPABILITY_STATEMENT = 75, "CapabilityStatement";
    OPERATION_OUTCOME = 161, "OperationOutcome";
    PARAMETERS = 164, "Parameters";
    PATIENT = 165, "Patient";
}

/// The primitive types, in the order of their type numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the specification")]
pub enum Primitive {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Markdown,
    Code,
    Id,
    Uri,
    Url,
    Canonical,
    Oid,
    Uuid,
    Base64Binary,
    Date,
    DateTime,
    Instant,
    Time,
    Xhtml,
}

impl Primitive {
    /// Every one, in the order of the type numbers.
    pub const ALL: [Self; 20] = [
        Self::Boolean,
        Self::Integer,
        Self::UnsignedInt,
        Self::PositiveInt,
        Self::Decimal,
        Self::String,
        Self::Markdown,
        Self::Code,
        Self::Id,
        Self::Uri,
        Self::Url,
        Self::Canonical,
        Self::Oid,
        Self::Uuid,
        Self::Base64Binary,
        Self::Date,
        Self::DateTime,
        Self::Instant,
        Self::Time,
        Self::Xhtml,
    ];

    /// As a type among all types.
    pub const fn ty(self) -> TypeId {
        TypeId(self as u16)
    }
}

impl TypeId {
    /// Every type, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        r4().types()
    }

    /// The type of this name: `string`, `HumanName`, `Patient`, `Patient.contact`.
    pub fn named(name: &str) -> Option<Self> {
        let definitions = r4();
        definitions.by_name.find(name, |row| {
            let def = definitions.types.get(usize::from(row))?;
            (def.name == name).then_some(Self(row))
        })
    }

    /// `Patient`, `Patient.contact`, `string`.
    #[inline]
    pub fn name(self) -> &'static str {
        self.def().map_or("", |def| def.name)
    }

    /// What sort of type it is.
    #[inline]
    pub fn kind(self) -> TypeKind {
        self.def().map_or(TypeKind::Complex, |def| def.kind)
    }

    /// The type it specialises: of `Patient` `DomainResource`; none of `Element` and `Resource`.
    pub fn base(self) -> Option<Self> {
        self.def()?.base
    }

    /// Whether it is the other type or specialises it, over any number of steps.
    pub fn is_a(self, other: Self) -> bool {
        self == other || self.base().is_some_and(|base| base.is_a(other))
    }

    /// Whether there can be no item of just this type: `Element`, `Resource`, ...
    pub fn is_abstract(self) -> bool {
        self.def().is_some_and(|def| def.is_abstract)
    }

    /// The concrete resource type it is.
    #[inline]
    pub const fn as_resource(self) -> Option<ResourceType> {
        ResourceType::of(self)
    }

    /// The primitive it is.
    #[inline]
    pub fn primitive(self) -> Option<Primitive> {
        Primitive::ALL.get(usize::from(self.0)).copied()
    }

    /// The elements it may have, inherited ones included, in the order of XML.
    #[inline]
    pub fn elements(self) -> &'static [ElementDef] {
        self.def().and_then(|def| r4().elements.get(def.elements())).unwrap_or_default()
    }

    /// The element with this JSON name: `name`, `valueQuantity`, `id`. For the companion `_birthDate`
    /// of a primitive ask the primitive's type.
    #[inline]
    pub fn member(self, json_name: &str) -> Option<&'static ElementDef> {
        let definitions = r4();
        let def = definitions.types.get(usize::from(self.0))?;
        def.members.find(json_name, |row| {
            let element = definitions.elements.get(def.elements.0 as usize + usize::from(row))?;
            (element.json_name == json_name).then_some(element)
        })
    }

    #[inline]
    fn def(self) -> Option<&'static TypeDef> {
        r4().types.get(usize::from(self.0))
    }
}

impl Definitions {
    /// Every type, in the order of the table.
    pub fn types(&self) -> impl Iterator<Item = TypeId> + use<> {
        (0..).map(TypeId).take(self.types.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_agree_with_the_table() {
        for (ty, name) in KNOWN {
            assert_eq!((ty.name(), TypeId::named(name)), (*name, Some(*ty)));
        }
        for primitive in Primitive::ALL {
            assert_eq!(primitive.ty().primitive(), Some(primitive));
            assert_eq!(primitive.ty().kind(), TypeKind::Primitive);
            assert_eq!(primitive.ty().name(), format!("{primitive:?}").to_lowercase_first());
        }
        assert_eq!(TypeId::ELEMENT.primitive(), None);
    }

    /// `DateTime` as `dateTime`.
    trait LowercaseFirst {
        fn to_lowercase_first(&self) -> String;
    }

    impl LowercaseFirst for String {
        fn to_lowercase_first(&self) -> String {
            self[..1].to_lowercase() + &self[1..]
        }
    }

    #[test]
    fn types_know_their_ancestors() {
        let cases = [
            ("Patient", "DomainResource", true),
            ("Patient", "Resource", true),
            ("Bundle", "DomainResource", false),
            ("Age", "Quantity", true),
            ("Quantity", "Age", false),
            ("markdown", "string", true),
            ("positiveInt", "integer", true),
            ("canonical", "uri", true),
            ("Patient.contact", "BackboneElement", true),
            ("Timing.repeat", "BackboneElement", false),
            ("Timing.repeat", "Element", true),
            ("Dosage", "BackboneElement", true),
        ];
        for (ty, other, expected) in cases {
            let (ty, other) = (TypeId::named(ty).unwrap(), TypeId::named(other).unwrap());
            assert_eq!(ty.is_a(other), expected, "{} is a {}", ty.name(), other.name());
        }
        let abstracts: Vec<&str> =
            TypeId::all().filter(|ty| ty.is_abstract()).map(TypeId::name).collect();
        assert_eq!(abstracts, ["Element", "BackboneElement", "Resource", "DomainResource"]);
    }
}
