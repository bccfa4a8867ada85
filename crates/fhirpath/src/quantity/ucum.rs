//! UCUM: <https://ucum.org/ucum>. Units that are a multiple of base units, arbitrary units such as `[IU]`,
//! and the two temperature scales with an offset. Logarithmic scales (`[pH]`, `B`) are equal only to
//! themselves.

mod atoms;
mod factor;

use std::{collections::BTreeMap, fmt::Write as _, sync::LazyLock};

use rust_decimal::Decimal;

use atoms::{ARBITRARY, ATOMS, PREFIXES};
use factor::Factor;

/// A value in base units, and the canonical text of these: `120 mm[Hg]` is `15998640` `g.m-1.s-2`, `%` and
/// `{score}` are `1`. The text names base units in one order, so that equal dimensions have equal texts.
/// Exact where factors are; else to 28 digits. `None` when the unit is not known or the value too large.
///
/// ```
/// use fhirpath::ucum::canonical;
///
/// assert_eq!(canonical("5.5".parse()?, "mmol/L"), Some(("5.5".parse()?, "m-3.mol".to_owned())));
/// assert_eq!(canonical("98.6".parse()?, "[degF]"), Some(("310.15".parse()?, "K".to_owned())));
/// # Ok::<(), rust_decimal::Error>(())
/// ```
pub fn canonical(value: Decimal, unit: &str) -> Option<(Decimal, String)> {
    // an offset has a meaning only where the scale is the whole unit
    let kelvin = match unit {
        "Cel" => Some(value.checked_add(Decimal::new(27_315, 2))?),
        "[degF]" => Some(
            value
                .checked_add(Decimal::new(45_967, 2))?
                .checked_mul(Decimal::from(5))?
                .checked_div(Decimal::from(9))?,
        ),
        _ => None,
    };
    if let Some(kelvin) = kelvin {
        return Some((kelvin.normalize(), "K".to_owned()));
    }
    let unit = read(unit)?;
    Some((unit.amount(value)?.normalize(), unit.dimensions.text()))
}

/// Exponents of the base units m, g, s, K, C, cd, rad, mol, and the calendar's month; and an arbitrary
/// unit, which is like a base unit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Dimensions {
    base: [i8; 9],
    arbitrary: Option<(&'static str, i8)>,
}

/// Names of [`Dimensions::base`] with their places, in the order of a canonical text.
const NAMES: [(&str, usize); 9] = [
    ("C", 4),
    ("K", 3),
    ("cd", 5),
    ("g", 1),
    ("m", 0),
    ("mol", 7),
    ("rad", 6),
    ("s", 2),
    ("month", 8),
];

impl Dimensions {
    /// Calendar months, of no fixed length.
    pub(super) const CALENDAR_MONTH: Self =
        Self { base: [0, 0, 0, 0, 0, 0, 0, 0, 1], arbitrary: None };

    /// A pure number.
    pub(super) fn is_none(self) -> bool {
        self == Self::default()
    }

    fn plus(self, other: Self, times: i8) -> Option<Self> {
        let mut sum = self;
        for (own, theirs) in sum.base.iter_mut().zip(other.base) {
            *own = own.checked_add(theirs.checked_mul(times)?)?;
        }
        if let Some((unit, exponent)) = other.arbitrary {
            let exponent = exponent.checked_mul(times)?;
            let exponent = match sum.arbitrary {
                Some((own, theirs)) if own == unit => theirs.checked_add(exponent)?,
                Some(_) => return None,
                None => exponent,
            };
            sum.arbitrary = (exponent != 0).then_some((unit, exponent));
        }
        Some(sum)
    }

    /// `g.m-3`; `1` for a pure number.
    fn text(self) -> String {
        let base = NAMES.iter().filter_map(|(name, at)| Some((*name, *self.base.get(*at)?)));
        let mut out = String::new();
        for (name, exponent) in base.chain(self.arbitrary).filter(|(_, exponent)| *exponent != 0) {
            let dot = if out.is_empty() { "" } else { "." };
            // writing to a String cannot fail
            let _ = match exponent {
                1 => write!(out, "{dot}{name}"),
                _ => write!(out, "{dot}{name}{exponent}"),
            };
        }
        if out.is_empty() { "1".to_owned() } else { out }
    }
}

/// A unit as a multiple of base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Canonical {
    factor: Factor,
    pub(super) dimensions: Dimensions,
}

const ONE: Canonical =
    Canonical { factor: Factor::ONE, dimensions: Dimensions { base: [0; 9], arbitrary: None } };

/// How deep brackets and definitions by other units may nest.
const DEPTH_MAX: u8 = 16;

/// Reads a unit; `None` when it is not known or too large for a decimal.
pub(super) fn read(code: &str) -> Option<Canonical> {
    if code.len() > 100 {
        return None;
    }
    let mut reader = Reader { rest: code, depth: 0, lookup: known };
    let unit = reader.term()?;
    reader.rest.is_empty().then_some(unit)
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
    lookup: Lookup,
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
            return Some(Canonical { factor: Factor::of(text.parse().ok()?)?, ..ONE });
        }
        for power_of_ten in ["10*", "10^"] {
            if let Some(exponent) = text.strip_prefix(power_of_ten) {
                let exponent = if exponent.is_empty() { 1 } else { exponent.parse().ok()? };
                return ONE.times_ten_to(exponent);
            }
        }
        let digits = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let name =
            digits.strip_suffix(['+', '-']).filter(|_| digits.len() < text.len()).unwrap_or(digits);
        let exponent = text.get(name.len()..)?;
        let exponent: i8 = if exponent.is_empty() { 1 } else { exponent.parse().ok()? };
        ONE.times(atom(name, self.lookup, self.depth)?, exponent)
    }
}

/// Finds an atom without prefix: the unit, and whether it takes prefixes. The number is how deep it is in
/// definitions by other units.
type Lookup = fn(&str, u8) -> Option<(Canonical, bool)>;

/// A unit of the table, perhaps with a metric prefix.
fn atom(name: &str, lookup: Lookup, depth: u8) -> Option<Canonical> {
    if let Some((unit, _)) = lookup(name, depth) {
        return Some(unit);
    }
    PREFIXES.iter().find_map(|(prefix, exponent)| {
        let (unit, is_metric) = lookup(name.strip_prefix(prefix)?, depth)?;
        is_metric.then(|| unit.times_ten_to(*exponent)).flatten()
    })
}

/// All units, each read once.
fn known(name: &str, _: u8) -> Option<(Canonical, bool)> {
    static UNITS: LazyLock<BTreeMap<&'static str, (Canonical, bool)>> = LazyLock::new(|| {
        let names = ATOMS.iter().map(|row| row.code).chain(ARBITRARY.iter().map(|(code, _)| *code));
        names.filter_map(|name| Some((name, defined(name, 0)?))).collect()
    });
    UNITS.get(name).copied()
}

/// What the tables say of a unit.
fn defined(name: &str, depth: u8) -> Option<(Canonical, bool)> {
    if let Some((code, is_metric)) = ARBITRARY.iter().find(|(code, _)| *code == name) {
        // two spellings of the international unit
        let code = if *code == "[IU]" { "[iU]" } else { code };
        let dimensions = Dimensions { arbitrary: Some((code, 1)), ..Dimensions::default() };
        return Some((Canonical { dimensions, ..ONE }, *is_metric));
    }
    let row = ATOMS.iter().find(|row| row.code == name)?;
    let unit = match row.of {
        atoms::Of::Base(index) => {
            let mut dimensions = Dimensions::default();
            *dimensions.base.get_mut(index)? = 1;
            Canonical { dimensions, ..ONE }
        }
        atoms::Of::Units(units) if depth < DEPTH_MAX => {
            Reader { rest: units, depth: depth + 1, lookup: defined }.term()?
        }
        atoms::Of::Units(_) => return None,
    };
    let factor = Factor::of(row.factor.parse().ok()?)?;
    Some((Canonical { factor: unit.factor.times(factor, 1)?, ..unit }, row.is_metric))
}

impl Canonical {
    /// One month of the calendar times this.
    pub(super) fn calendar_months(count: u32) -> Option<Self> {
        let factor = Factor::of(Decimal::from(count))?;
        Some(Self { factor, dimensions: Dimensions::CALENDAR_MONTH })
    }

    /// A value of this unit in base units; `None` when it is too large for a decimal.
    pub(super) fn amount(self, value: Decimal) -> Option<Decimal> {
        self.factor.amount(value)
    }

    /// The pure number one, or what is the same.
    pub(super) fn is_one(self) -> bool {
        self.dimensions.is_none() && self.amount(Decimal::ONE) == Some(Decimal::ONE)
    }

    fn times(self, other: Self, exponent: i8) -> Option<Self> {
        // more makes no sense and would not fit a decimal
        if exponent.unsigned_abs() > 30 {
            return None;
        }
        Some(Self {
            factor: self.factor.times(other.factor, exponent)?,
            dimensions: self.dimensions.plus(other.dimensions, exponent)?,
        })
    }

    fn times_ten_to(self, exponent: i8) -> Option<Self> {
        if exponent.unsigned_abs() > 30 {
            return None;
        }
        Some(Self { factor: self.factor.times_ten_to(exponent), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_can_be_read() {
        for row in ATOMS {
            assert!(read(row.code).is_some(), "{}", row.code);
        }
        for (code, _) in ARBITRARY {
            assert!(ATOMS.iter().all(|row| row.code != *code));
            assert_eq!(
                canonical(Decimal::ONE, &format!("{code}/L")).unwrap().0,
                Decimal::from(1000)
            );
        }
    }

    #[test]
    fn hostile_units_are_unknown() {
        let brackets = "(".repeat(100);
        for code in
            ["", "m/", ".", "()", "m99", "10*99", "{", "m2147483648", brackets.as_str(), "ä"]
        {
            assert_eq!(read(code), None, "{code}");
        }
    }

    #[test]
    fn values_are_found_in_base_units() {
        let cases = [
            ("120", "mm[Hg]", "15998640 g.m-1.s-2"),
            ("16", "kPa", "16000000 g.m-1.s-2"),
            ("5.5", "mmol/L", "5.5 m-3.mol"),
            ("0.0055", "mol/L", "5.5 m-3.mol"),
            ("90", "mg/dL", "900 g.m-3"),
            ("0.9", "g/L", "900 g.m-3"),
            ("70.5", "kg", "70500 g"),
            ("150", "[lb_av]", "68038.8555 g"),
            ("72", "/min", "1.2 s-1"),
            ("60", "U/L", "0.001 m-3.mol.s-1"),
            ("1", "umol/s/L", "0.001 m-3.mol.s-1"),
            ("4.5", "10*6/uL", "4500000000000000 m-3"),
            ("90", "fL", "0.00000000000000009 m3"),
            ("29", "pg", "0.000000000029 g"),
            ("90", "mL/min/{1.73_m2}", "0.0000015 m3.s-1"),
            ("24.9", "kg/m2", "24900 g.m-2"),
            ("98", "%", "0.98 1"),
            ("15", "{score}", "15 1"),
            ("1", "wk", "604800 s"),
            ("37", "Cel", "310.15 K"),
            ("98.6", "[degF]", "310.15 K"),
            ("-40", "[degF]", "233.15 K"),
            ("310.15", "K", "310.15 K"),
            ("2", "k[IU]/L", "2000000 m-3.[iU]"),
            ("2000", "[iU]/L", "2000000 m-3.[iU]"),
            ("7.4", "[pH]", "7.4 [pH]"),
            ("3", "/[HPF]", "3 1"),
            ("2", "[diop]", "2 m-1"),
            ("0.00", "mg", "0 g"),
        ];
        for (value, unit, expected) in cases {
            let (value, text) = canonical(value.parse().unwrap(), unit).unwrap_or_default();
            assert_eq!(format!("{value} {text}"), expected, "{unit}");
        }
        for unit in ["blorb", "Cel/s", "[iU].[CFU]", "10*30", "mg/"] {
            assert_eq!(canonical(Decimal::ONE, unit), None, "{unit}");
        }
    }
}
