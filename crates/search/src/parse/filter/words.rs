//! `_text` and `_content`: <https://hl7.org/fhir/R4/search.html#content>.

use super::negated;
use crate::{
    parse::{Context, Fault, chain::Place, value},
    plan::{Filter, WordScope},
    text::{self, WORD_CHARS_MIN},
};

/// The most words of a value.
const WORDS_MAX: usize = 32;

/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 8;

/// `_text`
pub(super) fn narrative(
    context: &Context<'_>,
    _: Place,
    asked: (Option<&str>, &str),
) -> Result<Filter, Fault> {
    words(context, WordScope::Narrative, asked)
}

/// `_content`
pub(super) fn content(
    context: &Context<'_>,
    _: Place,
    asked: (Option<&str>, &str),
) -> Result<Filter, Fault> {
    words(context, WordScope::Content, asked)
}

/// What one of the values says.
fn words(
    context: &Context<'_>,
    scope: WordScope,
    (modifier, values): (Option<&str>, &str),
) -> Result<Filter, Fault> {
    if modifier.is_some() {
        return Err(Fault::Modifier("has no modifiers".to_owned()));
    }
    let mut any = Vec::new();
    for value in context.values(values)? {
        let value = value::unescape(value);
        let tokens = tokens(&value);
        if tokens.iter().filter(|token| matches!(token, Token::Word(_))).count() > WORDS_MAX {
            return Err(Fault::TooCostly(format!("takes at most {WORDS_MAX} words").into()));
        }
        if tokens.is_empty() {
            continue;
        }
        let mut reader = Reader { scope, rest: tokens.as_slice() };
        let meaning = reader.any(0)?;
        if !reader.rest.is_empty() {
            return Err(unbalanced());
        }
        any.push(meaning);
    }
    if any.is_empty() {
        return Err(Fault::Value("has no words to look for".into()));
    }
    or(scope, any).map(|meaning| meaning.filter(scope))
}

/// A piece of a value. `and` and `or` are operators however they are written, as in R4's own example; `not` is only where
/// it stands in capitals, since it is a word of many phrases.
#[derive(Debug)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Word(Box<str>),
}

fn tokens(value: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in value.split_inclusive(|c: char| c == '(' || c == ')' || c.is_whitespace()) {
        let text = piece.trim_end_matches(|c: char| c == '(' || c == ')' || c.is_whitespace());
        match text {
            "NOT" => tokens.push(Token::Not),
            _ if text.eq_ignore_ascii_case("and") => tokens.push(Token::And),
            _ if text.eq_ignore_ascii_case("or") => tokens.push(Token::Or),
            _ => tokens.extend(text::words(text).map(Token::Word)),
        }
        match piece.chars().last() {
            Some('(') => tokens.push(Token::Open),
            Some(')') => tokens.push(Token::Close),
            _ => {}
        }
    }
    tokens
}

/// What a part of a value says; `None`: short words only, which are not kept and say little.
type Part = Option<Meaning>;

#[derive(Debug)]
enum Meaning {
    /// One of these lists occurs, each of its words.
    Words(Vec<Vec<Box<str>>>),
    Other(Filter),
}

impl Meaning {
    fn filter(self, scope: WordScope) -> Filter {
        match self {
            Self::Words(any) => Filter::Words { scope, any },
            Self::Other(filter) => filter,
        }
    }
}

struct Reader<'t> {
    scope: WordScope,
    rest: &'t [Token],
}

impl Reader<'_> {
    /// What stands between `or`.
    fn any(&mut self, depth: usize) -> Result<Part, Fault> {
        let mut parts = vec![self.all(depth)?];
        while let [Token::Or, rest @ ..] = self.rest {
            self.rest = rest;
            parts.push(self.all(depth)?);
        }
        match <[Part; 1]>::try_from(parts) {
            Ok([one]) => Ok(one),
            Err(parts) => or(self.scope, parts).map(Some),
        }
    }

    /// What stands between `and`, or only side by side.
    fn all(&mut self, depth: usize) -> Result<Part, Fault> {
        let mut parts = vec![self.one(depth)?];
        loop {
            match self.rest {
                [Token::And, rest @ ..] => self.rest = rest,
                [] | [Token::Or | Token::Close, ..] => return Ok(and(self.scope, parts)),
                [Token::Open | Token::Not | Token::Word(_), ..] => {}
            }
            parts.push(self.one(depth)?);
        }
    }

    fn one(&mut self, depth: usize) -> Result<Part, Fault> {
        match self.rest {
            [Token::Word(word), rest @ ..] => {
                self.rest = rest;
                let is_kept = word.chars().nth(WORD_CHARS_MIN - 1).is_some();
                Ok(is_kept.then(|| Meaning::Words(vec![vec![word.clone()]])))
            }
            [Token::Not, rest @ ..] if depth < DEPTH_MAX => {
                self.rest = rest;
                let meaning = self.one(depth + 1)?.ok_or_else(too_short)?;
                Ok(Some(Meaning::Other(negated(meaning.filter(self.scope)))))
            }
            [Token::Open, rest @ ..] if depth < DEPTH_MAX => {
                self.rest = rest;
                let part = self.any(depth + 1)?;
                let [Token::Close, rest @ ..] = self.rest else { return Err(unbalanced()) };
                self.rest = rest;
                Ok(part)
            }
            [Token::Not | Token::Open, ..] => {
                let text = format!("takes at most {DEPTH_MAX} parentheses inside each other");
                Err(Fault::TooCostly(text.into()))
            }
            [] | [Token::And | Token::Or | Token::Close, ..] => Err(unbalanced()),
        }
    }
}

/// Short words are left out.
fn and(scope: WordScope, parts: Vec<Part>) -> Part {
    let (mut words, mut others) = (Vec::new(), Vec::new());
    for part in parts.into_iter().flatten() {
        match part {
            Meaning::Words(any) => match <[Vec<Box<str>>; 1]>::try_from(any) {
                Ok([list]) => words.extend(list),
                Err(any) => others.push(Filter::Words { scope, any }),
            },
            Meaning::Other(filter) => others.push(filter),
        }
    }
    if others.is_empty() {
        return (!words.is_empty()).then(|| Meaning::Words(vec![words]));
    }
    if !words.is_empty() {
        others.insert(0, Filter::Words { scope, any: vec![words] });
    }
    Some(Meaning::Other(match <[Filter; 1]>::try_from(others) {
        Ok([one]) => one,
        Err(all) => Filter::All(all),
    }))
}

/// Short words cannot be left out here: anything would do.
fn or(scope: WordScope, parts: Vec<Part>) -> Result<Meaning, Fault> {
    let (mut lists, mut others) = (Vec::new(), Vec::new());
    for part in parts {
        match part.ok_or_else(too_short)? {
            Meaning::Words(any) => lists.extend(any),
            Meaning::Other(filter) => others.push(filter),
        }
    }
    if others.is_empty() {
        return Ok(Meaning::Words(lists));
    }
    if !lists.is_empty() {
        others.insert(0, Filter::Words { scope, any: lists });
    }
    Ok(Meaning::Other(match <[Filter; 1]>::try_from(others) {
        Ok([one]) => one,
        Err(any) => Filter::Any(any),
    }))
}

fn too_short() -> Fault {
    let text = format!("takes a word of {WORD_CHARS_MIN} characters or more");
    Fault::TooCostly(text.into())
}

fn unbalanced() -> Fault {
    Fault::Value("has parentheses or operators (and, or, NOT) with nothing beside them".into())
}
