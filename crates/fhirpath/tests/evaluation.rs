//! What callers rely on: results, paths, limits.

#[cfg(test)]
mod tests {
    use fhir_model::{Instant, NodeRef, Tree, TypeId, json};
    use fhirpath::{Context, EvalError, Expression};
    use proptest::prelude::*;

    const PATIENT: &str = r##"{"resourceType":"Patient","id":"p","contained":[
        {"resourceType":"Organization","id":"o","name":"Ward"}],
        "name":[{"family":"Rao","given":["Asha","M"]},{"use":"maiden","family":"Iyer"}],
        "birthDate":"1980-02-29","_birthDate":{"extension":[
            {"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1980-02-29T05:00:00Z"}]},
        "deceasedBoolean":false,"multipleBirthInteger":2,
        "telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a\"b"}],
        "generalPractitioner":[{"reference":"Practitioner/1"},{"reference":"#o"},
            {"reference":"http://example.org/fhir/PractitionerRole/9/_history/2"},
            {"type":"Organization","display":"somewhere"}]}"##;

    fn patient() -> Tree {
        json::parse_trusted(PATIENT.as_bytes().to_vec().into())
    }

    /// The items as text, divided by bars.
    fn evaluate(text: &str, focus: NodeRef<'_>) -> Result<String, EvalError> {
        let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let context = Context::new(focus.tree().root()).at(Instant::from_date(2026, 11, 22));
        let items = expression.evaluate(&context, focus)?;
        Ok(items.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn expressions_over_a_patient() {
        let cases = [
            ("Patient.name.given", "Asha|M"),
            ("Resource.id", "p"),
            ("DomainResource.name[1].family", "Iyer"),
            ("Observation.name", ""),
            ("Patient.deceased", "false"),
            ("(Patient.deceased as boolean)", "false"),
            ("(Patient.deceased as dateTime)", ""),
            ("Patient.deceased.exists() and Patient.deceased != false", "false"),
            ("Patient.telecom.where(system = 'email').value", "a\"b"),
            ("Patient.name.where(use = 'maiden' or family = 'x').family", "Iyer"),
            ("Patient.birthDate.extension(%`ext-patient-birthTime`).value", "1980-02-29T05:00:00Z"),
            (
                "Patient.generalPractitioner.where(resolve() is Practitioner).reference",
                "Practitioner/1",
            ),
            ("Patient.generalPractitioner.where(resolve() is PractitionerRole).count()", "1"),
            ("Patient.generalPractitioner.where(resolve() is Organization).count()", "2"),
            ("Patient.generalPractitioner.resolve().name", "Ward"),
            ("contained.name | name.family", "Ward|Rao|Iyer"),
            ("name.given | name.given", "Asha|M"),
            ("contained.select(%rootResource.id & '/' & id)", "p/o"),
            ("name.first().defineVariable('f', family).given.select(%f & $this)", "RaoAsha|RaoM"),
            ("birthDate + 1 year", "1981-02-28"),
            ("today() > birthDate", "true"),
            ("name.given.matches('^[A-Z]').first()", ""),
            ("name[0].given[0].replaceMatches('(a)$', '<$1>')", "Ash<a>"),
            ("gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", ""),
            ("('male').memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "true"),
            ("descendants().ofType(Reference).count()", "4"),
            ("coalesce(gender, name.family.first())", "Rao"),
        ];
        let tree = patient();
        for (text, expected) in cases {
            if text.contains("matches('^") {
                let error = evaluate(text, tree.root()).unwrap_err();
                assert_eq!(error.to_string(), "matches() works on a single item, but there are 2");
                continue;
            }
            assert_eq!(evaluate(text, tree.root()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_resolver_is_asked_for_what_is_elsewhere() {
        let tree = patient();
        let other =
            json::parse_trusted(br#"{"resourceType":"Practitioner","id":"1"}"#.to_vec().into());
        let find = |reference: &str| (reference == "Practitioner/1").then(|| other.root());
        let context = Context::new(tree.root()).with_resolver(&find);
        let expression = Expression::parse("generalPractitioner.resolve().id").unwrap();
        let ids: Vec<_> = expression
            .evaluate(&context, tree.root())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(ids, ["1", "o"]);
    }

    #[test]
    fn expressions_can_be_shared_between_threads() {
        fn shared<T: Send + Sync + Clone>(_: &T) {}
        shared(&Expression::parse("a.matches('x') | 4 'mg'").unwrap());
    }

    #[test]
    fn plain_paths_show_their_steps() {
        let cases = [
            ("Patient.name.given", Some(vec!["Patient", "name", "given"])),
            ("name.`given`", Some(vec!["name", "given"])),
            ("Observation.value", Some(vec!["Observation", "value"])),
            ("Patient.name[0]", None),
            ("Patient.name.first()", None),
            ("'a'.b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Expression::parse(text).unwrap().steps(), expected, "{text}");
        }
        let union = Expression::parse("Patient.name | (Person.name as HumanName) | a").unwrap();
        let steps: Vec<_> = union.alternatives();
        let steps: Vec<_> = steps.iter().map(Expression::steps).collect();
        assert_eq!(steps, [Some(vec!["Patient", "name"]), None, Some(vec!["a"])]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", "the expression is not finished (at character 1 of the expression)"),
            ("a.", "a name is expected (at character 3 of the expression)"),
            ("a b", "an operator or the end is expected (at character 3 of the expression)"),
            ("a.nosuch()", "there is no function nosuch() (at character 3 of the expression)"),
            ("a.where()", "where() does not take 0 arguments (at character 3 of the expression)"),
            ("a is Nothing", "there is no type named Nothing (at character 6 of the expression)"),
            ("'a", "the closing ' is missing (at character 1 of the expression)"),
            (
                "a.matches('(')",
                "the regular expression of matches() cannot be used: '(' is not one (at character 3 of the expression)",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(Expression::parse(text).unwrap_err().to_string(), expected, "{text}");
        }
        let check =
            |text| Expression::parse(text).unwrap().check(TypeId::PATIENT).unwrap_err().to_string();
        assert_eq!(check("Patient.nmae"), "Patient has no element nmae");
        assert_eq!(
            check("Encounter.name"),
            "the path begins with Encounter, but it starts from Patient"
        );
    }

    #[test]
    fn hostile_texts_are_refused() {
        let cases = [
            "(".repeat(100_000),
            "-".repeat(60_000),
            "a.where(".repeat(8_000),
            "1+".repeat(30_000) + "1",
            "not(".repeat(10_000),
            "{".to_owned(),
            "a.defineVariable('x')".to_owned() + &".defineVariable('x')".repeat(3_000),
            "a.matches('\\\\w{1000}{1000}')".to_owned(),
            "a[".repeat(30_000),
            "a is ".repeat(10_000),
        ];
        for text in cases {
            assert!(Expression::parse(&text).is_err(), "{}", text.get(..20).unwrap_or(&text));
        }
        // wide, not deep
        assert!(Expression::parse(&("a|".repeat(30_000) + "a")).is_ok());
        assert!(Expression::parse(&("a.".repeat(30_000) + "a")).is_ok());
    }

    #[test]
    fn the_deepest_expression_is_evaluated() {
        let tree = patient();
        for (open, close) in
            [("(1+", ")"), ("name.select($this.where(true or ", "))"), ("iif(true, ", ")")]
        {
            let deepest = (1..130).rev().find_map(|depth| {
                let text = open.repeat(depth) + "true.toInteger()" + &close.repeat(depth);
                Expression::parse(&text).ok()
            });
            let context = Context::new(tree.root());
            assert!(deepest.unwrap().evaluate(&context, tree.root()).is_ok(), "{open}");
        }
    }

    #[test]
    fn the_budget_ends_what_would_not_end() {
        let tree = patient();
        let cases = [
            "(1|2|3|4|5|6|7|8|9).repeat($this + 1)".to_owned(),
            "descendants().aggregate($total.combine($total).combine($this))".to_owned(),
            "descendants().aggregate(iif($total.empty(), 'aaaaaaaaaaaaaaaa', $total + $total))".to_owned(),
            "descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants())))".to_owned(),
        ];
        for text in cases {
            assert_eq!(evaluate(&text, tree.root()), Err(EvalError::Budget), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _result = Expression::parse(&text);
        }

        #[test]
        fn no_expression_makes_the_evaluator_panic(text in expression()) {
            let expression = Expression::parse(&text);
            prop_assert!(expression.is_ok(), "{text}: {expression:?}");
            let tree = patient();
            let context = Context::new(tree.root())
                .at(Instant::from_date(2026, 11, 22))
                .with_budget(20_000);
            if let Ok(expression) = expression {
                let _checked = expression.check(TypeId::PATIENT);
                if let Ok(items) = expression.evaluate(&context, tree.root()) {
                    prop_assert!(items.iter().all(|item| item.to_string().len() < 4_000_000));
                }
            }
        }
    }

    /// Terms, calls on them, and operators between them.
    fn expression() -> impl Strategy<Value = String> {
        let term = proptest::sample::select(TERMS).prop_map(str::to_owned);
        term.prop_recursive(5, 24, 2, |inner| {
            let call = (inner.clone(), proptest::sample::select(CALLS), inner.clone()).prop_map(
                |(input, call, argument)| format!("({input}).{}", call.replace('#', &argument)),
            );
            let operator = (inner.clone(), proptest::sample::select(OPERATORS), inner)
                .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})"));
            prop_oneof![3 => call, 1 => operator]
        })
    }

    #[rustfmt::skip]
    const TERMS: &[&str] = &[
        "Patient.name", "name.given", "birthDate", "deceased", "telecom.value", "%resource", "$this",
        "multipleBirth", "generalPractitioner", "{}", "true", "0", "1", "(-1)", "2147483647",
        "9223372036854775807", "2.50", "0.0000000000000000000000000001", "7922816251426433759354395033.5",
        "'a'", "''", "'1 \\'mg\\''", "'äöü'", "'(a+)+$'", "4 'mg'", "2 days", "9999999999 years",
        "1 'Ym10'", "@2014", "@2014-01-31", "@9999-12-31T23:59:59.999-12:00", "@0001-01-01T00:00:00+14:00",
        "@2014-01-01T10", "@T10:30", "@T23:59:59.999", "now()", "descendants()", "1 | 2 | 'a'",
    ];

    #[rustfmt::skip]
    const OPERATORS: &[&str] = &[
        "and", "or", "xor", "implies", "=", "!=", "~", "!~", "<", "<=", ">", ">=", "+", "-", "*", "/",
        "div", "mod", "&", "|", "in", "contains",
    ];

    #[rustfmt::skip]
    const CALLS: &[&str] = &[
        "where(#)", "select(#)", "all(#)", "exists(#)", "repeat(#)", "aggregate(#, 0)", "iif(#, 1, 2)",
        "sort(#)", "sort(-(#))", "first()", "last()", "tail()", "skip(#)", "take(#)", "single()",
        "children()", "descendants()", "type()", "is(Quantity)", "as(string)", "ofType(HumanName)",
        "count()", "distinct()", "isDistinct()", "subsetOf(#)", "union(#)", "combine(#)", "exclude(#)",
        "intersect(#)", "not()", "toString()", "toQuantity()", "toQuantity(#)", "toDecimal()",
        "toInteger()", "toBoolean()", "toDate()", "toDateTime()", "toTime()", "convertsToQuantity()",
        "lowBoundary()", "highBoundary()", "lowBoundary(#)", "highBoundary(#)", "precision()",
        "comparable(#)", "round(#)", "power(#)", "log(#)", "ln()", "sqrt()", "exp()", "abs()",
        "ceiling()", "floor()", "truncate()", "resolve()", "hasValue()", "getValue()", "extension(#)",
        "substring(#)", "substring(1, #)", "indexOf(#)", "lastIndexOf(#)", "contains(#)", "startsWith(#)",
        "replace(#, 'x')", "replace('', #)", "matches(#)", "matchesFull(#)", "replaceMatches(#, '$1')",
        "replaceMatches('.', #)", "split(#)", "join(#)", "toChars()", "upper()", "trim()", "length()",
        "encode('hex')", "decode('base64')", "decode('hex')", "escape('html')", "unescape('json')",
        "defineVariable('x', #).select(%x)", "memberOf(#)", "conformsTo(#)", "checkModifiers(#)",
        "trace('t', #)", "coalesce(#, 1)", "yearOf()", "millisecondOf()", "dateOf()", "htmlChecks()",
    ];
}
