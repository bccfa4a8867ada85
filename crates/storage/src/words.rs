//! Words as the table `idx_word` holds them: one term for a word, the type of the resource and where in the
//! resource the word stands, so that a search for it is one list of resources on either database. On SQLite a term is
//! text of a full-text index, on PostgreSQL a number in a row of its own.

use std::fmt::Write as _;

use fhir_model::ResourceType;
use ring::digest::{Context, SHA256};
use search::{WordRow, WordScope};

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

/// The number of a word in resources of a type: eight bytes of a digest. That of two words it is the same is as good as
/// impossible, and then one of them is found with the other.
pub(crate) fn number(ty: ResourceType, scope: WordScope, word: &str) -> i64 {
    let mut context = Context::new(&SHA256);
    context.update(&[ty.number(), u8::from(scope == WordScope::Narrative)]);
    context.update(word.as_bytes());
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().map(i64::from_be_bytes).unwrap_or_default()
}

/// The numbers of all words of a resource, a blank between two.
pub(crate) fn numbers_of(ty: ResourceType, words: &[WordRow]) -> String {
    let numbers = words.iter().map(|row| number(ty, row.scope, &row.word).to_string());
    numbers.collect::<Vec<_>>().join(" ")
}

/// The numbers of which one must be there.
pub(crate) fn numbers(ty: ResourceType, scope: WordScope, word: &str) -> Vec<i64> {
    places(scope).iter().map(|scope| number(ty, *scope, word)).collect()
}

/// Where a word may stand: what stands in the narrative is content too.
fn places(scope: WordScope) -> &'static [WordScope] {
    match scope {
        WordScope::Content => &[WordScope::Content, WordScope::Narrative],
        WordScope::Narrative => &[WordScope::Narrative],
    }
}

/// What full-text search on SQLite matches against: one of the lists of words occurs, each of its words. See
/// <https://www.sqlite.org/fts5.html#full_text_query_syntax>.
pub(crate) fn sqlite_match(ty: ResourceType, scope: WordScope, any: &[Vec<Box<str>>]) -> String {
    let list = |words: &Vec<Box<str>>| {
        let word = |word: &str| {
            let terms = places(scope).iter().map(|scope| format!("\"{}\"", term(ty, *scope, word)));
            format!("({})", terms.collect::<Vec<_>>().join(" OR "))
        };
        let words: Vec<String> = words.iter().map(|one| word(one)).collect();
        format!("({})", words.join(" AND "))
    };
    any.iter().filter(|words| !words.is_empty()).map(list).collect::<Vec<_>>().join(" OR ")
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
