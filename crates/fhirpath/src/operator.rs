//! The binary operators and how tightly they bind: <http://hl7.org/fhirpath/N1/#operator-precedence>.

pub(crate) mod arithmetic;
pub(crate) mod comparison;
pub(crate) mod equality;
pub(crate) mod logic;
mod membership;

use std::fmt;

use crate::{
    collection::Collection,
    evaluator::{Evaluator, Result},
    item::Item,
};

/// A row of the table.
pub(crate) struct Operator {
    pub(crate) symbol: &'static str,
    /// The higher, the tighter.
    pub(crate) power: u8,
    pub(crate) apply: Apply,
}

/// How the operands are used.
#[derive(Clone, Copy)]
pub(crate) enum Apply {
    /// As collections.
    Both(for<'t> fn(&mut Evaluator<'_, 't>, &[Item<'t>], &[Item<'t>]) -> Result<Collection<'t>>),
    /// As truth values; the right one is not evaluated when the left one decides.
    Logic(fn(Option<bool>, Option<bool>) -> Option<bool>),
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol)
    }
}

/// Of `|`, which the parser treats itself.
pub(crate) const UNION_POWER: u8 = 7;
/// Of `is` and `as`, which the parser treats itself.
pub(crate) const AS_POWER: u8 = 8;
/// Of unary plus and minus.
pub(crate) const UNARY_POWER: u8 = 11;

const fn row(symbol: &'static str, power: u8, apply: Apply) -> Operator {
    Operator { symbol, power, apply }
}

static OPERATORS: &[Operator] = &[
    row("implies", 1, Apply::Logic(logic::implies)),
    row("or", 2, Apply::Logic(logic::or)),
    row("xor", 2, Apply::Logic(logic::xor)),
    row("and", 3, Apply::Logic(logic::and)),
    row("in", 4, Apply::Both(membership::is_in)),
    row("contains", 4, Apply::Both(membership::contains)),
    row("=", 5, Apply::Both(equality::equal)),
    row("!=", 5, Apply::Both(equality::not_equal)),
    row("~", 5, Apply::Both(equality::equivalent)),
    row("!~", 5, Apply::Both(equality::not_equivalent)),
    row("<", 6, Apply::Both(comparison::less)),
    row("<=", 6, Apply::Both(comparison::less_or_equal)),
    row(">", 6, Apply::Both(comparison::greater)),
    row(">=", 6, Apply::Both(comparison::greater_or_equal)),
    row("+", 9, Apply::Both(arithmetic::add)),
    row("-", 9, Apply::Both(arithmetic::subtract)),
    row("&", 9, Apply::Both(arithmetic::concatenate)),
    row("*", 10, Apply::Both(arithmetic::multiply)),
    row("/", 10, Apply::Both(arithmetic::divide)),
    row("div", 10, Apply::Both(arithmetic::divide_whole)),
    row("mod", 10, Apply::Both(arithmetic::remainder)),
];

/// The operator with this symbol.
pub(crate) fn named(symbol: &str) -> Option<&'static Operator> {
    OPERATORS.iter().find(|operator| operator.symbol == symbol)
}
