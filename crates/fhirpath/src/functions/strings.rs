//! Strings: <http://hl7.org/fhirpath/N1/#string-manipulation>. Positions count characters.

mod pattern;

use std::borrow::Cow;

use super::{Arguments, Extent, Function, argument, bare, function};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    value::{single_integer, single_text},
};

pub(crate) use pattern::{COMPUTED_MAX, KNOWN_MAX, compile};

/// A function from a text and another one.
macro_rules! with_text {
    ($name:literal, $rule:expr) => {
        function(
            $name,
            1..=1,
            Arguments::Values(|evaluator, items, arguments| {
                let rule: fn(&str, &str) -> Item<'static> = $rule;
                with_text(evaluator, &items, arguments, concat!($name, "()"), rule)
            }),
        )
    };
}

/// A function from a text alone.
macro_rules! of_text {
    ($name:literal, $rule:expr) => {
        bare($name, |evaluator, items| {
            let rule: fn(&str) -> Item<'static> = $rule;
            of_text(evaluator, &items, concat!($name, "()"), rule)
        })
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    with_text!("startsWith", |text, other| text.starts_with(other).into()),
    with_text!("endsWith", |text, other| text.ends_with(other).into()),
    with_text!("contains", |text, other| text.contains(other).into()),
    with_text!("indexOf", |text, other| position(text, text.find(other))),
    with_text!("lastIndexOf", |text, other| position(text, text.rfind(other))),
    of_text!("upper", |text| text.to_uppercase().into()),
    of_text!("lower", |text| text.to_lowercase().into()),
    of_text!("trim", |text| text.trim().to_owned().into()),
    of_text!("length", |text| count(text.chars())),
    bare("toChars", to_chars),
    function("substring", 1..=2, Arguments::Values(substring)),
    function("replace", 2..=2, Arguments::Values(replace)),
    function("split", 1..=1, Arguments::Values(split)),
    function("join", 0..=1, Arguments::Values(join)),
    function("matches", 1..=1, Arguments::Pattern(Extent::Part, pattern::matches)),
    function("matchesFull", 1..=1, Arguments::Pattern(Extent::Whole, pattern::matches)),
    function("replaceMatches", 2..=2, Arguments::Pattern(Extent::Part, pattern::replace_matches)),
];

/// Characters of text that count as one step.
pub(super) const CHARS_PER_STEP: usize = 32;

fn of_text<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: &Collection<'t>,
    place: &'static str,
    rule: fn(&str) -> Item<'static>,
) -> Result<Collection<'t>> {
    let Some(text) = single_text(items.as_slice(), place)? else { return Ok(Collection::Empty) };
    evaluator.charge(text.len() / CHARS_PER_STEP)?;
    Ok(rule(&text).into())
}

fn with_text<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: &Collection<'t>,
    arguments: &[Operand<'_, 't>],
    place: &'static str,
    rule: fn(&str, &str) -> Item<'static>,
) -> Result<Collection<'t>> {
    let text = single_text(items.as_slice(), place)?;
    let other = single_text(argument(arguments, 0), place)?;
    let (Some(text), Some(other)) = (text, other) else { return Ok(Collection::Empty) };
    evaluator.charge((text.len() + other.len()) / CHARS_PER_STEP)?;
    Ok(rule(&text, &other).into())
}

fn count(chars: impl Iterator) -> Item<'static> {
    Item::Integer(i64::try_from(chars.count()).unwrap_or(i64::MAX))
}

/// A byte offset as a position in characters; -1 for none.
fn position(text: &str, offset: Option<usize>) -> Item<'static> {
    match offset.and_then(|offset| text.get(..offset)) {
        Some(before) => count(before.chars()),
        None => Item::Integer(-1),
    }
}

fn to_chars<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
) -> Result<Collection<'t>> {
    let text = single_text(items.as_slice(), "toChars()")?.unwrap_or_default();
    evaluator.charge(text.len())?;
    Ok(text.chars().map(|c| Item::from(c.to_string())).collect())
}

fn substring<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "substring()";
    let text = single_text(items.as_slice(), place)?;
    let start = single_integer(argument(arguments, 0), place)?;
    let (Some(text), Some(start)) = (text, start) else { return Ok(Collection::Empty) };
    evaluator.charge(text.len() / CHARS_PER_STEP)?;
    // an empty length is like none
    let length = single_integer(argument(arguments, 1), place)?.unwrap_or(i64::MAX);
    let Ok(start) = usize::try_from(start) else { return Ok(Collection::Empty) };
    let mut chars = text.chars().skip(start).peekable();
    if chars.peek().is_none() {
        return Ok(Collection::Empty);
    }
    let length = usize::try_from(length).unwrap_or(0);
    Ok(Item::from(chars.take(length).collect::<String>()).into())
}

fn replace<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "replace()";
    let text = single_text(items.as_slice(), place)?;
    let pattern = single_text(argument(arguments, 0), place)?;
    let substitution = single_text(argument(arguments, 1), place)?;
    let (Some(text), Some(pattern), Some(substitution)) = (text, pattern, substitution) else {
        return Ok(Collection::Empty);
    };
    let found = text.matches(&*pattern).count();
    evaluator.charge((text.len() + found.saturating_mul(substitution.len())) / CHARS_PER_STEP)?;
    Ok(Item::from(text.replace(&*pattern, &substitution)).into())
}

fn split<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let text = single_text(items.as_slice(), "split()")?;
    let separator = single_text(argument(arguments, 0), "split()")?;
    let (Some(text), Some(separator)) = (text, separator) else { return Ok(Collection::Empty) };
    let parts: Collection<'t> = if separator.is_empty() {
        text.chars().map(|c| Item::from(c.to_string())).collect()
    } else {
        text.split(&*separator).map(|part| Item::from(part.to_owned())).collect()
    };
    evaluator.charge(text.len() / CHARS_PER_STEP + parts.len())?;
    Ok(parts)
}

fn join<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    if items.is_empty() {
        return Ok(items);
    }
    let separator = single_text(argument(arguments, 0), "join()")?.unwrap_or_default();
    let mut texts: Vec<Cow<'_, str>> = Vec::with_capacity(items.len());
    for item in items.iter() {
        texts.extend(single_text(std::slice::from_ref(item), "join()")?);
    }
    let length: usize = texts.iter().map(|text| text.len() + separator.len()).sum();
    evaluator.charge(length / CHARS_PER_STEP)?;
    Ok(Item::from(texts.join(&*separator)).into())
}
