//! Closed-loop virtual users: each waits for its answer before it asks again.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::fault::Fault;
use crate::process::{self, Usage};
use crate::recorder::{Recorder, Window};
use crate::report::Run;
use crate::server::Server;
use crate::session::Session;
use crate::target::Target;

/// What every workload is given.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) target: Rc<Target>,
    /// The server's process, if its CPU and memory are to be watched.
    pub(crate) server_pid: Option<u32>,
    pub(crate) warmup: Duration,
    pub(crate) measured: Duration,
    pub(crate) seed: u64,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Answers count after the warm-up, for the measured time.
    Timed,
    /// Each user stops when its work is done; the whole is cut off at the limit.
    UntilDone { at_most: Duration },
}

/// What a user wants after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Again,
    Done,
}

/// One person (or hospital system) at one connection.
pub(crate) trait VirtualUser {
    /// One iteration. A fault makes the driver reconnect and go on with the next iteration.
    async fn step(&mut self, session: &mut Session) -> Result<Step, Fault>;
}

/// Ends a run whose server no longer answers.
const GRACE: Duration = Duration::from_mins(1);
/// After so many broken connections in a row a user gives up.
const FAULTS_IN_A_ROW_MAX: u32 = 20;

impl Bench {
    pub(crate) fn session(&self) -> Session {
        Session::unrecorded(Rc::clone(&self.target))
    }

    /// The same work at another server that was started here.
    pub(crate) fn at(&self, server: &Server) -> Self {
        let (target, server_pid) = (Rc::clone(&server.target), Some(server.pid()));
        Self { target, server_pid, ..self.clone() }
    }

    /// Lets the users work side by side; gives back the figures and the users. One that gets no answer
    /// long after the end is cut off, counted as an error and not given back.
    pub(crate) async fn drive<U>(&self, work: &str, pace: Pace, users: Vec<U>) -> (Run, Vec<U>)
    where
        U: VirtualUser + 'static,
    {
        let count = users.len();
        let window = self.window(pace);
        let recorder = Rc::new(Recorder::within(window));
        if let Some(pid) = self.server_pid {
            process::reset_peak(pid);
        }
        let idle = self.server_usage();
        let mut crowd = JoinSet::new();
        for user in users {
            let session = Session::new(Rc::clone(&self.target), Rc::clone(&recorder));
            crowd.spawn_local(live(user, session, window.until));
        }
        tokio::time::sleep_until(window.from.into()).await;
        let (before, client_before) = (self.server_usage(), own_usage());
        let mut ended = None;
        if let Some(until) = window.until {
            tokio::time::sleep_until(until.into()).await;
            ended = Some((self.server_usage(), own_usage()));
        }
        let limit = match pace {
            Pace::UntilDone { at_most } => at_most,
            Pace::Timed => GRACE,
        };
        let users = gather(crowd, limit).await;
        let took = window.until.map_or_else(|| window.from.elapsed(), |until| until - window.from);
        let (after, client_after) = ended.unwrap_or_else(|| (self.server_usage(), own_usage()));
        for _ in users.len()..count {
            recorder.complain("cut off", format!("no answer within {} s", limit.as_secs()));
        }
        let mut run = Run::new(work, count, recorder.take());
        run.timed(took);
        run.client_cpu_seconds = client_after.cpu_seconds - client_before.cpu_seconds;
        run.server_used(idle, before, after);
        (run, users)
    }

    fn window(&self, pace: Pace) -> Window {
        let now = Instant::now();
        match pace {
            Pace::UntilDone { .. } => Window { from: now, until: None },
            Pace::Timed => {
                let from = now + self.warmup;
                Window { from, until: Some(from + self.measured) }
            }
        }
    }

    pub(crate) fn server_usage(&self) -> Option<Usage> {
        self.server_pid.and_then(process::usage)
    }
}

/// The users that come to an end within the limit; the others are cut off.
async fn gather<U: 'static>(mut crowd: JoinSet<U>, limit: Duration) -> Vec<U> {
    let deadline = tokio::time::Instant::now() + limit;
    let mut users = Vec::new();
    while let Ok(Some(Ok(user))) = tokio::time::timeout_at(deadline, crowd.join_next()).await {
        users.push(user);
    }
    users
}

fn own_usage() -> Usage {
    process::usage(std::process::id()).unwrap_or_default()
}

async fn live<U: VirtualUser>(mut user: U, mut session: Session, until: Option<Instant>) -> U {
    let mut faults_in_a_row = 0;
    while faults_in_a_row < FAULTS_IN_A_ROW_MAX {
        if until.is_some_and(|until| Instant::now() >= until) {
            break;
        }
        match user.step(&mut session).await {
            Ok(Step::Again) => faults_in_a_row = 0,
            Ok(Step::Done) => break,
            Err(_filed_by_the_session) => {
                faults_in_a_row += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    user
}
