//! Three letters in a row of the values of string parameters, so that what contains a text is found without reading
//! every value: <https://hl7.org/fhir/R4/search.html#modifiers>.

use crate::{
    registry::ParamId,
    rows::{LetterRow, StringRow},
};

/// Parameters from here on are those of `SearchParameter` resources: they come and go, and have no letters.
const CUSTOM_MIN: u32 = 1_000_000;

/// So many letters make a word.
const LETTERS: usize = 3;

/// A resource with more of them, or more than these different ones, counts as containing everything.
const READ_MAX: usize = 20_000;
const DISTINCT_MAX: usize = 2_000;

/// More of them than these narrow a search hardly any further.
const ASKED_MAX: usize = 4;

/// The letters of all values, in the order of rows.
pub(super) fn of_strings(strings: &[StringRow]) -> Vec<LetterRow> {
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
    let row =
        |(param, letters): (ParamId, [char; LETTERS])| LetterRow { param, letters: text(letters) };
    found.into_iter().map(row).collect()
}

/// The letters that a value has which contains a (folded) text: all of these, unless too many were to be kept. `None`
/// when the text is too short, or the parameter has no letters.
pub fn letters(param: ParamId, contained: &str) -> Option<Vec<Box<str>>> {
    let all: Vec<[char; LETTERS]> = windows(contained).collect();
    if param.0 >= CUSTOM_MIN || all.is_empty() {
        return None;
    }
    // those that overlap say little more
    let apart = all.iter().step_by(LETTERS).take(ASKED_MAX);
    let mut asked: Vec<Box<str>> = apart.chain(all.last()).map(|letters| text(*letters)).collect();
    asked.dedup();
    Some(asked)
}

fn everything(strings: &[StringRow]) -> Vec<LetterRow> {
    let params = strings.iter().map(|row| row.param).filter(|param| param.0 < CUSTOM_MIN);
    let mut rows: Vec<LetterRow> =
        params.map(|param| LetterRow { param, letters: Box::default() }).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn text(letters: [char; LETTERS]) -> Box<str> {
    letters.iter().collect::<String>().into()
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
    fn what_contains_a_text_has_its_letters() {
        let of = |texts: &[&str]| -> Vec<Box<str>> {
            of_strings(&strings(texts)).into_iter().map(|row| row.letters).collect()
        };
        let boxed =
            |texts: &[&str]| -> Vec<Box<str>> { texts.iter().map(|one| (*one).into()).collect() };
        assert_eq!(of(&["anna", "ann", "jo"]), boxed(&["ann", "nna"]));
        assert_eq!(of(&["中村屋 x"]), boxed(&["中村屋", "屋 x", "村屋 "]));
        let asked = |text: &str| letters(ParamId(7), text);
        assert_eq!(asked("nn"), None);
        assert_eq!(asked("ann").unwrap(), boxed(&["ann"]));
        assert_eq!(asked("abcdefg").unwrap(), boxed(&["abc", "def", "efg"]));
        assert_eq!(letters(ParamId(CUSTOM_MIN), "abcdefg"), None);
        assert!(asked("xabcdefgx").unwrap().iter().all(|one| of(&["xabcdefgx"]).contains(one)));
    }

    #[test]
    fn what_has_too_many_letters_may_contain_anything() {
        let letter = |n: u32| char::from_u32(u32::from('a') + n % 26).unwrap();
        let text = |n: u32| [letter(n / 676), letter(n / 26), letter(n)].iter().collect();
        let many: Vec<String> = (0..2_500).map(text).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let anything = LetterRow { param: ParamId(7), letters: Box::default() };
        assert_eq!(of_strings(&strings(&many)), [anything]);
        let same = vec!["abcabcabc"; 10_000];
        assert_eq!(of_strings(&strings(&same)).len(), 1);
    }
}
