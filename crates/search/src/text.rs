//! Text as the index keeps it. The same functions make rows and tests, so the two compare byte by byte.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The most bytes of a code, a URL or a word that the index keeps.
pub(crate) const BYTES_MAX: usize = 255;

/// The most bytes of a text that the index keeps. A row of a b-tree of PostgreSQL has room for two of them
/// (<https://www.postgresql.org/docs/15/btree-implementation.html>).
pub(crate) const TEXT_BYTES_MAX: usize = 1_000;

/// The most bytes of a text that can be asked for: so much of each is there to be compared, wherever it is cut.
pub(crate) const ASKED_BYTES_MAX: usize = 900;

/// Ends what was cut, so that it equals nothing that is asked for; it stands in no text.
const CUT: char = '\u{ffff}';

/// The fewest characters of a word that can be searched for: shorter ones stand in too many texts.
pub(crate) const WORD_CHARS_MIN: usize = 3;

/// How much of a long key stands before its digest.
const KEY_PREFIX_BYTES: usize = 200;

/// Without case, accents and blanks that say nothing: compatibility decomposition (NFKD), combining marks dropped, lower
/// case of upper case (so that `ß` is `ss` and a sigma is one wherever it stands), one blank where there are several, none
/// at the ends; cut to [`TEXT_BYTES_MAX`].
pub fn fold(text: &str) -> Box<str> {
    if text.is_ascii() {
        return cut(&blanks(&text.to_ascii_lowercase())).into();
    }
    // NFKD makes few characters longer than 18 times: enough input for a full row, not more
    let folded: String = text
        .chars()
        .take(TEXT_BYTES_MAX * 2)
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    cut(&blanks(&folded)).into()
}

/// A text of a token that is compared as a whole, but without case: <https://hl7.org/fhir/R4/search.html#token>.
pub fn caseless(text: &str) -> Box<str> {
    if text.is_ascii() {
        return key(&text.to_ascii_lowercase()).into();
    }
    let lower: String =
        text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    key(&lower).into()
}

fn blanks(text: &str) -> Cow<'_, str> {
    let says_nothing = |(before, c): (char, char)| c.is_whitespace() && (c != ' ' || before == ' ');
    let before = std::iter::once(' ').chain(text.chars());
    if !text.ends_with(' ') && !before.zip(text.chars()).any(says_nothing) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// As it is; beyond [`TEXT_BYTES_MAX`] bytes what there is room for, and a mark that it is not all.
pub(crate) fn exact(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}{CUT}", prefix(text, TEXT_BYTES_MAX - CUT.len_utf8())))
}

/// Whether a text is short enough to be asked for.
pub(crate) fn can_be_asked(text: &str) -> bool {
    text.len() <= ASKED_BYTES_MAX
}

/// The words of a text, folded, in their order: runs of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = Box<str>> {
    let pieces = text.split(|c: char| !(c.is_alphanumeric() || is_combining_mark(c)));
    let word = |piece: &str| -> Box<str> { prefix(&fold(piece), BYTES_MAX).into() };
    pieces.filter(|piece| !piece.is_empty()).map(word).filter(|word| !word.is_empty())
}

/// The first [`TEXT_BYTES_MAX`] bytes, whole characters.
fn cut(text: &str) -> &str {
    prefix(text, TEXT_BYTES_MAX)
}

/// A text to be compared as a whole. Beyond [`BYTES_MAX`] bytes: its first 200 bytes, `#` and half of
/// its SHA-256 in hexadecimal, so that long codes and URLs stay distinct.
pub fn key(text: &str) -> Cow<'_, str> {
    if text.len() <= BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let mut out = prefix(text, KEY_PREFIX_BYTES).to_owned();
    out.push('#');
    for byte in Sha256::digest(text).iter().take(16) {
        out.extend([byte >> 4, byte & 15].iter().filter_map(|d| char::from_digit((*d).into(), 16)));
    }
    Cow::Owned(out)
}

/// A code together with a value as one key: `[code]|[value]` of `:of-type`.
pub(crate) fn joined(code: &str, value: &str) -> Box<str> {
    // each cut first: a long value of an identifier with many types is read once
    key(&format!("{}|{}", key(code), key(value))).into()
}

fn prefix(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_forgets_case_and_accents() {
        let cases = [
            ("Smith", "smith"),
            ("Müller", "muller"),
            ("jo\u{308}rg", "jorg"),
            ("ÉLAN", "elan"),
            ("ﬁnch", "finch"),
            ("İstanbul", "istanbul"),
            ("中村", "中村"),
            ("Straße", "strasse"),
            ("STRASSE", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("Σίσυφος", "σισυφοσ"),
            (" two \t spaces\n", "two spaces"),
            ("  ", ""),
            ("", ""),
        ];
        for (text, folded) in cases {
            assert_eq!(&*fold(text), folded);
            assert_eq!(&*fold(folded), folded, "folding twice changes nothing");
        }
    }

    #[test]
    fn texts_among_tokens_forget_case_alone() {
        let cases = [("AbC-1", "abc-1"), ("1.0-RC", "1.0-rc"), ("É b", "é b"), ("", "")];
        for (text, expected) in cases {
            assert_eq!(&*caseless(text), expected);
        }
        assert_eq!(caseless(&"X".repeat(300)), caseless(&"x".repeat(300)));
        assert_ne!(caseless(&"X".repeat(300)), caseless(&"x".repeat(301)));
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(501);
        assert_eq!((cut(&text).len(), exact(&text).len()), (1_000, 999));
        assert_eq!(fold(&text).len(), 501);
        assert_eq!(fold(&"x".repeat(2_000)).len(), TEXT_BYTES_MAX);
        assert_eq!(exact(&text[..1_000]), text[..1_000]);
        assert!(exact(&text).ends_with(CUT));
    }

    #[test]
    fn long_keys_stay_distinct() {
        let (a, b) = ("x".repeat(300), "x".repeat(301));
        assert_eq!((key(&a).len(), key(&b).len()), (233, 233));
        assert_ne!(key(&a), key(&b));
        assert_eq!(key(&a), key(&a.clone()));
        let limit = "x".repeat(BYTES_MAX);
        assert_eq!(key(&limit), limit.as_str());
    }
}
