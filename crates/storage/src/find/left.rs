//! What is left of a permit's condition when it is known what others say of the patient: what Consents to the word ask of
//! a resource itself. Each version that a page would show is asked, by its own rows, and what came of it is remembered:
//! it follows from the condition and from the version, and neither changes.

use std::{
    fmt::{self, Write as _},
    hash::{BuildHasher as _, Hash as _, Hasher},
    sync::{Mutex, PoisonError},
};

use fhir_model::json;
use memchr::memmem;
use search::{Filter, Nowhere, ParamId, ReferenceTest, Subject, Test, TokenTest, matches};

use crate::{Version, facts, glance, vouched::HASHERS};

/// Parts of what is remembered, each behind a lock of its own, and what one keeps.
const SHARDS: usize = 16;
const VERDICTS_MAX: usize = 8_192;

/// Conditions of which it is remembered how much they refuse.
const CONDITIONS_MAX: usize = 4_096;

/// A condition on a version itself.
#[derive(Debug)]
pub(super) struct Left {
    filter: Filter,
    digest: [u64; 2],
}

impl Left {
    pub(super) fn new(filter: Filter) -> Self {
        let digest = HASHERS.each_ref().map(|hasher| {
            let mut state = hasher.build_hasher();
            tell(&filter, &mut state);
            state.finish()
        });
        Self { filter, digest }
    }

    /// Whether a version, which has a body, satisfies it.
    pub(super) fn holds(&self, version: &Version, base: &str, known: Option<&Verdicts>) -> bool {
        let of = (self.digest, version.res, version.version);
        let question = HASHERS.each_ref().map(|hasher| hasher.hash_one(of));
        if let Some(holds) = known.and_then(|known| known.of(question)) {
            return holds;
        }
        let holds = self.judged(version, base);
        if let Some(known) = known {
            known.keep((question, holds));
        }
        holds
    }

    /// How many of a thousand versions it refused a moment ago, as far as is known.
    pub(super) fn refuses(&self, known: &Verdicts) -> u32 {
        let refused = known.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&self.digest).copied().unwrap_or(0)
    }

    /// Remembers how many of a thousand it refused.
    pub(super) fn refused(&self, of_thousand: u32, known: &Verdicts) {
        let mut refused = known.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= CONDITIONS_MAX {
            refused.clear();
        }
        refused.insert(self.digest, of_thousand);
    }

    fn judged(&self, version: &Version, base: &str) -> bool {
        let Some(body) = &version.body else { return false };
        if !glance::is_escaped(body)
            && let Some(holds) = at_a_glance(&self.filter, body)
        {
            return holds;
        }
        let rows = facts::told(&json::parse_trusted(body.clone()), base);
        let of = Subject {
            ty: version.resource_type,
            id: &version.id,
            updated: version.updated,
            rows: &rows,
            container: None,
        };
        matches(std::slice::from_ref(&self.filter), of, &Nowhere)
    }
}

/// Whether a filter can be asked of a version by rows that are worked out for it.
pub(super) fn can_be_asked(filter: &Filter) -> bool {
    let are_told = |params: &[ParamId]| params.iter().all(|param| facts::is_told(*param));
    match filter {
        Filter::Id(_) => true,
        Filter::Present { params, .. } => are_told(params),
        Filter::Value { params, any } => are_told(params) && any.iter().all(is_plain),
        Filter::All(_)
        | Filter::Any(_)
        | Filter::Not(_)
        | Filter::Updated(_)
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => false,
    }
}

fn is_plain(test: &Test) -> bool {
    matches!(
        test,
        Test::Token(_)
            | Test::Date(_)
            | Test::Reference(ReferenceTest::Local { .. } | ReferenceTest::Id { .. })
    )
}

/// Whether it holds, where the letters of a text without escapes decide that; a code that does not stand there is none of its own.
fn at_a_glance(filter: &Filter, text: &[u8]) -> Option<bool> {
    let decided = |inner: &[Filter], decides: bool| {
        let mut answer = Some(!decides);
        for one in inner {
            match at_a_glance(one, text) {
                Some(holds) if holds == decides => return Some(decides),
                Some(_) => {}
                None => answer = None,
            }
        }
        answer
    };
    match filter {
        Filter::All(inner) => decided(inner, false),
        Filter::Any(inner) => decided(inner, true),
        Filter::Not(inner) => at_a_glance(inner, text).map(|holds| !holds),
        Filter::Value { any, .. } => {
            let is_missing =
                |test: &Test| matches!(test, Test::Token(test) if is_missing(test, text));
            any.iter().all(is_missing).then_some(false)
        }
        Filter::Id(_)
        | Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => None,
    }
}

/// Whether a code, as it is written in JSON, is nowhere in a text.
fn is_missing(test: &TokenTest, text: &[u8]) -> bool {
    // a longer one is kept as something else, and that something is there or not is written nowhere
    const LENGTH_MAX: usize = 100;
    let code = test.code.as_deref().filter(|code| !matches!(*code, "true" | "false"));
    let Some(code) = code else { return false };
    let is_as_written = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'/');
    code.len() <= LENGTH_MAX
        && code.bytes().all(is_as_written)
        && memmem::find(text, code.as_bytes()).is_none()
}

/// Tells a hasher all that a filter says.
fn tell(filter: &Filter, state: &mut impl Hasher) {
    std::mem::discriminant(filter).hash(state);
    match filter {
        Filter::All(inner) | Filter::Any(inner) => {
            inner.len().hash(state);
            for one in inner {
                tell(one, state);
            }
        }
        Filter::Not(inner) => tell(inner, state),
        Filter::Id(ids) => ids.hash(state),
        Filter::Value { params, any } => {
            (params, any.len()).hash(state);
            for test in any {
                std::mem::discriminant(test).hash(state);
                if let Test::Token(test) = test {
                    test.hash(state);
                } else {
                    spell(test, state);
                }
            }
        }
        Filter::Updated(_)
        | Filter::Present { .. }
        | Filter::Chain { .. }
        | Filter::Has { .. }
        | Filter::Words { .. }
        | Filter::Near { .. }
        | Filter::During(_) => spell(filter, state),
    }
}

/// Tells it in letters.
fn spell(what: &impl fmt::Debug, state: &mut impl Hasher) {
    struct Told<'s, H>(&'s mut H);
    impl<H: Hasher> fmt::Write for Told<'_, H> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    // a hasher takes everything
    let is_told = write!(Told(state), "{what:?}").is_ok();
    is_told.hash(state);
}

/// What came of conditions for versions.
pub(crate) struct Verdicts {
    shards: Box<[Mutex<Shard>]>,
    /// How many of a thousand each condition refused.
    refused: Mutex<Refused>,
}

#[expect(clippy::disallowed_types, reason = "looked up with each search, never shown")]
type Shard = std::collections::HashMap<[u64; 2], bool>;

#[expect(clippy::disallowed_types, reason = "looked up with each search, never shown")]
type Refused = std::collections::HashMap<[u64; 2], u32>;

impl Verdicts {
    pub(crate) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, refused: Mutex::default() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "only the low bits are wanted")]
    fn shard(&self, question: [u64; 2]) -> Option<&Mutex<Shard>> {
        self.shards.get(question[0] as usize % SHARDS)
    }

    fn of(&self, question: [u64; 2]) -> Option<bool> {
        let shard = self.shard(question)?.lock().unwrap_or_else(PoisonError::into_inner);
        shard.get(&question).copied()
    }

    fn keep(&self, (question, holds): ([u64; 2], bool)) {
        let Some(shard) = self.shard(question) else { return };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= VERDICTS_MAX {
            shard.clear();
        }
        shard.insert(question, holds);
    }
}

impl fmt::Debug for Verdicts {
    /// Without what is in it: that is about patients.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verdicts")
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::{Instant, ResourceType};
    use search::{Registry, System};

    use super::*;
    use crate::Method;

    fn observation(res: i64, rest: &str) -> Version {
        let body = format!(r#"{{"resourceType":"Observation","id":"1",{rest}}}"#);
        Version {
            res,
            resource_type: ResourceType::named("Observation").unwrap(),
            id: "1".into(),
            version: 1,
            updated: Instant::from_millis(0),
            method: Method::Put,
            contained: None,
            facts: facts::Facts::default(),
            body: Some(body.into()),
        }
    }

    fn code(system: &str, code: &str) -> Filter {
        let ty = ResourceType::named("Observation").unwrap();
        let params = Registry::r4().parameter(ty, "code").unwrap().sources.clone();
        let (system, code) = (System::Is(system.into()), Some(code.into()));
        Filter::Value { params, any: vec![Test::Token(TokenTest { system, code })] }
    }

    #[test]
    fn letters_decide_only_what_is_not_there() {
        let coded = |code: &str| {
            let coding = format!(r#"{{"system":"http://loinc.org","code":"{code}"}}"#);
            format!(r#""code":{{"coding":[{coding}]}}"#)
        };
        let cases = [
            (coded("2345-7"), true),
            (coded("2345-8"), false),
            // as part of another, and somewhere else
            (coded("12345-7"), false),
            (r#""note":[{"text":"2345-7"}]"#.to_owned(), false),
            // written in another way
            (coded(r"2345\u002d7"), true),
        ];
        for (n, (rest, expected)) in (1..).zip(cases) {
            let version = observation(n, &rest);
            let left = Left::new(code("http://loinc.org", "2345-7"));
            assert_eq!(left.holds(&version, "", None), expected, "{rest}");
            let not = Left::new(Filter::Not(Box::new(left.filter)));
            assert_eq!(not.holds(&version, "", None), !expected, "not {rest}");
        }
        let text = b"{}";
        assert_eq!(at_a_glance(&code("s", "2345-7"), text), Some(false));
        let of_a_date = code("s", "true");
        assert_eq!(at_a_glance(&of_a_date, text), None, "such tokens stand for something else");
        assert_eq!(at_a_glance(&code("s", "a/b"), text), None, "it may be written as a\\/b");
        assert_eq!(at_a_glance(&code("s", &"long".repeat(100)), text), None);
    }

    #[test]
    fn another_condition_or_version_is_another_question() {
        let known = Verdicts::new();
        let version = observation(1, r#""code":{"coding":[{"system":"s","code":"a"}]}"#);
        let holds = |filter: Filter, version: &Version| {
            let left = Left::new(filter);
            let first = left.holds(version, "", Some(&known));
            assert_eq!(left.holds(version, "", Some(&known)), first, "out of memory");
            first
        };
        assert!(holds(code("s", "a"), &version));
        assert!(!holds(code("t", "a"), &version));
        assert!(!holds(code("s", "b"), &version));
        assert!(!holds(Filter::Not(Box::new(code("s", "a"))), &version));
        assert!(holds(Filter::Any(vec![code("s", "b"), code("s", "a")]), &version));
        assert!(!holds(Filter::All(vec![code("s", "b"), code("s", "a")]), &version));
        let other = Version { version: 2, ..observation(1, r#""code":{"text":"a"}"#) };
        assert!(!holds(code("s", "a"), &other));
        assert!(!holds(code("s", "a"), &observation(2, r#""code":{"text":"a"}"#)));
        assert!(holds(code("s", "a"), &version));
    }
}
