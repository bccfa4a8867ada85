//! `import`: N workers share a list of transaction Bundles and post them to the base.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;

use crate::bundle::BundleAnswer;
use crate::bundle_folder::BundleFolder;
use crate::call::Call;
use crate::fault::Fault;
use crate::load::{Bench, Pace, Step, VirtualUser};
use crate::report::{Report, Run, STORED, number};
use crate::session::Session;

#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Folder of transaction Bundles, `.json` or `.json.gz`.
    #[arg(long)]
    pub(crate) folder: PathBuf,
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Post the folder so many times, each time with other UUIDs.
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: u64,
}

const LIMIT: Duration = Duration::from_mins(30);

/// One row a round.
pub(crate) async fn run(
    bench: &Bench,
    options: &Options,
    report: &mut Report,
) -> Result<(), Fault> {
    let folder = BundleFolder::load(&options.folder)?;
    let mut session = bench.session();
    for bundle in &folder.first {
        session.require(Call::bundle("import hospitals", bundle.clone())).await?;
    }
    for round in 0..options.repeat {
        let bundles = folder.copy(round);
        let (mut run, tally) = import(bench, options.workers, bundles).await?;
        if options.repeat > 1 {
            run.work = format!("import, round {}", round + 1);
        }
        tally.judge(report);
        report.runs.push(run);
    }
    Ok(())
}

async fn import(bench: &Bench, workers: usize, bundles: Vec<Bytes>) -> Result<(Run, Tally), Fault> {
    let tally = Rc::new(RefCell::new(Tally { sent: bundles.len(), ..Tally::default() }));
    let queue = Rc::new(RefCell::new(bundles.into_iter()));
    let worker = || Worker { queue: Rc::clone(&queue), tally: Rc::clone(&tally) };
    let workers = (0..workers.max(1)).map(|_| worker()).collect();
    let (mut run, workers) =
        bench.drive("import", Pace::UntilDone { at_most: LIMIT }, workers).await;
    drop(workers);
    let tally = tally.take();
    run.fact("resources", number(tally.entries), "");
    run.fact(STORED, number(tally.entries) / run.seconds, "resources/s");
    let cpu_seconds = run.server.as_ref().map(|server| server.cpu_seconds);
    if let Some(cpu_seconds) = cpu_seconds {
        run.fact("server CPU", cpu_seconds * 1000.0 / number(tally.entries), "ms a resource");
    }
    Ok((run, tally))
}

/// What the answers said.
#[derive(Debug, Default)]
struct Tally {
    sent: usize,
    accepted: usize,
    /// Stored resources.
    entries: usize,
    first_refusal: Option<String>,
}

impl Tally {
    fn count(&mut self, status: u16, body: &[u8]) {
        if status != 200 {
            self.refuse(format!("{status} {}", String::from_utf8_lossy(body)));
            return;
        }
        match BundleAnswer::parse(body) {
            Ok(answer) => {
                self.entries += answer.accepted();
                match answer.rejected() {
                    Some(entry) => self.refuse(format!("an entry answered {}", entry.status)),
                    None => self.accepted += 1,
                }
            }
            Err(fault) => self.refuse(fault.to_string()),
        }
    }

    fn refuse(&mut self, complaint: String) {
        self.first_refusal.get_or_insert(complaint);
    }

    fn judge(&self, report: &mut Report) {
        let refusal = self.first_refusal.as_deref().unwrap_or("no refusal");
        let refusal: String = refusal.chars().take(300).collect();
        report.check(
            "every Bundle accepted",
            self.accepted == self.sent,
            format!("{} of {}; {refusal}", self.accepted, self.sent),
        );
    }
}

struct Worker {
    queue: Rc<RefCell<std::vec::IntoIter<Bytes>>>,
    tally: Rc<RefCell<Tally>>,
}

impl VirtualUser for Worker {
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault> {
        let Some(bundle) = self.queue.borrow_mut().next() else { return Ok(Step::Done) };
        match session.send(Call::bundle("Bundle", bundle).keeping_body()).await {
            Ok(answer) => self.tally.borrow_mut().count(answer.status, &answer.body),
            Err(fault) => {
                self.tally.borrow_mut().refuse(fault.to_string());
                return Err(fault);
            }
        }
        Ok(Step::Again)
    }
}
