//! When two JSON values are equal to a `test` operation:
//! <https://www.rfc-editor.org/rfc/rfc6902#section-4.6>.

use std::collections::BTreeMap;

use fhir_model::json::Value;

/// Equal without regard to the order of members, numbers by what they mean.
pub(super) fn are_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Number::of(a) == Number::of(b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| are_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let by_name: BTreeMap<&str, &Value> =
                b.iter().map(|(name, value)| (name.as_str(), value)).collect();
            a.len() == b.len()
                && a.iter().all(|(name, value)| {
                    by_name.get(name.as_str()).is_some_and(|other| are_equal(value, other))
                })
        }
        (a, b) => a == b,
    }
}

/// A number as its significant digits and the power of ten of the last one.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    is_negative: bool,
    digits: String,
    power: i128,
}

impl Number {
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (is_negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0');
        if digits.is_empty() {
            return Self { is_negative: false, digits: String::new(), power: 0 };
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        // the lexeme is 64 characters at most; what does not fit is as good as infinite
        let limit = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let exponent = exponent.parse().unwrap_or(limit);
        let length = |text: &str| i128::try_from(text.len()).unwrap_or(i128::MAX);
        let zeros = i128::try_from(zeros).unwrap_or(i128::MAX);
        let power = i128::from(exponent) - length(fraction) + zeros;
        Self { is_negative, digits: digits.to_owned(), power }
    }
}

#[cfg(test)]
mod tests {
    use fhir_model::json::Limits;

    use super::*;

    #[test]
    fn numbers_are_equal_by_what_they_mean() {
        let cases = [
            ("1", "1.0", true),
            ("1.50", "15e-1", true),
            ("-0", "0.00", true),
            ("100", "1E2", true),
            ("0.001", "1e-3", true),
            ("1", "10", false),
            ("1", "-1", false),
            ("9007199254740993", "9007199254740992", false),
            ("1", r#""1""#, false),
            (r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            ("[1,2]", "[2,1]", false),
            ("null", "false", false),
        ];
        let value = |text: &str| Value::parse(text.as_bytes(), &Limits::default()).unwrap();
        for (a, b, expected) in cases {
            assert_eq!(are_equal(&value(a), &value(b)), expected, "{a} {b}");
        }
    }
}
