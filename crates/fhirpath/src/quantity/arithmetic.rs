//! Adds, subtracts, multiplies and divides quantities.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Quantity, Unit, ucum};

impl<'t> Quantity<'t> {
    /// The sum, in the unit of the left one; `None` when they measure different things.
    pub(crate) fn plus(&self, other: &Quantity<'_>) -> Option<Quantity<'t>> {
        let value = if self.unit == other.unit {
            other.value
        } else if self.is_comparable(other) {
            other.value_in(&self.unit)?
        } else {
            return None;
        };
        Some(Quantity { value: self.value.checked_add(value)?, unit: self.unit.clone() })
    }

    /// With the opposite sign.
    pub(crate) fn negated(mut self) -> Self {
        self.value = -self.value;
        self
    }

    /// The product, in the product of the units.
    pub(crate) fn times(&self, other: &Quantity<'_>) -> Option<Quantity<'static>> {
        let (left, right) = (self.ucum_code()?, other.ucum_code()?);
        let value = self.value.checked_mul(other.value)?;
        let unit = match (left, right) {
            (unit, "1") | ("1", unit) => unit.to_owned(),
            (left, right) => format!("{}.{}", factor(left), factor(right)),
        };
        Some(simplified(value, unit))
    }

    /// The quotient, in the quotient of the units; `None` for a division by zero.
    pub(crate) fn divided_by(&self, other: &Quantity<'_>) -> Option<Quantity<'static>> {
        let (left, right) = (self.ucum_code()?, other.ucum_code()?);
        let value = self.value.checked_div(other.value)?;
        let unit = match (left, right) {
            (unit, "1") => unit.to_owned(),
            (left, right) => format!("{}/{}", factor(left), factor(right)),
        };
        Some(simplified(value, unit))
    }

    fn ucum_code(&self) -> Option<&str> {
        match &self.unit {
            Unit::Ucum(code) => Some(code),
            Unit::Calendar(unit) => unit.ucum(),
            Unit::Other(_) => None,
        }
    }
}

/// A compound unit in brackets.
fn factor(unit: &str) -> Cow<'_, str> {
    if unit.contains(['.', '/']) { Cow::Owned(format!("({unit})")) } else { Cow::Borrowed(unit) }
}

/// Units that cancel out leave the unit `1`.
fn simplified(value: Decimal, unit: String) -> Quantity<'static> {
    if ucum::read(&unit).is_some_and(ucum::Canonical::is_one) {
        return Quantity::plain(value);
    }
    Quantity { value, unit: Unit::Ucum(Cow::Owned(unit)) }
}
