//! A positive number as a fraction with a power of ten, so that prefixes and divisions lose no digits.

use rust_decimal::Decimal;

/// `above / below * 10^tens`; both numbers lie in [1, 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Factor {
    above: Decimal,
    below: Decimal,
    tens: i32,
}

/// The most decimal places of a [`Decimal`].
const SCALE_MAX: i32 = 28;

impl Factor {
    pub(super) const ONE: Self = Self { above: Decimal::ONE, below: Decimal::ONE, tens: 0 };

    /// `None` for zero and negative numbers.
    pub(super) fn of(value: Decimal) -> Option<Self> {
        let (above, tens) = scientific(value).filter(|_| value > Decimal::ZERO)?;
        Some(Self { above, tens, ..Self::ONE })
    }

    /// With another one to a power.
    pub(super) fn times(self, other: Self, exponent: i8) -> Option<Self> {
        let (above, below, tens) = match exponent {
            0 => return Some(self),
            1.. => (other.above, other.below, other.tens),
            _ => (other.below, other.above, -other.tens),
        };
        let mut product = self;
        for _ in 0..exponent.unsigned_abs() {
            let (digits, up) = scientific(product.above.checked_mul(above)?)?;
            let (divisor, down) = scientific(product.below.checked_mul(below)?)?;
            product = Self { above: digits, below: divisor, tens: product.tens + tens + up - down };
        }
        Some(product)
    }

    pub(super) fn times_ten_to(self, exponent: i8) -> Self {
        Self { tens: self.tens + i32::from(exponent), ..self }
    }

    /// The value times this, rounded where it has more than 28 decimal places; `None` when it is too large.
    pub(super) fn amount(self, value: Decimal) -> Option<Decimal> {
        let Some((digits, tens)) = scientific(value) else { return Some(Decimal::ZERO) };
        let product = digits.checked_mul(self.above)?.checked_div(self.below)?.normalize();
        shifted(product, tens + self.tens)
    }
}

/// Digits in [1, 10) or (-10, -1] and the power of ten; `None` for zero.
fn scientific(value: Decimal) -> Option<(Decimal, i32)> {
    let value = value.normalize();
    let places = value.mantissa().unsigned_abs().checked_ilog10()?;
    let digits = Decimal::try_from_i128_with_scale(value.mantissa(), places).ok()?;
    Some((digits, i32::try_from(places).ok()? - i32::try_from(value.scale()).ok()?))
}

/// `value * 10^tens`.
fn shifted(value: Decimal, tens: i32) -> Option<Decimal> {
    let scale = i32::try_from(value.scale()).ok()? - tens;
    if scale < 0 {
        let power = 10_i128.checked_pow(scale.unsigned_abs())?;
        let mantissa = value.mantissa().checked_mul(power)?;
        return Decimal::try_from_i128_with_scale(mantissa, 0).ok();
    }
    let excess = (scale - SCALE_MAX).max(0).unsigned_abs();
    let Some(power) = 10_i128.checked_pow(excess) else { return Some(Decimal::ZERO) };
    // half away from zero
    let half = power / 2 * value.mantissa().signum();
    let mantissa = (value.mantissa() + half) / power;
    let scale = u32::try_from(scale.min(SCALE_MAX)).ok()?;
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn divisions_lose_nothing_that_comes_back() {
        let sixtieth = Factor::ONE.times(Factor::of(Decimal::from(60)).unwrap(), -1).unwrap();
        assert_eq!(sixtieth.amount(decimal("72")), Some(decimal("1.2")));
        assert_eq!(sixtieth.amount(decimal("0.0")), Some(Decimal::ZERO));
        assert_eq!(sixtieth.amount(decimal("-3")), Some(decimal("-0.05")));
    }

    #[test]
    fn the_ends_of_decimals_are_no_trouble() {
        let tens = |n| Factor::ONE.times_ten_to(n);
        assert_eq!(tens(30).amount(Decimal::ONE), None);
        assert_eq!(tens(28).amount(Decimal::ONE), Some(decimal("10000000000000000000000000000")));
        assert_eq!(tens(-28).amount(decimal("2.6")), Some(Decimal::new(3, 28)));
        assert_eq!(tens(-100).amount(Decimal::MAX), Some(Decimal::ZERO));
        assert_eq!(Factor::of(Decimal::MAX).unwrap().amount(Decimal::ONE), Some(Decimal::MAX));
        assert_eq!(Factor::of(Decimal::MAX).unwrap().amount(Decimal::TEN), None);
        assert_eq!(Factor::of(Decimal::ZERO), None);
    }
}
