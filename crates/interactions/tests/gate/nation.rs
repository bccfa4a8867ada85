//! Two patients, two doctors, two hospitals, two insurers, and what is written about them.

use std::sync::Arc;

use auth::{Caller, Grant, Principal, Purpose, Role, Standing, User};
use fhir_model::{Instant, json};
use interactions::{Answer, Body, Conditions, Fhir, Prefer, Query, Request, Software, Verb};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::{Value, json};
use storage::{Clock, Options, Vault};

const BASE: &str = "http://vault.example/fhir";

/// A vault with the nation in it.
pub(crate) struct Nation {
    fhir: Fhir,
    _directory: tempfile::TempDir,
}

/// An answer: its status and its resource.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Nation {
    pub(crate) async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/v.sqlite", directory.path().display());
        Self::open(&url, directory).await
    }

    pub(crate) async fn postgres() -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let cluster = std::env::var("MEDVAULT_TEST_POSTGRES").expect(
            "MEDVAULT_TEST_POSTGRES names a PostgreSQL to make databases in; `make test` starts one",
        );
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("gate_{}_{n}", std::process::id());
        let connection = Database::connect(&cluster).await.unwrap();
        connection.execute_unprepared(&format!("create database {name}")).await.unwrap();
        let url = format!("{}/{name}", cluster.rsplit_once('/').unwrap().0);
        Self::open(&url, tempfile::tempdir().unwrap()).await
    }

    async fn open(url: &str, directory: tempfile::TempDir) -> Self {
        let options = Options {
            url: url.parse().unwrap(),
            clock: Clock::system(),
            base: BASE.to_owned(),
            connections_max: 2,
        };
        let vault = Vault::open(&options).await.unwrap();
        let fhir = Fhir::new(vault, BASE, Software { name: "test", version: "0" }).audited();
        let nation = Self { fhir, _directory: directory };
        for resource in resources() {
            nation.put(&Caller::Operator, &resource).await.expect(&[200, 201]);
        }
        nation
    }

    /// Sends a request; `address` follows the base.
    pub(crate) async fn send(
        &self,
        caller: &Caller,
        (verb, address): (Verb, &str),
        conditions: Conditions,
        body: Option<&Value>,
    ) -> Reply {
        let address = address.strip_prefix(BASE).unwrap_or(address);
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        let body = body.map_or(Body::None, |body| {
            let limits = json::Limits {
                conditional_references: json::ConditionalReferences::Allowed,
                ..json::Limits::default()
            };
            let parsed = json::parse(body.to_string().into(), &limits);
            Body::Resource(Box::new(parsed.unwrap()))
        });
        let request = Request {
            verb,
            path: path.split('/').filter(|piece| !piece.is_empty()).map(Into::into).collect(),
            query: Query::parse(query).unwrap(),
            conditions,
            prefer: Prefer::default(),
            body,
            id: "r-1".to_owned(),
        };
        let answer = Answer::from(self.fhir.answer(caller, request).await);
        let body = answer.body.as_deref().map(|body| serde_json::from_slice(body).unwrap());
        Reply { status: answer.status, body: body.unwrap_or_default() }
    }

    /// Somebody who looks in an emergency.
    pub(crate) async fn emergency(&self, grant: Grant, reason: &str) -> Result<Caller, u16> {
        let purpose = Purpose::parse(Some("BTG"), Some(reason)).map_err(|no| no.status())?;
        self.fhir.bearer_for(grant, purpose).await.map_err(|refusal| refusal.status())
    }

    /// Who a grant makes somebody, by what the record says now.
    pub(crate) async fn bearer(&self, grant: Grant) -> Result<Caller, u16> {
        self.fhir.bearer(grant).await.map_err(|refusal| refusal.status())
    }

    pub(crate) async fn get(&self, caller: &Caller, address: &str) -> Reply {
        self.send(caller, (Verb::Get, address), Conditions::default(), None).await
    }

    pub(crate) async fn delete(&self, caller: &Caller, address: &str) -> Reply {
        self.send(caller, (Verb::Delete, address), Conditions::default(), None).await
    }

    pub(crate) async fn post(&self, caller: &Caller, body: &Value) -> Reply {
        let ty = body["resourceType"].as_str().unwrap();
        let address = if ty == "Bundle" { "/".to_owned() } else { format!("/{ty}") };
        self.send(caller, (Verb::Post, &address), Conditions::default(), Some(body)).await
    }

    pub(crate) async fn put(&self, caller: &Caller, body: &Value) -> Reply {
        let address = format!("/{}/{}", name(&body["resourceType"]), name(&body["id"]));
        self.send(caller, (Verb::Put, &address), Conditions::default(), Some(body)).await
    }
}

fn name(value: &Value) -> &str {
    value.as_str().unwrap()
}

impl Reply {
    /// Fails with the whole answer when the status is none of these.
    #[track_caller]
    pub(crate) fn expect(self, statuses: &[u16]) -> Self {
        assert!(statuses.contains(&self.status), "{}: {:#}", self.status, self.body);
        self
    }

    /// `Observation/1` of each entry, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = self.body["entry"].as_array().cloned().unwrap_or_default();
        let resources = entries.iter().map(|entry| &entry["resource"]);
        let found = resources.filter(|one| one["resourceType"] != "OperationOutcome");
        found.map(|one| format!("{}/{}", name(&one["resourceType"]), name(&one["id"]))).collect()
    }

    /// The same, sorted.
    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut names = self.names();
        names.sort();
        names
    }

    pub(crate) fn total(&self) -> u64 {
        self.body["total"].as_u64().unwrap_or_else(|| panic!("no total: {:#}", self.body))
    }

    pub(crate) fn link(&self, relation: &str) -> String {
        let links = self.body["link"].as_array().unwrap();
        let found = links.iter().find(|link| link["relation"] == relation).unwrap();
        name(&found["url"]).to_owned()
    }
}

/// A grant without a person.
pub(crate) fn alone(scopes: &str) -> Grant {
    Grant {
        token_id: "t".into(),
        client: Some("app".into()),
        client_organization: None,
        origins: Vec::new(),
        user: None,
        patient: None,
        encounter: None,
        scopes: scopes.into(),
        expires: Instant::from_date(2999, 1, 1),
    }
}

/// A person with an account, by role and who they are.
pub(crate) fn person(role: &str, who: &str, scopes: &str) -> Caller {
    let user = User {
        login: who.to_owned(),
        role: role.to_owned(),
        fhir_user: Some(who.to_owned()),
        organization: None,
        supervisor: None,
        until: None,
    };
    let patient = who.strip_prefix("Patient/").map(str::to_owned);
    bearer(Grant { user: Some(user), patient, ..alone(scopes) }, Standing::default())
}

/// A patient's app.
pub(crate) fn patient(id: &str, scopes: &str) -> Caller {
    person("patient", &format!("Patient/{id}"), scopes)
}

/// An intern under a supervisor.
pub(crate) fn intern(supervisor: Option<&str>, scopes: &str) -> Caller {
    let Caller::Bearer(person) = person("intern", "Practitioner/t", scopes) else { panic!() };
    let supervisor = supervisor.map(Into::into);
    bearer(person.grant().clone(), Standing { supervisor, ..Standing::default() })
}

/// A client that belongs to an organization with a role.
pub(crate) fn client(role: Role, organization: &str, scopes: &str) -> Caller {
    let organization = format!("Organization/{organization}");
    let grant = Grant { client_organization: Some(organization), ..alone(scopes) };
    bearer(grant, Standing { client_role: Some(role), ..Standing::default() })
}

fn bearer(grant: Grant, standing: Standing) -> Caller {
    let now = Instant::from_date(2026, 11, 22);
    Caller::Bearer(Arc::new(Principal::new(grant, standing, now).unwrap()))
}

/// An observation.
pub(crate) fn observation(id: &str, subject: &str, performer: &str) -> Value {
    json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "category": [{"coding": [{"system": "http://c", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://l", "code": "x"}]},
        "subject": {"reference": subject},
        "performer": [{"reference": performer}],
        "effectiveDateTime": "2020-05-17",
    })
}

/// A report.
pub(crate) fn report(id: &str, subject: &str, performer: &str) -> Value {
    json!({
        "resourceType": "DiagnosticReport", "id": id, "status": "final",
        "code": {"text": "report"},
        "subject": {"reference": subject},
        "performer": [{"reference": performer}],
    })
}

pub(crate) fn claim(id: &str, insurer: &str) -> Value {
    json!({
        "resourceType": "Claim", "id": id, "status": "active", "use": "claim", "created": "2020-01-01",
        "type": {"text": "institutional"}, "priority": {"text": "normal"},
        "patient": {"reference": "Patient/a"}, "insurer": {"reference": insurer},
        "provider": {"reference": "Organization/h1"},
        "insurance": [{"sequence": 1, "focal": true, "coverage": {"display": "x"}}],
    })
}

/// A Coverage of A.
pub(crate) fn coverage(id: &str, payor: &str, period: Value) -> Value {
    json!({
        "resourceType": "Coverage", "id": id, "status": "active", "period": period,
        "beneficiary": {"reference": "Patient/a"}, "payor": [{"reference": payor}],
    })
}

fn resources() -> Vec<Value> {
    let mut all = Vec::new();
    for (id, kind) in [("h1", "prov"), ("h2", "prov"), ("i1", "ins"), ("i2", "ins")] {
        all.push(json!({"resourceType": "Organization", "id": id, "name": id,
            "type": [{"coding": [{"code": kind}]}]}));
    }
    for id in ["d", "d2", "t"] {
        all.push(json!({"resourceType": "Practitioner", "id": id, "name": [{"family": id}]}));
    }
    for (id, family, hospital) in [("a", "Anand", "h1"), ("b", "Basu", "h2")] {
        all.push(json!({"resourceType": "Patient", "id": id, "name": [{"family": family}],
            "identifier": [{"system": "urn:mrn", "value": id}],
            "managingOrganization": {"reference": format!("Organization/{hospital}")}}));
    }
    all.push(json!({"resourceType": "CareTeam", "id": "team", "status": "active",
        "subject": {"reference": "Patient/a"},
        "participant": [{"member": {"reference": "Practitioner/d"}}]}));
    all.push(observation("oa", "Patient/a", "Organization/h1"));
    all.push(observation("oa2", "Patient/a", "Organization/h2"));
    all.push(observation("ob", "Patient/b", "Organization/h2"));
    let mut focus = observation("ob-on-a", "Patient/b", "Organization/h2");
    focus["focus"] = json!([{"reference": "Patient/a"}]);
    all.push(focus);
    let mut focus = observation("oa-on-b", "Patient/a", "Organization/h1");
    focus["focus"] = json!([{"reference": "Patient/b"}]);
    focus["category"][0]["coding"][0]["code"] = json!("survey");
    all.push(focus);
    let moved = |subject: &str| observation("moved", subject, "Organization/h1");
    all.extend([moved("Patient/b"), moved("Patient/a")]);
    all.push(report("ra", "Patient/a", "Organization/h1"));
    all.push(report("rb", "Patient/b", "Organization/h2"));
    all.push(coverage(
        "va",
        "Organization/i1",
        json!({"start": "2020-01-01", "end": "2020-12-31"}),
    ));
    all.push(coverage("va2", "Organization/i2", json!({"start": "2019"})));
    all.push(claim("ca", "Organization/i1"));
    all.push(claim("ca2", "Organization/i2"));
    all.push(json!({"resourceType": "Binary", "id": "x", "contentType": "text/plain",
        "securityContext": {"reference": "DocumentReference/db"}, "data": "eA=="}));
    all.push(json!({"resourceType": "AuditEvent", "id": "ev", "type": {"code": "rest"},
        "recorded": "2020-01-01T00:00:00Z", "source": {"observer": {"display": "x"}},
        "agent": [{"requestor": true}], "entity": [{"what": {"reference": "Patient/a"}}]}));
    all
}
