//! Who sees and does what, over HTTP with tokens of every role.

use auth::{Action, Policy, Role};
use fhir_model::ResourceType;
use serde_json::{Value, json};

use crate::house::{House, Reply, unique};

smart_stories!(
    each_role_may_what_the_policy_says,
    tokens_say_who_asks_or_nothing_is_open,
    a_day_on_the_ward,
    an_intern_whose_time_is_over,
    an_emergency_has_a_reason,
    links_to_pages_are_personal,
    urls_of_definitions_lead_to_nobody_elses_record,
);

/// Somebody with a token.
pub(crate) struct Person<'h> {
    pub(crate) house: &'h House,
    pub(crate) authorization: String,
}

impl<'h> Person<'h> {
    pub(crate) fn with(house: &'h House, token: &str) -> Self {
        Self { house, authorization: format!("Bearer {token}") }
    }

    /// The operator, at the database.
    pub(crate) fn operator(house: &'h House) -> Self {
        Self::with(house, &house.medvault(&["token", "--scope", "system/*.cruds"]))
    }

    /// A new account.
    pub(crate) fn new(house: &'h House, role: &str, who: Option<&str>, scopes: &str) -> Self {
        let login = unique(role);
        let mut more = Vec::new();
        more.extend(who.iter().flat_map(|who| ["--fhir-user", who]));
        if role == "intern" {
            // the record knows better
            more.extend(["--supervisor", "Practitioner/nobody"]);
        }
        house.account(&login, role, &more);
        let mut mint = vec!["token", "--user", &login, "--scope", scopes];
        let patient = who.and_then(|who| who.strip_prefix("Patient/"));
        mint.extend(
            patient.filter(|_| scopes.contains("patient/")).iter().flat_map(|id| ["--patient", id]),
        );
        Self::with(house, &house.medvault(&mint))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        self.house.send(method, path, &[("Authorization", &self.authorization)], body)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "")
    }

    /// Stores a resource; its reference.
    pub(crate) fn store(&self, body: &Value) -> String {
        let ty = body["resourceType"].as_str().unwrap();
        let id = self.ask("POST", &format!("/{ty}"), &body.to_string()).expect(201).id();
        format!("{ty}/{id}")
    }
}

pub(crate) fn patient(operator: &Person<'_>) -> String {
    operator.store(&json!({"resourceType": "Patient", "name": [{"family": unique("gate")}]}))
}

pub(crate) fn practitioner(operator: &Person<'_>) -> String {
    operator.store(&json!({"resourceType": "Practitioner", "name": [{"family": unique("gate")}]}))
}

fn observation(subject: &str) -> Value {
    json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": {"reference": subject}})
}

/// The table of roles and interactions, made from the policy: what no rule allows is 403 before any look-up, what
/// one allows is not.
fn each_role_may_what_the_policy_says(house: &House) {
    const TYPES: &[&str] = &[
        "Patient",
        "Observation",
        "DiagnosticReport",
        "Encounter",
        "Condition",
        "Claim",
        "Consent",
        "AuditEvent",
        "Organization",
        "ValueSet",
    ];
    let operator = Person::operator(house);
    let (someone, doctor) = (patient(&operator), practitioner(&operator));
    let relative = operator.store(&json!({"resourceType": "RelatedPerson", "active": true,
        "patient": {"reference": someone}}));
    let device = operator.store(&json!({"resourceType": "Device"}));
    let mut cells = 0;
    let of_accounts = |role: &Role| !matches!(role, Role::Operator | Role::Public | Role::Study);
    for role in Role::all().filter(of_accounts) {
        let who = match role {
            Role::Patient => Some(&someone),
            Role::Proxy => Some(&relative),
            Role::Doctor | Role::Intern => Some(&doctor),
            Role::Device => Some(&device),
            Role::Operator
            | Role::Public
            | Role::Hospital
            | Role::BedManager
            | Role::Insurer
            | Role::Researcher
            | Role::Study
            | Role::Admin
            | Role::Auditor => None,
        };
        let person = Person::new(house, role.name(), who.map(String::as_str), "user/*.cruds");
        for name in TYPES {
            let ty = ResourceType::named(name).unwrap();
            for (action, method, path) in [
                (Action::Read, "GET", format!("/{name}/absent")),
                (Action::Search, "GET", format!("/{name}?_count=1")),
                (Action::Search, "GET", format!("/{name}/_history?_count=1&_since=2999")),
                (Action::Delete, "DELETE", format!("/{name}/absent")),
            ] {
                let status = person.ask(method, &path, "").status;
                let allowed = Policy::vault().allows(role, ty, action);
                let expected: &[u16] = match (allowed, action) {
                    (false, _) => &[403],
                    (true, Action::Search) => &[200],
                    (true, _) => &[404],
                };
                assert!(expected.contains(&status), "{role} {method} {path}: {status}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 11 * 10 * 4);
}

fn tokens_say_who_asks_or_nothing_is_open(house: &House) {
    let operator = Person::operator(house);
    let someone = patient(&operator);
    let refused = house.get(&format!("/{someone}")).expect(401);
    assert!(refused.header("WWW-Authenticate").starts_with("Bearer"), "{:?}", refused.headers);
    Person::with(house, "vat_nonsense").get(&format!("/{someone}")).expect(401);
    operator.get(&format!("/{someone}")).expect(200);
    house.get("/metadata").expect(200);
    let own = Person::new(house, "patient", Some(&someone), "patient/*.rs");
    own.get(&format!("/{someone}")).expect(200);
    let other = patient(&operator);
    let hidden = own.get(&format!("/{other}")).expect(404);
    let absent = own.get("/Patient/absent").expect(404);
    let id = other.strip_prefix("Patient/").unwrap();
    assert_eq!(hidden.text.replace(id, "absent"), absent.text);
    let known = [("Authorization", own.authorization.as_str()), ("If-None-Match", "W/\"1\"")];
    house.send("GET", &format!("/{other}"), &known, "").expect(404);
    own.get(&format!("/Observation?patient={id}")).expect(403);
    own.get(&format!("/{other}/Observation")).expect(403);
    let short = ["token", "--scope", "system/*.rs", "--expires", "1"];
    let short = Person::with(house, &house.medvault(&short));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    short.get("/Patient?_count=1").expect(401);
}

fn a_day_on_the_ward(house: &House) {
    let operator = Person::operator(house);
    let (a, b, d) = (patient(&operator), patient(&operator), practitioner(&operator));
    let of_a = operator.store(&observation(&a));
    let of_b = operator.store(&observation(&b));
    let doctor = Person::new(house, "doctor", Some(&d), "user/*.cruds");
    doctor.get(&format!("/{of_a}")).expect(404);
    let team = operator.store(&json!({"resourceType": "CareTeam", "status": "active",
        "subject": {"reference": a}, "participant": [{"member": {"reference": d}}]}));
    doctor.get(&format!("/{of_a}")).expect(200);
    doctor.get(&format!("/{of_b}")).expect(404);
    assert_eq!(doctor.get("/Patient").expect(200).ids().len(), 1);
    assert_eq!(doctor.get("/Observation?_total=accurate").expect(200).json()["total"], 1);
    let written = doctor.store(&observation(&a));
    doctor.ask("POST", "/Observation", &observation(&b).to_string()).expect(403);
    // the patient sees it, and who wrote it
    let own = Person::new(house, "patient", Some(&a), "patient/*.cruds");
    own.get(&format!("/{written}")).expect(200);
    own.ask("DELETE", &format!("/{written}"), "").expect(403);
    let events = own.get(&format!("/AuditEvent?entity={written}&subtype=create")).expect(200);
    let event = &events.json()["entry"][0]["resource"];
    assert_eq!(event["agent"][2]["who"]["reference"], d, "{event:#}");
    // the patient closes it to the doctor, from the next request on
    let consent = json!({"resourceType": "Consent", "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"text": "privacy"}], "policyRule": {"text": "own"},
        "patient": {"reference": a},
        "provision": {"type": "deny", "class": [{"code": "Observation"}],
            "actor": [{"role": {"text": "reader"}, "reference": {"reference": d}}]}});
    let consent = own.store(&consent);
    doctor.get(&format!("/{of_a}")).expect(404);
    assert!(doctor.get("/Observation").expect(200).ids().is_empty());
    doctor.get(&format!("/{a}")).expect(200);
    operator.ask("DELETE", &format!("/{consent}"), "").expect(204);
    doctor.get(&format!("/{of_a}")).expect(200);
    // the team is dissolved
    operator.ask("DELETE", &format!("/{team}"), "").expect(204);
    doctor.get(&format!("/{of_a}")).expect(404);
}

fn an_intern_whose_time_is_over(house: &House) {
    let operator = Person::operator(house);
    let (a, d, t) = (patient(&operator), practitioner(&operator), practitioner(&operator));
    operator.store(&json!({"resourceType": "CareTeam", "status": "active",
        "subject": {"reference": a}, "participant": [{"member": {"reference": d}}]}));
    let role = |of: &str, period: Value, more: Value| {
        json!({"resourceType": "PractitionerRole", "active": true, "period": period,
            "practitioner": {"reference": of}, "extension": more})
    };
    let supervisor = operator.store(&json!({"resourceType": "PractitionerRole", "active": true,
        "practitioner": {"reference": d}}));
    let link = json!([{"url": "https://medvault.example/fhir/supervisor",
        "valueReference": {"reference": supervisor}}]);
    let mut tenure = role(&t, json!({"start": "2020-01-01"}), link);
    let stored = operator.store(&tenure);
    let intern = Person::new(house, "intern", Some(&t), "user/*.cruds");
    intern.get(&format!("/{a}")).expect(200);
    let report = json!({"resourceType": "DiagnosticReport", "status": "final",
        "code": {"text": "x"}, "subject": {"reference": a}});
    let refused = intern.ask("POST", "/DiagnosticReport", &report.to_string()).expect(422);
    assert!(refused.text.contains("cosign-required"), "{}", refused.text);
    tenure["id"] = json!(stored.rsplit('/').next().unwrap());
    tenure["period"] = json!({"start": "2020-01-01", "end": "2020-12-31"});
    operator.ask("PUT", &format!("/{stored}"), &tenure.to_string()).expect(200);
    intern.get(&format!("/{a}")).expect(401);
    intern.get(&format!("/{a}")).expect(401);
    // auditors are told, once
    let auditor = Person::new(house, "auditor", None, "user/AuditEvent.rs");
    let told = auditor.get(&format!("/AuditEvent?subtype=tenure-expired&agent={t}")).expect(200);
    assert_eq!(told.ids().len(), 1, "{}", told.text);
    assert_eq!(told.json()["entry"][0]["resource"]["entity"][0]["what"]["reference"], stored);
}

fn an_emergency_has_a_reason(house: &House) {
    let operator = Person::operator(house);
    let (b, d) = (patient(&operator), practitioner(&operator));
    let doctor = Person::new(house, "doctor", Some(&d), "user/*.cruds");
    let look = |person: &Person<'_>, purpose: &str, reason: &str, path: &str| {
        let headers = [
            ("Authorization", person.authorization.as_str()),
            ("X-Purpose-Of-Use", purpose),
            ("X-Break-Glass-Reason", reason),
        ];
        house.send("GET", path, &headers, "")
    };
    let path = format!("/{b}");
    doctor.get(&path).expect(404);
    look(&doctor, "BTG", "", &path).expect(400);
    look(&doctor, "NONSENSE", "x", &path).expect(403);
    look(&doctor, "HPAYMT", "x", &path).expect(403);
    look(&doctor, "TREAT", "", &path).expect(404);
    look(&doctor, "BTG", "unconscious", &path).expect(200);
    look(&doctor, "BTG", "unconscious", "/Observation").expect(403);
    let own = Person::new(house, "patient", Some(&b), "patient/*.rs");
    assert_eq!(own.get("/Communication").expect(200).ids().len(), 1);
    let told = own.get(&format!("/AuditEvent?agent={d}&outcome=0")).expect(200);
    assert_eq!(told.json()["entry"][0]["resource"]["purposeOfEvent"][0]["text"], "unconscious");
    look(&own, "BTG", "curious", "/Patient/absent").expect(403);
}

fn links_to_pages_are_personal(house: &House) {
    let operator = Person::operator(house);
    let (a, b) = (patient(&operator), patient(&operator));
    for subject in [&a, &a, &b, &b] {
        operator.store(&observation(subject));
    }
    let own = Person::new(house, "patient", Some(&a), "patient/*.rs");
    let other = Person::new(house, "patient", Some(&b), "patient/*.rs");
    let next = own.get("/Observation?_count=1").expect(200).link("next").unwrap();
    own.get(&next).expect(200);
    other.get(&next).expect(404);
    operator.get(&next).expect(404);
    house.get(&next).expect(401);
}

fn urls_of_definitions_lead_to_nobody_elses_record(house: &House) {
    let operator = Person::operator(house);
    let (a, b) = (patient(&operator), patient(&operator));
    let url = format!("http://{}.example/q", unique("gate"));
    let definition =
        json!({"resourceType": "Questionnaire", "url": url, "status": "active", "title": "Pain"});
    let definition = operator.store(&definition);
    let answered = |by: &str| {
        operator.store(&json!({"resourceType": "QuestionnaireResponse", "status": "completed",
            "questionnaire": url, "subject": {"reference": by}}))
    };
    let (of_a, of_b) = (answered(&a), answered(&b));
    let id = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    let own = Person::new(house, "patient", Some(&a), "patient/*.rs");
    let along = format!("/QuestionnaireResponse?questionnaire.url={url}&questionnaire.title=pain");
    assert_eq!(own.get(&along).expect(200).ids(), [id(&of_a)]);
    let back = format!("/Questionnaire?url={url}&_has:QuestionnaireResponse:questionnaire:_id=");
    assert_eq!(own.get(&format!("{back}{}", id(&of_a))).expect(200).ids(), [id(&definition)]);
    assert!(own.get(&format!("{back}{}", id(&of_b))).expect(200).ids().is_empty());
    let narrow = Person::new(house, "patient", Some(&a), "patient/QuestionnaireResponse.rs");
    narrow.get(&along).expect(403);
    let other_way = Person::new(house, "patient", Some(&a), "patient/Questionnaire.rs");
    other_way.get(&format!("{back}{}", id(&of_a))).expect(403);
}
