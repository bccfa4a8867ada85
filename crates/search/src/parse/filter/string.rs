//! Text: <https://hl7.org/fhir/R4/search.html#string>.

use super::Asked;
use crate::{
    parse::{fault::Fault, value},
    plan::{StringTest, Test},
    text,
};

/// The fewest characters that `:contains` takes: it reads every text of the parameter.
const CONTAINS_CHARS_MIN: usize = 3;

pub(super) fn parse(asked: &Asked<'_>, value: &str) -> Result<Test, Fault> {
    asked.modifier_among(&["exact", "contains"], &[])?;
    let text = value::unescape(value);
    let test = match asked.modifier {
        Some("exact") => StringTest::Exact(text::cut(&text).into()),
        Some(_) => {
            let folded = text::fold(&text);
            if folded.chars().count() < CONTAINS_CHARS_MIN {
                let text =
                    format!("with ':contains' takes {CONTAINS_CHARS_MIN} characters or more");
                return Err(Fault::TooCostly(text.into()));
            }
            StringTest::Contains(folded)
        }
        None => StringTest::StartsWith(text::fold(&text)),
    };
    Ok(Test::String(test))
}
