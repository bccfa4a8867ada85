//! Time to find a page, beside how much is stored: `cargo bench -p storage --bench pages -- URL PATIENTS [FILTER]`,
//! for example `sqlite:/tmp/pages.sqlite 16000`. A database that is empty is filled first: for each patient 10
//! Encounters, 60 Observations and 5 Conditions. A FILTER with a question mark is a query itself, and a second
//! argument after it has the statements explained. It prints the median, the 90th percentile, and what the
//! processor worked, all in microseconds, and what was found.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints its figures, and one that cannot go on stops"
)]

mod fill;

use std::time::{Duration, Instant};

use auth::{Action, Caller, authorize};
use fhir_model::ResourceType;
use search::{Handling, Plan, Reading, Registry, Summary, parse};
use storage::{Clock, Options, Turn, Vault};

const BASE: &str = "http://own.example/fhir";

/// `$P` stands for a patient. `n:` asks for the total.
const QUERIES: &[&str] = &[
    "Patient?_id=p$P",
    "Patient?identifier=http://hospital.example/mrn|m$P",
    "Observation?_count=20",
    "Observation?code=http://loinc.org|8480-6",
    "Observation?code=c7",
    "Observation?code=c7,c8,c9",
    "Observation?code=http://unknown.example|c7",
    "Observation?category=vital",
    "Observation?subject=Patient/p$P",
    "Observation?patient=p$P&_count=50",
    "Observation?patient=Patient/p$P&code=c7&_sort=-date&_count=20",
    "Observation?patient=Patient/p$P&_sort=-date&_count=20",
    "Observation?code=c7&_sort=-date&_count=20",
    "Observation?_sort=-date",
    "Observation?_sort=status,-date",
    "Patient?_sort=family,given",
    "Patient?_sort=birthdate",
    "Patient?_sort=-_lastUpdated",
    "Observation?date=ge2020-01-01",
    "Observation?date=2019-03-05",
    "Observation?date=lt2015-01-01",
    "Observation?date=ge2023-12-01&_sort=date",
    "Patient?birthdate=gt1990-01-01",
    "Observation?value-quantity=gt150",
    "Observation?value-quantity=100||mmHg",
    "Observation?code-value-quantity=http://loinc.org|8480-6$gt150",
    "Observation?code-value-quantity=c7$lt3",
    "Patient?family=f1",
    "Patient?name=f12",
    "Patient?gender=male",
    "Patient?gender=female&family=f7",
    "Patient?gender=female&birthdate=1980",
    "Patient?family:contains=f99",
    "Patient?name:contains=nobody",
    "Encounter?participant=Practitioner/d7",
    "Encounter?status=finished&patient=p$P",
    "Observation?patient.identifier=m$P",
    "Observation?patient.family=f123",
    "Observation?patient.family=f123&code=c7",
    "Observation?patient.gender=male",
    "Patient?_has:Observation:patient:code=c7",
    "Patient?_has:Observation:patient:code=rare1",
    "Patient?_has:Observation:patient:code=c7&family=f7",
    "Observation?code:not=c7",
    "Observation?code:missing=true",
    "Patient?_lastUpdated=gt2024-01-01",
    "Encounter?patient=p$P&_include=Encounter:patient&_revinclude=Observation:encounter",
    "n:Observation?",
    "n:Patient?gender=male",
    "n:Observation?code=http://loinc.org|8480-6",
    "n:Observation?category=vital",
    "n:Observation?code=c7,c8,c9",
    "n:Observation?date=ge2020-01-01",
    "n:Patient?gender=female&family=f7",
    "n:Observation?patient.family=f123",
    "n:Patient?_has:Observation:patient:code=c7",
];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let [url, patients, rest @ ..] = arguments.as_slice() else {
        println!("a database URL and a number of patients, please");
        return;
    };
    let patients: u64 = patients.parse().unwrap();
    let options = Options {
        url: url.parse().unwrap(),
        clock: Clock::system(),
        base: BASE.to_owned(),
        connections_max: 2,
    };
    fill::fill(&options, patients).await;
    let vault = Vault::open(&options).await.unwrap();
    let wanted = rest.first().map_or("", String::as_str);
    let of_its_own = [wanted];
    let queries = if wanted.contains('?') { &of_its_own } else { QUERIES };
    for query in queries.iter().filter(|query| query.contains(wanted)) {
        measure(&vault, query, patients, rest.len() > 1).await;
    }
}

#[expect(clippy::fn_params_excessive_bools, reason = "told on the command line")]
async fn measure(vault: &Vault, query: &str, patients: u64, explain: bool) {
    let permit = authorize(&Caller::Operator, Action::Search, None).unwrap();
    let started = Instant::now();
    let mut times = Vec::new();
    let mut found = 0;
    let (mut cpu, mut explaining) = (cpu_nanos(), 0);
    while times.len() < 5 || times.len() < 300 && started.elapsed() < Duration::from_secs(1) {
        let patient = (u64::try_from(times.len()).unwrap() * 7919 + 13) % patients;
        let plan = plan(
            &query.replace("$P7", &format!("{patient:07}")).replace("$P", &patient.to_string()),
        );
        let asked = Instant::now();
        if plan.summary == Summary::Count {
            found = vault.count(&permit, &plan).await.unwrap();
        } else {
            let count = plan.count.unwrap_or(20);
            match vault.search(&permit, &plan, &Turn::First, count).await {
                Ok(page) => {
                    found = u64::try_from(page.versions.len() + page.included.len()).unwrap();
                }
                Err(outcome) => println!("{query}: {outcome}"),
            }
        }
        times.push(asked.elapsed());
        if explain && times.len() == 3 {
            let before = cpu_nanos();
            let count = plan.count.unwrap_or(20);
            let how = vault.explain(&permit, &plan, count).await.unwrap();
            println!("{}\n{}\n{}\n{} {}", how.route, how.sql, how.plan, how.work, how.unit);
            explaining = cpu_nanos() - before;
        }
        if times.len() == 2 {
            // the first ones prepare
            cpu = cpu_nanos();
        }
    }
    let cpu = (cpu_nanos() - cpu - explaining) / u128::try_from(times.len() - 2).unwrap() / 1000;
    times.sort_unstable();
    let micros = |time: Duration| time.as_micros();
    println!(
        "{:>8} {:>8} {cpu:>8} µs {found:>9}  {query}",
        micros(times[times.len() / 2]),
        micros(times[times.len() * 9 / 10])
    );
}

/// How long all threads of this process have run; 0 where the system does not say.
fn cpu_nanos() -> u128 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = |path: std::path::PathBuf| -> Option<u128> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    threads.filter_map(|thread| nanos(thread.path())).sum()
}

fn plan(query: &str) -> Plan {
    let (is_count, query) = match query.strip_prefix("n:") {
        Some(query) => (true, query),
        None => (false, query),
    };
    let (ty, query) = query.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = (query.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let now = Clock::system().now();
    let reading = Reading { handling: Handling::Strict, base: BASE, now };
    let ty = ResourceType::named(ty).unwrap();
    let (mut plan, _) = parse(Registry::r4(), ty, &pairs, &reading).unwrap();
    if is_count {
        plan.summary = Summary::Count;
    }
    plan
}
