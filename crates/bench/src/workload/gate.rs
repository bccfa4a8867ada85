//! `gate`: what tokens and the record of what is done cost. The same reads, searches and writes at a server that lets
//! everybody in and at one that asks for tokens, in turns: an operator's, a patient's and a practitioner's.

use std::rc::Rc;

use bytes::Bytes;
use clap::Args;
use hyper::Method;
use serde_json::{Value, json};

use super::crud;
use super::read::read;
use crate::call::Call;
use crate::fault::Fault;
use crate::load::Bench;
use crate::report::{Check, Report, Run, per};
use crate::target::Target;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// FHIR base of a server with `--auth open`; `--base-url` names the one that asks for tokens, `--token` is an
    /// operator's.
    #[arg(long)]
    open: String,
    /// Process of that server.
    #[arg(long)]
    open_pid: Option<u32>,
    /// A token for the patient `gate-p0`.
    #[arg(long)]
    patient: String,
    /// A token of the practitioner `gate-d`.
    #[arg(long)]
    practitioner: String,
    #[arg(long, default_value_t = 32)]
    users: usize,
    /// Patients, on whose care team the practitioner is.
    #[arg(long, default_value_t = 50)]
    patients: usize,
    /// Observations of each patient.
    #[arg(long, default_value_t = 100)]
    each: usize,
    /// Consents to the word, one a patient, that name the practitioner and deny a code that nobody has.
    #[arg(long, default_value_t = 0)]
    consents: usize,
    /// Rounds; of each caller the run in the middle counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What of the rate without tokens must be left, in percent.
    #[arg(long, default_value_t = 80.0)]
    goal: f64,
    /// Without the mix of reads and writes.
    #[arg(long)]
    no_crud: bool,
}

/// Resources of one transaction.
const AT_ONCE: usize = 200;

/// Who asks, where.
struct Caller {
    name: &'static str,
    bench: Bench,
}

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let with = |token: Option<&str>, url: &str, server_pid| -> Result<Bench, Fault> {
        Ok(Bench { target: Rc::new(Target::parse(url, token)?), server_pid, ..bench.clone() })
    };
    let smart = bench.target.url();
    let callers = [
        Caller { name: "open", bench: with(None, &options.open, options.open_pid)? },
        Caller { name: "operator", bench: bench.clone() },
        Caller { name: "patient", bench: with(Some(&options.patient), &smart, bench.server_pid)? },
        Caller {
            name: "practitioner",
            bench: with(Some(&options.practitioner), &smart, bench.server_pid)?,
        },
    ];
    for caller in callers.iter().take(2) {
        seed(&caller.bench, options).await?;
    }
    let own: Vec<String> =
        (0..options.each).map(|number| format!("Observation/gate-o0-{number}")).collect();
    let by_date = "Observation?patient=gate-p0&_sort=-date&_count=20".to_owned();
    for (work, paths) in [
        ("read", own),
        ("search by patient", vec!["Observation?patient=gate-p0&_count=20".to_owned()]),
        ("search by patient, sorted", vec![by_date]),
    ] {
        compare(options, report, (work, &callers), async |bench| {
            Ok(read(bench, work, options.users, paths.clone()).await)
        })
        .await?;
    }
    if !options.no_crud {
        let mix = crud::Options { users: options.users, resources: 3_200 };
        compare(options, report, ("crud", callers.get(..2).unwrap_or_default()), async |bench| {
            let mut alone = Report::default();
            crud::run(bench, &mix, &mut alone).await?;
            alone.runs.pop().ok_or_else(|| Fault::Answer("crud: no figures".to_owned()))
        })
        .await?;
    }
    Ok(())
}

/// Lets the callers work in turns, and says what of the first one's rate the others reach.
async fn compare(
    options: &Options,
    report: &mut Report,
    (work, callers): (&str, &[Caller]),
    run: impl AsyncFn(&Bench) -> Result<Run, Fault>,
) -> Result<(), Fault> {
    let mut rounds: Vec<Vec<Run>> = callers.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds.max(1) {
        for (caller, runs) in callers.iter().zip(&mut rounds) {
            let mut one = run(&caller.bench).await?;
            one.work = format!("{work}, {}", caller.name);
            runs.push(one);
        }
    }
    let mut open = None;
    for (caller, mut runs) in callers.iter().zip(rounds) {
        runs.sort_by(|one, other| one.requests_per_second.total_cmp(&other.requests_per_second));
        let middle = runs.len() / 2;
        if middle >= runs.len() {
            continue;
        }
        let run = runs.swap_remove(middle);
        let rate = run.requests_per_second;
        let cpu = cpu_us(&run);
        let (open_rate, open_cpu) = open.unwrap_or((rate, cpu));
        let share = 100.0 * rate / open_rate.max(1.0);
        if open.is_some() {
            report.checks.push(Check {
                name: format!(
                    "{work}, {}: {} % of the rate without a token",
                    caller.name, options.goal
                ),
                holds: share >= options.goal && run.errors == 0,
                found: format!(
                    "{share:.0} %, {rate:.0}/s; processor time {cpu:.1} us a request, {open_cpu:.1} us without"
                ),
            });
        }
        open.get_or_insert((rate, cpu));
        report.runs.push(run);
    }
    Ok(())
}

/// Processor time of server and load generator for a request: where they share the processors, what the rate comes to.
fn cpu_us(run: &Run) -> f64 {
    let server = run.server.as_ref().map_or(0.0, |server| server.cpu_seconds);
    1e6 / per(run.requests, server + run.client_cpu_seconds).max(f64::MIN_POSITIVE)
}

/// The same small ward on each server.
async fn seed(bench: &Bench, options: &Options) -> Result<(), Fault> {
    let mut all = vec![json!({"resourceType": "Practitioner", "id": "gate-d"})];
    for patient in 0..options.patients.max(1) {
        let subject = json!({"reference": format!("Patient/gate-p{patient}")});
        all.push(json!({
            "resourceType": "Patient",
            "id": format!("gate-p{patient}"),
            "name": [{"family": "Rao", "given": ["Anjali"]}],
            "birthDate": "1980-02-29",
        }));
        all.push(json!({
            "resourceType": "CareTeam",
            "id": format!("gate-t{patient}"),
            "status": "active",
            "subject": subject,
            "participant": [{"member": {"reference": "Practitioner/gate-d"}}],
        }));
        if patient < options.consents {
            all.push(consent(patient, &subject));
        }
        all.extend((0..options.each).map(|number| observation((patient, number), &subject)));
    }
    let mut session = bench.session();
    for some in all.chunks(AT_ONCE) {
        let entries: Vec<Value> = some.iter().map(entry).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        session.require(Call::bundle("seed", Bytes::from(bundle.to_string()))).await?;
    }
    Ok(())
}

fn consent(patient: usize, subject: &Value) -> Value {
    json!({
        "resourceType": "Consent",
        "id": format!("gate-c{patient}"),
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"text": "privacy"}],
        "policyRule": {"text": "own"},
        "patient": subject,
        "provision": {
            "type": "deny",
            "actor": [{"role": {"text": "who reads"}, "reference": {"reference": "Practitioner/gate-d"}}],
            "code": [{"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}],
        },
    })
}

fn entry(resource: &Value) -> Value {
    let name = |member: &str| resource[member].as_str().unwrap_or_default();
    let url = format!("{}/{}", name("resourceType"), name("id"));
    json!({"resource": resource, "request": {"method": Method::PUT.as_str(), "url": url}})
}

fn observation((patient, number): (usize, usize), subject: &Value) -> Value {
    json!({
        "resourceType": "Observation",
        "id": format!("gate-o{patient}-{number}"),
        "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
        "subject": subject,
        "effectiveDateTime": format!("2026-{:02}-{:02}T08:30:00Z", number % 12 + 1, number % 28 + 1),
        "performer": [{"reference": "Practitioner/gate-d"}],
        "valueQuantity": {"value": 60 + number % 60, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
    })
}
