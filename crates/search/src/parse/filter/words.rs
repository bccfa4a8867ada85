//! `_text` and `_content`: <https://hl7.org/fhir/R4/search.html#content>.

use crate::{
    parse::{Context, Fault, chain::Place, value},
    plan::{Filter, WordScope},
    text::{self, WORD_CHARS_MIN},
};

/// The most words of a value.
const WORDS_MAX: usize = 32;

/// `_text`
pub(super) fn narrative(
    context: &Context<'_>,
    _: Place,
    asked: (Option<&str>, &str),
) -> Result<Filter, Fault> {
    words(context, WordScope::Narrative, asked)
}

/// `_content`
pub(super) fn content(
    context: &Context<'_>,
    _: Place,
    asked: (Option<&str>, &str),
) -> Result<Filter, Fault> {
    words(context, WordScope::Content, asked)
}

/// All words of one of the values.
fn words(
    context: &Context<'_>,
    scope: WordScope,
    (modifier, values): (Option<&str>, &str),
) -> Result<Filter, Fault> {
    if modifier.is_some() {
        return Err(Fault::Modifier("has no modifiers".to_owned()));
    }
    let mut any = Vec::new();
    for value in context.values(values)? {
        let value = value::unescape(value);
        let mut words: Vec<Box<str>> = text::words(&value).take(WORDS_MAX + 1).collect();
        if words.len() > WORDS_MAX {
            return Err(Fault::TooCostly(format!("takes at most {WORDS_MAX} words").into()));
        }
        if words.is_empty() {
            continue;
        }
        // what stands between words says little, and is not kept
        words.retain(|word| word.chars().nth(WORD_CHARS_MIN - 1).is_some());
        if words.is_empty() {
            let text = format!("takes a word of {WORD_CHARS_MIN} characters or more");
            return Err(Fault::TooCostly(text.into()));
        }
        any.push(words);
    }
    if any.is_empty() {
        return Err(Fault::Value("has no words to look for".into()));
    }
    Ok(Filter::Words { scope, any })
}
