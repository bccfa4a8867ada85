//! `ValueSet.compose.include.filter`: <https://hl7.org/fhir/R4/valueset.html#4.9.8.3>, with the operators
//! of <https://hl7.org/fhir/R4/valueset-filter-operator.html>.

use std::collections::BTreeSet;

use fhir_model::NodeRef;
use regex::{Regex, RegexBuilder};

use crate::{
    Refusal,
    code_system::{CodeSystem, Content, Property},
    hierarchy::Direction,
    limits::Budget,
    refusal::short,
};

/// Bytes that a regular expression takes when compiled, at most; the steps it then costs for each byte of
/// text. The engine's time is linear in the text, yet at worst it is in many states at once.
const REGEX_SIZES: &[(usize, usize)] = &[(4 << 10, 4), (16 << 10, 16), (64 << 10, 64)];

/// Steps that compiling one takes.
const REGEX_STEPS: usize = 2_000;

/// A filter, understood for one code system.
#[derive(Debug)]
pub(crate) struct Filter {
    property: Property,
    test: Test,
}

/// What the values of the property have to be. Every operator comes down to one of these.
#[derive(Debug)]
enum Test {
    /// One of them is among these.
    Within(BTreeSet<String>),
    /// None of them is.
    Outside(BTreeSet<String>),
    /// The expression fits one of them as a whole.
    Fits(Pattern),
    /// There is one.
    Some,
    /// There is none.
    None,
}

/// A regular expression and its price.
#[derive(Debug)]
struct Pattern {
    regex: Regex,
    steps_per_byte: usize,
}

/// Why a filter cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It makes no sense.
    Malformed(String),
    /// It may make sense, but the concept lies in the part of the code system that is not here.
    NotHere,
    /// It costs too much.
    Refused(Refusal),
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Filter {
    /// Reads one `filter` element, at the price of a look at every concept: it is going to be used on them.
    pub(crate) fn read(
        node: NodeRef<'_>,
        system: &CodeSystem<'_>,
        budget: &mut Budget,
    ) -> Result<Self, Unusable> {
        budget.charge(1 + system.size())?;
        let part = |name| {
            let text = node.child_text(name);
            text.ok_or_else(|| Unusable::Malformed(format!("the filter has no {name}")))
        };
        let (name, operator, value) = (part("property")?, part("op")?, part("value")?);
        let property = system.property(&name).ok_or_else(|| {
            Unusable::Malformed(format!("the code system has no property '{}'", short(&name)))
        })?;
        if &*operator == "regex" {
            budget.charge(REGEX_STEPS)?;
        }
        Ok(Self { property, test: Test::read(&operator, &value, system)? })
    }

    /// Those of the concepts that pass.
    pub(crate) fn select(
        &self,
        system: &CodeSystem<'_>,
        concepts: Vec<usize>,
        budget: &mut Budget,
    ) -> Result<Vec<usize>, Refusal> {
        let mut passing = Vec::new();
        for at in concepts {
            if let Test::Fits(pattern) = &self.test {
                budget.charge(system.text_bytes(at, &self.property) * pattern.steps_per_byte)?;
            }
            if self.accepts(system, at) {
                passing.push(at);
            }
        }
        Ok(passing)
    }

    fn accepts(&self, system: &CodeSystem<'_>, at: usize) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| system.any(at, &self.property, test);
        match &self.test {
            Test::Within(codes) => any(&|value| codes.contains(&*system.folded(value))),
            Test::Outside(codes) => !any(&|value| codes.contains(&*system.folded(value))),
            Test::Fits(pattern) => any(&|value| pattern.regex.is_match(value)),
            Test::Some => any(&|_| true),
            Test::None => !any(&|_| true),
        }
    }
}

impl Test {
    fn read(operator: &str, value: &str, system: &CodeSystem<'_>) -> Result<Self, Unusable> {
        let fold = |code: &str| system.folded(code).into_owned();
        let list = || value.split(',').map(|code| fold(code.trim())).collect();
        Ok(match operator {
            "=" => Self::Within([fold(value)].into()),
            "in" => Self::Within(list()),
            "not-in" => Self::Outside(list()),
            "is-a" => Self::Within(relatives(system, value, Direction::Down)?),
            "is-not-a" => Self::Outside(relatives(system, value, Direction::Down)?),
            "generalizes" => Self::Within(relatives(system, value, Direction::Up)?),
            "descendent-of" => {
                let mut below = relatives(system, value, Direction::Down)?;
                below.remove(&fold(value));
                Self::Within(below)
            }
            "regex" => Self::Fits(pattern(value)?),
            "exists" => match value {
                "true" => Self::Some,
                "false" => Self::None,
                _ => {
                    let text = "the value of an exists filter is true or false".to_owned();
                    return Err(Unusable::Malformed(text));
                }
            },
            _ => {
                let text = format!("there is no filter operator '{}'", short(operator));
                return Err(Unusable::Malformed(text));
            }
        })
    }
}

/// The concept, and all below or above it.
fn relatives(
    system: &CodeSystem<'_>,
    code: &str,
    direction: Direction,
) -> Result<BTreeSet<String>, Unusable> {
    let Some(start) = system.find(code) else {
        return Err(match system.content() {
            Content::Complete => Unusable::Malformed(format!(
                "the code system has no concept '{}' for the filter to start from",
                short(code)
            )),
            Content::Partial | Content::Absent => Unusable::NotHere,
        });
    };
    let reached = system.reach(start, direction);
    Ok(reached.into_iter().map(|at| system.folded(system.code(at)).into_owned()).collect())
}

/// Compiles it to the smallest size that it fits into.
fn pattern(text: &str) -> Result<Pattern, Unusable> {
    for (size, steps_per_byte) in REGEX_SIZES {
        let compiled = RegexBuilder::new(&format!("^(?:{text})$"))
            .dot_matches_new_line(true)
            .size_limit(*size)
            .nest_limit(50)
            .build();
        match compiled {
            Ok(regex) => return Ok(Pattern { regex, steps_per_byte: *steps_per_byte }),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(_) => {
                let text = format!("'{}' is not a regular expression", short(text));
                return Err(Unusable::Malformed(text));
            }
        }
    }
    Err(Unusable::Malformed("the regular expression is too large".to_owned()))
}
