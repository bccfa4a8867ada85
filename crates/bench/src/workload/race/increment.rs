//! Many clients read one counter and write it back, one higher, with `If-Match`:
//! <https://hl7.org/fhir/R4/http.html#concurrency>.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use clap::Args;
use hyper::header::IF_MATCH;
use serde::Deserialize;

use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::{Report, number};
use crate::session::Session;
use crate::template::Template;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 32)]
    pub(crate) clients: usize,
}

const COUNTER: &str = concat!(
    r#"{"resourceType":"Observation",{{id_member}}"status":"final","#,
    r#""code":{"text":"counter"},"valueInteger":{{value}}}"#
);
const WON_OR_LOST: &[u16] = &[200, 412];

pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let template = Rc::new(Template::new(COUNTER));
    let mut session = bench.session();
    let body = template.fill(&[("value", "0")]);
    let created = session.require(Call::create("create counter", "Observation", body)).await?;
    let id = created.id().ok_or_else(|| Fault::Answer("a create without Location".into()))?;
    let statuses = Rc::new(RefCell::new(BTreeMap::new()));
    let clients = (0..options.clients.max(1))
        .map(|_| Client {
            template: Rc::clone(&template),
            id: id.to_owned(),
            statuses: Rc::clone(&statuses),
        })
        .collect();
    let unwarmed = Bench { warmup: std::time::Duration::ZERO, ..bench.clone() };
    let (mut run, _clients) = unwarmed.drive("race increment", Pace::Timed, clients).await;

    let path = format!("Observation/{id}");
    let last = session.require(Call::get("read counter", &path).keeping_body()).await?;
    let last: Counter = serde_json::from_slice(&last.body)?;
    let statuses = statuses.take();
    let won = statuses.get(&200).copied().unwrap_or(0);
    run.fact("increments", number(won) / run.seconds, "/s");
    report.runs.push(run);
    report.check(
        "the final value is the number of successes",
        last.value == won && won > 0,
        format!("value {}, answers by status {statuses:?}", last.value),
    );
    let others = statuses.keys().filter(|status| !WON_OR_LOST.contains(status)).count();
    report.check("all others answer 412", others == 0, format!("{statuses:?}"));
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Counter {
    #[serde(rename = "valueInteger")]
    value: usize,
}

struct Client {
    template: Rc<Template>,
    id: String,
    statuses: Rc<RefCell<BTreeMap<u16, usize>>>,
}

impl VirtualUser for Client {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let path = format!("Observation/{}", self.id);
        let read = session.send(Call::get("read counter", &path).keeping_body()).await?;
        let counter: Counter = serde_json::from_slice(&read.body)?;
        let etag =
            read.etag().cloned().ok_or_else(|| Fault::Answer("a read without ETag".into()))?;
        let (value, id) = ((counter.value + 1).to_string(), format!("\"id\":\"{}\",", self.id));
        let body = self.template.fill(&[("value", &value), ("id_member", &id)]);
        let call = Call::update("increment", &path, body).header(IF_MATCH, etag);
        let answer = session.send(call.expecting(WON_OR_LOST)).await?;
        *self.statuses.borrow_mut().entry(answer.status).or_default() += 1;
        Ok(Step::Again)
    }
}
