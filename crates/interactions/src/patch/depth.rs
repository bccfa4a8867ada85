//! How deep a patched document may be. Writing and dropping a value recurses, and a patch could nest
//! what it adds again and again.

use fhir_model::json::Value;

/// Levels of objects and arrays.
const DEPTH_MAX: usize = 64;

/// Whether the value may stand this many levels below the root.
pub(super) fn fits(value: &Value, level: usize) -> bool {
    DEPTH_MAX.checked_sub(level).is_some_and(|left| is_within(value, left))
}

fn is_within(value: &Value, left: usize) -> bool {
    match (value, left.checked_sub(1)) {
        (Value::Array(items), Some(left)) => items.iter().all(|item| is_within(item, left)),
        (Value::Object(members), Some(left)) => {
            members.iter().all(|(_, member)| is_within(member, left))
        }
        (Value::Array(_) | Value::Object(_), None) => false,
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_above_count() {
        let nested = Value::Array(vec![Value::Object(vec![("a".to_owned(), Value::Null)])]);
        for (level, expected) in [(0, true), (62, true), (63, false), (64, false), (65, false)] {
            assert_eq!(fits(&nested, level), expected, "{level}");
        }
        assert!(fits(&Value::Null, 64));
    }
}
