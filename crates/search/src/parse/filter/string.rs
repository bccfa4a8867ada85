//! Text: <https://hl7.org/fhir/R4/search.html#string>.

use super::Asked;
use crate::{
    parse::{Fault, value},
    plan::{StringTest, Test},
    text,
};

/// The fewest characters that are looked for inside texts: it reads every text of the parameter.
const CONTAINS_CHARS_MIN: usize = 3;

/// `:text` is R5's, `:contains` by another name.
pub(super) fn parse(asked: &Asked<'_>, value: &str) -> Result<Vec<Test>, Fault> {
    asked.modifier_among(&["exact", "contains", "text"])?;
    let text = value::unescape(value);
    let test = match asked.modifier {
        Some("exact") => StringTest::Exact(short_enough(&text)?.into()),
        Some(_) => contains(&text)?,
        None => StringTest::StartsWith(fold(&text)?),
    };
    Ok(vec![Test::String(test)])
}

/// Somewhere inside.
pub(in crate::parse) fn contains(text: &str) -> Result<StringTest, Fault> {
    let folded = long_enough(text)?;
    Ok(StringTest::Contains(folded))
}

/// At the end.
pub(in crate::parse) fn ends_with(text: &str) -> Result<StringTest, Fault> {
    let folded = long_enough(text)?;
    Ok(StringTest::EndsWith(folded))
}

/// Without case and accents.
pub(in crate::parse) fn fold(text: &str) -> Result<Box<str>, Fault> {
    short_enough(text).map(text::fold)
}

fn short_enough(text: &str) -> Result<&str, Fault> {
    if text::can_be_asked(text) && text::can_be_asked(&text::fold(text)) {
        return Ok(text);
    }
    let text = format!("takes texts of at most {} bytes", text::ASKED_BYTES_MAX);
    Err(Fault::TooCostly(text.into()))
}

fn long_enough(text: &str) -> Result<Box<str>, Fault> {
    let folded = fold(text)?;
    if folded.chars().nth(CONTAINS_CHARS_MIN - 1).is_none() {
        let text = format!(
            "takes {CONTAINS_CHARS_MIN} characters or more to look for inside or at the end of \
             texts (:contains)"
        );
        return Err(Fault::TooCostly(text.into()));
    }
    Ok(folded)
}
