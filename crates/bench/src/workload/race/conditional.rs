//! Conditional creates of the same identifiers by many clients:
//! <https://hl7.org/fhir/R4/http.html#ccreate>.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use hyper::header::{HeaderName, HeaderValue};

use crate::bundle::BundleAnswer;
use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::Report;
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 64)]
    pub(crate) clients: usize,
    #[arg(long, default_value_t = 500)]
    pub(crate) identifiers: usize,
}

const SYSTEM: &str = "http://bench.example.org/race";
const LIMIT: Duration = Duration::from_mins(10);
const CREATED_OR_FOUND: &[u16] = &[200, 201];

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let run_name = uuid::Uuid::now_v7().simple().to_string();
    let identifiers: Rc<[String]> =
        (0..options.identifiers).map(|number| format!("{run_name}-{number}")).collect();
    let statuses = Rc::new(RefCell::new(BTreeMap::new()));
    let clients = (0..options.clients.max(1))
        .map(|_| Client {
            identifiers: Rc::clone(&identifiers),
            next: 0,
            statuses: Rc::clone(&statuses),
        })
        .collect();
    let pace = Pace::UntilDone { at_most: LIMIT };
    let (run, _clients) = bench.drive("race conditional", pace, clients).await;
    report.runs.push(run);

    let statuses = statuses.take();
    let wanted = identifiers.len();
    let created = statuses.get(&201).copied().unwrap_or(0);
    report.check(
        &format!("exactly {wanted} conditional creates answer 201"),
        created == wanted,
        format!("answers by status {statuses:?}"),
    );
    let found = count(&mut bench.session(), &identifiers).await?;
    report.check(
        &format!("exactly {wanted} resources exist"),
        found == Found { once: wanted, never: 0, repeatedly: 0 },
        format!("{found:?}"),
    );
    Ok(())
}

/// All clients go through the identifiers in the same order, so that they meet.
struct Client {
    identifiers: Rc<[String]>,
    next: usize,
    statuses: Rc<RefCell<BTreeMap<u16, usize>>>,
}

impl VirtualUser for Client {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let Some(identifier) = self.identifiers.get(self.next) else { return Ok(Step::Done) };
        self.next += 1;
        let body = format!(
            r#"{{"resourceType":"Patient","identifier":[{{"system":"{SYSTEM}","value":"{identifier}"}}],"active":true}}"#
        );
        let condition = HeaderValue::try_from(query(identifier))
            .map_err(|_| Fault::Usage("an identifier no header carries".into()))?;
        let call = Call::create("conditional create", "Patient", body.into())
            .header(HeaderName::from_static("if-none-exist"), condition)
            .expecting(CREATED_OR_FOUND);
        let answer = session.send(call).await?;
        *self.statuses.borrow_mut().entry(answer.status).or_default() += 1;
        Ok(Step::Again)
    }
}

fn query(identifier: &str) -> String {
    format!("identifier={SYSTEM}|{identifier}")
}

/// How often the identifiers exist afterwards.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    once: usize,
    never: usize,
    repeatedly: usize,
}

async fn count(session: &mut Session, identifiers: &[String]) -> Result<Found, Fault> {
    let mut found = Found::default();
    for identifier in identifiers {
        let path = format!("Patient?identifier={SYSTEM}%7C{identifier}&_count=5");
        let answer = session.require(Call::get("count", &path).keeping_body()).await?;
        match BundleAnswer::parse(&answer.body)?.found_ids().count() {
            0 => found.never += 1,
            1 => found.once += 1,
            _ => found.repeatedly += 1,
        }
    }
    Ok(found)
}
