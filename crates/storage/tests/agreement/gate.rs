//! Random queries of random people: the databases show what remains when everything that a person may not see is
//! taken out of the world beforehand.

use std::{collections::BTreeMap, sync::Arc};

use auth::{
    Action, Caller, Grant, Named, Permit, Principal, Role, Standing, Study, User, authorize,
};
use fhir_model::{Instant, ResourceType, json};
use search::{Corpus, Handling, Reading, Registry};
use serde_json::{Value, json};
use storage::{HistoryQuery, Key, Scope, Turn, Vault};

use crate::{
    BASE, Put, agree,
    dice::Dice,
    eyes::{Looker, TODAY, World},
    fresh_database, insurance, number, open, permit, queries,
    resources::{self, TYPES},
    text,
};

const LOOKERS_A_ROUND: usize = 12;
const QUERIES_A_LOOKER: usize = 25;
/// Besides, by dice of their own, and not counted among what is found.
const RECORDS_A_LOOKER: usize = 15;

/// Explanations of benefits in a world.
const EXPLANATIONS: u64 = 40;

/// A version that was written: its resource, its number, its body and when.
type Written = (Key, u64, Option<Value>, Instant);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_finds_what_they_may_not_see() {
    let pairs_wanted = number("MEDVAULT_AGREEMENT_PAIRS", 100_000);
    let seed = number("MEDVAULT_AGREEMENT_SEED", 1);
    let (mut pairs, mut hits, mut refused, mut round, mut claims) = (0, 0, 0, 0, 0);
    let (mut seen, mut answers, mut explained, mut records) = ((0, 0), 0, 0, 0);
    while pairs < pairs_wanted {
        let mut dice = Dice::new(u64::try_from(seed + 1000 + round).unwrap());
        let directory = tempfile::tempdir().unwrap();
        let sqlite = open(&format!("sqlite:{}/v.sqlite", directory.path().display())).await;
        let postgres = open(&fresh_database(1000 + round).await).await;
        let worlds = fill(&mut dice, &[&sqlite, &postgres]).await;
        for n in 0..LOOKERS_A_ROUND {
            let looker = looker(&mut dice);
            let unread = caller(&looker);
            let called = format!("seed {} looker {n} {looker:?}", seed + round);
            let (mut corpora, mut callers) = (Vec::new(), Vec::new());
            for (vault, written) in [&sqlite, &postgres].into_iter().zip(&worlds) {
                closes(vault, &looker, &unread, written, &called).await;
                let caller = informed(vault, &unread).await;
                let (open, all) = reads(vault, &looker, &caller, written, &called).await;
                claims += open_claims(&looker, "Claim", written);
                answers += open_claims(&looker, "ClaimResponse", written);
                explained += open_claims(&looker, "ExplanationOfBenefit", written);
                callers.push(caller);
                seen = (seen.0 + open, seen.1 + all);
                corpora.push((corpus(&looker, written), looker.role != "study"));
            }
            let mut own = Dice::new(u64::try_from(seed + 77 * round).unwrap() + n as u64);
            for n in 0..QUERIES_A_LOOKER + RECORDS_A_LOOKER {
                let is_record = n >= QUERIES_A_LOOKER;
                let dice = if is_record { &mut own } else { &mut dice };
                let query = if is_record { queries::record(dice) } else { asked(dice, &looker) };
                let name = format!("{called} query {n}: {}", text(&query));
                let now = Instant::from_date(2020, 2, 10);
                let reading = Reading { handling: Handling::Strict, base: BASE, now };
                let Ok((mut plan, _)) =
                    search::parse(Registry::r4(), query.ty, &query.pairs, &reading)
                else {
                    continue;
                };
                let permit = authorize(&unread, Action::Search, Some(query.ty));
                assert_eq!(permit.is_ok(), looker.may(query.ty.name()), "{name}");
                let checked = permit.and_then(|permit| {
                    auth::check(&mut plan, &permit, (&[Action::Search], Named::Types))
                });
                if checked.is_err() {
                    refused += usize::from(!is_record);
                    continue;
                }
                let count = u32::try_from(1 + dice.below(9)).unwrap();
                let eyes = callers.iter().zip(&corpora);
                for (vault, (caller, (seen, reads))) in [&sqlite, &postgres].into_iter().zip(eyes) {
                    let permit = authorize(caller, Action::Search, Some(query.ty)).unwrap();
                    let found = agree((vault, &permit), (seen, *reads), &plan, count, &name).await;
                    *(if is_record { &mut records } else { &mut hits }) += found;
                    pairs += if is_record { 0 } else { worlds[0].len() };
                }
            }
        }
        round += 1;
    }
    println!(
        "{pairs} pairs, {hits} hits, {records} in records, {refused} queries refused, {} of {} versions open, {claims} claims, {answers} answers and {explained} explanations to insurers",
        seen.0, seen.1
    );
    assert!(records > 0, "nothing is found in records");
    assert!(claims > 0, "no claim is open to an insurer");
    assert!(answers > 0, "no answer to a claim is open to an insurer");
    assert!(explained > 0, "no explanation of a claim is open to an insurer");
    assert!(hits * 400 > pairs, "too little is found to say anything: {hits} of {pairs}");
    assert!(seen.0 * 20 > seen.1 && seen.0 * 10 < seen.1 * 9, "{seen:?}");
}

/// What somebody asks for.
fn asked(dice: &mut Dice, looker: &Looker) -> queries::Query {
    let mut query = queries::query(dice);
    if dice.percent(70) {
        // what is asked for in every way, but not narrowed much
        let ways = ["_sort", "_include", "_revinclude", "_has"];
        let shows = |name: &str| ways.iter().any(|one| name.starts_with(one));
        query.pairs.retain(|(name, _)| shows(name) || name.contains('.'));
    }
    if looker.role == "insurer" && dice.percent(50) {
        query.ty = ResourceType::named(dice.one(&["Claim", "Claim", "ClaimResponse"])).unwrap();
        let pairs = ["status=active", "use=claim", "_sort=created", "patient.gender=male"];
        let (name, value) = dice.one(&pairs).split_once('=').unwrap();
        query.pairs = vec![(name.to_owned(), value.to_owned())];
    }
    query
}

/// How many claims, or answers to them, an insurer may see.
fn open_claims(looker: &Looker, ty: &str, written: &[Written]) -> usize {
    let world = world(written);
    let is_claim = |body: &Value| looker.role == "insurer" && body["resourceType"] == ty;
    world.iter().filter(|(name, body)| is_claim(body) && looker.sees(name, body, &world)).count()
}

/// Somebody who has read the Consents that they have to.
async fn informed(vault: &Vault, caller: &Caller) -> Caller {
    let Caller::Bearer(who) = caller else { panic!("{caller:?}") };
    let informed = vault.informed(who).await.unwrap();
    Caller::Bearer(informed.unwrap_or_else(|| Arc::clone(who)))
}

/// Who has not read the Consents sees less, never more.
async fn closes(
    vault: &Vault,
    looker: &Looker,
    caller: &Caller,
    written: &[Written],
    called: &str,
) {
    let world = world(written);
    for (key, (body, _)) in current(written) {
        let Some(permit) = reading(caller, key.resource_type) else { continue };
        let found = vault.read(&permit, &key).await.unwrap();
        let is_open = looker.sees(&format!("{}/{}", key.resource_type, key.id), body, &world);
        assert!(found.is_none() || is_open, "{called}: {key:?} without having read");
    }
}

fn looker(dice: &mut Dice) -> Looker {
    let role = dice.one(&[
        "patient", "doctor", "doctor", "doctor", "intern", "hospital", "hospital", "admin",
        "proxy", "proxy", "proxy", "doctor", "insurer", "study",
    ]);
    let who = match role {
        "patient" => format!("Patient/{}", dice.below(10)),
        "proxy" => format!("RelatedPerson/{}", dice.below(3)),
        "hospital" | "study" => format!("Organization/{}", dice.below(5)),
        "insurer" => format!("Organization/{}", dice.below(2)),
        _ => format!("Practitioner/{}", dice.below(4)),
    };
    // a study lets nobody in whose scopes have conditions
    let kinds = if role == "study" { &[0, 3][..] } else { &[0, 1, 2, 3, 3, 3, 3] };
    let scopes = match kinds[dice.below(kinds.len())] {
        0 => vec![("Observation", None), ("Patient", None)],
        1 => {
            vec![("Observation", Some(("status", "final"))), ("Encounter", None), ("Patient", None)]
        }
        2 => vec![
            ("Observation", Some(("code", "a"))),
            ("Observation", Some(("code", "b"))),
            ("Condition", None),
            ("Organization", None),
        ],
        _ => vec![("*", None)],
    };
    let is_launch = role == "patient" || (role == "doctor" && dice.percent(30));
    let patient = is_launch.then(|| {
        if role == "patient" { who.clone() } else { format!("Patient/{}", dice.below(10)) }
    });
    let (mut acts_for, mut wards) = (Vec::new(), Vec::new());
    if role == "proxy" {
        for _ in 0..2 {
            acts_for.push(format!("Patient/{}", dice.below(10)));
            if dice.percent(40) {
                wards.extend(acts_for.last().cloned());
            }
        }
    }
    Looker {
        acts_for,
        wards,
        role: match role {
            "patient" => "patient",
            "proxy" => "proxy",
            "doctor" => "doctor",
            "intern" => "intern",
            "hospital" => "hospital",
            "insurer" => "insurer",
            "study" => "study",
            _ => "admin",
        },
        who,
        patient,
        scopes,
    }
}

fn caller(looker: &Looker) -> Caller {
    let context = match (&looker.patient, looker.role) {
        (Some(_), _) => "patient",
        (None, "hospital" | "insurer") => "system",
        (None, _) => "user",
    };
    let scope = |(ty, condition): &(&str, Option<(&str, &str)>)| {
        let condition =
            condition.map_or_else(String::new, |(name, value)| format!("?{name}={value}"));
        format!("{context}/{ty}.rs{condition}")
    };
    let scopes: Vec<String> = looker.scopes.iter().map(scope).collect();
    let (role, id) = (looker.role, looker.who.split_once('/').unwrap().1);
    let fhir_user =
        if role == "intern" { "Practitioner/none".to_owned() } else { looker.who.clone() };
    let is_client = matches!(role, "hospital" | "insurer");
    let is_study = role == "study";
    let user = (!is_client).then(|| User {
        login: "somebody".into(),
        role: if is_study { "researcher" } else { role }.into(),
        fhir_user: (!is_study).then_some(fhir_user),
        organization: is_study.then(|| looker.who.clone()),
        supervisor: None,
        until: None,
    });
    let grant = Grant {
        token_id: "t".into(),
        client: Some("app".into()),
        client_organization: is_client.then(|| looker.who.clone()),
        origins: Vec::new(),
        user,
        patient: looker.patient.as_ref().map(|name| name.split_once('/').unwrap().1.to_owned()),
        encounter: None,
        scopes: scopes.join(" "),
        expires: Instant::from_date(2999, 1, 1),
    };
    let standing = Standing {
        client_role: Role::named(role).filter(|_| is_client),
        supervisor: (role == "intern").then(|| id.into()),
        acts_for: looker.acts_for.iter().map(|name| bare(name)).collect(),
        wards: looker.wards.iter().map(|name| bare(name)).collect(),
        ..Standing::default()
    };
    let now = Instant::from_date(2020, 2, 10);
    assert_eq!(TODAY, "2020-02-10");
    let who = Principal::new(grant, standing, now).unwrap();
    if is_study {
        let study = Study { id: "s".into(), sponsor: None };
        return Caller::Bearer(Arc::new(who.within(study).unwrap()));
    }
    Caller::Bearer(Arc::new(who))
}

/// `1` of `Patient/1`
fn bare(name: &str) -> Box<str> {
    name.split_once('/').unwrap().1.into()
}

/// Writes resources, updates and deletions into each; all versions, in their order.
async fn fill(dice: &mut Dice, vaults: &[&Vault]) -> Vec<Vec<Written>> {
    const MORE: &[(&str, usize)] = &[
        ("CareTeam", 10),
        ("ServiceRequest", 5),
        ("PractitionerRole", 4),
        ("Consent", 24),
        ("Coverage", 30),
        ("Claim", 12),
        ("ClaimResponse", 16),
    ];
    let all = TYPES.iter().chain(MORE);
    let all: Vec<(&str, String)> =
        all.flat_map(|(ty, ids)| (0..*ids).map(move |id| (*ty, id.to_string()))).collect();
    let mut writes: Vec<Vec<(Key, Option<String>)>> = Vec::new();
    let key = |ty: &str, id: &str| Key::new(ResourceType::named(ty).unwrap(), id);
    for some in all.chunks(20) {
        let put = |(ty, id): &(&str, String)| {
            (key(ty, id), Some(resource(&mut *dice, ty, id).to_string()))
        };
        writes.push(some.iter().map(put).collect());
    }
    for (ty, id) in &all {
        if dice.percent(25) {
            writes.push(vec![(key(ty, id), Some(resource(dice, ty, id).to_string()))]);
        } else if dice.percent(7) {
            writes.push(vec![(key(ty, id), None)]);
        }
    }
    // by dice of their own: whatever else is there is as it was without them
    let own = &mut Dice::new(EXPLANATIONS);
    let ids = (0..EXPLANATIONS).map(|id| id.to_string());
    let explained = ids.map(|id| {
        let body = resource(own, "ExplanationOfBenefit", &id).to_string();
        (key("ExplanationOfBenefit", &id), Some(body))
    });
    writes.push(explained.collect());
    let mut worlds = Vec::new();
    for vault in vaults {
        let mut written: Vec<Written> = Vec::new();
        let mut versions: BTreeMap<Key, u64> = BTreeMap::new();
        for write in &writes {
            let times = vault.commit(permit(Action::Update), Put(write.clone())).await.unwrap();
            for ((key, body), updated) in write.iter().zip(times) {
                let version = versions.entry(key.clone()).or_default();
                *version += 1;
                let body = body.as_deref().map(|body| serde_json::from_str(body).unwrap());
                written.push((key.clone(), *version, body, updated));
            }
        }
        worlds.push(written);
    }
    worlds
}

/// Like those of the plain test, with what the gate looks at besides.
fn resource(dice: &mut Dice, ty: &str, id: &str) -> Value {
    let mut body = match ty {
        "CareTeam" => json!({"resourceType": ty, "id": id,
            "status": dice.one(&["active", "active", "inactive", "proposed"]),
            "subject": resources::reference(dice, &["Patient"]),
            "participant": [{"member": resources::reference(dice, &["Practitioner", "PractitionerRole", "Patient", "Organization"])},
                {"member": resources::reference(dice, &["Practitioner"])}]}),
        "ServiceRequest" => json!({"resourceType": ty, "id": id, "intent": "order",
            "status": dice.one(&["active", "on-hold", "revoked"]),
            "subject": resources::reference(dice, &["Patient"]),
            "requester": resources::reference(dice, &["Organization", "Practitioner"]),
            "performer": [resources::reference(dice, &["Practitioner", "PractitionerRole", "Organization", "Patient"])]}),
        "Consent" => {
            let depth = dice.one(&["", "", "x", "xx", "xxx"]).len();
            json!({"resourceType": ty, "id": id,
                "status": dice.one(&["active", "active", "active", "inactive"]),
                "scope": {"coding": [{"code": dice.one(&["patient-privacy", "patient-privacy", "research"])}]}, "category": [{"text": "x"}],
                "policyRule": {"text": "x"}, "patient": resources::reference(dice, &["Patient"]),
                "provision": provision(dice, depth)})
        }
        "Coverage" => insurance::coverage(dice, id),
        "Claim" => insurance::claim(dice, id),
        "ClaimResponse" => insurance::response(dice, id),
        "ExplanationOfBenefit" => insurance::explanation(dice, id),
        "PractitionerRole" => json!({"resourceType": ty, "id": id,
            "practitioner": resources::reference(dice, &["Practitioner"]),
            "organization": resources::reference(dice, &["Organization"])}),
        _ => resources::resource(dice, ty, id),
    };
    match ty {
        "CareTeam" if dice.percent(60) => body["period"] = resources::period(dice),
        "Consent" if dice.percent(30) => {
            body["patient"] = insurance::few(dice, "Patient");
            body["provision"] =
                json!({"type": "permit", "purpose": [{"code": "HPAYMT"}, {"code": "HRESCH"}]});
        }
        "Encounter" => {
            body["status"] = json!(dice.one(&["in-progress", "finished", "finished", "cancelled"]));
            body["serviceProvider"] = resources::reference(dice, &["Organization"]);
        }
        "Observation" | "DiagnosticReport" if dice.percent(60) => {
            let other = if ty == "Observation" { "Patient" } else { "Practitioner" };
            body["performer"] = json!([resources::reference(dice, &["Organization", other])]);
        }
        "MedicationRequest" => {
            body["requester"] = resources::reference(dice, &["Organization", "Practitioner"]);
        }
        _ => {}
    }
    if dice.percent(20) {
        let label = |system: &str, code: &str| json!({"system": format!("http://terminology.hl7.org/CodeSystem/{system}"), "code": code});
        body["meta"]["security"] = match dice.below(3) {
            0 => json!([label("v3-Confidentiality", dice.one(&["N", "R", "V", "L"]))]),
            1 => json!([label("v3-ActCode", dice.one(&["PSY", "HIV"]))]),
            _ => json!([label("v3-Confidentiality", "R"), label("v3-ActCode", "SDV")]),
        };
    }
    body
}

/// A rule, and what refines it.
fn provision(dice: &mut Dice, depth: usize) -> Value {
    let mut one = json!({});
    if dice.percent(90) {
        one["type"] = json!(dice.one(&["permit", "permit", "permit", "deny"]));
    }
    if dice.percent(45) {
        let of = resources::reference(dice, &["Organization", "Practitioner", "RelatedPerson"]);
        one["actor"] = json!([{"role": {"text": "x"}, "reference": of}]);
    }
    if dice.percent(25) {
        one["purpose"] =
            json!([{"code": dice.one(&["TREAT", "PATRQT", "HPAYMT", "HRESCH", "HRESCH"])}]);
    }
    if dice.percent(30) {
        one["class"] =
            json!([{"code": dice.one(&["Observation", "Patient"])}, {"code": "Condition"}]);
    }
    if dice.percent(20) {
        one["securityLabel"] = json!([{"code": dice.one(&["N", "R", "V", "PSY", "HIV"])}]);
    }
    if dice.percent(20) {
        one["period"] = resources::period(dice);
    }
    if dice.percent(20) {
        one["dataPeriod"] = resources::period(dice);
    }
    if dice.percent(20) {
        one["code"] = json!([resources::concept(dice), resources::concept(dice)]);
        if dice.percent(15) {
            one["code"] = json!([{"text": "something"}]);
        }
    }
    if dice.percent(25) {
        let datum = |dice: &mut Dice| {
            let meaning = dice.one(&["instance", "related", "dependents", "authoredby"]);
            let of: &[&str] = match meaning {
                "authoredby" => &["Practitioner", "Organization", "Patient"],
                "instance" => &["Observation", "Condition", "Patient"],
                _ => &["Encounter", "DiagnosticReport", "Patient", "Observation"],
            };
            json!({"meaning": meaning, "reference": resources::reference(dice, of)})
        };
        one["data"] = json!([datum(dice), datum(dice)]);
    }
    if depth > 0 {
        let inner: Vec<Value> = (0..=dice.below(2)).map(|_| provision(dice, depth - 1)).collect();
        one["provision"] = json!(inner);
    }
    if one == json!({}) {
        one["type"] = json!("permit");
    }
    one
}

/// What is there now.
fn current(written: &[Written]) -> BTreeMap<Key, (&Value, Instant)> {
    let mut current = BTreeMap::new();
    for (key, _, body, updated) in written {
        match body {
            Some(body) => current.insert(key.clone(), (body, *updated)),
            None => current.remove(key),
        };
    }
    current
}

fn world(written: &[Written]) -> World {
    let named = |(key, (body, _)): (Key, (&Value, Instant))| {
        (format!("{}/{}", key.resource_type, key.id), body.clone())
    };
    current(written).into_iter().map(named).collect()
}

/// The world without what somebody may not see.
fn corpus(looker: &Looker, written: &[Written]) -> Corpus {
    let (mut corpus, world) = (Corpus::default(), world(written));
    for (key, (body, updated)) in current(written) {
        if looker.sees(&format!("{}/{}", key.resource_type, key.id), body, &world) {
            let tree = json::parse_trusted(body.to_string().into());
            let rows = search::extract(Registry::r4(), &tree, BASE);
            corpus.add(key.resource_type, &key.id, updated, rows);
        }
    }
    corpus
}

/// Reads every version one by one, and in histories; how many are open, of how many.
async fn reads(
    vault: &Vault,
    looker: &Looker,
    caller: &Caller,
    written: &[Written],
    called: &str,
) -> (usize, usize) {
    let world = world(written);
    let mut open: BTreeMap<ResourceType, Vec<(Key, u64)>> = BTreeMap::new();
    let mut bodies: BTreeMap<&Key, &Value> = BTreeMap::new();
    let mut last: BTreeMap<&Key, (u64, bool)> = BTreeMap::new();
    for (key, version, body, _) in written {
        // a deletion is judged by what it ended
        let judged = body.as_ref().or_else(|| bodies.get(key).copied());
        let name = format!("{}/{}", key.resource_type, key.id);
        let is_open = judged.is_some_and(|body| looker.sees(&name, body, &world));
        if let Some(body) = body {
            bodies.insert(key, body);
        }
        last.insert(key, (*version, is_open));
        if is_open {
            open.entry(key.resource_type).or_default().push((key.clone(), *version));
        }
        let Some(permit) = reading(caller, key.resource_type) else {
            assert!(!looker.may_read(key.resource_type.name()), "{called}: {name}");
            continue;
        };
        let found = vault.vread(&permit, key, *version).await.unwrap();
        let why = || {
            let consents = world.values().filter(|one| one["resourceType"] == "Consent");
            let consents: Vec<String> = consents.map(Value::to_string).collect();
            format!("{body:?}\n{}", consents.join("\n"))
        };
        let is_found = found.is_some();
        assert!(is_found == is_open, "{called}: {name} version {version}: {is_found}\n{}", why());
    }
    for (key, (version, is_open)) in last {
        let Some(permit) = reading(caller, key.resource_type) else { continue };
        for _ in 0..2 {
            let found = vault.read(&permit, key).await.unwrap();
            let found = found.map(|found| found.version);
            assert_eq!(found, is_open.then_some(version), "{called}: {key:?}");
        }
    }
    for (ty, mut wanted) in open.clone() {
        let Some(permit) = reading(caller, ty) else { continue };
        let mut found = history(vault, &permit, ty).await;
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{called}: the history of {ty}");
    }
    (open.values().map(Vec::len).sum(), written.len())
}

fn reading(caller: &Caller, ty: ResourceType) -> Option<Permit> {
    authorize(caller, Action::Read, Some(ty)).ok()
}

async fn history(vault: &Vault, permit: &Permit, ty: ResourceType) -> Vec<(Key, u64)> {
    let (mut found, mut turn) = (Vec::new(), Turn::First);
    loop {
        let query = HistoryQuery { scope: Scope::Type(ty), since: None, at: None, count: 3, turn };
        let page = vault.history(permit, &query).await.unwrap();
        found.extend(
            page.versions.into_iter().map(|one| (Key::new(one.resource_type, one.id), one.version)),
        );
        match page.next {
            Some(next) => turn = Turn::After(next),
            None => return found,
        }
    }
}
