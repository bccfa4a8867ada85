//! A study looks at what patients let it see, without who they are: <https://hl7.org/fhir/R4/researchstudy.html>.

use serde_json::{Value, json};

use crate::{
    house::{House, Reply, unique},
    stories::gate::{Person, patient, practitioner},
};

mod answers;

smart_stories!(
    a_study_sees_what_patients_let_it,
    what_a_consent_says_holds_from_the_next_request_on,
    only_what_tells_nothing_is_asked,
    few_patients_are_not_told_of,
    only_its_researchers_enter_a_study,
    a_page_is_its_researchers_own,
    a_further_page_is_judged_anew,
);

/// A study with a researcher, and patients who let its sponsor see their records.
struct Study<'h> {
    house: &'h House,
    operator: Person<'h>,
    researcher: Person<'h>,
    sponsor: String,
    /// `ResearchStudy/1`
    itself: String,
    /// `Patient/1`
    patients: Vec<String>,
}

/// What of the patients nobody is to know.
const SECRETS: &[&str] = &[
    "Irani",
    "+91 98",
    "Moti Road",
    "p4821",
    "1980-02-20",
    // with their times: another date may be moved to these days
    "2020-05-11T08",
    "2020-05-13T09",
    ":47:39.217",
    "+05:30",
    "says he",
    "411001",
];

impl<'h> Study<'h> {
    /// The first `women` of the patients are women; each has an Observation, the first `ill` a Condition.
    fn new(house: &'h House, (patients, women, ill): (usize, usize, usize)) -> Self {
        let operator = Person::operator(house);
        let sponsor = operator.store(&json!({"resourceType": "Organization", "name": "University",
            "type": [{"coding": [{"code": "edu"}]}]}));
        let study = operator.store(&json!({"resourceType": "ResearchStudy", "status": "active",
            "sponsor": {"reference": sponsor}, "period": {"start": "2020-01-01"}}));
        let researcher = researcher(house, Some(&sponsor), None);
        let mut new =
            Self { house, operator, researcher, sponsor, itself: study, patients: Vec::new() };
        for n in 0..patients {
            let gender = if n < women { "female" } else { "male" };
            let patient = new.admit(gender, if n < ill { &["E11"] } else { &[] });
            new.patients.push(patient);
        }
        new
    }

    /// A patient with a record, who lets the sponsor see it for research.
    fn admit(&self, gender: &str, ills: &[&str]) -> String {
        let url =
            |what: &str| format!("urn:uuid:{}", if what == "p" { UUIDS[0] } else { UUIDS[1] });
        let subject = json!({"reference": url("p")});
        let mut resources = vec![
            (
                url("p"),
                json!({"resourceType": "Patient", "gender": gender, "birthDate": "1980-02-20",
                "identifier": [{"value": "p4821"}], "name": [{"family": "Irani"}],
                "telecom": [{"value": "+91 98"}],
                "address": [{"line": ["1 Moti Road"], "postalCode": "411001", "country": "IN"}]}),
            ),
            (
                url("e"),
                json!({"resourceType": "Encounter", "status": "finished", "subject": subject,
                "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
                "period": {"start": "2020-05-11T08:00:00Z", "end": "2020-05-13T09:30:00Z"}}),
            ),
            (
                String::new(),
                json!({"resourceType": "Observation", "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}], "text": "says he"},
                "subject": {"reference": url("p"), "display": "Irani"}, "encounter": {"reference": url("e")},
                "effectiveDateTime": "2020-05-12", "issued": "2020-05-13T00:47:39.217+05:30",
                "note": [{"text": "says he"}],
                "valueQuantity": {"value": 61.50, "unit": "kg",
                    "system": "http://unitsofmeasure.org", "code": "kg"}}),
            ),
        ];
        for code in ills {
            resources.push((
                String::new(),
                json!({"resourceType": "Condition", "subject": subject,
                "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}]}}),
            ));
        }
        let entry = |(url, resource): &(String, Value)| {
            let mut entry = json!({"resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]}});
            if !url.is_empty() {
                entry["fullUrl"] = json!(url);
            }
            entry
        };
        let entries: Vec<Value> = resources.iter().map(entry).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let made = self.operator.ask("POST", "/", &bundle.to_string()).expect(200).json();
        let location = made["entry"][0]["response"]["location"].as_str().unwrap();
        let id = location.split("/_history").next().unwrap().rsplit('/').next().unwrap();
        let patient = format!("Patient/{id}");
        self.operator.store(&self.consent(&patient, "permit"));
        patient
    }

    fn consent(&self, patient: &str, effect: &str) -> Value {
        consent(
            patient,
            "research",
            &json!({"type": effect, "purpose": [{"code": "HRESCH"}],
            "actor": [{"role": {"text": "study"}, "reference": {"reference": self.sponsor}}]}),
        )
    }

    fn project(&self) -> &str {
        self.itself.rsplit('/').next().unwrap()
    }

    fn address(&self, query: &str) -> String {
        format!("{}/research/{}/{query}", self.house.issuer(), self.project())
    }

    fn ask(&self, query: &str) -> Reply {
        self.researcher.get(&self.address(query))
    }

    /// The number of resources; `None`: withheld.
    fn number(&self, query: &str) -> Option<u64> {
        let mark = if query.contains('?') { '&' } else { '?' };
        let answer = self.ask(&format!("{query}{mark}_summary=count")).expect(200);
        let body = answer.json();
        let entries = body["entry"].as_array().map_or(0, Vec::len);
        let total = body["total"].as_u64();
        assert_eq!(answer.text.contains("<11"), total.is_none(), "{body:#}");
        assert_eq!(entries, usize::from(total.is_none()), "{body:#}");
        total
    }
}

const UUIDS: [&str; 2] =
    ["6f0c4a58-4cf8-4c3a-9d5b-3d6a1b2c4e01", "6f0c4a58-4cf8-4c3a-9d5b-3d6a1b2c4e02"];

fn consent(patient: &str, scope: &str, provision: &Value) -> Value {
    json!({"resourceType": "Consent", "status": "active", "scope": {"coding": [{"code": scope}]},
        "category": [{"text": "research"}], "policyRule": {"text": "own"},
        "patient": {"reference": patient}, "provision": provision})
}

fn researcher<'h>(house: &'h House, of: Option<&str>, who: Option<&str>) -> Person<'h> {
    let login = unique("researcher");
    let mut more = Vec::new();
    more.extend(of.iter().flat_map(|of| ["--organization", of]));
    more.extend(who.iter().flat_map(|who| ["--fhir-user", who]));
    house.account(&login, "researcher", &more);
    Person::with(house, &house.medvault(&["token", "--user", &login, "--scope", "user/*.rs"]))
}

fn resources(body: &Value) -> Vec<&Value> {
    let entries = body["entry"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    entries.iter().map(|entry| &entry["resource"]).collect()
}

fn a_study_sees_what_patients_let_it(house: &House) {
    let study = Study::new(house, (12, 12, 0));
    // who let nobody see them is not there
    patient(&study.operator);
    let body = study.ask("Patient?_total=accurate").expect(200).json();
    assert_eq!((&body["total"], resources(&body).len()), (&json!(12), 12), "{body:#}");
    let all: Vec<Value> = ["Patient", "Observation", "Encounter"]
        .map(|ty| study.ask(&format!("{ty}?_count=100")).expect(200).json())
        .into();
    let text = format!("{all:?}");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    for patient in &study.patients {
        assert!(!text.contains(patient.rsplit('/').next().unwrap()), "{patient} in {text}");
    }
    // what belongs together still does, and lies as far from each other as it did
    let (patients, observations, encounters) =
        (resources(&all[0]), resources(&all[1]), resources(&all[2]));
    assert_eq!((observations.len(), encounters.len()), (12, 12));
    let mut days = std::collections::BTreeSet::new();
    for observation in observations {
        let by = |name: &str, among: &[&Value]| -> Value {
            let reference = observation[name]["reference"].as_str().unwrap();
            let found = among.iter().find(|one| {
                reference
                    == format!(
                        "{}/{}",
                        one["resourceType"].as_str().unwrap(),
                        one["id"].as_str().unwrap()
                    )
            });
            (*found.unwrap()).clone()
        };
        let (patient, encounter) = (by("subject", &patients), by("encounter", &encounters));
        assert_eq!(patient["address"][0], json!({"postalCode": "411", "country": "IN"}));
        assert_eq!(observation["valueQuantity"]["value"].to_string(), "61.5");
        let start = encounter["period"]["start"].as_str().unwrap();
        assert!(start.ends_with("T08:00:00Z"), "{start}");
        assert!(start[..10] < *observation["effectiveDateTime"].as_str().unwrap());
        // of a time the hour
        let issued = observation["issued"].as_str().unwrap();
        let day = observation["effectiveDateTime"].as_str().unwrap();
        assert_eq!(issued, format!("{day}T19:00:00Z"));
        days.insert(start.to_owned());
    }
    assert!(days.len() > 6, "{days:?}");
    // it is recorded what for, and whose
    let own = Person::new(house, "patient", Some(&study.patients[0]), "patient/*.rs");
    let events = own.get("/AuditEvent?subtype=search-type").expect(200).json();
    let event = resources(&events)
        .into_iter()
        .find(|event| event["purposeOfEvent"][0]["coding"][0]["code"] == "HRESCH");
    let event = event.unwrap_or_else(|| panic!("{events:#}"));
    assert!(event["agent"].to_string().contains("researcher"), "{event:#}");
    // and nothing else is open
    study.researcher.get(&format!("/{}", study.patients[0])).expect(403);
    study.researcher.get("/Observation?code=29463-7").expect(403);
    study.researcher.get(&format!("/{}", study.itself)).expect(200);
}

fn what_a_consent_says_holds_from_the_next_request_on(house: &House) {
    let study = Study::new(house, (14, 14, 0));
    assert_eq!(study.number("Patient"), Some(14));
    // a denial wins, whatever it is about; a permission for something else does not count
    let [a, b, c] = [0, 1, 2].map(|n| study.patients[n].as_str());
    let denial = study.operator.store(&study.consent(a, "deny"));
    assert_eq!(study.number("Patient"), Some(13));
    let all = consent(b, "patient-privacy", &json!({"type": "deny"}));
    study.operator.store(&all);
    assert_eq!(study.number("Patient"), Some(12));
    study.operator.ask("DELETE", &format!("/{denial}"), "").expect(204);
    assert_eq!(study.number("Patient"), Some(13));
    // what has to be read to the word is
    let of_then = json!({"type": "deny", "purpose": [{"code": "HRESCH"}],
        "dataPeriod": {"start": "2020-05-01", "end": "2020-05-31"}});
    study.operator.store(&consent(c, "research", &of_then));
    assert_eq!(study.number("Patient"), Some(13));
    // told, it would say who it is: one patient fewer than there are
    assert_eq!(study.number("Observation"), None);
    // what is sensitive, and what nobody allowed for research
    let stranger = patient(&study.operator);
    let purposes =
        [json!({"type": "permit"}), json!({"type": "permit", "purpose": [{"code": "TREAT"}]})];
    for provision in purposes {
        study.operator.store(&consent(&stranger, "research", &provision));
    }
    let provision = json!({"type": "permit", "purpose": [{"code": "HRESCH"}]});
    study.operator.store(&consent(&stranger, "patient-privacy", &provision));
    assert_eq!(study.number("Patient"), Some(13));
    // revoked until too few are left
    let consents = |patient: &str| {
        let found = study.operator.get(&format!("/Consent?patient={patient}&scope=research"));
        found.expect(200).ids()
    };
    for patient in &study.patients[3..5] {
        for id in consents(patient) {
            study.operator.ask("DELETE", &format!("/Consent/{id}"), "").expect(204);
        }
    }
    assert_eq!(study.number("Patient"), Some(11));
    for id in consents(&study.patients[5]) {
        study.operator.ask("DELETE", &format!("/Consent/{id}"), "").expect(204);
    }
    assert_eq!(study.number("Patient"), None);
    assert!(!study.ask("Patient").expect(200).text.contains("\"Patient\""));
}

fn only_what_tells_nothing_is_asked(house: &House) {
    let study = Study::new(house, (0, 0, 0));
    let patient = patient(&study.operator);
    for refused in [
        "Patient?name=Irani",
        "Patient?identifier=p4821",
        "Patient?_text=Irani",
        "Patient?_content=Irani",
        "Patient?_lastUpdated=gt2020",
        "Patient?_id=1",
        "Patient?birthdate=1980",
        "Patient?address-state=Irani",
        "Patient?_has:Condition:patient:code=VIP-Irani",
        "Patient?_has:Condition:patient:onset-age=gt95",
        "Patient?_cursor=x&_total=accurate",
        "Patient?_cursor=x&_summary=count",
        "Observation?code=VIP-Irani",
        "Observation?code=http://own.example%7CVIP-Irani",
        "Observation?code-value-quantity=http://loinc.org%7C30525-0$gt95",
        "Observation?value-quantity=gt95%7Chttp://unitsofmeasure.org%7Ca",
        "Patient?_has:Observation:subject:date=2020-05-12",
        "Observation?date=2020",
        "Observation?subject.name=Irani",
        "Observation?_sort=-date",
        "Observation?_include=Observation:subject",
        "Patient/_history",
        "Patient/1",
        "Patient/1/_history",
        "Patient/1/$everything",
        "Patient/$match",
        "_history",
        "Claim",
        "?_type=Patient",
    ] {
        let told = study.ask(refused).expect(400).json();
        assert_eq!(told["issue"][0]["code"], "not-supported", "{refused}: {told:#}");
    }
    study.ask(&patient).expect(400);
    study.researcher.ask("POST", &study.address("Patient"), "").expect(405);
    let stated = study.ask("metadata").expect(200).json();
    let types = stated["rest"][0]["resource"].as_array().unwrap();
    assert_eq!(types.len(), 13, "{stated:#}");
    assert_eq!(types[0]["interaction"], json!([{"code": "search-type"}]));
    assert!(stated["rest"][0]["documentation"].as_str().unwrap().contains("<11"));
}

fn few_patients_are_not_told_of(house: &House) {
    // ten women among twenty-two
    let study = Study::new(house, (22, 10, 0));
    assert_eq!(study.number("Patient"), Some(22));
    assert_eq!(study.number("Patient?gender=female"), None);
    // nor by what is left without them
    assert_eq!(study.number("Patient?gender=male"), None);
    assert_eq!(study.number("Patient?gender:not=female"), None);
    assert_eq!(study.number("Observation?patient.gender=female"), None);
    let told = study.ask("Patient?gender=female&_total=accurate").expect(200).json();
    assert_eq!((resources(&told).len(), &told["total"]), (1, &Value::Null), "{told:#}");
    assert_eq!(resources(&told)[0]["issue"][0]["severity"], "information");
    assert_eq!(study.number("Patient?gender=other"), None);
    // an eleventh
    study.admit("female", &[]);
    assert_eq!(study.number("Patient?gender=female"), Some(11));
}

fn only_its_researchers_enter_a_study(house: &House) {
    let study = Study::new(house, (0, 0, 0));
    let metadata = study.address("metadata");
    study.researcher.get(&metadata).expect(200);
    house.get(&metadata).expect(401);
    study.operator.get(&metadata).expect(403);
    let d = practitioner(&study.operator);
    Person::new(house, "doctor", Some(&d), "user/*.cruds").get(&metadata).expect(403);
    // of another organization, and of none
    let elsewhere = study.operator.store(&json!({"resourceType": "Organization", "name": "Other"}));
    let refused = researcher(house, Some(&elsewhere), None).get(&metadata).expect(403);
    let absent = metadata.replace(study.project(), "absent");
    assert_eq!(study.researcher.get(&absent).expect(403).text, refused.text);
    researcher(house, None, None).get(&metadata).expect(403);
    // an organization of another server is not the one of the same id here
    let id = study.sponsor.rsplit('/').next().unwrap();
    let foreign = format!("https://evil.example/fhir/Organization/{id}");
    let mut of_another = json!({"resourceType": "ResearchStudy", "status": "active"});
    of_another["sponsor"] = json!({"reference": foreign});
    let of_another = study.operator.store(&of_another);
    let id = of_another.rsplit('/').next().unwrap();
    study.researcher.get(&metadata.replace(study.project(), id)).expect(403);
    // a token about one patient is not for studies
    let scopes = ["token", "--scope", "patient/*.rs", "--patient", "x", "--user"];
    let login = unique("researcher");
    house.account(&login, "researcher", &["--organization", &study.sponsor]);
    let narrow = Person::with(house, &house.medvault(&[&scopes[..], &[&login]].concat()));
    narrow.get(&metadata).expect(403);
    // nor is one of which a scope asks what no question may
    let scopes = "user/Patient.rs?name=Irani user/*.rs";
    let asks = house.medvault(&["token", "--user", &login, "--scope", scopes]);
    let asks = Person::with(house, &asks);
    asks.get(&metadata).expect(403);
    asks.get(&study.address("Patient")).expect(403);
    // the principal investigator, also by a role
    let role = study.operator.store(&json!({"resourceType": "PractitionerRole", "active": true,
        "practitioner": {"reference": d}}));
    let investigator = researcher(house, None, Some(&d));
    investigator.get(&metadata).expect(403);
    let mut changed = json!({"resourceType": "ResearchStudy", "id": study.project(),
        "status": "approved", "principalInvestigator": {"reference": role}});
    let change = |study: &Study<'_>, changed: &Value| {
        study.operator.ask("PUT", &format!("/{}", study.itself), &changed.to_string()).expect(200);
    };
    change(&study, &changed);
    investigator.get(&metadata).expect(200);
    study.researcher.get(&metadata).expect(403);
    // while it lasts
    for (name, value) in [
        ("status", json!("completed")),
        ("status", json!("in-review")),
        ("period", json!({"start": "2020-01-01", "end": "2020-12-31"})),
        ("period", json!({"start": "2999-01-01"})),
    ] {
        let mut closed = changed.clone();
        closed[name] = value;
        change(&study, &closed);
        investigator.get(&metadata).expect(403);
        investigator.get(&study.address("Patient")).expect(403);
    }
    changed["principalInvestigator"] = json!({"reference": d});
    change(&study, &changed);
    investigator.get(&metadata).expect(200);
}

fn a_page_is_its_researchers_own(house: &House) {
    let study = Study::new(house, (12, 12, 0));
    let first = study.ask("Observation?_count=5").expect(200);
    let next = first.link("next").unwrap();
    let mut seen = first.ids();
    let second = study.researcher.get(&next).expect(200);
    seen.extend(second.ids());
    let third = study.researcher.get(&second.link("next").unwrap()).expect(200);
    assert_eq!(third.link("next"), None);
    seen.extend(third.ids());
    // in the order of the pseudonyms, not of the vault
    assert!(seen.is_sorted(), "{seen:?}");
    let back = study.researcher.get(&third.link("previous").unwrap()).expect(200);
    assert_eq!(back.ids(), second.ids());
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 12);
    // of the same study, and of another question
    let colleague = researcher(house, Some(&study.sponsor), None);
    colleague.get(&study.address("Observation")).expect(200);
    colleague.get(&next).expect(404);
    study.researcher.get(&next.replace("Observation?", "Encounter?")).expect(400);
    study.researcher.get(&format!("{next}x")).expect(400);
    // nothing of the vault's is in the link
    let cursor = next.split("_cursor=").nth(1).unwrap();
    assert!(cursor.len() < 400 && !cursor.contains(study.project()), "{cursor}");
}

fn a_further_page_is_judged_anew(house: &House) {
    let study = Study::new(house, (14, 14, 0));
    let withdraw = |patient: &str| {
        let found = study.operator.get(&format!("/Consent?patient={patient}&scope=research"));
        for id in found.expect(200).ids() {
            study.operator.ask("DELETE", &format!("/Consent/{id}"), "").expect(204);
        }
    };
    let next = study.ask("Observation?_count=5").expect(200).link("next").unwrap();
    let all = study.researcher.get(&next).expect(200).ids();
    assert_eq!(all.len(), 5);
    // from the next request on nothing is shown of who withdrew
    study.patients[..3].iter().for_each(|patient| withdraw(patient));
    let page = study.researcher.get(&next).expect(200);
    let last = study.researcher.get(&page.link("next").unwrap()).expect(200);
    let left = study.ask("Observation?_count=100").expect(200).ids();
    assert_eq!(left.len(), 11);
    let shown: Vec<String> = page.ids().into_iter().chain(last.ids()).collect();
    assert!(shown.iter().all(|id| left.contains(id)), "{shown:?} of {left:?}");
    let found = all.iter().filter(|id| left.contains(id)).count();
    assert_eq!(page.ids().len(), found);
    // nor of the others, once they are few
    withdraw(&study.patients[3]);
    let page = study.researcher.get(&next).expect(200);
    assert!(page.text.contains("<11") && !page.text.contains("29463-7"), "{}", page.text);
}

#[test]
fn a_study_has_a_budget() {
    let house =
        House::start_with(&["--auth", "smart"], &[("MEDVAULT__RESEARCH__QUERIES_PER_DAY", "3")]);
    let study = Study::new(&house, (11, 11, 0));
    let page = study.ask("Patient?_count=6").expect(200);
    study.ask("Patient?gender=female").expect(200);
    // what is not answered is not counted
    for _ in 0..3 {
        let head = study.researcher.ask("HEAD", &study.address("Patient"), "").expect(405);
        assert_eq!(head.header("Allow"), "GET, OPTIONS");
        study.ask("Patient?name=Irani").expect(400);
    }
    study.ask("Patient?_count=2").expect(200);
    let refused = study.ask("Patient").expect(429);
    assert!(refused.text.contains("budget") && !refused.header("Retry-After").is_empty());
    // colleagues share it; pages of what was answered are no questions, and other studies have their own
    researcher(&house, Some(&study.sponsor), None).get(&study.address("Patient")).expect(429);
    study.researcher.get(&page.link("next").unwrap()).expect(200);
    study.ask("metadata").expect(200);
}
