//! Batches, of which each entry stands for itself: <https://hl7.org/fhir/R4/http.html#brules>. What is wrong with
//! one costs the others nothing.

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;

use super::{
    Limits,
    lexer::{Lexer, Stop},
    parse,
};
use crate::{Outcome, Valid};

/// What is wrong with entries of a batch, by their number.
pub type EntryFaults = BTreeMap<usize, Outcome>;

/// Stands where an entry was at fault. It is never carried out.
pub(crate) const PLACEHOLDER: &str = r#"{"request":{"method":"GET","url":"metadata"}}"#;

/// Faults that are told of all entries together; of each at least one.
const ISSUES_MAX: usize = 10_000;

/// Reads and checks a Bundle. Of a batch the entries that are at fault are told apart from the Bundle, in which
/// something harmless stands for them; `faults` are those that are known already.
///
/// # Errors
/// Those of [`parse`], of the Bundle itself; of any Bundle but a batch also those of its entries.
pub fn parse_bundle(
    bytes: Bytes,
    mut faults: EntryFaults,
    limits: &Limits,
) -> Result<(Valid, EntryFaults), Outcome> {
    let refusal = match parse(bytes.clone(), limits) {
        Ok(bundle) if faults.is_empty() || is_batch(&bundle) => return Ok((bundle, faults)),
        Ok(_) => {
            return faults.into_values().next().map_or_else(|| parse_whole(bytes, limits), Err);
        }
        Err(refusal) => refusal,
    };
    let batch =
        std::str::from_utf8(&bytes).ok().and_then(|text| Some((text, spans(text, limits)?)));
    let Some((text, entries)) = batch else {
        return Err(faults.into_values().next().unwrap_or(refusal));
    };
    let issues = (ISSUES_MAX / entries.len().max(1)).clamp(1, limits.issues);
    let of_entry = Limits { issues, ..*limits };
    let (mut whole, mut at) = (String::with_capacity(text.len()), 0);
    for (n, span) in entries.into_iter().enumerate() {
        let entry = text.get(span.clone()).unwrap_or_default();
        let alone = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{entry}]}}"#);
        if let Err(fault) = parse(alone.into(), &of_entry) {
            whole.push_str(text.get(at..span.start).unwrap_or_default());
            whole.push_str(PLACEHOLDER);
            at = span.end;
            faults.insert(n, fault.of_entry(n));
        }
    }
    whole.push_str(text.get(at..).unwrap_or_default());
    Ok((parse(whole.into(), limits)?, faults))
}

fn parse_whole(bytes: Bytes, limits: &Limits) -> Result<(Valid, EntryFaults), Outcome> {
    parse(bytes, limits).map(|bundle| (bundle, EntryFaults::new()))
}

fn is_batch(bundle: &Valid) -> bool {
    let kind = bundle.tree().root().child_text("type");
    bundle.resource_type().name() == "Bundle" && kind.as_deref() == Some("batch")
}

/// Where the entries of a batch stand; `None` when it is none, is not JSON, or has too many.
fn spans(text: &str, limits: &Limits) -> Option<Vec<Range<usize>>> {
    let mut lexer = Lexer::new(text);
    let (mut is_bundle, mut is_batch, mut entries) = (false, false, None);
    if lexer.next_token() != b'{' {
        return None;
    }
    lexer.at += 1;
    loop {
        let key = lexer.key().ok()?;
        let name = lexer.unquoted(key).into_owned();
        let first = lexer.next_token();
        match (name.as_str(), first) {
            ("resourceType" | "type", b'"') => {
                let text = lexer.string().ok()?;
                let value = lexer.unquoted(text);
                is_bundle |= name == "resourceType" && value == "Bundle";
                is_batch |= name == "type" && value == "batch";
            }
            ("entry", b'[') if entries.is_none() => {
                entries = Some(items(&mut lexer, limits).ok()??);
            }
            _ => lexer.skip_value().ok()?,
        }
        if !lexer.more(b'}').ok()? {
            break;
        }
    }
    entries.filter(|_| is_bundle && is_batch)
}

/// The items of the array that starts here; `None` when there are too many.
fn items(lexer: &mut Lexer<'_>, limits: &Limits) -> Result<Option<Vec<Range<usize>>>, Stop> {
    let mut items = Vec::new();
    lexer.at += 1;
    if lexer.next_token() == b']' {
        lexer.at += 1;
        return Ok(Some(items));
    }
    loop {
        lexer.next_token();
        let start = lexer.at;
        lexer.skip_value()?;
        if items.len() == limits.bundle_entries {
            return Ok(None);
        }
        items.push(start..lexer.at);
        if !lexer.more(b']')? {
            return Ok(Some(items));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, entries: &str) -> Result<(Valid, EntryFaults), Outcome> {
        let text = format!(r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{entries}]}}"#);
        parse_bundle(text.into(), EntryFaults::new(), &Limits::default())
    }

    const GOOD: &str =
        r#"{"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}"#;

    #[test]
    fn each_entry_of_a_batch_has_its_own_faults() {
        let cases = [
            (r#"{"resource":{"resourceType":"Patient","birthDate":"xx"}}"#, "resource.birthDate"),
            (r#"{"resource":{"resourceType":"Patient","foo":1}}"#, "resource.foo"),
            (r#"{"resource":{"resourceType":"Foo"}}"#, "resource"),
            (r#"{"resource":{"resourceType":"Patient","id":"a","id":"b"}}"#, "resource.id"),
            (r#"{"request":{"method":"FOO","url":"Patient"}}"#, "request.method"),
            ("17", ""),
        ];
        for (faulty, place) in cases {
            let (bundle, faults) = read("batch", &format!("{GOOD},{faulty},{GOOD}")).unwrap();
            assert_eq!(bundle.tree().root().named("entry").count(), 3, "{faulty}");
            assert_eq!(faults.keys().copied().collect::<Vec<_>>(), [1], "{faulty}");
            let told = faults[&1].issues()[0].expression.clone().unwrap_or_default();
            let expected = format!("Bundle.entry[1].{place}");
            assert_eq!(told, expected.trim_end_matches('.'), "{faulty}: {}", faults[&1]);
            assert!(read("transaction", &format!("{GOOD},{faulty}")).is_err(), "{faulty}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_bundle_itself_refuses_it() {
        assert!(read("batch", GOOD).unwrap().1.is_empty());
        for text in [
            format!(r#"{{"resourceType":"Bundle","type":"batch","foo":1,"entry":[{GOOD}]}}"#),
            format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{GOOD}"#),
            format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{GOOD}],"entry":[1]}}"#),
            r#"{"resourceType":"Bundle","type":"batch","entry":{}}"#.to_owned(),
        ] {
            let read = parse_bundle(text.clone().into(), EntryFaults::new(), &Limits::default());
            assert!(read.is_err(), "{text}");
        }
        let few = Limits { bundle_entries: 1, ..Limits::default() };
        let text = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{GOOD},1]}}"#);
        assert!(parse_bundle(text.into(), EntryFaults::new(), &few).is_err());
    }
}
