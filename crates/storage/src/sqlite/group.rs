//! Group commit: the writer takes whatever waits into one transaction and answers everybody once the
//! commit is on disk. An fsync costs the same whatever it carries.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use fhir_model::{IssueType, Outcome};

use super::{Writer, connection, trouble};
use crate::cache::Cache;

/// Work that waits for the writer beyond this is refused with 503.
const QUEUE_MAX: usize = 1000;
/// A group takes no more work when it has run this long, so that nobody waits for strangers.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);
/// When as many as these shared the last commit, more are on their way: they are waited for, each for so
/// long at most. A bigger group writes fewer pages for each request.
const CROWD_MIN: usize = 8;
const CROWD_PATIENCE: Duration = Duration::from_micros(500);
/// Length of the log at which the checkpointer sets to work.
const LOG_BYTES_FOR_CHECKPOINT: u64 = 32 << 20;
/// Length of the log at which the writer itself empties it; when a long read is in the way, again
/// after as many more.
const LOG_BYTES_MAX: u64 = 256 << 20;
/// The checkpointer rests this long between two runs: each costs an fsync that commits wait for too.
const CHECKPOINT_REST: Duration = Duration::from_millis(250);

/// One request's work. It runs on the writer's thread; when it cannot, it is told why and passes that on to
/// its caller.
pub(crate) struct Job {
    /// Whether it may be undone after it has written, and its neighbours not.
    pub(crate) may_refuse_late: bool,
    /// The work.
    pub(crate) run: Box<Run>,
}

/// With the writer, or with why there is none.
type Run = dyn FnOnce(Result<&mut Writer, Outcome>) -> Finished + Send;

/// What a job leaves behind.
pub(crate) struct Finished {
    /// Whether its changes stay.
    pub(crate) keep: bool,
    /// Tells the caller; the argument says why the commit failed, if it did.
    pub(crate) acknowledge: Box<dyn FnOnce(Option<Outcome>) + Send>,
}

/// The queue before the writer's thread.
#[derive(Debug)]
pub(crate) struct Group {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Group {
    /// Starts the writer's thread.
    pub(crate) fn start(writer: Writer, cache: Arc<Cache>, path: &Path) -> Result<Self, Outcome> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let checkpointer = Checkpointer::start(path.to_owned());
        let thread = thread::Builder::new()
            .name("medvault-writer".to_owned())
            .spawn(move || run(writer, &cache, &jobs, &checkpointer))
            .map_err(|error| Outcome::new(IssueType::Exception, error.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Puts work into the queue.
    ///
    /// # Errors
    /// `transient` when the queue is full.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Outcome> {
        let sent = self.queue.as_ref().map(|queue| queue.try_send(job));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Outcome::new(
                IssueType::Transient,
                "Too many writes are waiting; nothing was stored, try again in a second",
            )),
        }
    }
}

/// Lets the writer finish what it has.
impl Drop for Group {
    fn drop(&mut self) {
        self.queue = None;
        // the last who had the vault may have been a piece of work on this very thread
        let other = |thread: &JoinHandle<()>| thread.thread().id() != thread::current().id();
        if let Some(thread) = self.thread.take().filter(other) {
            drop(thread.join());
        }
    }
}

fn run(mut writer: Writer, cache: &Cache, jobs: &Receiver<Job>, checkpointer: &Checkpointer) {
    let mut log_bytes_max = LOG_BYTES_MAX;
    let mut crowd = 0;
    while let Ok(first) = jobs.recv() {
        let group = match writer.begin() {
            Ok(()) => collect(&mut writer, (first, crowd), jobs),
            Err(error) => {
                ((first.run)(Err(trouble(&error))).acknowledge)(None);
                continue;
            }
        };
        crowd = group.finished.len();
        // before anybody is told: no read may find what was replaced
        let touched = std::mem::take(&mut writer.touched);
        let lost = cache.while_changing(&touched, || end(&mut writer, group.spoilt));
        for job in group.finished {
            // a refusal too may rest on what a neighbour wrote and lost
            (job.acknowledge)(lost.clone());
        }
        let length = writer.log_bytes();
        if checkpointer.has_caught_up() {
            // little is left: with that moved too, the log begins again at its start
            writer.checkpoint();
        } else if length > log_bytes_max {
            let is_empty = writer.empty_log();
            log_bytes_max = LOG_BYTES_MAX + if is_empty { 0 } else { length };
        } else if length > LOG_BYTES_FOR_CHECKPOINT {
            checkpointer.wake();
        }
    }
    writer.empty_log();
}

/// What shares a commit.
#[derive(Default)]
struct Together {
    finished: Vec<Finished>,
    /// Something stopped halfway through its writes: nothing of the group can stay.
    spoilt: Option<Outcome>,
}

/// Commits, or undoes everything; why nothing stays.
fn end(writer: &mut Writer, spoilt: Option<Outcome>) -> Option<Outcome> {
    let lost = spoilt.or_else(|| writer.commit().err().map(|error| trouble(&error)));
    if lost.is_some() {
        writer.roll_back();
    }
    lost
}

fn collect(writer: &mut Writer, (first, crowd): (Job, usize), jobs: &Receiver<Job>) -> Together {
    let started = Instant::now();
    let mut group = Together::default();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        if job.may_refuse_late {
            group.finished.extend(in_savepoint(writer, job));
        } else {
            group.add(writer, job);
        }
        if group.spoilt.is_some() || started.elapsed() > GROUP_TIME_MAX {
            break;
        }
        next = jobs.try_recv().ok();
        if next.is_none() && crowd >= CROWD_MIN && group.finished.len() < 2 * crowd {
            next = jobs.recv_timeout(CROWD_PATIENCE).ok();
        }
    }
    group
}

impl Together {
    /// Runs work that refuses before it writes, or not at all.
    fn add(&mut self, writer: &mut Writer, job: Job) {
        writer.is_written = false;
        let finished = guarded(writer, job);
        let keep = finished.as_ref().is_some_and(|finished| finished.keep);
        if !keep && writer.is_written {
            let why = "A write of the same group failed; nothing was stored, try again";
            self.spoilt = Some(Outcome::new(IssueType::Transient, why));
        }
        self.finished.extend(finished);
    }
}

/// A panic ends one request's work; its caller sees the channel close.
fn guarded(writer: &mut Writer, job: Job) -> Option<Finished> {
    catch_unwind(AssertUnwindSafe(|| (job.run)(Ok(writer)))).ok()
}

fn in_savepoint(writer: &mut Writer, job: Job) -> Option<Finished> {
    if let Err(error) = writer.savepoint() {
        return Some((job.run)(Err(trouble(&error))));
    }
    let finished = guarded(writer, job);
    let keep = finished.as_ref().is_some_and(|finished| finished.keep);
    let ended = if keep { writer.release() } else { writer.undo() };
    match ended {
        Ok(()) => finished,
        Err(error) => finished.map(|finished| finished.lost(trouble(&error))),
    }
}

impl Finished {
    /// The same, but its changes are gone.
    fn lost(self, why: Outcome) -> Self {
        Self { keep: false, acknowledge: Box::new(move |_| (self.acknowledge)(Some(why))) }
    }
}

/// Moves the log into the file beside the writer.
struct Checkpointer {
    wake: SyncSender<()>,
    caught_up: Arc<AtomicBool>,
}

impl Checkpointer {
    fn start(path: PathBuf) -> Self {
        let (wake, woken) = sync_channel::<()>(1);
        let caught_up = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&caught_up);
        let spawned =
            thread::Builder::new().name("medvault-checkpoint".to_owned()).spawn(move || {
                let Ok(connection) = connection::open_checkpointer(&path) else { return };
                while woken.recv().is_ok() {
                    match connection::checkpoint(&connection) {
                        Ok(()) => done.store(true, Ordering::Release),
                        Err(error) => tracing::warn!(%error, "checkpoint"),
                    }
                    thread::sleep(CHECKPOINT_REST);
                }
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no checkpoint thread; the writer empties the log itself");
        }
        Self { wake, caught_up }
    }

    fn wake(&self) {
        // one wake-up pending is enough
        self.wake.try_send(()).unwrap_or_default();
    }

    /// Whether it has come to the end of the log since this was last asked.
    fn has_caught_up(&self) -> bool {
        self.caught_up.swap(false, Ordering::AcqRel)
    }
}
