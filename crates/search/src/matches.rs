//! What a plan means, written to be obviously right: the reference that SQL is tested against.

use fhir_model::Instant;

use crate::{
    SearchKind, Target,
    plan::{
        Comparison, DateTest, Filter, NumberTest, ReferenceTest, StringTest, System, Test,
        TokenTest, UnitTest, UriTest, Version,
    },
    registry::ParamId,
    rows::{QuantityRow, Rows, StringRow, TokenRow},
    timespan::Timespan,
};

/// Whether a resource of the plan's type, with this id, `meta.lastUpdated` and these rows, is found.
pub fn matches(filters: &[Filter], rows: &Rows, id: &str, updated: Instant) -> bool {
    filters.iter().all(|filter| holds(filter, rows, id, updated))
}

fn holds(filter: &Filter, rows: &Rows, id: &str, updated: Instant) -> bool {
    match filter {
        Filter::All(filters) => matches(filters, rows, id, updated),
        Filter::Any(filters) => filters.iter().any(|one| holds(one, rows, id, updated)),
        Filter::Not(filter) => !holds(filter, rows, id, updated),
        Filter::Id(any) => any.iter().any(|wanted| **wanted == *id),
        Filter::Updated(any) => {
            any.iter().any(|test| date_matches(test, Timespan::instant(updated)))
        }
        Filter::Value { params, any } => {
            any.iter().any(|test| params.iter().any(|param| some_row_matches(test, *param, rows)))
        }
        Filter::Present { params, kind } => {
            params.iter().any(|param| has_rows(*param, *kind, rows))
        }
        Filter::Chain { .. } | Filter::Has { .. } | Filter::Words { .. } | Filter::Near { .. } => {
            false
        }
    }
}

fn some_row_matches(test: &Test, param: ParamId, rows: &Rows) -> bool {
    match test {
        Test::Token(test) => {
            rows.tokens.iter().any(|row| row.param == param && token_matches(test, row))
        }
        Test::Identifier(test) => {
            rows.identifiers.iter().any(|row| row.param == param && token_matches(test, row))
        }
        Test::Reference(test) => rows
            .references
            .iter()
            .any(|row| row.param == param && reference_matches(test, &row.target)),
        Test::String(test) => {
            rows.strings.iter().any(|row| row.param == param && string_matches(test, row))
        }
        Test::Date(test) => {
            rows.dates.iter().any(|row| row.param == param && date_matches(test, row.span))
        }
        Test::Number(test) => {
            rows.numbers.iter().any(|row| row.param == param && number_matches(*test, row.value.0))
        }
        Test::Quantity(test, unit) => rows.quantities.iter().any(|row| {
            row.param == param && number_matches(*test, row.value.0) && unit_matches(unit, row)
        }),
        Test::Uri(UriTest::Is(uri)) => {
            rows.uris.iter().any(|row| row.param == param && row.uri == *uri)
        }
        Test::Uri(UriTest::Below(_))
        | Test::Typed(_)
        | Test::Mime(_)
        | Test::Concepts(_)
        | Test::Text(_)
        | Test::Canonical(..)
        | Test::Composite { .. }
        | Test::Numbers(..) => false,
    }
}

fn token_matches(test: &TokenTest, row: &TokenRow) -> bool {
    let system = match &test.system {
        System::Any => true,
        System::None => row.system.is_none(),
        System::Is(system) => row.system.as_ref() == Some(system),
    };
    system && test.code.as_ref().is_none_or(|code| row.code == *code)
}

fn reference_matches(test: &ReferenceTest, target: &Target) -> bool {
    match (test, target) {
        (ReferenceTest::Local { ty, id }, Target::Local { ty: t, id: i }) => ty == t && id == i,
        (ReferenceTest::Id { types, id }, Target::Local { ty, id: i }) => {
            id == i && (types.is_empty() || types.contains(ty))
        }
        (ReferenceTest::Url { url, version }, Target::Url { url: u, version: v }) => {
            url == u
                && match version {
                    Version::Any => true,
                    Version::Is(version) => v.as_ref() == Some(version),
                    Version::Below(_) => false,
                }
        }
        (
            ReferenceTest::Local { .. }
            | ReferenceTest::Id { .. }
            | ReferenceTest::Url { .. }
            | ReferenceTest::Hierarchy { .. },
            _,
        ) => false,
    }
}

fn string_matches(test: &StringTest, row: &StringRow) -> bool {
    match test {
        StringTest::StartsWith(text) => row.folded.starts_with(&**text),
        StringTest::Exact(text) => row.exact == *text,
        StringTest::Contains(text) => row.folded.contains(&**text),
        StringTest::Is(text) => row.folded == *text,
        StringTest::EndsWith(text) => row.folded.ends_with(&**text),
    }
}

/// The table of <https://hl7.org/fhir/R4/search.html#prefix>, in its words.
fn date_matches(test: &DateTest, target: Timespan) -> bool {
    let search = test.span;
    let contains = search.lo <= target.lo && target.hi <= search.hi;
    let above_overlaps = target.hi > search.hi;
    let below_overlaps = target.lo < search.lo;
    match test.comparison {
        Comparison::Equal => contains,
        Comparison::NotEqual => !contains,
        Comparison::Greater => above_overlaps,
        Comparison::Less => below_overlaps,
        Comparison::GreaterOrEqual => above_overlaps || contains,
        Comparison::LessOrEqual => below_overlaps || contains,
        Comparison::StartsAfter => target.lo >= search.hi,
        Comparison::EndsBefore => target.hi <= search.lo,
        Comparison::Approximate => target.lo < search.hi && target.hi > search.lo,
    }
}

fn number_matches(test: NumberTest, value: f64) -> bool {
    match test {
        NumberTest::Within(lo, hi) => lo <= value && value < hi,
        NumberTest::Outside(lo, hi) => value < lo || value >= hi,
        NumberTest::Greater(x) => value > x,
        NumberTest::GreaterOrEqual(x) => value >= x,
        NumberTest::Less(x) => value < x,
        NumberTest::LessOrEqual(x) => value <= x,
    }
}

fn unit_matches(test: &UnitTest, row: &QuantityRow) -> bool {
    match test {
        UnitTest::Any => true,
        UnitTest::Coded { system, code } => {
            row.system.as_ref() == Some(system) && row.code.as_ref() == Some(code)
        }
        UnitTest::Named(name) => row.code.as_ref() == Some(name) || row.unit.as_ref() == Some(name),
    }
}

fn has_rows(param: ParamId, kind: SearchKind, rows: &Rows) -> bool {
    let typed = match kind {
        SearchKind::Token => rows.tokens.iter().any(|row| row.param == param),
        SearchKind::Reference => {
            rows.references.iter().any(|row| row.param == param)
                || rows.identifiers.iter().any(|row| row.param == param)
        }
        SearchKind::String => rows.strings.iter().any(|row| row.param == param),
        SearchKind::Date => rows.dates.iter().any(|row| row.param == param),
        SearchKind::Number => rows.numbers.iter().any(|row| row.param == param),
        SearchKind::Quantity => rows.quantities.iter().any(|row| row.param == param),
        SearchKind::Uri => rows.uris.iter().any(|row| row.param == param),
        SearchKind::Composite | SearchKind::Special => false,
    };
    typed || rows.valueless.contains(&param)
}

#[cfg(test)]
mod tests {
    use fhir_model::{ResourceType, json};

    use super::*;
    use crate::{Handling, Reading, Registry, extract, parse};

    const PATIENT: &str = r#"{"resourceType":"Patient","active":true,"gender":"female",
        "identifier":[{"system":"s","value":"1"},{"value":"2"}],"birthDate":"1974-12",
        "name":[{"family":"Müller"},{"given":["Asha"]}],
        "managingOrganization":{"reference":"Organization/o"},
        "generalPractitioner":[{"identifier":{"system":"n","value":"7"}},{"display":"x"}]}"#;

    /// What is true of the patient above with the id `p`, updated on 2026-11-22.
    const QUERIES: &[(&str, bool)] = &[
        ("", true),
        ("_id=p", true),
        ("_id=q,p", true),
        ("_id=P", false),
        ("_id:not=p", false),
        ("_id:missing=false", true),
        ("_id:missing=true", false),
        ("_lastUpdated=2026-11-22", true),
        ("_lastUpdated=lt2026-11-22", false),
        ("_lastUpdated=ge2026-11-22T00:00:00.000Z", true),
        ("gender=male", false),
        ("gender=male,female", true),
        ("gender=female&active=true", true),
        ("gender=female&active=false", false),
        ("gender:not=male", true),
        ("gender:not=male,female", false),
        ("language:not=fr", true),
        ("language:missing=true", true),
        ("gender:missing=true", false),
        ("identifier=1", true),
        ("identifier=|1", false),
        ("identifier=|2", true),
        ("identifier=s|2", false),
        ("identifier=s|", true),
        ("family=mull", true),
        ("family=uller", false),
        ("family:contains=ÜLLER", true),
        ("family:exact=Müller", true),
        ("family:exact=muller", false),
        ("family=asha", false),
        ("name=asha", true),
        ("birthdate=1974", true),
        ("birthdate=1974-12", true),
        ("birthdate=1974-12-01", false),
        ("birthdate=ne1974-12-01", true),
        ("birthdate=gt1974-12-30", true),
        ("birthdate=sa1974-12-30", false),
        ("birthdate=ap1974-12-30", true),
        ("organization=o", true),
        ("organization=Organization/o", true),
        ("organization=http://own.example/Organization/o", true),
        ("organization=http://else.example/Organization/o", false),
        ("general-practitioner:identifier=n|7", true),
        ("general-practitioner:identifier=7", true),
        ("general-practitioner=7", false),
        ("general-practitioner:missing=false", true),
        ("link:missing=true", true),
        ("deceased=false", true),
    ];

    #[test]
    fn queries_find_what_they_should() {
        let ty = ResourceType::named("Patient").unwrap();
        let now = Instant::from_date(2026, 11, 22);
        let reading = Reading { handling: Handling::Strict, base: "http://own.example", now };
        let tree = json::parse_trusted(PATIENT.as_bytes().to_vec().into());
        let rows = extract(Registry::r4(), &tree, reading.base);
        for (query, expected) in QUERIES {
            let pairs: Vec<(String, String)> = query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let (plan, _) = parse(Registry::r4(), ty, &pairs, &reading).unwrap();
            assert_eq!(matches(&plan.types[0].filters, &rows, "p", now), *expected, "{query}");
        }
    }
}
