//! Chains and `_has`: <https://hl7.org/fhir/R4/search.html#chaining>,
//! <https://hl7.org/fhir/R4/search.html#has>.

use fhir_model::ResourceType;

use super::{Context, Scope, fault::Fault, types};
use crate::{
    SearchKind,
    plan::{Concepts, Filter, Test, TypePlan},
    registry::{Elements, Parameter},
};

/// The most references that a parameter may follow.
const CHAINS_MAX: u8 = 3;

/// The most `_has` inside each other.
const HAS_MAX: u8 = 2;

/// Where a condition stands: on which type, and behind how many references.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The type.
    pub(super) ty: ResourceType,
    chains: u8,
    has: u8,
}

impl Place {
    /// On the resources that are searched.
    pub(super) fn of(ty: ResourceType) -> Self {
        Self { ty, chains: 0, has: 0 }
    }
}

/// What must hold at the other end of a reference.
pub(super) type Rest<'r> = &'r dyn Fn(Place) -> Result<Vec<Filter>, Fault>;

/// A chain: `[reference]` or `[reference]:[type]` with the rest of what follows the dot. Without a type
/// every target type counts that knows the rest.
pub(super) fn through(
    context: &Context<'_>,
    place: Place,
    head: &str,
    rest: Rest<'_>,
) -> Result<Filter, Fault> {
    let (code, named) = match head.split_once(':') {
        Some((code, ty)) => (code, Some(ty)),
        None => (head, None),
    };
    let parameter = context.parameter(place.ty, code)?;
    must_be_reference(parameter)?;
    if place.chains >= CHAINS_MAX {
        let text = format!("follows more than {CHAINS_MAX} references");
        return Err(Fault::TooCostly(text.into()));
    }
    let named = named.map(|name| ResourceType::named(name).ok_or_else(|| types::no_type(name)));
    let named = named.transpose()?;
    let possible = if parameter.targets.is_empty() {
        ResourceType::all()
    } else {
        parameter.targets.as_slice()
    };
    // what is referred to by URL has one
    let is_canonical = parameter.elements == Elements::Canonicals;
    let with_url: Vec<ResourceType>;
    let possible = if is_canonical {
        let has_url = |ty: &ResourceType| context.registry.parameter(*ty, "url").is_some();
        with_url = possible.iter().copied().filter(has_url).collect();
        with_url.as_slice()
    } else {
        possible
    };
    let wanted = match &named {
        Some(ty) if possible.contains(ty) => std::slice::from_ref(ty),
        Some(ty) => {
            let text = format!("follows '{}', which never references a {ty}", parameter.code);
            return Err(Fault::Value(text.into()));
        }
        None => possible,
    };
    let targets = targets(context, (place, wanted), rest)?;
    let types: Vec<ResourceType> = targets.iter().map(|target| target.ty).collect();
    let params = context.registry.referring(&parameter.sources, &types);
    if !is_canonical {
        return Ok(Filter::Chain { params, targets });
    }
    let any = vec![Test::Concepts(Concepts::Canonicals(targets.clone()))];
    let by_url = Filter::Value { params: parameter.sources.clone(), any };
    // some write `Questionnaire/1` where a URL should stand
    Ok(Filter::Any(vec![Filter::Chain { params, targets }, by_url]))
}

/// The target types that know the rest; a fault when none does.
fn targets(
    context: &Context<'_>,
    (place, wanted): (Place, &[ResourceType]),
    rest: Rest<'_>,
) -> Result<Vec<TypePlan>, Fault> {
    let mut targets = Vec::new();
    let mut fault = None;
    for ty in wanted.iter().copied() {
        context.budget.chain_type()?;
        match rest(Place { ty, chains: place.chains + 1, ..place }) {
            Ok(filters) => targets.push(TypePlan { ty, filters }),
            Err(Fault::TooCostly(text)) => return Err(Fault::TooCostly(text)),
            Err(other) => fault = Some(worse(fault, other)),
        }
    }
    match fault {
        Some(fault) if targets.is_empty() => Err(fault),
        None if targets.is_empty() => {
            Err(Fault::Value("follows URLs to types of which none has a URL".into()))
        }
        _ => Ok(targets),
    }
}

/// What says more: anything but that a parameter is unknown; of these all types together.
fn worse(before: Option<Fault>, fault: Fault) -> Fault {
    match (before, fault) {
        (Some(Fault::Unknown { code, mut types }), Fault::Unknown { code: other, types: more }) => {
            if code == other {
                types.extend(more);
            }
            Fault::Unknown { code, types }
        }
        (None | Some(Fault::Unknown { .. }), fault) => fault,
        (Some(before), _) => before,
    }
}

/// `_has:[type]:[reference]` with the rest of what follows the next colon.
pub(super) fn has(
    context: &Context<'_>,
    place: Place,
    (name, reference): (&str, &str),
    rest: Rest<'_>,
) -> Result<Filter, Fault> {
    if place.has >= HAS_MAX {
        let text = format!("has more than {HAS_MAX} _has inside each other");
        return Err(Fault::TooCostly(text.into()));
    }
    let ty = ResourceType::named(name).ok_or_else(|| types::no_type(name))?;
    let parameter = context.parameter(ty, reference)?;
    must_be_reference(parameter)?;
    if !parameter.targets.is_empty() && !parameter.targets.contains(&place.ty) {
        if context.scope != Scope::Type {
            return Ok(Filter::Id(Vec::new()));
        }
        let text =
            format!("goes by '{}' of {ty}, which never references a {}", parameter.code, place.ty);
        return Err(Fault::Value(text.into()));
    }
    context.budget.chain_type()?;
    let filters = rest(Place { ty, has: place.has + 1, ..place })?;
    let source = TypePlan { ty, filters };
    let by_url = match context.registry.parameter(place.ty, "url") {
        Some(url) if parameter.elements == Elements::Canonicals => {
            let version = context.registry.parameter(place.ty, "version");
            let referring = Concepts::Referring {
                source: source.clone(),
                params: parameter.sources.clone(),
                url: url.sources.clone(),
                version: version.map(|one| one.sources.clone()).unwrap_or_default(),
            };
            let any = vec![Test::Concepts(referring)];
            Some(Filter::Value { params: url.sources.clone(), any })
        }
        _ => None,
    };
    let params = context.registry.referring(&parameter.sources, &[place.ty]);
    let has = Filter::Has { params, source: Box::new(source) };
    Ok(match by_url {
        Some(by_url) => Filter::Any(vec![has, by_url]),
        None => has,
    })
}

fn must_be_reference(parameter: &Parameter) -> Result<(), Fault> {
    if parameter.kind == SearchKind::Reference {
        return Ok(());
    }
    let text = format!(
        "follows '{}', which is a {} and no reference",
        parameter.code,
        parameter.kind.code()
    );
    Err(Fault::Modifier(text))
}
