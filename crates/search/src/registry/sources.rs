//! Which parameters' rows are the values of a parameter. R4 has parameters that say the same, and ones that
//! say the same of a part: `name` of `name.family` too, `combo-code` of `code` and `component-code`. A value
//! has one row, under the parameter that says the least; the others read it there. So a reference to a patient is
//! a row of `patient`, and `subject` has rows of its own for the rest: [`Holds`] tells which is where.
//!
//! **Invariant**: the rows of all sources together are those that the whole expression gives.

use fhir_model::{ResourceType, TypeId, definitions::SearchKind};

use super::{
    Condition, Holds, ParamId, Parameter,
    path::{self, Branch, Step},
    targets,
};
use crate::extract::{ADDRESS_PARTS, HUMAN_NAME_PARTS};

/// What a parameter indexes itself, and what it reads elsewhere.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) sources: Vec<ParamId>,
    pub(super) holds: Holds,
    pub(super) branches: Vec<Owned>,
}

/// A branch of an expression, as far as the parameter has rows of it.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) what: What,
    /// Of names and addresses: which of their parts, a bit each.
    pub(super) parts: u8,
}

/// Where values are.
#[derive(Debug)]
pub(super) enum What {
    Path(Vec<Step>),
    /// For the engine.
    Text(Box<str>),
}

/// Values of one place. Composites are told apart by their parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Atom {
    steps: Vec<Step>,
    parts: String,
}

/// A parameter taken apart.
struct Anatomy<'p> {
    parameter: &'p Parameter,
    /// The branches; of a path the atoms it stands for.
    branches: Vec<(What, Vec<Atom>)>,
    /// There is more to it than paths, so nobody can say what it contains.
    is_opaque: bool,
}

/// The shares of all parameters of R4 of one type, in their order.
pub(super) fn shares(ty: ResourceType, parameters: &[Parameter]) -> Vec<Share> {
    let anatomies: Vec<Anatomy<'_>> = parameters.iter().map(|one| anatomy(ty, one)).collect();
    let told_apart = told_apart(&anatomies);
    let anatomies: Vec<_> = anatomies.into_iter().map(|one| split(one, &told_apart)).collect();
    let size = |one: &Anatomy<'_>| one.branches.iter().map(|(_, atoms)| atoms.len()).sum::<usize>();
    let mut order: Vec<usize> = (0..anatomies.len()).collect();
    // stable: of those that say the same the first by name
    order.sort_by_key(|at| anatomies.get(*at).map(size));
    // kind, number and own atoms of those that are done
    let mut done: Vec<(SearchKind, ParamId, Vec<Atom>)> = Vec::new();
    let mut shares: Vec<Option<Share>> = Vec::new();
    shares.resize_with(anatomies.len(), || None);
    let mut taken: Vec<Option<Anatomy<'_>>> = anatomies.into_iter().map(Some).collect();
    for at in order {
        let Some(one) = taken.get_mut(at).and_then(Option::take) else { continue };
        let (kind, id) = (one.parameter.kind, one.parameter.id);
        let (share, own) = if one.is_opaque { alone(one) } else { shared(one, &done) };
        if !own.is_empty() {
            done.push((kind, id, own));
        }
        if let Some(place) = shares.get_mut(at) {
            *place = Some(share);
        }
    }
    shares.into_iter().flatten().collect()
}

/// The share of a parameter that was added: nothing is read elsewhere.
pub(super) fn of_custom(parameter: &Parameter) -> Share {
    alone(anatomy(parameter.ty, parameter)).0
}

fn alone(one: Anatomy<'_>) -> (Share, Vec<Atom>) {
    let branches = one.branches.into_iter().map(|(what, _)| Owned { what, parts: u8::MAX });
    let sources = vec![one.parameter.id];
    (Share { sources, holds: Holds::Any, branches: branches.collect() }, Vec::new())
}

fn shared(one: Anatomy<'_>, done: &[(SearchKind, ParamId, Vec<Atom>)]) -> (Share, Vec<Atom>) {
    let all: Vec<&Atom> = one.branches.iter().flat_map(|(_, atoms)| atoms).collect();
    let others = done.iter().filter(|(kind, _, atoms)| {
        *kind == one.parameter.kind && atoms.iter().all(|atom| all.contains(&atom))
    });
    let others: Vec<_> = others.collect();
    let is_own = |atom: &Atom| !others.iter().any(|(_, _, atoms)| atoms.contains(atom));
    let own: Vec<Atom> = all.iter().copied().filter(|atom| is_own(atom)).cloned().collect();
    let mut sources: Vec<ParamId> = others.iter().map(|(_, id, _)| *id).collect();
    if !own.is_empty() || sources.is_empty() {
        sources.push(one.parameter.id);
    }
    sources.sort_unstable();
    let branches = one.branches.into_iter().filter_map(|(what, atoms)| {
        let parts = (0..8).zip(&atoms).filter(|(_, atom)| own.contains(atom));
        let parts = parts.fold(0, |bits, (n, _)| bits | 1 << n);
        (parts != 0).then_some(Owned { what, parts: if atoms.len() > 1 { parts } else { u8::MAX } })
    });
    let branches = branches.collect();
    (Share { sources, holds: holds(&own), branches }, own)
}

/// What the references of these places are to; more than one kind of place is not looked into.
fn holds(own: &[Atom]) -> Holds {
    let mut last = own.iter().map(|atom| atom.steps.last().map(|step| &step.condition));
    match (last.next(), last.next()) {
        (Some(Some(Condition::Resolves(ty))), None) => Holds::Only(vec![*ty]),
        (Some(Some(Condition::ResolvesElsewhere(types))), None) => Holds::But(types.to_vec()),
        _ => Holds::Any,
    }
}

/// The references that some parameter has by the type of what they refer to: where, and which types.
fn told_apart(anatomies: &[Anatomy<'_>]) -> Vec<(Vec<Step>, Vec<ResourceType>)> {
    let mut out: Vec<(Vec<Step>, Vec<ResourceType>)> = Vec::new();
    for (_, atoms) in anatomies.iter().flat_map(|one| &one.branches) {
        for atom in atoms {
            let Some(Condition::Resolves(ty)) = atom.steps.last().map(|step| &step.condition)
            else {
                continue;
            };
            let place = at(&atom.steps, Condition::Always);
            match out.iter_mut().find(|(other, _)| *other == place) {
                Some((_, types)) if types.contains(ty) => {}
                Some((_, types)) => types.push(*ty),
                None => out.push((place, vec![*ty])),
            }
        }
    }
    out
}

/// Of references that are told apart elsewhere the very same parts, and the rest.
fn split<'p>(mut one: Anatomy<'p>, told_apart: &[(Vec<Step>, Vec<ResourceType>)]) -> Anatomy<'p> {
    let branches = one.branches.into_iter().flat_map(|(what, atoms)| {
        let known = match &what {
            What::Path(steps) => told_apart.iter().find(|(place, _)| place == steps),
            What::Text(_) => None,
        };
        let Some((place, types)) = known else { return vec![(what, atoms)] };
        let parts = types.iter().map(|ty| Condition::Resolves(*ty));
        let rest = Condition::ResolvesElsewhere(types.as_slice().into());
        let branch = |condition| {
            let steps = at(place, condition);
            let atom = Atom { steps: steps.clone(), parts: signature(one.parameter) };
            (What::Path(steps), vec![atom])
        };
        parts.chain([rest]).map(branch).collect()
    });
    one.branches = branches.collect();
    one
}

/// The same place with another condition at its end.
fn at(steps: &[Step], condition: Condition) -> Vec<Step> {
    let mut steps = steps.to_vec();
    if let Some(last) = steps.last_mut() {
        last.condition = condition;
    }
    steps
}

fn anatomy(ty: ResourceType, parameter: &Parameter) -> Anatomy<'_> {
    let mut out = Anatomy { parameter, branches: Vec::new(), is_opaque: false };
    for text in path::branches(&parameter.expression) {
        let is_composite = parameter.kind == SearchKind::Composite;
        let branch = if is_composite { path::base } else { path::branch };
        match branch(text, ty) {
            Branch::Elsewhere => {}
            Branch::Path(steps) => {
                let atoms = atoms(ty, parameter, &steps);
                out.branches.push((What::Path(steps), atoms));
            }
            Branch::Other => {
                out.is_opaque = true;
                out.branches.push((What::Text(text.into()), Vec::new()));
            }
        }
    }
    out
}

/// What a path stands for: of a name or an address as text, its parts in the order of their bits.
fn atoms(ty: ResourceType, parameter: &Parameter, steps: &[Step]) -> Vec<Atom> {
    let whole = Atom { steps: steps.to_vec(), parts: signature(parameter) };
    if parameter.kind != SearchKind::String {
        return vec![whole];
    }
    let types = steps.iter().fold(vec![ty.ty()], |types, step| targets::types_after(&types, step));
    let parts: &[&str] = match types.as_slice() {
        [TypeId::HUMAN_NAME] => HUMAN_NAME_PARTS,
        [TypeId::ADDRESS] => ADDRESS_PARTS,
        _ => return vec![whole],
    };
    let part = |name: &&str| {
        let mut atom = whole.clone();
        atom.steps.push(Step { name: (*name).into(), condition: Condition::Always });
        atom
    };
    parts.iter().map(part).collect()
}

/// Of a composite its parts; the definitions they are of have the same kinds when these texts agree, for
/// they are about the same elements.
fn signature(parameter: &Parameter) -> String {
    let texts: Vec<&str> = parameter.components.iter().map(|(_, text)| &**text).collect();
    texts.join("\n")
}
