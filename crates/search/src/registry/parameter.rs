//! A search parameter of one resource type: <https://hl7.org/fhir/R4/searchparameter.html>.

use std::borrow::Cow;

use fhir_model::{ResourceType, definitions::SearchKind};

/// A parameter of a resource type, as databases know it. Numbers of R4's own never change: they are
/// the 1-based positions in the list of all pairs of type and code, sorted by name. Those above
/// 1,000,000 are for `SearchParameter` resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub u32);

impl ParamId {
    /// As the column `p` of a database holds it.
    pub fn number(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }
}

/// Whether a parameter can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every resource of its type is indexed.
    Ready,
    /// Resources get rows when they are written, those written before have none yet:
    /// [`crate::Registry::parameter`] does not know it.
    Building,
}

/// What the elements of a parameter are, where that says more than its kind of how they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Elements {
    /// Nothing out of the way.
    #[default]
    Plain,
    /// Tokens that are texts: compared without case.
    Texts,
    /// Tokens of which some may be texts.
    SomeTexts,
    /// References by canonical URL.
    Canonicals,
    /// Not references, but resources inside the resource. They have no index rows.
    Resources,
}

/// Which references are rows of a parameter itself, by the type of what they refer to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Holds {
    /// All.
    #[default]
    Any,
    /// Those to one of these types.
    Only(Vec<ResourceType>),
    /// Those to another type, or to none that can be told.
    But(Vec<ResourceType>),
}

impl Holds {
    /// Whether a reference to a resource of this type may be among the rows.
    pub fn may_refer_to(&self, ty: ResourceType) -> bool {
        match self {
            Self::Any => true,
            Self::Only(types) => types.contains(&ty),
            Self::But(types) => !types.contains(&ty),
        }
    }
}

/// A search parameter of one resource type.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its number.
    pub id: ParamId,
    /// The type whose resources it finds.
    pub ty: ResourceType,
    /// Its name in queries.
    pub code: Cow<'static, str>,
    /// The canonical URL of its definition.
    pub url: Cow<'static, str>,
    /// How values are compared.
    pub kind: SearchKind,
    /// The `FHIRPath` expression of the values, for all types that share the definition; may be empty.
    pub expression: Cow<'static, str>,
    /// The parameters whose index rows are its values: mostly itself; those that say the same or the same
    /// of a part, so that a value is indexed once. Sorted.
    pub sources: Vec<ParamId>,
    /// Of a reference: what its own rows can refer to.
    pub holds: Holds,
    /// Of a reference: the types it may point to; empty: any.
    pub targets: Vec<ResourceType>,
    /// Of a composite: URL of the definition and expression of each part.
    pub components: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// What its elements are.
    pub elements: Elements,
    /// Whether it can be asked for.
    pub state: State,
}
