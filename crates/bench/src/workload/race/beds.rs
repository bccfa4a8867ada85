//! Many clients want one bed at the same moment, round after round: by its name, by the policy, and with a plain
//! `PUT Encounter`. Exactly one gets it each time, and what Location and Encounters show agrees.

use std::{cell::Cell, rc::Rc, time::Duration};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    call::Call,
    fault::Fault,
    load::{Bench, Pace, Step, VirtualUser},
    report::Report,
    session::Session,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64)]
    pub(crate) clients: usize,
    #[arg(long, default_value_t = 200)]
    pub(crate) rounds: usize,
    /// A word that tells this run's resources from those of others.
    #[arg(long, default_value = "race")]
    pub(crate) name: String,
}

const CANONICAL: &str = "https://medvault.example/fhir";
const ROUND_AT_MOST: Duration = Duration::from_mins(1);

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let unwarmed = Bench { warmup: Duration::ZERO, ..bench.clone() };
    let mut session = bench.session();
    let (mut wrong, mut torn, mut total) = (0, 0, None);
    for round in 0..options.rounds {
        session.require(Call::bundle("seed a round", seed(options, round))).await?;
        for client in 0..options.clients {
            let path = format!("ServiceRequest/{}-o{round}-{client}/$request-bed", options.name);
            session.require(operation("request-bed", &path, &json!([]))).await?;
        }
        let won = Rc::new(Cell::new(0));
        let clients = (0..options.clients.max(1))
            .map(|client| Client {
                name: options.name.clone(),
                round,
                number: client,
                won: Rc::clone(&won),
            })
            .collect();
        let pace = Pace::UntilDone { at_most: ROUND_AT_MOST };
        let (run, _) = unwarmed.drive("race for a bed", pace, clients).await;
        wrong += usize::from(won.get() != 1);
        torn += usize::from(!agrees(&mut session, options, round).await?);
        total.get_or_insert(run);
    }
    report.runs.extend(total);
    report.check(
        "one client gets the bed in every round",
        wrong == 0,
        format!("{wrong} of {} rounds wrong", options.rounds),
    );
    report.check(
        "Location and Encounters agree",
        torn == 0,
        format!("{torn} of {} rounds differ", options.rounds),
    );
    Ok(())
}

/// Whether one live Encounter names the bed, and the bed says so.
async fn agrees(session: &mut Session, options: &Options, round: usize) -> Result<bool, Fault> {
    let bed = format!("{}-b{round}", options.name);
    let path =
        format!("Encounter?location=Location/{bed}&status=planned,in-progress&_summary=count");
    let found = session.require(Call::get("count stays", &path).keeping_body()).await?;
    let found: Value = serde_json::from_slice(&found.body)?;
    let path = format!("Location/{bed}");
    let shown = session.require(Call::get("read bed", &path).keeping_body()).await?;
    let shown = String::from_utf8_lossy(&shown.body).into_owned();
    let is_taken = ["\"held\"", "\"occupied\""].iter().any(|state| shown.contains(state));
    Ok(found.get("total").and_then(Value::as_u64) == Some(1) && is_taken)
}

fn operation<'a>(label: &'static str, path: &'a str, parameters: &Value) -> Call<'a> {
    let mut body = json!({"resourceType": "Parameters"});
    if parameters.as_array().is_some_and(|it| !it.is_empty())
        && let Some(members) = body.as_object_mut()
    {
        members.insert("parameter".to_owned(), parameters.clone());
    }
    Call::create(label, path, body.to_string().into()).expecting(&[200, 409])
}

/// A bed of a kind of its own hospital, and a patient with an order for each client.
fn seed(options: &Options, round: usize) -> Bytes {
    let name = &options.name;
    let put = |resource: &Value| {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).unwrap_or_default();
        let url = format!("{}/{}", text("resourceType"), text("id"));
        json!({"resource": resource, "request": {"method": "PUT", "url": url}})
    };
    let mut entries = vec![
        put(
            &json!({"resourceType": "PractitionerRole", "id": format!("{name}-doctor"), "active": true,
            "code": [{"coding": [{"code": "doctor"}]}]}),
        ),
        put(
            &json!({"resourceType": "Organization", "id": format!("{name}-h{round}"), "name": "Race"}),
        ),
        put(
            &json!({"resourceType": "Location", "id": format!("{name}-b{round}"), "status": "active", "mode": "instance",
            "extension": [{"url": format!("{CANONICAL}/bed-type"), "valueCode": "icu"}],
            "operationalStatus": {"code": "U"}, "physicalType": {"coding": [{"code": "bd"}]},
            "managingOrganization": {"reference": format!("Organization/{name}-h{round}")}}),
        ),
    ];
    for client in 0..options.clients {
        let id = format!("{round}-{client}");
        entries.push(put(&json!({"resourceType": "Patient", "id": format!("{name}-p{id}"), "birthDate": "1970-01-01"})));
        entries.push(put(&json!({"resourceType": "ServiceRequest", "id": format!("{name}-o{id}"), "status": "active",
            "intent": "order", "category": [{"coding": [{"code": "admission"}]}],
            "subject": {"reference": format!("Patient/{name}-p{id}")},
            "requester": {"reference": format!("PractitionerRole/{name}-doctor")},
            "occurrencePeriod": {"start": "2020-01-01", "end": "2999-01-01"},
            "locationCode": [{"coding": [{"code": "icu"}]}],
            "performer": [{"reference": format!("Organization/{name}-h{round}")}]})));
    }
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string().into()
}

struct Client {
    name: String,
    round: usize,
    number: usize,
    won: Rc<Cell<usize>>,
}

impl VirtualUser for Client {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let (name, id) = (&self.name, format!("{}-{}", self.round, self.number));
        let bed = format!("Location/{name}-b{}", self.round);
        let order = format!("ServiceRequest/{name}-o{id}/$allocate-bed");
        let has_it = match self.number % 3 {
            0 => {
                let stay = json!({"resourceType": "Encounter", "id": format!("{name}-e{id}"), "status": "in-progress",
                    "class": {"code": "IMP"}, "subject": {"reference": format!("Patient/{name}-p{id}")},
                    "location": [{"location": {"reference": bed}, "status": "active"}]});
                let path = format!("Encounter/{name}-e{id}");
                let call = Call::update("PUT Encounter", &path, stay.to_string().into());
                session.send(call.expecting(&[201, 409])).await?.status == 201
            }
            1 => {
                let named = json!([{"name": "bed", "valueReference": {"reference": bed}},
                    {"name": "overrideReason", "valueCodeableConcept": {"text": "race"}}]);
                session.send(operation("allocate by name", &order, &named)).await?.status == 200
            }
            _ => {
                let call = operation("allocate by policy", &order, &json!([])).keeping_body();
                let answer = session.send(call).await?;
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                answer.status == 200 && text.contains(r#""name":"allocation""#)
            }
        };
        self.won.set(self.won.get() + usize::from(has_it));
        Ok(Step::Done)
    }
}
