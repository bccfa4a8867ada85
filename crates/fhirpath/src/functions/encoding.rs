//! `encode`, `decode`, `escape`, `unescape`: <http://hl7.org/fhirpath/#additional-string-functions>.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::{Arguments, Function, argument, function, strings::CHARS_PER_STEP};
use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result},
    item::Item,
    value::single_text,
};

/// From a text to another one, if there is one.
type Rule = fn(&str) -> Option<String>;

const ENCODE: &[(&str, Rule)] = &[
    ("base64", |text| Some(STANDARD.encode(text))),
    ("urlbase64", |text| Some(URL_SAFE.encode(text))),
    ("hex", |text| {
        let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| char::from_digit(digit.into(), 16)).collect()
    }),
];

const DECODE: &[(&str, Rule)] = &[
    ("base64", |text| String::from_utf8(STANDARD.decode(text).ok()?).ok()),
    ("urlbase64", |text| String::from_utf8(URL_SAFE.decode(text).ok()?).ok()),
    ("hex", from_hex),
];

const ESCAPE: &[(&str, Rule)] = &[
    ("html", |text| {
        Some(HTML.iter().fold(text.to_owned(), |text, (c, entity)| text.replace(*c, entity)))
    }),
    ("json", |text| {
        let mut out = Vec::with_capacity(text.len() + 2);
        fhir_model::json::write_string(&mut out, text);
        let quoted = String::from_utf8(out).ok()?;
        Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
    }),
];

const UNESCAPE: &[(&str, Rule)] = &[
    ("html", |text| {
        Some(HTML.iter().rev().fold(text.to_owned(), |text, (c, entity)| {
            text.replace(entity, c.encode_utf8(&mut [0; 4]))
        }))
    }),
    ("json", |text| crate::lexer::unescape(text).map(std::borrow::Cow::into_owned)),
];

/// The ampersand first: it is part of the others.
const HTML: &[(char, &str)] =
    &[('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];

/// A function that takes the name of a format.
macro_rules! by_format {
    ($name:literal, $formats:ident) => {
        function(
            $name,
            1..=1,
            Arguments::Values(|evaluator, items, arguments| {
                by_format(evaluator, &items, arguments, $formats)
            }),
        )
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    by_format!("encode", ENCODE),
    by_format!("decode", DECODE),
    by_format!("escape", ESCAPE),
    by_format!("unescape", UNESCAPE),
];

fn by_format<'t>(
    evaluator: &mut Evaluator<'_, 't>,
    items: &Collection<'t>,
    arguments: &[Operand<'_, 't>],
    formats: &[(&str, Rule)],
) -> Result<Collection<'t>> {
    let text = single_text(items.as_slice(), "the encoding")?;
    let format = single_text(argument(arguments, 0), "the encoding")?;
    let (Some(text), Some(format)) = (text, format) else { return Ok(Collection::Empty) };
    evaluator.charge(text.len() / CHARS_PER_STEP * 4)?;
    let rule = formats.iter().find(|row| row.0 == format);
    Ok(rule.and_then(|row| (row.1)(&text)).map(Item::from).into())
}

fn from_hex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    let bytes = digits.chunks_exact(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).unwrap_or_default(),
        _ => 0,
    });
    String::from_utf8(bytes.collect()).ok()
}
