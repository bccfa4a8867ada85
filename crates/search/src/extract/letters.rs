//! Three letters in a row of the values of string parameters, so that what contains a text is found without reading
//! every value: <https://hl7.org/fhir/R4/search.html#modifiers>. They are words of a kind of their own.

use crate::{
    plan::WordScope,
    registry::ParamId,
    rows::{StringRow, WordRow},
};

/// Parameters from here on are those of `SearchParameter` resources: they come and go, and have no letters.
const CUSTOM_MIN: u32 = 1_000_000;

/// So many letters make a word.
const LETTERS: usize = 3;

/// A resource with more of them, or more than these different ones, counts as containing everything.
const READ_MAX: usize = 20_000;
const DISTINCT_MAX: usize = 2_000;

/// More words than these narrow a search hardly any further.
const ASKED_MAX: usize = 4;

/// The letters of all values, in the order of rows.
pub(super) fn of_strings(strings: &[StringRow]) -> Vec<WordRow> {
    let has_letters = |row: &&StringRow| row.param.0 < CUSTOM_MIN;
    let mut found: Vec<(ParamId, [char; LETTERS])> = Vec::new();
    for row in strings.iter().filter(has_letters) {
        found.extend(windows(&row.folded).map(|letters| (row.param, letters)));
        if found.len() > READ_MAX {
            return everything(strings);
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.len() > DISTINCT_MAX {
        return everything(strings);
    }
    let mut words: Vec<WordRow> =
        found.into_iter().map(|(param, letters)| row(&word(param, letters))).collect();
    words.sort_unstable();
    words
}

/// The words that stand for values of a parameter that contain a (folded) text: all of the first, or the second. `None`
/// when the text is too short, or the parameter has no letters.
pub fn letters(param: ParamId, text: &str) -> Option<(Vec<Box<str>>, Box<str>)> {
    let all: Vec<[char; LETTERS]> = windows(text).collect();
    if param.0 >= CUSTOM_MIN || all.is_empty() {
        return None;
    }
    // those that overlap say little more
    let apart = all.iter().step_by(LETTERS).take(ASKED_MAX);
    let mut words: Vec<Box<str>> =
        apart.chain(all.last()).map(|letters| word(param, *letters).into()).collect();
    words.dedup();
    Some((words, any(param).into()))
}

fn everything(strings: &[StringRow]) -> Vec<WordRow> {
    let params = strings.iter().map(|row| row.param).filter(|param| param.0 < CUSTOM_MIN);
    let mut words: Vec<WordRow> = params.map(|param| row(&any(param))).collect();
    words.sort_unstable();
    words.dedup();
    words
}

fn row(word: &str) -> WordRow {
    WordRow { scope: WordScope::Letters, word: word.into() }
}

fn word(param: ParamId, letters: [char; LETTERS]) -> String {
    let mut word = any(param);
    word.extend(letters);
    word
}

/// The word of a resource that has too many letters: it may contain anything.
fn any(param: ParamId) -> String {
    format!("{}_", param.0)
}

fn windows(text: &str) -> impl Iterator<Item = [char; LETTERS]> {
    let mut before = [None; LETTERS];
    text.chars().filter_map(move |next| {
        before.rotate_left(1);
        if let Some(last) = before.last_mut() {
            *last = Some(next);
        }
        match before {
            [Some(a), Some(b), Some(c)] => Some([a, b, c]),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(texts: &[&str]) -> Vec<StringRow> {
        let row = |text: &&str| StringRow {
            param: ParamId(7),
            folded: (*text).into(),
            exact: (*text).into(),
        };
        texts.iter().map(row).collect()
    }

    #[test]
    fn what_contains_a_text_has_its_words() {
        let of = |texts: &[&str]| -> Vec<String> {
            of_strings(&strings(texts)).into_iter().map(|row| row.word.into()).collect()
        };
        assert_eq!(of(&["anna", "ann", "jo"]), ["7_ann", "7_nna"]);
        assert_eq!(of(&["中村屋 x"]), ["7_中村屋", "7_屋 x", "7_村屋 "]);
        let asked = |text: &str| letters(ParamId(7), text).map(|(words, _)| words);
        assert_eq!(asked("nn"), None);
        assert_eq!(asked("ann").unwrap(), ["7_ann".into()]);
        let words: Vec<Box<str>> = ["7_abc", "7_def", "7_efg"].map(Into::into).into();
        assert_eq!(asked("abcdefg").unwrap(), words);
        assert_eq!(letters(ParamId(CUSTOM_MIN), "abcdefg"), None);
        assert!(
            asked("xabcdefgx")
                .unwrap()
                .iter()
                .all(|word| of(&["xabcdefgx"]).contains(&word.to_string()))
        );
    }

    #[test]
    fn what_has_too_many_letters_may_contain_anything() {
        let letter = |n: u32| char::from_u32(u32::from('a') + n % 26).unwrap();
        let text = |n: u32| [letter(n / 676), letter(n / 26), letter(n)].iter().collect();
        let many: Vec<String> = (0..2_500).map(text).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let words = of_strings(&strings(&many));
        assert_eq!(words.len(), 1);
        assert_eq!(words[0].word, letters(ParamId(7), "abc").unwrap().1);
        let same = vec!["abcabcabc"; 10_000];
        assert_eq!(of_strings(&strings(&same)).len(), 1);
    }
}
