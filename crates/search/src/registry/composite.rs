//! Composite parameters: <https://hl7.org/fhir/R4/search.html#composite>. One part is a token, the key;
//! the other is a value of any kind but a URI, or two numbers.

use fhir_model::{ResourceType, definitions::SearchKind};
use fhirpath::Expression;

use super::{
    ParamId, Parameter,
    path::{self, Branch, Step},
};

/// How the parts are found from the element that the parameter's own expression gives.
#[derive(Debug)]
pub(crate) struct Composite {
    pub(crate) param: ParamId,
    pub(crate) key: Part,
    pub(crate) rest: Rest,
}

/// The parts besides the key.
#[derive(Debug)]
pub(crate) enum Rest {
    One(Part),
    Numbers(Part, Part),
}

/// A part and where it is.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) kind: SearchKind,
    /// Whether the places are seen from the resource: `%resource.referenceSeq.chromosome`.
    pub(crate) is_common: bool,
    pub(crate) places: Vec<Place>,
}

/// Where the values of a part are, seen from the element.
#[derive(Debug)]
pub(crate) enum Place {
    Path(Vec<Step>),
    Expression(Expression),
}

impl Composite {
    /// `None` when the parts are none that can be indexed: [`super::custom`] refuses these, R4 has none.
    /// `kind_of` knows the parameters that the parts are defined by.
    pub(super) fn compile(
        parameter: &Parameter,
        kind_of: impl Fn(ResourceType, &str) -> Option<SearchKind>,
    ) -> Option<Self> {
        let ty = parameter.ty;
        let parts: Option<Vec<Part>> = parameter
            .components
            .iter()
            .map(|(url, text)| {
                let of_resource = text.strip_prefix("%resource.").filter(|rest| is_path(rest, ty));
                let places = places(of_resource.unwrap_or(text), ty);
                Some(Part { kind: kind_of(ty, url)?, is_common: of_resource.is_some(), places })
            })
            .collect();
        let mut parts = parts?;
        let key = parts.iter().position(|part| part.kind == SearchKind::Token)?;
        let key = parts.remove(key);
        let mut rest = parts.into_iter();
        let rest = match (rest.next(), rest.next(), rest.next()) {
            (Some(part), None, None) if is_indexed(part.kind) => Rest::One(part),
            (Some(a), Some(b), None)
                if (a.kind, b.kind) == (SearchKind::Number, SearchKind::Number) =>
            {
                Rest::Numbers(a, b)
            }
            _ => return None,
        };
        Some(Self { param: parameter.id, key, rest })
    }
}

/// Whether parts of these kinds can be indexed together.
pub(super) fn is_supported(kinds: &[SearchKind]) -> bool {
    let Some(key) = kinds.iter().position(|kind| *kind == SearchKind::Token) else { return false };
    let rest = kinds.iter().enumerate().filter(|(at, _)| *at != key).map(|(_, kind)| *kind);
    match rest.collect::<Vec<_>>().as_slice() {
        [one] => is_indexed(*one),
        two => two == [SearchKind::Number; 2],
    }
}

/// Whether a part of this kind has rows beside a key.
fn is_indexed(kind: SearchKind) -> bool {
    match kind {
        SearchKind::Number
        | SearchKind::Date
        | SearchKind::String
        | SearchKind::Token
        | SearchKind::Reference
        | SearchKind::Quantity => true,
        SearchKind::Composite | SearchKind::Uri | SearchKind::Special => false,
    }
}

/// Whether a text is one path of element names.
fn is_path(text: &str, ty: ResourceType) -> bool {
    matches!(path::branch(text, ty), Branch::Path(_)) && path::branches(text).len() == 1
}

fn places(text: &str, ty: ResourceType) -> Vec<Place> {
    let place = |text| match path::branch(text, ty) {
        Branch::Elsewhere => None,
        Branch::Path(steps) => Some(Place::Path(steps)),
        Branch::Other => Expression::parse(text).ok().map(Place::Expression),
    };
    path::branches(text).into_iter().filter_map(place).collect()
}
