//! How the values of string parameters end, from each of their letters on: what contains a text begins with it
//! somewhere, so `:contains` is a stretch of these as `:starts-with` is one of the values:
//! <https://hl7.org/fhir/R4/search.html#modifiers>, <https://en.wikipedia.org/wiki/Suffix_array>.

use crate::{
    registry::ParamId,
    rows::{StringRow, SuffixRow},
};

/// Parameters from here on are those of `SearchParameter` resources: they come and go, and have no suffixes.
const CUSTOM_MIN: u32 = 1_000_000;

/// So many letters of each are kept: enough to tell most texts apart that people look for.
pub const SUFFIX_LETTERS: usize = 12;

/// Shorter ones are not kept: shorter texts are too costly to look for.
pub const SUFFIX_LETTERS_MIN: usize = 3;

/// A parameter with more bytes of text in one resource counts as containing everything, and so does what goes beyond the
/// second in the whole resource.
const OF_PARAMETER_MAX: usize = 2_000;
const OF_RESOURCE_MAX: usize = 20_000;

/// Whether the values of a parameter have suffixes.
pub fn has_suffixes(param: ParamId) -> bool {
    param.0 < CUSTOM_MIN
}

/// The suffixes of all values (which are in the order of rows), in the order of rows.
pub(super) fn of_strings(strings: &[StringRow]) -> Vec<SuffixRow> {
    let mut rows: Vec<SuffixRow> = Vec::new();
    let mut room = OF_RESOURCE_MAX;
    for values in strings.chunk_by(|a, b| a.param == b.param) {
        let Some(param) = values.first().map(|row| row.param).filter(|param| has_suffixes(*param))
        else {
            continue;
        };
        let letters: usize = values.iter().map(|row| row.folded.len()).sum();
        if letters > OF_PARAMETER_MAX.min(room) {
            rows.push(SuffixRow { param, suffix: Box::default() });
            continue;
        }
        room -= letters;
        let mut found: Vec<&str> = values.iter().flat_map(|row| suffixes(&row.folded)).collect();
        found.sort_unstable();
        found.dedup();
        rows.extend(found.into_iter().map(|suffix| SuffixRow { param, suffix: suffix.into() }));
    }
    rows
}

/// From each letter on, no more letters than are kept.
fn suffixes(text: &str) -> impl Iterator<Item = &str> {
    let each = text.char_indices().filter_map(|(from, _)| text.get(from..));
    let is_kept = |suffix: &&str| suffix.chars().nth(SUFFIX_LETTERS_MIN - 1).is_some();
    each.filter(is_kept).map(first_letters)
}

fn first_letters(text: &str) -> &str {
    let end = text.char_indices().nth(SUFFIX_LETTERS).map(|(end, _)| end);
    end.and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[(u32, &str)]) -> Vec<(u32, String)> {
        let row = |(param, text): &(u32, &str)| StringRow {
            param: ParamId(*param),
            folded: (*text).into(),
            exact: (*text).into(),
        };
        let rows: Vec<StringRow> = texts.iter().map(row).collect();
        let suffixes = of_strings(&rows).into_iter();
        suffixes.map(|row| (row.param.0, row.suffix.into_string())).collect()
    }

    #[test]
    fn what_contains_a_text_has_a_suffix_that_begins_with_it() {
        let texts = |found: Vec<(u32, String)>| -> Vec<String> {
            found.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(of(&[(7, "anna"), (7, "nna"), (7, "jo")])), ["anna", "nna"]);
        assert_eq!(texts(of(&[(7, "中村 x")])), ["中村 x", "村 x"]);
        assert_eq!(
            texts(of(&[(7, "abcdefghijklmn")]))[..3],
            ["abcdefghijkl", "bcdefghijklm", "cdefghijklmn"]
        );
        assert_eq!(of(&[(7, "ann"), (8, "ann")]), [(7, "ann".to_owned()), (8, "ann".to_owned())]);
        assert_eq!(of(&[(CUSTOM_MIN, "ann")]), []);
        assert_eq!(of(&[(7, "")]), []);
    }

    #[test]
    fn a_parameter_with_too_much_text_may_contain_anything() {
        let long = "x".repeat(OF_PARAMETER_MAX + 1);
        let anything = (7, String::new());
        assert_eq!(of(&[(7, &long), (8, "ann")]), [anything, (8, "ann".to_owned())]);
        let full = "y".repeat(OF_PARAMETER_MAX);
        let many: Vec<(u32, &str)> = (0..20).map(|param| (param, &*full)).collect();
        let kept = of(&many).into_iter().filter(|(_, suffix)| !suffix.is_empty());
        let kept: std::collections::BTreeSet<u32> = kept.map(|(param, _)| param).collect();
        assert_eq!(kept.len(), OF_RESOURCE_MAX / OF_PARAMETER_MAX);
    }
}
