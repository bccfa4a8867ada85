//! The words of a resource, for `_text` and `_content`: <https://hl7.org/fhir/R4/search.html#content>.
//! Content is what people read: texts, names, displays, the narrative. Ids, codes, URLs, references, numbers
//! and dates have parameters of their own.

use fhir_model::{Kind, NodeRef, Tree, TypeId};

use super::xhtml;
use crate::{plan::WordScope, rows::WordRow, text};

/// The most different words of one resource; what comes after is not found by its words.
const WORDS_MAX: usize = 10_000;

/// How many words are gathered before repetitions are taken out.
const GATHERED_MAX: usize = 4 * WORDS_MAX;

/// The words of the narrative and of the content, sorted. A word of the narrative that is in the content
/// too has two rows.
pub(super) fn words(tree: &Tree) -> Vec<WordRow> {
    let mut words = Words::default();
    // the display of a code is often its text
    let mut before: &[u8] = &[];
    for node in tree.nodes() {
        if node.kind() != Kind::String {
            continue;
        }
        match node.ty() {
            TypeId::STRING | TypeId::MARKDOWN if is_content(node) && node.raw() != before => {
                before = node.raw();
                // without escapes the quotes are all that is to be taken away, and they part words
                if before.is_ascii() && !before.contains(&b'\\') {
                    words.add_ascii(WordScope::Content, before);
                } else if let Some(text) = node.text() {
                    words.add(WordScope::Content, &text);
                }
            }
            TypeId::XHTML => {
                if let Some(text) = node.text() {
                    words.add(WordScope::Narrative, &xhtml::text(&text));
                }
            }
            _ => {}
        }
        if words.is_full {
            break;
        }
    }
    words.rows()
}

/// Whether a string is more than a name for machines.
fn is_content(node: NodeRef<'_>) -> bool {
    let Some(element) = node.element() else { return false };
    // `id` and what else is an attribute
    if element.is_xml_attribute {
        return false;
    }
    match element.name {
        "reference" => element.owner != TypeId::REFERENCE,
        "value" => element.owner != TypeId::IDENTIFIER,
        "unit" => !element.owner.is_a(TypeId::QUANTITY),
        "data" => element.owner != TypeId::SAMPLED_DATA,
        "version" => element.owner != TypeId::CODING,
        _ => true,
    }
}

/// Shorter words cannot be asked for.
fn is_long_enough(word: &str) -> bool {
    word.chars().nth(text::WORD_CHARS_MIN - 1).is_some()
}

/// Words one after the other in one buffer, so that only what is kept is allocated.
#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    spans: Vec<(WordScope, u32, u32)>,
    is_full: bool,
}

impl Words {
    fn add(&mut self, scope: WordScope, text: &str) {
        if text.is_ascii() {
            self.add_ascii(scope, text.as_bytes());
            return;
        }
        for word in text::words(text).filter(|word| is_long_enough(word)) {
            self.push(scope, word.as_bytes());
        }
    }

    fn add_ascii(&mut self, scope: WordScope, text: &[u8]) {
        for word in text.split(|byte| !byte.is_ascii_alphanumeric()) {
            if word.len() >= text::WORD_CHARS_MIN {
                self.push(scope, word.get(..text::BYTES_MAX).unwrap_or(word));
            }
        }
    }

    fn push(&mut self, scope: WordScope, word: &[u8]) {
        if self.is_full {
            return;
        }
        let from = self.bytes.len();
        self.bytes.extend_from_slice(word);
        // others are folded already, and their bytes stay as they are
        if let Some(added) = self.bytes.get_mut(from..) {
            added.make_ascii_lowercase();
        }
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.spans.push((scope, place(from), place(self.bytes.len())));
        if self.spans.len() >= GATHERED_MAX {
            let kept = self.rows();
            (self.bytes, self.spans) = (Vec::new(), Vec::new());
            for row in &kept {
                self.push(row.scope, row.word.as_bytes());
            }
            self.is_full = kept.len() >= WORDS_MAX;
        }
    }

    /// Each word once, sorted.
    fn rows(&self) -> Vec<WordRow> {
        let word = |(scope, from, to): &(WordScope, u32, u32)| {
            let word = self.bytes.get(*from as usize..*to as usize).unwrap_or_default();
            (*scope, head(word), word)
        };
        let mut words: Vec<(WordScope, u64, &[u8])> = self.spans.iter().map(word).collect();
        words.sort_unstable();
        words.dedup();
        let row = |(scope, _, word)| {
            let word = std::str::from_utf8(word).unwrap_or_default().into();
            WordRow { scope, word }
        };
        words.into_iter().take(WORDS_MAX).map(row).collect()
    }
}

/// The first eight bytes as a number that is ordered as they are: most words differ there.
fn head(word: &[u8]) -> u64 {
    word.iter()
        .take(8)
        .zip((0..8).rev())
        .fold(0, |head, (byte, n)| head | u64::from(*byte) << (n * 8))
}

#[cfg(test)]
mod tests {
    use fhir_model::json;
    use proptest::prelude::*;

    use super::*;

    fn of(resource: &str) -> Vec<String> {
        let tree = json::parse_trusted(resource.as_bytes().to_vec().into());
        let line = |row: WordRow| match row.scope {
            WordScope::Narrative => format!("<{}>", row.word),
            WordScope::Content => row.word.into(),
        };
        words(&tree).into_iter().map(line).collect()
    }

    #[test]
    fn what_people_read_has_words() {
        let cases: &[(&str, &[&str])] = &[
            (
                r#"{"resourceType":"Patient","id":"x1","name":[{"family":"Müller-Rao","given":["Ann"]}],"gender":"male","birthDate":"1970-01-01"}"#,
                &["ann", "muller", "rao"],
            ),
            (
                r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://s.example","code":"c","version":"v9","display":"Blood sugar"}],"text":"Blood sugar, fasting"},"subject":{"reference":"Patient/1","display":"Ann"},"valueQuantity":{"value":5,"unit":"mmol","code":"mol"}}"#,
                &["ann", "blood", "fasting", "sugar"],
            ),
            (
                r#"{"resourceType":"Basic","text":{"status":"generated","div":"<div>One <b>T</b>wo<br/>three&amp;four</div>"},"identifier":[{"value":"MRN7","assigner":{"display":"one"}}]}"#,
                &["<four>", "<one>", "<three>", "<two>", "one"],
            ),
            (
                r#"{"resourceType":"Basic","extension":[{"id":"e","url":"http://u.example","valueString":"said","_valueString":{"extension":[{"url":"http://v.example","valueMarkdown":"*more*"}]}}]}"#,
                &["more", "said"],
            ),
            (
                r#"{"resourceType":"List","contained":[{"resourceType":"Patient","id":"p","name":[{"text":"Inner"}]}],"title":"a x-ray"}"#,
                &["inner", "ray"],
            ),
        ];
        for (resource, expected) in cases {
            assert_eq!(of(resource), *expected, "{resource}");
        }
    }

    #[test]
    fn a_resource_has_no_more_words_than_the_limit() {
        let many = |from: usize, to: usize| {
            let text: Vec<String> = (from..to).map(|n| format!("wo{n}")).collect();
            format!(
                r#"{{"resourceType":"Basic","extension":[{{"valueString":"{}"}}]}}"#,
                text.join(" ")
            )
        };
        assert_eq!(of(&many(0, 9000)).len(), 9000);
        assert_eq!(of(&many(0, 100_000)).len(), WORDS_MAX);
        assert_eq!(of(&many(0, 10).replace("wo9", &"wo9 ".repeat(100_000))).len(), 10);
    }

    proptest! {
        #[test]
        fn both_ways_to_split_agree(text in r"[ -~éÜß\t\n]{0,80}") {
            let mut words = Words::default();
            words.add(WordScope::Content, &text);
            let mut expected: Vec<Box<str>> =
                text::words(&text).filter(|word| is_long_enough(word)).collect();
            expected.sort_unstable();
            expected.dedup();
            let found: Vec<Box<str>> = words.rows().into_iter().map(|row| row.word).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
