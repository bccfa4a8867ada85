//! Random queries over the random resources.

use fhir_model::ResourceType;
use search::{Registry, SearchKind};

use crate::{
    dice::Dice,
    resources::{
        ADDRESSES, CODES, DATES, DAYS, NUMBERS, SYSTEMS, TEXTS, TYPES, UNITS, VERSIONS, WORDS,
    },
};

/// What values contain: of few letters, of as many as suffixes have, of more.
const CONTAINED: &[&str] = &[
    "ann",
    "ber",
    "o'h",
    "00%",
    "a_b",
    "中村",
    "gyll",
    "llanfairpwll",
    "fairpwllgwyng",
    "wyngylls",
];

/// Parameters worth asking for, a type each.
const PARAMETERS: &[(&str, &[&str])] = &[
    (
        "Patient",
        &[
            "name",
            "family",
            "given",
            "phonetic",
            "gender",
            "birthdate",
            "active",
            "address",
            "address-city",
            "identifier",
            "telecom",
            "phone",
            "email",
            "general-practitioner",
            "organization",
            "link",
            "deceased",
            "_tag",
            "_profile",
            "_source",
        ],
    ),
    (
        "Observation",
        &[
            "code",
            "category",
            "status",
            "subject",
            "patient",
            "encounter",
            "performer",
            "date",
            "value-quantity",
            "value-string",
            "value-concept",
            "value-date",
            "component-code",
            "component-value-quantity",
            "combo-code",
            "combo-value-quantity",
            "combo-value-concept",
            "code-value-quantity",
            "code-value-concept",
            "code-value-string",
            "code-value-date",
            "component-code-value-quantity",
            "combo-code-value-quantity",
            "combo-code-value-concept",
            "_tag",
        ],
    ),
    (
        "Encounter",
        &[
            "status",
            "class",
            "subject",
            "patient",
            "date",
            "participant",
            "practitioner",
            "location",
            "length",
            "part-of",
        ],
    ),
    ("Practitioner", &["name", "family", "given", "gender"]),
    ("Organization", &["name", "active", "address", "address-city", "partof", "phonetic"]),
    ("Location", &["name", "address", "partof", "near"]),
    (
        "MedicationRequest",
        &["status", "intent", "subject", "patient", "medication", "code", "authoredon"],
    ),
    ("Medication", &["code", "status"]),
    ("RiskAssessment", &["probability", "subject", "patient"]),
    ("Condition", &["code", "subject", "patient", "encounter", "recorded-date", "onset-age"]),
    ("DiagnosticReport", &["status", "code", "subject", "patient", "result"]),
    ("List", &["status", "item"]),
    ("Questionnaire", &["url", "version", "status"]),
    ("QuestionnaireResponse", &["questionnaire", "subject", "status"]),
    ("ValueSet", &["url", "version", "context-type-value", "context-type-quantity", "status"]),
    (
        "MolecularSequence",
        &[
            "chromosome",
            "window-start",
            "variant-start",
            "chromosome-variant-coordinate",
            "chromosome-window-coordinate",
        ],
    ),
];

/// A query: the type and its parameters, not encoded.
pub(crate) struct Query {
    pub(crate) ty: ResourceType,
    pub(crate) pairs: Vec<(String, String)>,
}

/// Asks for something.
pub(crate) fn query(dice: &mut Dice) -> Query {
    if dice.percent(4) {
        return contained(dice);
    }
    let (ty, _) = PARAMETERS[weighted(dice)];
    let mut pairs = Vec::new();
    pairs.push(clause(dice, ty));
    for chance in [30, 15] {
        if dice.percent(chance) {
            pairs.push(clause(dice, ty));
        }
    }
    if dice.percent(40) {
        pairs.push(("_sort".to_owned(), sort(dice, ty)));
    }
    if dice.percent(15) {
        let way = if dice.percent(50) { "_include" } else { "_revinclude" };
        let iterate = if dice.percent(40) { ":iterate" } else { "" };
        pairs.push((format!("{way}{iterate}"), include(dice, ty, way)));
    }
    if dice.percent(5) {
        pairs.push(("_contained".to_owned(), dice.one(&["true", "both"]).to_owned()));
        if dice.percent(50) {
            pairs.push((
                "_containedType".to_owned(),
                dice.one(&["container", "contained"]).to_owned(),
            ));
        }
    }
    Query { ty: ResourceType::named(ty).unwrap(), pairs }
}

/// One patient's record, of which others say once what they say of the patient.
pub(crate) fn record(dice: &mut Dice) -> Query {
    let (ty, sorts) = RECORDS[dice.below(RECORDS.len())];
    let mut pairs = vec![("patient".to_owned(), format!("Patient/{}", dice.below(10)))];
    if dice.percent(50) {
        pairs.push(("_sort".to_owned(), dice.one(sorts).to_owned()));
    }
    Query { ty: ResourceType::named(ty).unwrap(), pairs }
}

/// Asks, in an order, for what is only contained in others: all of it, or some.
fn contained(dice: &mut Dice) -> Query {
    let ty = "Medication";
    let mut pairs = vec![
        ("_contained".to_owned(), dice.one(&["true", "both"]).to_owned()),
        ("_sort".to_owned(), sort(dice, ty)),
    ];
    if dice.percent(40) {
        pairs.push(("_containedType".to_owned(), "contained".to_owned()));
    }
    if dice.percent(40) {
        pairs.push(clause(dice, ty));
    }
    Query { ty: ResourceType::named(ty).unwrap(), pairs }
}

/// What is about a patient, and what it may be sorted by.
const RECORDS: &[(&str, &[&str])] = &[
    ("Observation", &["date", "-date", "-_lastUpdated", "_id"]),
    ("Observation", &["code", "-value-quantity"]),
    ("Encounter", &["date", "-_lastUpdated"]),
    ("Condition", &["recorded-date", "code"]),
    ("MedicationRequest", &["_id"]),
    ("RiskAssessment", &["_lastUpdated"]),
    ("DiagnosticReport", &["code"]),
];

fn weighted(dice: &mut Dice) -> usize {
    // half of all questions are about patients, observations and encounters
    if dice.percent(50) { dice.below(3) } else { dice.below(PARAMETERS.len()) }
}

fn parameters(ty: &str) -> &'static [&'static str] {
    PARAMETERS.iter().find(|(name, _)| *name == ty).map_or(&[], |(_, parameters)| parameters)
}

fn clause(dice: &mut Dice, ty: &str) -> (String, String) {
    match dice.below(100) {
        0..10 => chain(dice, ty),
        10..17 => has(dice, ty),
        17..20 => ("_id".to_owned(), format!("{},{}", dice.below(10), dice.below(10))),
        20..22 => ("_id:not".to_owned(), dice.below(10).to_string()),
        22..25 => ("_lastUpdated".to_owned(), format!("{}{}", prefix(dice), dice.one(DATES))),
        25..29 => (dice.one(&["_text", "_content"]).to_owned(), said(dice)),
        29..31 => ("_list".to_owned(), dice.below(4).to_string()),
        31..37 => ("_filter".to_owned(), filter(dice, ty, 2)),
        _ => {
            let code = dice.one(parameters(ty));
            value(dice, ty, code)
        }
    }
}

/// Words, and how they go together.
fn said(dice: &mut Dice) -> String {
    let (a, b) = (dice.one(TEXTS), dice.one(TEXTS));
    match dice.below(6) {
        0 => format!("{a} OR {b}"),
        1 => format!("({a} or {b}) AND NOT smoke"),
        2 => format!("NOT ({a}),{b}"),
        _ => a.to_owned(),
    }
}

/// A parameter with a modifier and values.
fn value(dice: &mut Dice, ty: &str, code: &str) -> (String, String) {
    let kind = kind(ty, code);
    if dice.percent(8) && !matches!(kind, SearchKind::Composite | SearchKind::Special) {
        return (format!("{code}:missing"), dice.one(&["true", "false"]).to_owned());
    }
    let modifiers: &[&str] = match kind {
        SearchKind::Token if code.starts_with("identifier") => {
            &["", "", ":not", ":of-type", ":text"]
        }
        SearchKind::Token => &["", "", "", ":not", ":text"],
        SearchKind::String => &["", "", ":exact", ":contains"],
        SearchKind::Reference if matches!(code, "questionnaire") => &["", ":below"],
        SearchKind::Reference if matches!(code, "partof" | "location") => {
            &["", ":below", ":above", ":identifier"]
        }
        SearchKind::Reference => &["", "", ":identifier"],
        SearchKind::Uri => &["", ":above", ":below"],
        SearchKind::Date
        | SearchKind::Number
        | SearchKind::Quantity
        | SearchKind::Composite
        | SearchKind::Special => &[""],
    };
    let modifier = dice.one(modifiers);
    let mut values = vec![one(dice, (ty, code, kind), modifier)];
    if dice.percent(25) && kind != SearchKind::Special {
        values.push(one(dice, (ty, code, kind), modifier));
    }
    (format!("{code}{modifier}"), values.join(","))
}

fn kind(ty: &str, code: &str) -> SearchKind {
    let ty = ResourceType::named(ty).unwrap();
    Registry::r4().parameter(ty, code).unwrap_or_else(|| panic!("{ty} {code}")).kind
}

fn one(dice: &mut Dice, (ty, code, kind): (&str, &str, SearchKind), modifier: &str) -> String {
    match kind {
        SearchKind::Token if modifier == ":text" => start(dice.one(TEXTS)),
        SearchKind::Token if modifier == ":of-type" => {
            format!(
                "{}|{}|{}",
                dice.one(SYSTEMS),
                escaped(dice.one(CODES)),
                escaped(dice.one(CODES))
            )
        }
        SearchKind::Token => match code {
            "gender" => dice.one(&["male", "female", "other"]).to_owned(),
            "active" | "deceased" => dice.one(&["true", "false"]).to_owned(),
            "status" => {
                dice.one(&["final", "finished", "active", "preliminary", "completed"]).to_owned()
            }
            "version" => dice.one(VERSIONS).to_owned(),
            "telecom" | "phone" | "email" => escaped(dice.one(ADDRESSES)),
            _ => token(dice),
        },
        SearchKind::String if modifier == ":contains" => dice.one(CONTAINED).to_owned(),
        SearchKind::String if modifier == ":exact" => dice.one(WORDS).to_owned(),
        SearchKind::String => start(dice.one(WORDS)),
        SearchKind::Date if code == "birthdate" => format!("{}{}", prefix(dice), dice.one(DAYS)),
        SearchKind::Date => format!("{}{}", prefix(dice), dice.one(DATES)),
        SearchKind::Number if code.starts_with("window") || code.starts_with("variant") => {
            format!("{}{}", prefix(dice), dice.below(4))
        }
        SearchKind::Number => format!("{}{}", prefix(dice), dice.one(NUMBERS)),
        SearchKind::Quantity => quantity(dice),
        SearchKind::Reference if modifier == ":identifier" => token(dice),
        SearchKind::Reference if code == "questionnaire" => {
            format!("http://c.example/q{}", dice.one(&["", "|1.0", "|1", "/1", "|2.0-Rc"]))
        }
        SearchKind::Reference => reference(dice, ty, code),
        SearchKind::Uri => dice
            .one(&[
                "http://c.example/q",
                "http://c.example/q/1/2",
                "http://c.example/",
                "urn:oid:1.2",
            ])
            .to_owned(),
        SearchKind::Composite => composite(dice, code),
        SearchKind::Special => format!(
            "{}|{}|km",
            dice.one(&["42.36|-71.06", "-17.7|180"]),
            dice.one(&["1", "6", "80", "1000"])
        ),
    }
}

fn composite(dice: &mut Dice, code: &str) -> String {
    let second = match code {
        _ if code.ends_with("quantity") => quantity(dice),
        _ if code.ends_with("string") => start(dice.one(WORDS)),
        _ if code.ends_with("date") => format!("{}{}", prefix(dice), dice.one(DATES)),
        _ if code.ends_with("coordinate") => {
            format!("{}${}{}", dice.below(4), prefix(dice), dice.below(4))
        }
        _ => token(dice),
    };
    format!("{}${second}", token(dice))
}

fn token(dice: &mut Dice) -> String {
    let code = escaped(dice.one(CODES));
    match dice.below(6) {
        0..3 => code,
        3 => format!("|{code}"),
        4 => format!("{}|", dice.one(SYSTEMS)),
        _ => format!("{}|{code}", dice.one(SYSTEMS)),
    }
}

fn quantity(dice: &mut Dice) -> String {
    let number = format!("{}{}", prefix(dice), dice.one(NUMBERS));
    match dice.below(4) {
        0 => number,
        1 => format!("{number}||{}", dice.one(UNITS)),
        _ => format!("{number}|http://unitsofmeasure.org|{}", dice.one(UNITS)),
    }
}

fn reference(dice: &mut Dice, ty: &str, code: &str) -> String {
    let target = target(dice, ty, code);
    let id = dice.below(8);
    match dice.below(4) {
        0 => id.to_string(),
        1 => format!("http://own.example/fhir/{target}/{id}"),
        _ => format!("{target}/{id}"),
    }
}

/// One of the types that a reference parameter may point to, if there are resources of it.
fn target(dice: &mut Dice, ty: &str, code: &str) -> &'static str {
    let parameter = Registry::r4().parameter(ResourceType::named(ty).unwrap(), code).unwrap();
    let known: Vec<&'static str> = TYPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| parameter.targets.iter().any(|target| target.name() == *name))
        .collect();
    if known.is_empty() { "Patient" } else { dice.one(&known) }
}

fn references(ty: &str) -> Vec<&'static str> {
    let codes = parameters(ty).iter().copied();
    codes
        .filter(|code| kind(ty, code) == SearchKind::Reference && *code != "questionnaire")
        .collect()
}

fn chain(dice: &mut Dice, ty: &str) -> (String, String) {
    let references = references(ty);
    if references.is_empty() {
        let code = dice.one(parameters(ty));
        return value(dice, ty, code);
    }
    let code = dice.one(&references);
    let target = target(dice, ty, code);
    let (rest, values) = if dice.percent(20) {
        chain(dice, target)
    } else if dice.percent(10) {
        has(dice, target)
    } else {
        let end = dice.one(parameters(target));
        value(dice, target, end)
    };
    (format!("{code}:{target}.{rest}"), values)
}

fn has(dice: &mut Dice, ty: &str) -> (String, String) {
    let sources: Vec<(&str, &str)> = PARAMETERS
        .iter()
        .flat_map(|(source, _)| references(source).into_iter().map(move |code| (*source, code)))
        .filter(|(source, code)| {
            let parameter =
                Registry::r4().parameter(ResourceType::named(source).unwrap(), code).unwrap();
            parameter.targets.iter().any(|target| target.name() == ty)
        })
        .collect();
    if sources.is_empty() {
        let code = dice.one(parameters(ty));
        return value(dice, ty, code);
    }
    let (source, code) = sources[dice.below(sources.len())];
    let end = dice.one(parameters(source));
    let (rest, values) = value(dice, source, end);
    (format!("_has:{source}:{code}:{rest}"), values)
}

fn filter(dice: &mut Dice, ty: &str, depth: usize) -> String {
    if depth > 0 && dice.percent(40) {
        let (a, b) = (filter(dice, ty, depth - 1), filter(dice, ty, depth - 1));
        return match dice.below(3) {
            0 => format!("({a}) and ({b})"),
            1 => format!("({a}) or ({b})"),
            _ => format!("not ({a})"),
        };
    }
    let plain: Vec<&str> = parameters(ty)
        .iter()
        .copied()
        .filter(|code| {
            matches!(kind(ty, code), SearchKind::String | SearchKind::Date | SearchKind::Number)
        })
        .collect();
    if plain.is_empty() {
        return format!("_id eq {}", dice.below(8));
    }
    let code = dice.one(&plain);
    match kind(ty, code) {
        SearchKind::String => {
            format!("{code} {} \"{}\"", dice.one(&["eq", "co", "sw", "ew"]), dice.one(WORDS))
        }
        SearchKind::Date => format!(
            "{code} {} {}",
            dice.one(&["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]),
            dice.one(DATES)
        ),
        SearchKind::Number
        | SearchKind::Token
        | SearchKind::Reference
        | SearchKind::Composite
        | SearchKind::Quantity
        | SearchKind::Uri
        | SearchKind::Special => {
            format!("{code} {} {}", dice.one(&["eq", "gt", "lt", "ge", "le"]), dice.one(NUMBERS))
        }
    }
}

fn sort(dice: &mut Dice, ty: &str) -> String {
    let sortable: Vec<&str> = parameters(ty)
        .iter()
        .copied()
        .filter(|code| !matches!(kind(ty, code), SearchKind::Composite | SearchKind::Special))
        .chain(["_id", "_lastUpdated"])
        .collect();
    let mut keys = Vec::new();
    for _ in 0..=dice.below(2) {
        keys.push(format!("{}{}", dice.one(&["", "-"]), dice.one(&sortable)));
    }
    keys.join(",")
}

fn include(dice: &mut Dice, ty: &str, way: &str) -> String {
    if way == "_include" {
        let references = references(ty);
        return match references.len() {
            0 => "*".to_owned(),
            _ => format!("{ty}:{}", if dice.percent(20) { "*" } else { dice.one(&references) }),
        };
    }
    let sources: Vec<String> = PARAMETERS
        .iter()
        .flat_map(|(source, _)| references(source).into_iter().map(move |code| (*source, code)))
        .filter(|(source, code)| {
            let parameter =
                Registry::r4().parameter(ResourceType::named(source).unwrap(), code).unwrap();
            parameter.targets.iter().any(|target| target.name() == ty)
        })
        .map(|(source, code)| format!("{source}:{code}"))
        .collect();
    if sources.is_empty() { "*".to_owned() } else { sources[dice.below(sources.len())].clone() }
}

fn prefix(dice: &mut Dice) -> &'static str {
    dice.one(&["", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
}

fn start(text: &str) -> String {
    text.chars().take(3).collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$")
}
