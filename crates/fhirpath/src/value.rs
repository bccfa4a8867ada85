//! The `System` value of an item: a FHIR primitive or `Quantity` is converted where a value is wanted:
//! <https://hl7.org/fhir/R4/fhirpath.html#types>.

use std::borrow::Cow;

use fhir_model::{NodeRef, TypeId, definitions::Primitive};
use rust_decimal::Decimal;

use crate::{
    error::EvalError,
    evaluator::Result,
    item::Item,
    moment::Moment,
    quantity::{Quantity, Unit},
};

/// An item as a value, borrowed where it is one already.
pub(crate) enum Value<'i, 't> {
    Same(&'i Item<'t>),
    Read(Item<'t>),
}

/// The value of an item; `None` for complex elements and primitives without a value.
pub(crate) fn value<'i, 't>(item: &'i Item<'t>) -> Option<Value<'i, 't>> {
    match item {
        Item::Node(node) => read(*node).map(Value::Read),
        _ => Some(Value::Same(item)),
    }
}

impl<'t> std::ops::Deref for Value<'_, 't> {
    type Target = Item<'t>;

    fn deref(&self) -> &Item<'t> {
        match self {
            Self::Same(item) => item,
            Self::Read(item) => item,
        }
    }
}

impl<'t> Value<'_, 't> {
    pub(crate) fn into_item(self) -> Item<'t> {
        match self {
            Self::Same(item) => item.clone(),
            Self::Read(item) => item,
        }
    }
}

fn read(node: NodeRef<'_>) -> Option<Item<'_>> {
    let Some(primitive) = node.ty().primitive() else {
        return node.ty().is_a(TypeId::QUANTITY).then(|| quantity(node)).flatten();
    };
    let text = node.text()?;
    Some(match primitive {
        Primitive::Boolean => Item::Boolean(text == "true"),
        Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt => {
            Item::Integer(text.parse().ok()?)
        }
        Primitive::Decimal => Item::Decimal(decimal(&text)?),
        Primitive::Date => Item::Date(Moment::parse_date(&text)?),
        Primitive::DateTime | Primitive::Instant => Item::DateTime(Moment::parse_date_time(&text)?),
        Primitive::Time => Item::Time(Moment::parse_time(&text)?),
        Primitive::String
        | Primitive::Markdown
        | Primitive::Code
        | Primitive::Id
        | Primitive::Uri
        | Primitive::Url
        | Primitive::Canonical
        | Primitive::Oid
        | Primitive::Uuid
        | Primitive::Base64Binary
        | Primitive::Xhtml => Item::String(text),
    })
}

/// The number of a JSON lexeme; `None` beyond 28 digits.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) { Decimal::from_scientific(text).ok() } else { text.parse().ok() }
}

/// A FHIR `Quantity`: its code in UCUM, else the words of its unit.
fn quantity(node: NodeRef<'_>) -> Option<Item<'_>> {
    let value = decimal(&node.child_text("value")?)?;
    let is_ucum =
        node.child_text("system").is_some_and(|system| system == "http://unitsofmeasure.org");
    let code = node.child_text("code");
    let unit = match (is_ucum, code) {
        (true, Some(code)) => Unit::Ucum(code),
        (_, code) => match node.child_text("unit").or(code) {
            Some(unit) => Unit::Other(unit),
            None => Unit::Ucum(Cow::Borrowed("1")),
        },
    };
    Some(Item::Quantity(Quantity { value, unit }))
}

/// The only item, if there is one.
pub(crate) fn single<'i, 't>(
    items: &'i [Item<'t>],
    place: &'static str,
) -> Result<Option<&'i Item<'t>>> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(item)),
        items => Err(EvalError::NotSingle { place, count: items.len() }),
    }
}

/// The value of the only item. A primitive without value is like no item; a complex element is an error.
pub(crate) fn single_value<'i, 't>(
    items: &'i [Item<'t>],
    place: &'static str,
) -> Result<Option<Value<'i, 't>>> {
    let Some(item) = single(items, place)? else { return Ok(None) };
    match (value(item), item) {
        (None, Item::Node(node)) if node.ty().primitive().is_none() => Err(wrong_type(item, place)),
        (value, _) => Ok(value),
    }
}

/// The text of the only item, which must be a string.
pub(crate) fn single_text<'i>(
    items: &'i [Item<'_>],
    place: &'static str,
) -> Result<Option<Cow<'i, str>>> {
    match single_value(items, place)? {
        None => Ok(None),
        Some(Value::Same(Item::String(text))) => Ok(Some(Cow::Borrowed(text))),
        Some(Value::Read(Item::String(text))) => Ok(Some(text)),
        Some(other) => Err(wrong_type(&other, place)),
    }
}

/// The only item, which must be an integer.
pub(crate) fn single_integer(items: &[Item<'_>], place: &'static str) -> Result<Option<i64>> {
    match single_value(items, place)?.as_deref() {
        None => Ok(None),
        Some(Item::Integer(number)) => Ok(Some(*number)),
        Some(other) => Err(wrong_type(other, place)),
    }
}

/// The complaint about an operand.
pub(crate) fn wrong_type(item: &Item<'_>, place: &'static str) -> EvalError {
    EvalError::WrongType { place, found: item.type_info().to_string() }
}
