//! What is wrong is said.

use fhir_model::IssueType;

use super::*;

const UNKNOWN: IssueType = IssueType::NotSupported;
const VALUE: IssueType = IssueType::Value;
const COSTLY: IssueType = IssueType::TooCostly;

/// Of names, modifiers and values.
const FAULTS: &[(&str, IssueType, &str)] = &[
    ("Patient?foo=bar", UNKNOWN, "'foo' does not exist for Patient"),
    ("Patient?birthDate=2020", UNKNOWN, "did you mean 'birthdate'?"),
    ("Patient?_contents=a", UNKNOWN, "did you mean '_content'?"),
    (
        "Patient?family:bogus=x",
        UNKNOWN,
        "no modifier ':bogus'; there is :exact, :contains, :text, :missing",
    ),
    ("Patient?birthdate:exact=2020", UNKNOWN, "no modifier ':exact'; there is :missing"),
    ("Patient?gender:missing=perhaps", VALUE, "takes true or false"),
    ("Patient?birthdate=notadate", VALUE, "takes dates such as"),
    ("Patient?birthdate=2013-13-45", VALUE, "takes dates such as"),
    ("Patient?birthdate=xx2010", VALUE, "takes dates such as"),
    ("Patient?identifier=a|b|c", VALUE, "more than one '|'"),
    ("Patient?identifier=|", VALUE, "neither system nor code"),
    ("Patient?identifier:of-type=MR|1", VALUE, "[system]|[code]|[value], all three"),
    ("Patient?identifier:of-type=s||1", VALUE, "[system]|[code]|[value], all three"),
    ("Condition?code:below=s|", VALUE, "for a hierarchy"),
    ("Patient?gender=,", VALUE, "commas but no value"),
    ("RiskAssessment?probability=high", VALUE, "takes numbers such as"),
    ("Observation?value-quantity=5|s|", VALUE, "[number]|[system]|[code]"),
    ("Observation?value-quantity=5|mg", VALUE, "[number]|[system]|[code]"),
    ("Observation?value-quantity=x|http://unitsofmeasure.org|mg", VALUE, "takes numbers such"),
    ("Encounter?subject:Nonsense=x", VALUE, "resource type that R4 does not have"),
    ("Encounter?subject:patient=x", UNKNOWN, "there is :[type], :identifier, :above, :below"),
    ("Encounter?subject:Patient=Group/1", VALUE, "takes the id of a Patient"),
    ("Encounter?subject=#x", VALUE, "takes [id], [type]/[id] or a URL"),
    ("Encounter?subject:below=Patient/1", VALUE, "resources have parts, which Patient is not"),
    ("Encounter?subject:below=1", VALUE, "of a type whose resources have parts"),
    ("Encounter?location:above=http://x.example/1", VALUE, "takes [id] or [type]/[id]"),
    ("ValueSet?url:below=urn:oid:1.2", VALUE, "a urn: is in none"),
    ("ValueSet?url:not=x", UNKNOWN, "there is :above, :below, :missing"),
    ("Observation?code-value-quantity=a$b", VALUE, "takes numbers such as"),
    ("Observation?code-value-quantity=a", VALUE, "takes [code]$[value-quantity]: token, quantity"),
    ("Observation?code-value-quantity:exact=a$5", UNKNOWN, "a composite, which has no modifier"),
    ("Observation?code-value-quantity:missing=true", UNKNOWN, "which has no modifier ':missing'"),
    ("Location?near=here", VALUE, "takes [latitude]|[longitude]"),
    ("Location?near=91|0|1", VALUE, "takes [latitude]|[longitude]"),
    ("Location?near=0|0|-1", VALUE, "takes [latitude]|[longitude]"),
    ("Location?near=0|0|1|kg", VALUE, "unit of length"),
    ("Location?near=NaN|inf|1", VALUE, "takes [latitude]|[longitude]"),
    ("Patient?_list=$current-problems", UNKNOWN, "lists by function"),
    ("Patient?_list=Patient/1", VALUE, "takes ids of Lists"),
    ("Patient?_text=,", VALUE, "has no words"),
    ("Patient?_text=(bone", VALUE, "parentheses or operators"),
    ("Patient?_text=bone) liver", VALUE, "parentheses or operators"),
    ("Patient?_content=bone and", VALUE, "parentheses or operators"),
    ("Patient?_query=x", UNKNOWN, "this server has none"),
    ("Patient?_type=Patient", UNKNOWN, "'_type' does not exist for Patient"),
];

/// Of chains, `_has` and includes.
const FOLLOWING: &[(&str, IssueType, &str)] = &[
    ("Observation?code.family=x", UNKNOWN, "follows 'code', which is a token and no reference"),
    ("Encounter?patient.nosuch=x", UNKNOWN, "leads to 'nosuch', which does not exist for Patient"),
    ("Encounter?patient.familly=x", UNKNOWN, "did you mean 'family'?"),
    (
        "Observation?subject.nosuch=x",
        UNKNOWN,
        "does not exist for Device, Group, Location and another type",
    ),
    ("Encounter?nosuch.family=x", UNKNOWN, "leads to 'nosuch', which does not exist for Encounter"),
    ("Encounter?patient:Nonsense.family=x", VALUE, "resource type that R4 does not have"),
    ("Encounter?patient:Group.name=x", VALUE, "follows 'patient', which never references a Group"),
    ("Encounter?patient.birthdate=x", VALUE, "takes dates such as"),
    ("Patient?_has:Observation:patient=x", VALUE, "[type]:[reference]:[parameter]"),
    ("Patient?_has=x", VALUE, "[type]:[reference]:[parameter]"),
    ("Patient?_has:Nonsense:patient:code=x", VALUE, "resource type that R4 does not have"),
    (
        "Patient?_has:Observation:nosuch:code=x",
        UNKNOWN,
        "leads to 'nosuch', which does not exist for Observation",
    ),
    ("Patient?_has:Observation:code:code=x", UNKNOWN, "a token and no reference"),
    (
        "Practitioner?_has:Encounter:patient:status=x",
        VALUE,
        "'patient' of Encounter, which never references a Practitioner",
    ),
    ("Patient?_include=Patient", VALUE, "is written [type]:[parameter]"),
    ("Patient?_include=Nonsense:link", VALUE, "resource type that R4 does not have"),
    ("Patient?_include=Patient:links", VALUE, "parameter of Patient; did you mean 'link'?"),
    ("Patient?_include=Patient:birthdate", VALUE, "which is no reference"),
    ("Patient?_include=Encounter:patient:Group", VALUE, "never a Group"),
    ("Patient?_include:all=Patient:link", UNKNOWN, "there is :iterate"),
];

/// Of what shapes the answer, and of searches over several types.
const SHAPES: &[(&str, IssueType, &str)] = &[
    ("Patient?_count=many", VALUE, "is a number from 0"),
    ("Patient?_count=-1", VALUE, "is a number from 0"),
    ("Patient?_total=maybe", VALUE, "none, estimate, accurate"),
    ("Patient?_summary=most", VALUE, "true, text, data, count, false"),
    ("Patient?_contained=perhaps", VALUE, "true, false, both"),
    ("Patient?_containedType=box", VALUE, "container, contained"),
    ("Patient?_sort=nosuch", VALUE, "sorts by search parameters of Patient"),
    ("Patient?_sort=familly", VALUE, "did you mean 'family'?"),
    ("Observation?_sort=code-value-quantity", VALUE, "sorts by search parameters of Observation"),
    ("Location?_sort=near", VALUE, "sorts by search parameters of Location"),
    ("?_sort=family", VALUE, "name the types with _type"),
    ("?_type=DocumentReference,Encounter&_sort=location", VALUE, "not of one kind"),
    ("Patient?_elements=birthdate", VALUE, "did you mean 'birthDate'?"),
    ("?_elements=nosuch", VALUE, "of the types that are searched"),
    ("?_type=Nonsense", VALUE, "resource type that R4 does not have"),
    ("?_type=Patiant", VALUE, "did you mean 'Patient'?"),
    ("?_type=,", VALUE, "names no type"),
    ("?_type=Patient&_type=Group", VALUE, "names no type"),
    ("?family=x", UNKNOWN, "name the types that are meant with _type"),
    ("?_type=Patient,Observation&birthdate=1974", UNKNOWN, "does not exist for Observation"),
];

#[test]
fn what_is_wrong_is_said() {
    for (query, code, text) in FAULTS.iter().chain(FOLLOWING).chain(SHAPES) {
        let outcome = plan(query).expect_err(query);
        let issue = &outcome.issues()[0];
        assert_eq!(issue.code, *code, "{query}: {}", issue.diagnostics);
        assert!(issue.diagnostics.contains(text), "{query}: {}", issue.diagnostics);
    }
}

#[test]
fn a_query_may_not_ask_for_too_much() {
    let refused = [
        (format!("Patient?{}", ["gender=male"; 33].join("&")), "at most 32 parameters"),
        (format!("Patient?gender={}", ["male"; 101].join(",")), "at most 100 values"),
        (format!("Patient?_sort={}", ["_id"; 9].join(",")), "at most 8 keys"),
        (format!("Patient?_elements={}", ["name"; 101].join(",")), "at most 100 elements"),
        (format!("Patient?{}", ["_include=Patient:link"; 9].join("&")), "more than 8 includes"),
        ("Organization?partof.partof.partof.partof.name=x".to_owned(), "more than 3 references"),
        (
            "Patient?_has:Patient:link:_has:Patient:link:_has:Patient:link:name=x".to_owned(),
            "more than 2 _has",
        ),
        ("Provenance?target.subject.subject._id=x".to_owned(), "leads to more than 1000 types"),
        ("Patient?name:contains=ab".to_owned(), "3 characters or more"),
        ("Patient?_content=of a".to_owned(), "3 characters or more"),
        ("Patient?_content=pain or of".to_owned(), "3 characters or more"),
        (format!("Patient?_text={}bone", "(".repeat(9)), "at most 8 parentheses"),
        (format!("Patient?name={}", "x".repeat(901)), "at most 900 bytes"),
        (format!("Patient?name:exact={}", "x".repeat(901)), "at most 900 bytes"),
        (format!("Patient?_text={}", ["word"; 33].join(" ")), "at most 32 words"),
        (format!("Patient?_filter={}", vec!["name eq x"; 33].join(" or ")), "32 comparisons"),
        (format!("ValueSet?url:above=http://{}", "x/".repeat(33)), "at most 32 slashes"),
        (
            format!(
                "ValueSet?url:above={}",
                vec![format!("http://{}", "x/".repeat(30)); 9].join(",")
            ),
            "at most are 200",
        ),
        (format!("ValueSet?url:below=http://{}", "x".repeat(300)), "at most 200 bytes"),
        (
            format!("?{}", vec![format!("_id={}", ["a"; 50].join(",")); 3].join("&")),
            "over 20000 comparisons",
        ),
    ];
    for (query, text) in refused {
        let outcome = plan(&query).expect_err(&query);
        assert_eq!(outcome.issues()[0].code, COSTLY, "{outcome}");
        assert!(outcome.to_string().contains(text), "{text}: {outcome}");
    }
    let taken = [
        format!("Patient?{}", ["gender=male"; 32].join("&")),
        format!("Patient?gender={}", ["male"; 100].join(",")),
        format!("Patient?{}", ["_include=Patient:link"; 8].join("&")),
        "Organization?partof.partof.partof.name=x".to_owned(),
        "Patient?_has:Patient:link:_has:Patient:link:name=x".to_owned(),
        format!("?_id={}", ["a"; 100].join(",")),
        format!(
            "Patient?organization={}",
            ["http://own.example/fhir/Organization/1"; 100].join(",")
        ),
    ];
    for query in taken {
        assert!(plan(&query).is_ok(), "{query}");
    }
}

#[test]
fn lenient_handling_leaves_out_what_is_unknown_alone() {
    let lenient = Reading { handling: Handling::Lenient, ..STRICT };
    let parse = |query| parse(Registry::r4(), ty("Patient"), &pairs(query), &lenient);
    let (plan, ignored) =
        parse("foo=bar&family=rao&general-practitioner.nosuch=x&_has:Observation:nosuch:code=x")
            .unwrap();
    assert_eq!((plan.filters().len(), plan.understood.len(), ignored.len()), (1, 1, 3));
    for query in [
        "family:bogus=x",
        "birthdate=notadate",
        "_query=x",
        "_sort=nosuch",
        "_include=Patient:nosuch",
        "gender.family=x",
    ] {
        assert_eq!(parse(query).unwrap_err().status(), 400, "{query}");
    }
}

#[test]
fn several_faults_are_reported_together_and_values_are_not_repeated() {
    let outcome = plan("Patient?birthdate=secret&foo=secret&gender:x=secret").unwrap_err();
    assert_eq!(outcome.issues().len(), 3);
    assert!(!outcome.to_string().contains("secret"));
    for (query, ..) in FAULTS.iter().chain(FOLLOWING) {
        let (name, _) = query.split_once('=').unwrap();
        let query = format!("{name}=Qxecret,Qxecret|a|b|c");
        if let Err(outcome) = plan(&query) {
            assert!(!outcome.to_string().contains("Qxecret"), "{query}: {outcome}");
        }
    }
}
