//! Where an element stands in the JSON, and the list of its items as one thing: an array or a single
//! member, values and `_name` companions together: <https://hl7.org/fhir/R4/json.html#primitive>.

use fhir_model::{ElementDef, NodeRef, json::Value};

/// The members of a JSON object.
pub(super) type Members = Vec<(String, Value)>;

/// One step down from an object: which item of which element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) element: &'static ElementDef,
    pub(super) index: usize,
}

/// One item of an element. Of complex elements only `value` is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Option<Value>,
    pub(super) companion: Option<Value>,
}

/// The steps from the root of the tree to the node.
pub(super) fn steps_to(node: NodeRef<'_>) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut here = node.tree().root();
    while here != node {
        let children: Vec<NodeRef<'_>> = here.children().collect();
        // subtrees do not overlap: the one that starts last before the node holds it
        let start = |child: &NodeRef<'_>| {
            let starts = [Some(child.index()), child.companion().map(NodeRef::index)];
            starts.into_iter().flatten().filter(|start| *start <= node.index()).max()
        };
        let (at, next) = children
            .iter()
            .enumerate()
            .max_by_key(|(_, child)| start(child))
            .filter(|(_, child)| start(child).is_some())?;
        let element = next.element()?;
        let is_same = |other: &&NodeRef<'_>| {
            other.element().is_some_and(|other| std::ptr::eq(other, element))
        };
        let index = children.iter().take(at).filter(is_same).count();
        steps.push(Step { element, index });
        here = *next;
    }
    Some(steps)
}

/// How many levels of JSON lie above the members at the end of the steps.
pub(super) fn level(steps: &[Step]) -> usize {
    steps.iter().map(|step| if step.element.max > 1 { 2 } else { 1 }).sum::<usize>() + 1
}

/// The members of the object at the end of the steps; of a primitive those of its companion, which is
/// made where there is none.
pub(super) fn members_at<'v>(document: &'v mut Value, steps: &[Step]) -> Option<&'v mut Members> {
    let mut members = object(document)?;
    for step in steps {
        let element = step.element;
        let is_primitive = element.ty.primitive().is_some();
        if is_primitive {
            let (at, mut items) = take(members, element);
            items.get_mut(step.index)?.companion.get_or_insert_with(|| Value::Object(Vec::new()));
            put(members, at, element, items);
        }
        let name = member_names(element);
        let wanted = if is_primitive { &name.1 } else { &name.0 };
        let (_, value) = members.iter_mut().find(|(name, _)| name == wanted)?;
        members = match value {
            Value::Array(items) => object(items.get_mut(step.index)?)?,
            Value::Object(members) => members,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
        };
    }
    Some(members)
}

/// Takes all items of an element out of an object; tells where they stood, for [`put`].
pub(super) fn take(members: &mut Members, element: &ElementDef) -> (usize, Vec<Item>) {
    let (name, companion_name) = member_names(element);
    let at = members.iter().position(|(member, _)| *member == name || *member == companion_name);
    let mut list = |name: &str| -> Vec<Option<Value>> {
        let Some(at) = members.iter().position(|(member, _)| member == name) else {
            return Vec::new();
        };
        let (_, value) = members.remove(at);
        let items = if let Value::Array(items) = value { items } else { vec![value] };
        items.into_iter().map(|item| Some(item).filter(|item| *item != Value::Null)).collect()
    };
    let (mut values, mut companions) = (list(&name), list(&companion_name));
    let length = values.len().max(companions.len());
    values.resize(length, None);
    companions.resize(length, None);
    let items = values.into_iter().zip(companions);
    let items = items.map(|(value, companion)| Item { value, companion }).collect();
    (at.unwrap_or(members.len()), items)
}

/// Puts the items of an element into an object that has none; no items, no member.
pub(super) fn put(members: &mut Members, at: usize, element: &ElementDef, items: Vec<Item>) {
    let (name, companion_name) = member_names(element);
    let (values, companions): (Vec<_>, Vec<_>) =
        items.into_iter().map(|item| (item.value, item.companion)).unzip();
    let halves = [(name, values), (companion_name, companions)];
    let present = halves.into_iter().filter(|(_, half)| half.iter().any(Option::is_some));
    let at = at.min(members.len());
    let mut new: Members = Vec::new();
    for (name, half) in present {
        let mut half = half.into_iter().map(|item| item.unwrap_or(Value::Null));
        let value = if element.max > 1 {
            Value::Array(half.collect())
        } else {
            half.next().unwrap_or(Value::Null)
        };
        new.push((name, value));
    }
    members.splice(at..at, new);
}

/// `birthDate`, `_birthDate`
fn member_names(element: &ElementDef) -> (String, String) {
    (element.json_name.to_owned(), format!("_{}", element.json_name))
}

fn object(value: &mut Value) -> Option<&mut Members> {
    if let Value::Object(members) = value { Some(members) } else { None }
}
