//! Words as the table `idx_word` holds them: one term for a word, the type of the resource and where in the
//! resource the word stands, so that a search for it is one list of resources on either database.

use std::fmt::Write as _;

use fhir_model::ResourceType;
use search::{LetterRow, ParamId, WordRow, WordScope};

/// The term of a word in resources of a type: `14_boston`, in their narrative `14n_boston`.
pub(crate) fn term(ty: ResourceType, scope: WordScope, word: &str) -> String {
    let mut term = String::with_capacity(word.len() + 5);
    push_term(&mut term, (ty, scope), word);
    term
}

/// Appends the terms of a resource, a blank between two.
pub(crate) fn push_terms(text: &mut String, ty: ResourceType, words: &[WordRow]) {
    for (n, row) in words.iter().enumerate() {
        if n > 0 {
            text.push(' ');
        }
        push_term(text, (ty, row.scope), &row.word);
    }
}

fn push_term(text: &mut String, (ty, scope): (ResourceType, WordScope), word: &str) {
    let scope = match scope {
        WordScope::Content => "_",
        WordScope::Narrative => "n_",
    };
    // writing to a string never fails
    write!(text, "{}{scope}", ty.number()).unwrap_or_default();
    push_plain(text, word);
}

/// Appends the terms of letters, a blank before each where there is something already: full-text search on SQLite finds
/// both. They name their parameter, and with it the type: `l2231_bos`.
pub(crate) fn push_letters(text: &mut String, rows: &[LetterRow]) {
    for row in rows {
        if !text.is_empty() {
            text.push(' ');
        }
        push_letters_of(text, row.param, &row.letters);
    }
}

fn push_letters_of(text: &mut String, param: ParamId, letters: &str) {
    // writing to a string never fails
    write!(text, "l{}_", param.0).unwrap_or_default();
    push_plain(text, letters);
}

/// A word as part of one term.
fn push_plain(text: &mut String, word: &str) {
    if word.bytes().all(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric()) {
        text.push_str(word);
    } else {
        // folding makes `(1)` of U+2474: still one term
        let plain = |c: char| if c.is_ascii() && !c.is_alphanumeric() { '_' } else { c };
        text.extend(word.chars().map(plain));
    }
}

/// The terms of which one must be there: what stands in the narrative is content too.
pub(crate) fn anywhere(
    ty: ResourceType,
    scope: WordScope,
    word: &str,
) -> impl Iterator<Item = String> {
    let content = (scope == WordScope::Content).then(|| term(ty, WordScope::Content, word));
    content.into_iter().chain([term(ty, WordScope::Narrative, word)])
}

/// What full-text search on SQLite matches against: one of the lists of words occurs, each of its words. See
/// <https://www.sqlite.org/fts5.html#full_text_query_syntax>.
pub(crate) fn sqlite_match(ty: ResourceType, scope: WordScope, any: &[Vec<Box<str>>]) -> String {
    let list = |words: &Vec<Box<str>>| {
        let word = |word: &str| {
            let terms = anywhere(ty, scope, word).map(|term| format!("\"{term}\""));
            format!("({})", terms.collect::<Vec<_>>().join(" OR "))
        };
        let words: Vec<String> = words.iter().map(|one| word(one)).collect();
        format!("({})", words.join(" AND "))
    };
    any.iter().filter(|words| !words.is_empty()).map(list).collect::<Vec<_>>().join(" OR ")
}

/// What full-text search on SQLite matches against: all these letters of a parameter, or what stands for more than are
/// kept; of one of the alternatives.
pub(crate) fn letters_match(any: &[(ParamId, Vec<Box<str>>)]) -> String {
    let term = |param: ParamId, letters: &str| {
        let mut term = String::new();
        push_letters_of(&mut term, param, letters);
        format!("\"{term}\"")
    };
    let one = |(param, all): &(ParamId, Vec<Box<str>>)| {
        let all: Vec<String> = all.iter().map(|letters| term(*param, letters)).collect();
        format!("({}) OR {}", all.join(" AND "), term(*param, ""))
    };
    any.iter().map(one).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_names_the_type_and_the_place() {
        let ty = ResourceType::named("Patient").unwrap();
        let n = ty.number();
        let any = [vec!["new".into(), "york".into()], vec!["(1)".into()]];
        assert_eq!(
            sqlite_match(ty, WordScope::Content, &any),
            format!(
                "((\"{n}_new\" OR \"{n}n_new\") AND (\"{n}_york\" OR \"{n}n_york\")) OR ((\"{n}__1_\" OR \"{n}n__1_\"))"
            )
        );
        assert_eq!(
            sqlite_match(ty, WordScope::Narrative, &[vec!["\"".into()]]),
            format!("((\"{n}n__\"))")
        );
    }
}
