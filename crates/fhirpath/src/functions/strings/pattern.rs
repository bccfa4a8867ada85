//! Regular expressions, on an engine whose time is linear in the text.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::{CHARS_PER_STEP, Extent, argument};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    value::single_text,
};

/// Bytes that a regular expression may take when compiled, if it is known before the evaluation; one of
/// the invariants of R4 (eld-19) takes more than half of it.
pub(crate) const KNOWN_MAX: usize = 1 << 20;

/// The same for one that is made during the evaluation.
pub(crate) const COMPUTED_MAX: usize = 64 << 10;

/// Compiles a regular expression; the reason when it is none. A dot stands for line breaks too.
pub(crate) fn compile(pattern: &str, extent: Extent, size_max: usize) -> Result<Regex, String> {
    let anchored = match extent {
        Extent::Part => Cow::Borrowed(pattern),
        Extent::Whole => Cow::Owned(format!("^(?:{pattern})$")),
    };
    RegexBuilder::new(&anchored)
        .dot_matches_new_line(true)
        .size_limit(size_max)
        .dfa_size_limit(size_max)
        .nest_limit(50)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            _ => format!("'{pattern}' is not one"),
        })
}

pub(super) fn matches<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    regex: &Regex,
    _: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let Some(text) = single_text(items.as_slice(), "matches()")? else {
        return Ok(Collection::Empty);
    };
    evaluator.charge(text.len() / CHARS_PER_STEP)?;
    Ok(regex.is_match(&text).into())
}

/// `$1` and `${name}` in the substitution stand for groups.
pub(super) fn replace_matches<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: Collection<'t>,
    regex: &Regex,
    arguments: &[Operand<'_, 't>],
) -> Result<Collection<'t>> {
    let place = "replaceMatches()";
    let text = single_text(items.as_slice(), place)?;
    let substitution = single_text(argument(arguments, 1), place)?;
    let (Some(text), Some(substitution)) = (text, substitution) else {
        return Ok(Collection::Empty);
    };
    // the empty expression matches everywhere, but replaces nothing
    if regex.as_str().is_empty() {
        return Ok(Item::from(text.into_owned()).into());
    }
    // a group may repeat the whole text
    let found = regex.find_iter(&text).count();
    let groups = substitution.matches('$').count();
    let grown = found.saturating_mul(substitution.len()) + groups.saturating_mul(text.len());
    evaluator.charge((text.len() + grown) / CHARS_PER_STEP)?;
    let substitution = numbered_groups(&substitution);
    Ok(Item::from(regex.replace_all(&text, &*substitution).into_owned()).into())
}

/// `$1x` means group 1 and an x, as everywhere else; the engine wants `${1}x`.
fn numbered_groups(substitution: &str) -> String {
    let mut out = String::with_capacity(substitution.len() + 4);
    let mut rest = substitution;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = after.split_at_checked(digits).unwrap_or((after, ""));
        if number.is_empty() {
            out.push('$');
        } else {
            out.push_str("${");
            out.push_str(number);
            out.push('}');
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
