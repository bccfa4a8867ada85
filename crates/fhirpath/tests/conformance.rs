//! The official cases: <https://github.com/FHIR/fhir-test-cases/blob/master/r4/fhirpath/tests-fhir-r4.xml>.
//! `exceptions.tsv` names the cases that this engine answers otherwise, and why; the test holds the
//! engine to exactly that list.

#![expect(clippy::wildcard_enum_match_arm, reason = "the other events and items are one case")]

#[cfg(test)]
#[path = "conformance/cases.rs"]
mod cases;

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::{Path, PathBuf},
    };

    use fhir_model::{Instant, Tree, json, xml};
    use fhirpath::{Context, Expression, Item};

    use super::cases::{Case, Invalid, Output};

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/fhirpath")
    }

    /// The reasons by case, `group/name`.
    fn exceptions() -> BTreeMap<&'static str, &'static str> {
        let rows = include_str!("exceptions.tsv").lines().filter(|line| !line.starts_with('#'));
        rows.map(|row| row.split_once('\t').expect("name, tab, reason")).collect()
    }

    #[test]
    fn the_official_cases_pass_but_for_the_listed_ones() {
        let Ok(text) = std::fs::read_to_string(folder().join("tests-fhir-r4.xml")) else {
            println!("the official cases are not here: nothing was tested");
            return;
        };
        let cases = super::cases::read(&text);
        assert!(cases.len() > 900, "only {} cases were read", cases.len());
        let mut inputs = Inputs::default();
        let mut failed = BTreeMap::new();
        for case in &cases {
            let tree = inputs.tree(case.input.as_deref().unwrap_or("patient-example.xml"));
            if let Err(message) = hold(case, tree) {
                failed.insert(case.name.clone(), format!("{message} | {}", case.expression));
            }
        }
        let listed: BTreeSet<&str> = exceptions().into_keys().collect();
        let surprises: Vec<_> =
            failed.iter().filter(|(name, _)| !listed.contains(name.as_str())).collect();
        let repaired: Vec<_> = listed.iter().filter(|name| !failed.contains_key(**name)).collect();
        println!("{} cases, {} exceptions", cases.len(), failed.len());
        assert!(surprises.is_empty(), "{} fail: {surprises:#?}", surprises.len());
        assert!(repaired.is_empty(), "listed, but they pass: {repaired:#?}");
    }

    #[derive(Default)]
    struct Inputs(BTreeMap<String, Tree>);

    impl Inputs {
        fn tree(&mut self, name: &str) -> &Tree {
            self.0.entry(name.to_owned()).or_insert_with(|| {
                let bytes = std::fs::read(folder().join("input").join(name)).expect("the input");
                let is_xml = Path::new(name).extension().is_some_and(|end| end == "xml");
                let bytes = if is_xml {
                    let text = repaired(String::from_utf8(bytes).expect("UTF-8"));
                    xml::to_json(text.as_bytes(), &json::Limits::default())
                        .unwrap_or_else(|outcome| panic!("{name}: {outcome}"))
                } else {
                    bytes
                };
                json::parse_trusted(bytes.into())
            })
        }
    }

    /// The Observation has its status before its extension, where R4 has it behind.
    fn repaired(text: String) -> String {
        const STATUS: &str = r#"<status value="final"/>"#;
        const PLACE: &str = "<!--   category code";
        if !(text.contains(STATUS) && text.contains(PLACE)) {
            return text;
        }
        text.replacen(STATUS, "", 1).replacen(PLACE, &format!("{STATUS}{PLACE}"), 1)
    }

    /// Runs a case; what is wrong otherwise.
    fn hold(case: &Case, tree: &Tree) -> Result<(), String> {
        let expression = match Expression::parse(&case.expression) {
            Ok(expression) => expression,
            Err(error) if case.invalid.is_none() => return Err(format!("does not parse: {error}")),
            Err(_) => return Ok(()),
        };
        if case.invalid == Some(Invalid::Syntax) {
            return Err("parses".to_owned());
        }
        let focus = tree.root();
        let checked = expression.check(focus.ty());
        let now = Instant::from_date(2026, 11, 22);
        let context = Context::new(focus).at(now).strict();
        let result = expression.evaluate(&context, focus);
        match (&case.invalid, checked, result) {
            (Some(_), Ok(()), Ok(items)) => Err(format!(
                "is accepted and gives {:?}",
                items.iter().map(written).collect::<Vec<_>>()
            )),
            (Some(_), ..) => Ok(()),
            (None, Err(error), _) => Err(format!("is refused: {error}")),
            (None, _, Err(error)) => Err(format!("fails: {error}")),
            (None, Ok(()), Ok(items)) => compare(case, &items),
        }
    }

    fn compare(case: &Case, items: &[Item<'_>]) -> Result<(), String> {
        let mut found: Vec<Output> = items.iter().map(written).collect();
        let mut expected = case.outputs.clone();
        if case.is_predicate {
            found = vec![written(&Item::Boolean(!items.is_empty()))];
        }
        if !case.is_ordered {
            found.sort();
            expected.sort();
        }
        let is_equal = found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| {
                let same_text =
                    found.text == expected.text || same_number(&found.text, &expected.text);
                same_text && expected.kind.as_ref().is_none_or(|_| found.kind == expected.kind)
            });
        if is_equal { Ok(()) } else { Err(format!("gives {found:?} instead of {expected:?}")) }
    }

    /// Zero has no sign.
    fn same_number(found: &str, expected: &str) -> bool {
        expected
            .strip_prefix('-')
            .is_some_and(|zero| zero == found && !zero.contains(|c| ('1'..='9').contains(&c)))
    }

    /// An item as the cases write it.
    fn written(item: &Item<'_>) -> Output {
        let kind = match item {
            Item::Node(node) => node.ty().name().to_owned(),
            Item::Quantity(_) => "Quantity".to_owned(),
            other => {
                let name = other.type_info().name;
                let (first, rest) = name.split_at(1);
                first.to_lowercase() + rest
            }
        };
        let text = match kind.as_str() {
            "date" | "dateTime" | "instant" => format!("@{item}"),
            "time" => format!("@T{item}"),
            _ => item.to_string(),
        };
        Output { kind: Some(kind), text }
    }
}
