//! The table of functions: name, arguments, what runs. A family is a file; a function is a row.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "the functions of the table have one signature"
)]

mod aggregate;
mod boundary;
mod combining;
mod conversion;
mod dates;
mod encoding;
mod existence;
mod fhir;
mod filtering;
mod math;
mod navigation;
mod reference;
mod strings;
pub(crate) mod subsetting;
mod terminology;
mod types;

use std::{fmt, ops::RangeInclusive};

use regex::Regex;

pub(crate) use reference::container;
pub(crate) use strings::{COMPUTED_MAX, KNOWN_MAX, compile as compile_pattern};

use crate::{
    collection::Collection,
    evaluator::{Evaluator, Operand, Result, Scope},
    expression::Expr,
    item::Item,
    type_specifier::TypeSpecifier,
};

/// A row of the table.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// How many arguments it takes.
    pub(crate) arity: RangeInclusive<usize>,
    pub(crate) arguments: Arguments,
}

type Bare = for<'t> fn(&mut Evaluator<'_, 't>, Collection<'t>) -> Result<Collection<'t>>;
type Values = for<'t> fn(
    &mut Evaluator<'_, 't>,
    Collection<'t>,
    &[Operand<'_, 't>],
) -> Result<Collection<'t>>;
type Lambda = for<'t> fn(
    &mut Evaluator<'_, 't>,
    Collection<'t>,
    &[Expr],
    &Scope<'_, 't>,
) -> Result<Collection<'t>>;
type Pattern = for<'t> fn(
    &mut Evaluator<'_, 't>,
    Collection<'t>,
    &Regex,
    &[Operand<'_, 't>],
) -> Result<Collection<'t>>;
type OfType = for<'t> fn(
    &mut Evaluator<'_, 't>,
    Collection<'t>,
    Option<&TypeSpecifier>,
) -> Result<Collection<'t>>;

/// What the arguments are to the function.
#[derive(Clone, Copy)]
pub(crate) enum Arguments {
    /// There are none.
    None(Bare),
    /// Values, evaluated once in the scope of the call.
    Values(Values),
    /// Expressions, evaluated by the function, once for each item or not at all.
    Lambda(Lambda),
    /// First a regular expression, then values.
    Pattern(Extent, Pattern),
    /// The name of a type.
    Type(OfType),
    /// `defineVariable()`, which the evaluator treats itself.
    Definition,
}

/// What a regular expression is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Any part of the text.
    Part,
    /// The whole text.
    Whole,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}()", self.name)
    }
}

const fn function(
    name: &'static str,
    arity: RangeInclusive<usize>,
    arguments: Arguments,
) -> Function {
    Function { name, arity, arguments }
}

/// Without arguments.
const fn bare(name: &'static str, run: Bare) -> Function {
    function(name, 0..=0, Arguments::None(run))
}

const FAMILIES: &[&[Function]] = &[
    existence::FUNCTIONS,
    filtering::FUNCTIONS,
    subsetting::FUNCTIONS,
    combining::FUNCTIONS,
    aggregate::FUNCTIONS,
    types::FUNCTIONS,
    conversion::FUNCTIONS,
    strings::FUNCTIONS,
    encoding::FUNCTIONS,
    math::FUNCTIONS,
    navigation::FUNCTIONS,
    dates::FUNCTIONS,
    boundary::FUNCTIONS,
    fhir::FUNCTIONS,
    reference::FUNCTIONS,
    terminology::FUNCTIONS,
];

/// The items of an argument.
fn argument<'a, 't>(arguments: &'a [Operand<'_, 't>], place: usize) -> &'a [Item<'t>] {
    arguments.get(place).map_or(&[], Operand::as_slice)
}

/// The function with this name.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    FAMILIES.iter().copied().flatten().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_has_one_row() {
        let names: Vec<_> = FAMILIES.iter().copied().flatten().map(|row| row.name).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        assert!(names.len() > 90, "{}", names.len());
    }
}
