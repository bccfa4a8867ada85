//! Many clients want one bed at the same moment, round after round: by its name, by the policy, and with a plain
//! `PUT Encounter`. Exactly one gets it each time, and what Location and Encounters show agrees; also when the server
//! is killed in the middle and everybody asks again.

use std::{cell::RefCell, path::PathBuf, rc::Rc, time::Duration};

use bytes::Bytes;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    call::Call,
    dice::Dice,
    fault::Fault,
    load::{Bench, Pace, Step, VirtualUser},
    report::{Report, Run},
    server::Recipe,
    session::Session,
};

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64)]
    pub(crate) clients: usize,
    #[arg(long, default_value_t = 200)]
    pub(crate) rounds: usize,
    /// The server to start, and to kill at a random moment of a race, `medvault`; without it the one that runs is
    /// asked, and nobody is killed.
    #[arg(long)]
    pub(crate) server_binary: Option<PathBuf>,
    /// Database of the server when it is not the embedded one.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    /// It is killed once in so many rounds.
    #[arg(long, default_value_t = 10)]
    pub(crate) kill_every: usize,
    /// A word that tells this run's resources from those of others.
    #[arg(long, default_value = "race")]
    pub(crate) name: String,
}

const CANONICAL: &str = "https://medvault.example/fhir";
const ROUND_AT_MOST: Duration = Duration::from_mins(1);
/// A race takes about as long on two processors: the server is killed within it, mostly before the last answer.
const KILLED_WITHIN_MILLIS: usize = 40;

/// How the rounds came out.
#[derive(Debug, Default)]
struct Sum {
    rounds: usize,
    kills: usize,
    wrong: usize,
    torn: usize,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let unwarmed = Bench { warmup: Duration::ZERO, ..bench.clone() };
    let folder = tempfile::tempdir()?;
    let recipe = options.server_binary.as_ref().map(|binary| Recipe {
        binary: binary.clone(),
        data_dir: folder.path().join("data"),
        database_url: options.database_url.clone(),
    });
    let mut server = match &recipe {
        Some(recipe) => Some(recipe.start().await?),
        None => None,
    };
    let (mut dice, mut sum, mut first) = (Dice::new(bench.seed), Sum::default(), None);
    for round in 0..options.rounds {
        let mut here = server.as_ref().map_or_else(|| unwarmed.clone(), |it| unwarmed.at(it));
        prepare(&here, options, round).await?;
        let mut acknowledged = Vec::new();
        if let (Some(running), Some(recipe)) = (&mut server, &recipe)
            && round % options.kill_every.max(1) == options.kill_every.max(1) - 1
        {
            let after = Duration::from_millis(dice.below(KILLED_WITHIN_MILLIS) as u64);
            let kill = async {
                tokio::time::sleep(after).await;
                running.kill()
            };
            let ((_, won), killed) = tokio::join!(race(&here, options, round), kill);
            killed?;
            (acknowledged, sum.kills) = (won, sum.kills + 1);
            server = Some(recipe.start().await?);
            here = server.as_ref().map_or(here, |it| unwarmed.at(it));
        }
        let (run, won) = race(&here, options, round).await;
        let is_kept = acknowledged.iter().all(|client| won.contains(client));
        sum.rounds += 1;
        sum.wrong += usize::from(won.len() != 1 || !is_kept);
        sum.torn += usize::from(!agrees(&mut here.session(), options, round).await?);
        first.get_or_insert(run);
    }
    report.runs.extend(first);
    let Sum { rounds, kills, wrong, torn } = sum;
    report.check(
        "one client gets the bed in every round, and keeps it over a kill",
        wrong == 0,
        format!("{wrong} of {rounds} rounds wrong, the server killed in {kills}"),
    );
    report.check(
        "Location and Encounters agree",
        torn == 0,
        format!("{torn} of {rounds} rounds differ"),
    );
    Ok(())
}

/// The bed of a round, and those who ask for it.
async fn prepare(bench: &Bench, options: &Options, round: usize) -> Result<(), Fault> {
    bench.session().require(Call::bundle("seed a round", seed(options, round))).await?;
    let orders = (0..options.clients).map(|n| format!("{}-o{round}-{n}", options.name)).collect();
    let orders: Rc<RefCell<Vec<String>>> = Rc::new(RefCell::new(orders));
    let callers = (0..TOGETHER).map(|_| Asker { orders: Rc::clone(&orders) }).collect();
    let pace = Pace::UntilDone { at_most: ROUND_AT_MOST };
    let (run, _) = bench.drive("request-bed", pace, callers).await;
    if run.errors > 0 || !orders.borrow().is_empty() {
        return Err(Fault::Usage(format!(
            "round {round}: {} requests for a bed failed",
            run.errors
        )));
    }
    Ok(())
}

/// So many ask for a bed at once while a round is prepared.
const TOGETHER: usize = 16;

/// Asks for a bed on one order after the other.
struct Asker {
    orders: Rc<RefCell<Vec<String>>>,
}

impl VirtualUser for Asker {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let order = self.orders.borrow_mut().pop();
        let Some(order) = order else { return Ok(Step::Done) };
        let path = format!("ServiceRequest/{order}/$request-bed");
        session.send(operation("request-bed", &path, &json!([]))).await?;
        Ok(Step::Again)
    }
}

/// All clients at once; the numbers of those who were told that they have the bed.
async fn race(bench: &Bench, options: &Options, round: usize) -> (Run, Vec<usize>) {
    let won = Rc::new(RefCell::new(Vec::new()));
    let client =
        |number| Client { name: options.name.clone(), round, number, won: Rc::clone(&won) };
    let clients = (0..options.clients.max(1)).map(client).collect();
    let pace = Pace::UntilDone { at_most: ROUND_AT_MOST };
    let (run, clients) = bench.drive("race for a bed", pace, clients).await;
    drop(clients);
    (run, won.take())
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
    won: Rc<RefCell<Vec<usize>>>,
}

impl VirtualUser for Client {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let (name, id) = (&self.name, format!("{}-{}", self.round, self.number));
        let bed = format!("Location/{name}-b{}", self.round);
        let order = format!("ServiceRequest/{name}-o{id}/$allocate-bed");
        let answer = match self.number % 3 {
            0 => {
                let stay = json!({"resourceType": "Encounter", "id": format!("{name}-e{id}"), "status": "in-progress",
                    "class": {"code": "IMP"}, "subject": {"reference": format!("Patient/{name}-p{id}")},
                    "location": [{"location": {"reference": bed}, "status": "active"}]});
                let path = format!("Encounter/{name}-e{id}");
                let call = Call::update("PUT Encounter", &path, stay.to_string().into());
                session.send(call.expecting(&[200, 201, 409])).await
            }
            1 => {
                let named = json!([{"name": "bed", "valueReference": {"reference": bed}},
                    {"name": "overrideReason", "valueCodeableConcept": {"text": "race"}}]);
                session.send(operation("allocate by name", &order, &named).keeping_body()).await
            }
            _ => {
                let call = operation("allocate by policy", &order, &json!([])).keeping_body();
                session.send(call).await
            }
        };
        // no answer comes from a server that is killed
        let Ok(answer) = answer else { return Ok(Step::Done) };
        let text = String::from_utf8_lossy(&answer.body);
        let is_given = self.number.is_multiple_of(3) || text.contains(r#""name":"allocation""#);
        if [200, 201].contains(&answer.status) && is_given {
            self.won.borrow_mut().push(self.number);
        }
        Ok(Step::Done)
    }
}
