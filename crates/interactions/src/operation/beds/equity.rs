//! `Measure/bed-equity/$evaluate-measure`: whether people wait alike. Of the requests of a period, within each tier, how
//! many were served and how long they waited, by sex, age, district and kind of payer; where a group waits, or goes
//! without, more than a quarter more often than the one that fares best, it is flagged. Small groups are left out.

use std::collections::{BTreeMap, BTreeSet};

use auth::Role;
use beds::{Code as _, Tier};
use fhir_model::{Instant, IssueType, Outcome, json::Value};
use search::Timespan;
use storage::Turn;

use super::{
    CANONICAL,
    assessment::Assessed,
    document::{codes, concept, extension, items, list, named, object, read, set, string, text},
    gate::{forbidden, manages, role},
    patient::person,
    planners, ty,
};
use crate::{
    Answer, Fhir, Query,
    operation::Request,
    read::not_found,
    search::{Reach, understand},
};

const REQUESTS_MAX: u32 = 20_000;
/// Groups of fewer are left out: who is in them could be guessed.
const SHOWN_FROM: usize = 11;
/// Groups of fewer are not compared.
const COMPARED_FROM: usize = 30;

/// What requests are grouped by.
const DIMENSIONS: [&str; 4] = ["sex", "age", "district", "payer"];

/// One request: its tier, how long it waited (minutes) if it was served, and the groups that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Case {
    tier: Tier,
    waited: Option<i64>,
    groups: [String; DIMENSIONS.len()],
}

/// How a group fared.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stratum {
    name: String,
    requests: usize,
    served: usize,
    /// Minutes that half, and nineteen in twenty, of those who were served waited at most.
    waits: Option<(i64, i64)>,
    is_flagged: bool,
}

pub(crate) async fn evaluate(request: Request<'_>) -> Result<Answer, Outcome> {
    let (fhir, key) = (request.fhir, request.call.key()?);
    if !manages(request.caller) && role(request.caller) != Some(Role::Admin) {
        return Err(forbidden("Those who run beds see how they are shared out"));
    }
    if key.id != "bed-equity" {
        return Err(not_found(key));
    }
    let input = &request.call.input;
    let moment = |name: &str| {
        let wrong = || {
            let text = format!("{name} is a date or a time");
            Outcome::new(IssueType::Value, text).at("Parameters.parameter")
        };
        input.text(name).and_then(Timespan::parse).ok_or_else(wrong)
    };
    let until = moment("periodEnd")?.hi.div_euclid(1000);
    let from = moment("periodStart")?.lo.div_euclid(1000);
    let cases = cases(fhir, (Instant::from_millis(from), Instant::from_millis(until))).await?;
    // the only thing it gives is a resource called return: that is the answer, without Parameters around it
    Ok(Answer::ok(report(&cases, (from, until)).to_vec()))
}

async fn cases(fhir: &Fhir, period: (Instant, Instant)) -> Result<Vec<Case>, Outcome> {
    let permit = planners()?;
    let past = fhir.vault.past_bed_requests(&permit, period, (true, REQUESTS_MAX)).await?;
    let patients: BTreeSet<&str> = past.iter().map(|it| it.patient.as_str()).collect();
    let patients: Vec<&str> = patients.into_iter().collect();
    let mut groups = BTreeMap::new();
    for version in fhir.vault.read_many(&permit, ty("Patient")?, &patients).await? {
        let Some(body) = &version.body else { continue };
        let payer = payer(fhir, &version.id).await?;
        let body = read(body)?;
        groups.insert(version.id, groups_of(&body, payer.as_deref(), period.1));
    }
    let case = |past: &storage::PastRequest| {
        let kept = serde_json::from_str::<Assessed>(&past.details).ok()?;
        let Assessed { request, .. } = Some(kept).filter(|it| !it.is_emergency)?;
        let waited =
            past.served.map(|at| (at.millis() - request.authored_on_millis).max(0) / 60_000);
        Some(Case { tier: request.tier, waited, groups: groups.get(&past.patient)?.clone() })
    };
    Ok(past.iter().filter_map(case).collect())
}

const UNKNOWN: &str = "unknown";

fn groups_of(patient: &Value, payer: Option<&str>, now: Instant) -> [String; DIMENSIONS.len()] {
    let age = match person(patient).for_scores(now).age_years {
        Some(..=15) => "0-15",
        Some(16..=39) => "16-39",
        Some(40..=64) => "40-64",
        Some(65..=79) => "65-79",
        Some(_) => "80 and more",
        None => UNKNOWN,
    };
    let district = items(patient, "address")
        .iter()
        .find_map(|it| text(it, "district").or_else(|| text(it, "city")));
    let sex = text(patient, "gender");
    [sex.unwrap_or(UNKNOWN), age, district.unwrap_or(UNKNOWN), payer.unwrap_or("none")]
        .map(str::to_owned)
}

/// The kind of a patient's active coverage.
async fn payer(fhir: &Fhir, patient: &str) -> Result<Option<String>, Outcome> {
    let mut query = Query::default();
    query.push("beneficiary", format!("Patient/{patient}"));
    query.push("status", "active");
    let (plan, _) =
        understand(fhir, &Reach::Type(ty("Coverage")?), query, search::Handling::Strict)?;
    let page = fhir.vault.search(&planners()?, &plan, &Turn::First, 1).await?;
    let Some(body) = page.versions.first().and_then(|it| it.body.as_ref()) else { return Ok(None) };
    let coverage = read(body)?;
    let kind = coverage.get("type").and_then(|it| codes(it).next().or_else(|| text(it, "text")));
    if let Some(kind) = kind {
        return Ok(Some(kind.to_owned()));
    }
    let payor = items(&coverage, "payor").first();
    let pays_oneself = payor.is_some_and(|it| named(it, "Patient", fhir.base()).is_some());
    Ok(Some(if pays_oneself { "self" } else { "other" }.to_owned()))
}

/// How each group of a dimension fared, in the order of their names.
fn strata(cases: &[&Case], dimension: usize) -> Vec<Stratum> {
    let mut by_name: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        let name = case.groups.get(dimension).map_or(UNKNOWN, String::as_str);
        by_name.entry(name).or_default().push(case);
    }
    by_name.retain(|_, some| some.len() >= SHOWN_FROM);
    let stratum = |(name, some): (&str, Vec<&Case>)| {
        let mut waits: Vec<i64> = some.iter().filter_map(|case| case.waited).collect();
        waits.sort_unstable();
        Stratum {
            name: name.to_owned(),
            requests: some.len(),
            served: waits.len(),
            waits: rank(&waits, 50).zip(rank(&waits, 95)),
            is_flagged: false,
        }
    };
    let mut strata: Vec<Stratum> = by_name.into_iter().map(stratum).collect();
    let compared = |it: &&Stratum| it.requests >= COMPARED_FROM;
    let shortest = strata.iter().filter(compared).filter_map(|it| Some(it.waits?.0.max(1))).min();
    let best = strata
        .iter()
        .filter(compared)
        .max_by(|a, b| (a.served * b.requests).cmp(&(b.served * a.requests)));
    let best = best.map(|it| (it.served, it.requests));
    for it in &mut strata {
        if it.requests < COMPARED_FROM {
            continue;
        }
        // more than 1.25 times, in whole numbers
        let waits_longer =
            it.waits.zip(shortest).is_some_and(|((half, _), least)| half * 4 > least * 5);
        let is_served_less = best
            .is_some_and(|(served, requests)| served * it.requests * 4 > it.served * requests * 5);
        it.is_flagged = waits_longer || is_served_less;
    }
    strata
}

/// The value that so many of a hundred do not exceed.
fn rank(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

fn report(cases: &[Case], (from, until): (i64, i64)) -> Value {
    let mut groups = Vec::new();
    for tier in Tier::ALL {
        let some: Vec<&Case> = cases.iter().filter(|case| case.tier == *tier).collect();
        if some.len() < SHOWN_FROM {
            continue;
        }
        let served = some.iter().filter(|case| case.waited.is_some()).count();
        let stratifiers = DIMENSIONS.iter().enumerate().filter_map(|(n, name)| {
            let strata: Vec<Value> = strata(&some, n).iter().map(of_stratum).collect();
            let code = concept("bed-equity-group", name);
            (!strata.is_empty())
                .then(|| object([("code", list([code])), ("stratum", Value::Array(strata))]))
        });
        let stratifiers: Vec<Value> = stratifiers.collect();
        let mut group = object([
            ("code", concept("bed-tier", tier.code())),
            ("population", populations(some.len(), served)),
        ]);
        if !stratifiers.is_empty() {
            set(&mut group, "stratifier", Value::Array(stratifiers));
        }
        groups.push(group);
    }
    let at = |millis: i64| string(Instant::from_millis(millis).to_string());
    let mut report = object([
        ("resourceType", string("MeasureReport")),
        ("status", string("complete")),
        ("type", string("summary")),
        ("measure", string(format!("{CANONICAL}/Measure/bed-equity"))),
        ("period", object([("start", at(from)), ("end", at(until - 1))])),
    ]);
    if !groups.is_empty() {
        set(&mut report, "group", Value::Array(groups));
    }
    report
}

fn populations(requests: usize, served: usize) -> Value {
    let of = |code: &str, count: usize| {
        let system = "http://terminology.hl7.org/CodeSystem/measure-population";
        let code = super::document::coded(system, code);
        object([("code", code), ("count", Value::Number(count.to_string()))])
    };
    list([of("denominator", requests), of("numerator", served)])
}

fn of_stratum(stratum: &Stratum) -> Value {
    let Stratum { name, requests, served, waits, is_flagged } = stratum;
    let number =
        |name: &str, value: i64| extension(name, "valueInteger", Value::Number(value.to_string()));
    let mut extensions = vec![extension("is-unequal", "valueBoolean", Value::Bool(*is_flagged))];
    if let Some((half, most)) = waits {
        extensions.push(number("wait-p50-minutes", *half));
        extensions.push(number("wait-p95-minutes", *most));
    }
    let thousandths = served * 1000 / requests.max(&1);
    let score = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    object([
        ("extension", Value::Array(extensions)),
        ("value", object([("text", string(name.as_str()))])),
        ("population", populations(*requests, *served)),
        ("measureScore", object([("value", Value::Number(score))])),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize, sex: &str, waited: Option<i64>) -> Vec<Case> {
        let groups = [sex, "16-39", "Pune", "none"].map(str::to_owned);
        vec![Case { tier: Tier::Soon, waited, groups }; count]
    }

    fn by_sex(cases: &[Case]) -> Vec<(String, usize, usize, bool)> {
        let cases: Vec<&Case> = cases.iter().collect();
        let strata = strata(&cases, 0).into_iter();
        strata.map(|it| (it.name, it.requests, it.served, it.is_flagged)).collect()
    }

    #[test]
    fn who_waits_a_quarter_longer_is_flagged() {
        let with =
            |minutes| [some(40, "female", Some(minutes)), some(40, "male", Some(80))].concat();
        let rows =
            |flagged| [("female".to_owned(), 40, 40, flagged), ("male".to_owned(), 40, 40, false)];
        assert_eq!(by_sex(&with(100)), rows(false));
        assert_eq!(by_sex(&with(101)), rows(true));
    }

    #[test]
    fn who_goes_without_more_often_is_flagged_and_few_are_not_compared() {
        let all = [
            some(40, "female", Some(80)),
            some(24, "male", Some(80)),
            some(16, "male", None),
            some(11, "other", None),
            some(10, "unknown", Some(1)),
        ];
        let row = |name: &str, requests, served, flag| (name.to_owned(), requests, served, flag);
        let expected =
            [row("female", 40, 40, false), row("male", 40, 24, true), row("other", 11, 0, false)];
        assert_eq!(by_sex(&all.concat()), expected);
    }

    #[test]
    fn groups_of_a_patient() {
        let patient = read(
            br#"{"gender":"male","birthDate":"1950-01-01","address":[{"city":"Pune","district":"Haveli"}]}"#,
        );
        let found = groups_of(&patient.unwrap(), None, Instant::from_date(2026, 11, 22));
        assert_eq!(found, ["male", "65-79", "Haveli", "none"]);
        let nothing = groups_of(&read(b"{}").unwrap(), Some("PUBLICPOL"), Instant::from_millis(0));
        assert_eq!(nothing, ["unknown", "unknown", "unknown", "PUBLICPOL"]);
    }

    #[test]
    fn a_report_leaves_out_small_tiers() {
        let cases = [some(31, "female", Some(10)), some(31, "male", Some(50))].concat();
        let text = String::from_utf8(report(&cases, (0, 86_400_000)).to_vec()).unwrap();
        assert!(text.contains(r#""code":"soon""#) && !text.contains(r#""code":"urgent""#));
        assert!(text.contains(r#""valueBoolean":true"#) && text.contains(r#""valueInteger":50"#));
        let few = String::from_utf8(report(&some(10, "male", None), (0, 1)).to_vec()).unwrap();
        assert!(!few.contains("group"), "{few}");
    }
}
