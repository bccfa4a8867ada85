//! The part of UCUM that has a plain factor: <https://ucum.org/ucum>. Scales with an offset or a
//! logarithm (`Cel`, `[pH]`, `B`) and arbitrary units are equal only to themselves.

mod atoms;

use rust_decimal::Decimal;

use atoms::{ATOMS, Atom, PREFIXES};

/// Exponents of the base units m, g, s, K, C, cd, rad, mol, and the calendar's month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dimensions([i8; 9]);

impl Dimensions {
    /// Calendar months, of no fixed length.
    pub(super) const CALENDAR_MONTH: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// A pure number.
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    fn plus(self, other: Self, times: i8) -> Option<Self> {
        let mut sum = self;
        for (own, theirs) in sum.0.iter_mut().zip(other.0) {
            *own = own.checked_add(theirs.checked_mul(times)?)?;
        }
        Some(sum)
    }
}

/// A unit as a multiple of base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Canonical {
    pub(super) factor: Decimal,
    pub(super) dimensions: Dimensions,
}

const ONE: Canonical = Canonical { factor: Decimal::ONE, dimensions: Dimensions([0; 9]) };

/// How deep brackets and definitions by other units may nest.
const DEPTH_MAX: u8 = 16;

/// Reads a unit; `None` when it is not known or too large for a decimal.
pub(super) fn canonical(code: &str) -> Option<Canonical> {
    if code.len() > 100 {
        return None;
    }
    let mut reader = Reader { rest: code, depth: 0 };
    let unit = reader.term()?;
    reader.rest.is_empty().then_some(unit)
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
}

impl Reader<'_> {
    fn eat(&mut self, symbol: char) -> bool {
        let rest = self.rest.strip_prefix(symbol);
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }

    /// `component (('.' | '/') component)*`, perhaps with a `/` before.
    fn term(&mut self) -> Option<Canonical> {
        let mut product = ONE;
        let mut divide = self.eat('/');
        loop {
            let part = self.component()?;
            product = product.times(part, if divide { -1 } else { 1 })?;
            divide = match self.rest.chars().next() {
                Some('.') => false,
                Some('/') => true,
                _ => return Some(product),
            };
            self.rest = self.rest.get(1..)?;
        }
    }

    fn component(&mut self) -> Option<Canonical> {
        if self.eat('(') {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return None;
            }
            let inner = self.term()?;
            self.depth -= 1;
            return self.eat(')').then_some(inner);
        }
        let before = self.rest;
        self.skip_annotation()?;
        if before.len() != self.rest.len() {
            return Some(ONE);
        }
        let unit = self.atom_with_exponent();
        self.skip_annotation()?;
        unit
    }

    /// `{...}` says something to people and nothing to us.
    fn skip_annotation(&mut self) -> Option<()> {
        if self.rest.starts_with('{') {
            let (_, rest) = self.rest.split_once('}')?;
            self.rest = rest;
        }
        Some(())
    }

    fn atom_with_exponent(&mut self) -> Option<Canonical> {
        // the code of the atom: up to an operator; digits at its end are the exponent
        let mut in_brackets = false;
        let length = self
            .rest
            .find(|c: char| {
                in_brackets = c == '[' || (in_brackets && c != ']');
                !in_brackets && matches!(c, '.' | '/' | '(' | ')' | '{')
            })
            .unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Canonical { factor: text.parse().ok()?, ..ONE });
        }
        for power_of_ten in ["10*", "10^"] {
            if let Some(exponent) = text.strip_prefix(power_of_ten) {
                let exponent = if exponent.is_empty() { 1 } else { exponent.parse().ok()? };
                return ONE.times(Canonical { factor: Decimal::TEN, ..ONE }, exponent);
            }
        }
        let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let name =
            digits.strip_suffix(['+', '-']).filter(|_| digits.len() < text.len()).unwrap_or(digits);
        let exponent = text.get(name.len()..)?;
        let exponent: i8 = if exponent.is_empty() { 1 } else { exponent.parse().ok()? };
        ONE.times(atom(name, self.depth)?, exponent)
    }
}

/// A unit of the table, perhaps with a metric prefix.
fn atom(name: &str, depth: u8) -> Option<Canonical> {
    if let Some(unit) = known(name, depth, |_| true) {
        return Some(unit);
    }
    PREFIXES.iter().find_map(|(prefix, exponent)| {
        let unit = known(name.strip_prefix(prefix)?, depth, |row| row.is_metric)?;
        unit.times_ten_to(*exponent)
    })
}

fn known(name: &str, depth: u8, accept: fn(&Atom) -> bool) -> Option<Canonical> {
    let row = ATOMS.iter().find(|row| row.code == name && accept(row))?;
    let factor: Decimal = row.factor.parse().ok()?;
    let unit = match row.of {
        atoms::Of::Base(index) => {
            let mut dimensions = Dimensions::default();
            *dimensions.0.get_mut(index)? = 1;
            Canonical { factor: Decimal::ONE, dimensions }
        }
        atoms::Of::Units(units) if depth < DEPTH_MAX => {
            Reader { rest: units, depth: depth + 1 }.term()?
        }
        atoms::Of::Units(_) => return None,
    };
    Some(Canonical { factor: unit.factor.checked_mul(factor)?, ..unit })
}

impl Canonical {
    fn times(self, other: Self, exponent: i8) -> Option<Self> {
        // more makes no sense and would not fit a decimal
        if exponent.unsigned_abs() > 30 {
            return None;
        }
        let mut factor = self.factor;
        for _ in 0..exponent.unsigned_abs() {
            factor = if exponent > 0 {
                factor.checked_mul(other.factor)?
            } else {
                factor.checked_div(other.factor)?
            };
        }
        Some(Self { factor, dimensions: self.dimensions.plus(other.dimensions, exponent)? })
    }

    fn times_ten_to(self, exponent: i8) -> Option<Self> {
        self.times(Self { factor: Decimal::TEN, ..ONE }, exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_can_be_read() {
        for row in ATOMS {
            assert!(canonical(row.code).is_some(), "{}", row.code);
        }
    }

    #[test]
    fn hostile_units_are_unknown() {
        let brackets = "(".repeat(100);
        for code in
            ["", "m/", ".", "()", "m99", "10*99", "{", "m2147483648", brackets.as_str(), "ä"]
        {
            assert_eq!(canonical(code), None, "{code}");
        }
    }
}
