//! The search parameters there are: <https://hl7.org/fhir/R4/searchparameter-registry.html>.

mod comparable;
mod composite;
mod custom;
mod joint;
mod parameter;
mod path;
mod program;
mod sources;
mod targets;

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use fhir_model::{
    ResourceType, TypeId,
    definitions::{SearchKind, r4},
};

pub(crate) use composite::{Composite, Part as CompositePart, Place as PartPlace, Rest};
pub use custom::{Custom, Definition};
pub use joint::joint;
pub use parameter::{Elements, Holds, ParamId, Parameter, State};
pub(crate) use path::Step;
#[cfg(test)]
pub(crate) use program::is_indexed;
pub(crate) use program::{Condition, Leaf, Place, Program};

/// All search parameters, and for each resource type the program that extracts their values.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Those that can be asked for, sorted by the names of type and code.
    parameters: Vec<Parameter>,
    /// The others.
    building: Vec<Parameter>,
    /// Positions in `parameters`, and beyond them in `building`; sorted by number.
    numbers: Vec<(ParamId, usize)>,
    /// By type number, 1-based.
    types: Vec<TypeIndex>,
    /// Whether words are extracted.
    has_words: bool,
}

/// What the registry knows of one resource type.
#[derive(Debug, Clone, Default)]
struct TypeIndex {
    /// First and one past the last in `Registry::parameters`.
    parameters: (usize, usize),
    program: Arc<Program>,
    /// The type in the middle of a compartment, and the reference parameters that put a resource into it.
    compartments: Arc<[(ResourceType, Vec<ParamId>)]>,
}

impl Registry {
    /// The parameters of R4 itself.
    pub fn r4() -> &'static Self {
        static R4: LazyLock<Registry> = LazyLock::new(|| Registry::of_parameters(number(list())));
        &R4
    }

    /// With parameters beside R4's own, in place of any that were added before.
    #[must_use]
    pub fn with(&self, customs: Vec<Custom>) -> Self {
        let own = Self::r4().parameters.iter();
        let mut parameters: Vec<Parameter> = own.cloned().collect();
        let (ready, building): (Vec<_>, Vec<_>) = customs
            .into_iter()
            .map(Custom::into_parameter)
            .partition(|parameter| parameter.state == State::Ready);
        parameters.extend(ready);
        let mut out = Self::assemble(parameters, building);
        out.compile(|_| true);
        out.has_words = self.has_words;
        out
    }

    /// Extracts these parameters alone, and no words: what `extract` gives then are the rows to add when
    /// they are new. What a resource contains is among them. Everything else stays as it is.
    #[must_use]
    pub fn only(&self, params: &[ParamId]) -> Self {
        let mut out = self.clone();
        out.compile(|param| params.contains(&param));
        out.has_words = false;
        out
    }

    /// The parameter of this name, when it can be asked for.
    pub fn parameter(&self, ty: ResourceType, code: &str) -> Option<&Parameter> {
        let parameters = self.of(ty);
        let at = parameters.binary_search_by(|parameter| (*parameter.code).cmp(code)).ok()?;
        parameters.get(at)
    }

    /// The parameters of a type that can be asked for, by name.
    pub fn of(&self, ty: ResourceType) -> &[Parameter] {
        let (from, to) = self.index(ty).map_or((0, 0), |index| index.parameters);
        self.parameters.get(from..to).unwrap_or_default()
    }

    /// Every parameter that can be asked for, by the names of type and code.
    pub fn all(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameters that are indexed but cannot be asked for yet.
    pub fn building(&self) -> &[Parameter] {
        &self.building
    }

    /// The parameter of this number, whatever its state.
    pub fn by_id(&self, id: ParamId) -> Option<&Parameter> {
        let at = self.numbers.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let (_, at) = *self.numbers.get(at)?;
        let ready = self.parameters.len();
        if at < ready { self.parameters.get(at) } else { self.building.get(at - ready) }
    }

    /// The reference parameters by which a resource of type `ty` lies in the compartment of a resource of
    /// type `center`, as far as they reference that type: <https://hl7.org/fhir/R4/compartmentdefinition.html>.
    /// They are index rows: [`Parameter::sources`] of what the definition names. Empty: by none. The
    /// resource in the middle is in its own compartment whatever this says.
    pub fn compartment(&self, center: ResourceType, ty: ResourceType) -> &[ParamId] {
        let compartments = self.index(ty).map(|index| &*index.compartments).unwrap_or_default();
        let found = compartments.iter().find(|(other, _)| *other == center);
        found.map_or(&[], |(_, params)| params)
    }

    /// Of these parameters those whose rows may refer to a resource of one of the types.
    pub(crate) fn referring(&self, params: &[ParamId], types: &[ResourceType]) -> Vec<ParamId> {
        let may = |id: &ParamId| match self.by_id(*id) {
            Some(parameter) => types.iter().any(|ty| parameter.holds.may_refer_to(*ty)),
            None => true,
        };
        params.iter().copied().filter(may).collect()
    }

    pub(crate) fn program(&self, ty: ResourceType) -> Option<&Program> {
        self.index(ty).map(|index| &*index.program)
    }

    pub(crate) fn has_words(&self) -> bool {
        self.has_words
    }

    fn index(&self, ty: ResourceType) -> Option<&TypeIndex> {
        self.types.get(usize::from(ty.number()))
    }

    fn of_parameters(parameters: Vec<Parameter>) -> Self {
        let mut out = Self::assemble(parameters, Vec::new());
        let mut found: BTreeMap<ParamId, (Vec<ParamId>, Holds)> = BTreeMap::new();
        for of_type in out.parameters.chunk_by(|a, b| a.ty == b.ty) {
            let Some(first) = of_type.first() else { continue };
            let shares = sources::shares(first.ty, of_type);
            let shares = shares.into_iter().map(|share| (share.sources, share.holds));
            found.extend(of_type.iter().map(|one| one.id).zip(shares));
        }
        for parameter in &mut out.parameters {
            (parameter.sources, parameter.holds) = found.remove(&parameter.id).unwrap_or_default();
        }
        out.compile(|_| true);
        out
    }

    /// Everything but the programs.
    fn assemble(mut parameters: Vec<Parameter>, building: Vec<Parameter>) -> Self {
        parameters.sort_by(|a, b| (a.ty.name(), &*a.code).cmp(&(b.ty.name(), &*b.code)));
        let all = parameters.iter().chain(&building).enumerate();
        let mut numbers: Vec<(ParamId, usize)> = all.map(|(at, one)| (one.id, at)).collect();
        numbers.sort_unstable();
        let mut types: Vec<TypeIndex> = Vec::new();
        types.resize_with(ResourceType::all().len() + 1, TypeIndex::default);
        let mut from = 0;
        for of_type in parameters.chunk_by(|a, b| a.ty == b.ty) {
            let to = from + of_type.len();
            if let Some(first) = of_type.first()
                && let Some(index) = types.get_mut(usize::from(first.ty.number()))
            {
                index.parameters = (from, to);
            }
            from = to;
        }
        Self { parameters, building, numbers, types, has_words: true }
    }

    /// Programs of the parameters that are wanted, and compartments.
    fn compile(&mut self, is_wanted: impl Fn(ParamId) -> bool) {
        let types = std::mem::take(&mut self.types);
        let compiled = types.into_iter().enumerate().map(|(number, index)| {
            let (from, to) = index.parameters;
            let Some(of_type) = self.parameters.get(from..to).filter(|some| !some.is_empty())
            else {
                return index;
            };
            let Some(ty) = of_type.first().map(|first| first.ty) else { return index };
            debug_assert_eq!(usize::from(ty.number()), number);
            let (own, added): (Vec<_>, Vec<_>) =
                of_type.iter().cloned().partition(|one| one.id.0 < FIRST_CUSTOM);
            let mut program = Program::default();
            let kind_of = |ty, url: &str| self.kind_of(ty, url);
            for (parameter, share) in own.iter().zip(sources::shares(ty, &own)) {
                if is_wanted(parameter.id) {
                    program.add(parameter, &share, kind_of);
                }
            }
            let building = self.building.iter().filter(|one| one.ty == ty);
            for parameter in added.iter().chain(building).filter(|one| is_wanted(one.id)) {
                program.add(parameter, &sources::of_custom(parameter), kind_of);
            }
            let compartments = compartments(self, ty, of_type).into();
            TypeIndex { program: Arc::new(program.finish()), compartments, ..index }
        });
        let types = compiled.collect();
        self.types = types;
    }

    /// The kind of the parameter with this canonical URL, for the parts of composites.
    fn kind_of(&self, ty: ResourceType, url: &str) -> Option<SearchKind> {
        let (url, _) = url.split_once('|').unwrap_or((url, ""));
        let mut known = self.parameters.iter().chain(&self.building);
        known.find(|one| one.ty == ty && one.url == url).map(|one| one.kind)
    }
}

/// Where the numbers of `SearchParameter` resources begin.
const FIRST_CUSTOM: u32 = 1_000_000;

/// Every pair of concrete type and code with its definition, sorted by names.
fn list() -> BTreeMap<(&'static str, &'static str), Parameter> {
    let mut pairs = BTreeMap::new();
    for definition in r4().search_parameters() {
        let bases = definition.bases.iter().filter_map(|base| TypeId::named(base));
        for base in bases {
            for ty in ResourceType::all().iter().copied().filter(|ty| ty.ty().is_a(base)) {
                let components = definition.components.iter();
                let parameter = Parameter {
                    id: ParamId(0),
                    sources: Vec::new(),
                    holds: Holds::Any,
                    ty,
                    code: Cow::Borrowed(definition.code),
                    url: Cow::Borrowed(definition.url),
                    kind: definition.kind,
                    expression: Cow::Borrowed(definition.expression),
                    targets: targets::of(ty, definition.expression, &definition.targets),
                    components: components
                        .map(|(url, text)| (Cow::Borrowed(*url), Cow::Borrowed(*text)))
                        .collect(),
                    elements: comparable::elements_of(definition.kind, definition.expression, ty),
                    state: State::Ready,
                };
                pairs.insert((ty.name(), definition.code), parameter);
            }
        }
    }
    pairs
}

fn number(pairs: BTreeMap<(&'static str, &'static str), Parameter>) -> Vec<Parameter> {
    (1..).zip(pairs.into_values()).map(|(n, p)| Parameter { id: ParamId(n), ..p }).collect()
}

/// The compartments that resources of a type can lie in.
fn compartments(
    registry: &Registry,
    ty: ResourceType,
    parameters: &[Parameter],
) -> Vec<(ResourceType, Vec<ParamId>)> {
    let params = r4().compartments().iter().map(|compartment| {
        let codes = compartment.parameters(ty).iter();
        let named = codes.filter_map(|code| parameters.iter().find(|one| one.code == *code));
        let mut params: Vec<ParamId> =
            named.flat_map(|one| registry.referring(&one.sources, &[compartment.center])).collect();
        params.sort_unstable();
        params.dedup();
        (compartment.center, params)
    });
    params.filter(|(_, params)| !params.is_empty()).collect()
}

#[cfg(test)]
mod tests;
