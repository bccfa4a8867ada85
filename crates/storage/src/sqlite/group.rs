//! Group commit: the writer takes whatever waits into one transaction, a savepoint each, and answers
//! everybody once the commit is on disk. An fsync costs the same whatever it carries.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use fhir_model::{IssueType, Outcome};

use super::{Writer, connection, trouble};

/// Work that waits for the writer beyond this is refused with 503.
const QUEUE_MAX: usize = 1000;
/// A group takes no more work when it has run this long, so that nobody waits for strangers.
const GROUP_TIME_MAX: Duration = Duration::from_millis(20);
/// Pages in the log at which the checkpointer sets to work (32 MiB).
const LOG_PAGES_FOR_CHECKPOINT: u64 = 4096;
/// Pages in the log at which the writer itself empties it (256 MiB); when a long read is in the way, again
/// after as many more.
const LOG_PAGES_MAX: u64 = 32_768;
/// The checkpointer rests this long between two runs: each costs an fsync that commits wait for too.
const CHECKPOINT_REST: Duration = Duration::from_millis(250);

/// One request's work. It runs on the writer's thread inside a savepoint; when there can be none, it is
/// told why and passes that on to its caller.
pub(crate) type Job = Box<dyn FnOnce(Result<&mut Writer, Outcome>) -> Finished + Send>;

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
    pub(crate) fn start(writer: Writer, path: &Path) -> Result<Self, Outcome> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let checkpointer = Checkpointer::start(path.to_owned());
        let thread = std::thread::Builder::new()
            .name("medvault-writer".to_owned())
            .spawn(move || run(writer, &jobs, &checkpointer))
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
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn run(mut writer: Writer, jobs: &Receiver<Job>, checkpointer: &Checkpointer) {
    let mut log_pages_max = LOG_PAGES_MAX;
    while let Ok(first) = jobs.recv() {
        let finished = match writer.begin() {
            Ok(()) => collect(&mut writer, first, jobs),
            Err(error) => {
                (first(Err(trouble(&error))).acknowledge)(None);
                continue;
            }
        };
        let lost = writer.commit().err().map(|error| {
            writer.roll_back();
            trouble(&error)
        });
        for job in finished {
            (job.acknowledge)(if job.keep { lost.clone() } else { None });
        }
        let pages = writer.log_pages();
        if pages > log_pages_max {
            let is_empty = writer.empty_log();
            log_pages_max = LOG_PAGES_MAX + if is_empty { 0 } else { pages };
        } else if pages > LOG_PAGES_FOR_CHECKPOINT {
            checkpointer.wake();
        }
    }
    writer.empty_log();
}

fn collect(writer: &mut Writer, first: Job, jobs: &Receiver<Job>) -> Vec<Finished> {
    let started = Instant::now();
    let mut finished = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        finished.extend(in_savepoint(writer, job));
        if started.elapsed() > GROUP_TIME_MAX {
            break;
        }
        next = jobs.try_recv().ok();
    }
    finished
}

fn in_savepoint(writer: &mut Writer, job: Job) -> Option<Finished> {
    if let Err(error) = writer.savepoint() {
        return Some(job(Err(trouble(&error))));
    }
    // a panic in one request's work undoes that request alone; its caller sees the channel close
    let finished = catch_unwind(AssertUnwindSafe(|| job(Ok(writer)))).ok();
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
struct Checkpointer(SyncSender<()>);

impl Checkpointer {
    fn start(path: PathBuf) -> Self {
        let (wake, woken) = sync_channel::<()>(1);
        let spawned =
            std::thread::Builder::new().name("medvault-checkpoint".to_owned()).spawn(move || {
                let Ok(connection) = connection::open_checkpointer(&path) else { return };
                loop {
                    match woken.recv_timeout(Duration::from_hours(1)) {
                        Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                    let moved =
                        connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()));
                    if let Err(error) = moved {
                        tracing::warn!(%error, "checkpoint");
                    }
                    std::thread::sleep(CHECKPOINT_REST);
                }
            });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no checkpoint thread; the writer empties the log itself");
        }
        Self(wake)
    }

    fn wake(&self) {
        // one wake-up pending is enough
        self.0.try_send(()).unwrap_or_default();
    }
}
