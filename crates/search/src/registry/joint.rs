//! Composites that say of a resource what two other parameters say of it side by side: the two parts are the only
//! places where the values of these stand, once a resource. `Observation.value[x]` is one element.

use std::sync::LazyLock;

use fhir_model::ResourceType;

use super::{ParamId, Registry};

/// Type, the parameter of the key, that of the other part, the composite.
const JOINTS: &[(&str, &str, &str, &str)] =
    &[("Observation", "code", "value-quantity", "code-value-quantity")];

/// The composite whose rows are every token of one parameter with every value of another.
pub fn joint(key: &[ParamId], rest: &[ParamId]) -> Option<ParamId> {
    static KNOWN: LazyLock<Vec<Joint>> = LazyLock::new(known);
    KNOWN.iter().find(|one| one.key == key && one.rest == rest).map(|one| one.whole)
}

/// Where the values of two parameters and of the composite are.
#[derive(Debug)]
struct Joint {
    key: Vec<ParamId>,
    rest: Vec<ParamId>,
    whole: ParamId,
}

fn known() -> Vec<Joint> {
    let joint = |(ty, key, rest, whole): &(&str, &str, &str, &str)| {
        let ty = ResourceType::named(ty)?;
        let of = |code: &str| Registry::r4().parameter(ty, code);
        let (key, rest) = (of(key)?.sources.clone(), of(rest)?.sources.clone());
        Some(Joint { key, rest, whole: of(whole)?.id })
    };
    JOINTS.iter().filter_map(joint).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use fhir_model::json;

    use super::*;
    use crate::{Part, Rows, extract};

    /// Tokens beside quantities, as `code|system|value|system|code|unit`.
    fn side_by_side(rows: &Rows, key: ParamId, rest: ParamId) -> BTreeSet<String> {
        let keys = rows.tokens.iter().filter(|row| row.param == key);
        let pairs = keys.flat_map(|token| {
            let quantities = rows.quantities.iter().filter(|row| row.param == rest).map(|row| {
                format!("{:?} {:?} {:?} {:?}", row.value, row.system, row.code, row.unit)
            });
            let canonical = rows.canonical.iter().filter(|row| row.param == rest);
            let canonical = canonical.map(|row| format!("{:?} {}", row.value, row.unit));
            let values: Vec<String> = quantities.chain(canonical).collect();
            values.into_iter().map(|value| format!("{} {:?} {value}", token.code, token.system))
        });
        pairs.collect()
    }

    fn composites(rows: &Rows, whole: ParamId) -> BTreeSet<String> {
        let value = |part: &Part| match part {
            Part::Quantity { value, system, code, unit } => {
                format!("{value:?} {system:?} {code:?} {unit:?}")
            }
            Part::Canonical { value, unit } => format!("{value:?} {unit}"),
            Part::Token { .. }
            | Part::String { .. }
            | Part::Date(_)
            | Part::Number(_)
            | Part::Numbers(..)
            | Part::Reference(_) => panic!("{part:?} is no quantity"),
        };
        let own = rows.composites.iter().filter(|row| row.param == whole);
        own.map(|row| format!("{} {:?} {}", row.code, row.system, value(&row.part))).collect()
    }

    #[test]
    fn the_composite_has_every_token_with_every_value() {
        let ty = ResourceType::named("Observation").unwrap();
        let id = |code: &str| Registry::r4().parameter(ty, code).unwrap().id;
        let (key, rest, whole) = (id("code"), id("value-quantity"), id("code-value-quantity"));
        assert_eq!(joint(&[key], &[rest]), Some(whole));
        assert_eq!(joint(&[rest], &[key]), None);
        let coding = |n: usize| format!(r#"{{"system":"http://s{}","code":"c{n}"}}"#, n % 3);
        let codes = |n: usize| {
            let all: Vec<String> = (0..n).map(coding).collect();
            format!(r#""code":{{"text":"t","coding":[{}]}}"#, all.join(","))
        };
        let quantity =
            r#""value":70.5,"unit":"kilo","system":"http://unitsofmeasure.org","code":"kg""#;
        let part = format!(r#"{{{},"valueQuantity":{{{quantity}}}}}"#, codes(2));
        let cases = [
            format!(r#"{},"valueQuantity":{{{quantity}}}"#, codes(1)),
            format!(r#"{},"valueQuantity":{{"value":5}}"#, codes(3)),
            format!(r#"{},"valueQuantity":{{{quantity}}}"#, codes(0)),
            // more rows than composites may have otherwise
            format!(
                r#"{},"component":[{}],"valueQuantity":{{{quantity}}}"#,
                codes(7_000),
                vec![part.as_str(); 6_000].join(",")
            ),
            format!(r#"{},"component":[{part}]"#, codes(1)),
            format!(r#"{},"valueString":"x""#, codes(1)),
            format!(
                r#"{},"valueSampledData":{{"origin":{{{quantity}}},"period":1,"dimensions":1}}"#,
                codes(1)
            ),
        ];
        for (case, some) in cases.iter().zip([2, 3, 0, 14_000, 0, 0, 0]) {
            let text = format!(r#"{{"resourceType":"Observation","status":"final",{case}}}"#);
            let tree = json::parse_trusted(text.into_bytes().into());
            let rows = extract(Registry::r4(), &tree, "http://own.example");
            let expected = side_by_side(&rows, key, rest);
            assert_eq!(expected.len(), some);
            assert!(composites(&rows, whole) == expected, "{}", case.get(..200).unwrap_or(case));
        }
    }
}
