//! `import`: files into the vault, as a stream, repeatable, one line for each record that is refused.

mod files;
mod load;
mod progress;
mod read;
mod record;
mod repeatable;

use std::{ops::ControlFlow, sync::Arc};

use interactions::Fhir;
use tokio::{
    sync::{Mutex, mpsc},
    task::{JoinSet, spawn_blocking},
};

pub(crate) use files::{SourceFile, find};
pub(crate) use progress::{Progress, Tally};
pub(crate) use record::{Piece, Place, Record};

use crate::trouble::Trouble;
use load::Loader;
pub(crate) use read::Sink;

/// Pieces that are stored at once: enough to share a commit.
const AT_ONCE: usize = 4;

/// Imports files.
///
/// # Errors
/// When a thread of the import dies.
pub(crate) async fn files(fhir: Fhir, files: Vec<SourceFile>) -> Result<Tally, Trouble> {
    let progress = Arc::new(Progress::of_bytes(files.iter().map(|file| file.bytes).sum()));
    let bytes_read = progress.bytes_read();
    let source = move |sink: &mut Sink<'_>| read::read_files(&files, &bytes_read, sink);
    pieces(fhir, source, progress).await
}

/// Stores what a source brings forth. Memory stays the same however much that is.
///
/// # Errors
/// When a thread of the import dies.
pub(crate) async fn pieces(
    fhir: Fhir,
    source: impl FnOnce(&mut Sink<'_>) -> ControlFlow<()> + Send + 'static,
    progress: Arc<Progress>,
) -> Result<Tally, Trouble> {
    let (sender, receiver) = mpsc::channel(AT_ONCE);
    let receiver = Arc::new(Mutex::new(receiver));
    let loader = Arc::new(Loader::new(fhir, Arc::clone(&progress)));
    let reader = spawn_blocking(move || {
        source(&mut |piece| match sender.blocking_send(piece) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        })
    });
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE {
        workers.spawn(work(Arc::clone(&loader), Arc::clone(&receiver), Arc::clone(&progress)));
    }
    drop(receiver);
    let done = async {
        while let Some(worker) = workers.join_next().await {
            worker.map_err(|error| Trouble::when("import")(error.into()))?;
        }
        // stopped early or at the end of the files: both are an end
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) =
            reader.await.map_err(|error| Trouble::when("read on")(error.into()))?;
        loader.store_waiting().await;
        Ok(())
    };
    let ended = tokio::select! {
        ended = done => ended,
        () = progress.show() => Ok(()),
    };
    let tally = progress.finish();
    ended.map(|()| tally)
}

async fn work(
    loader: Arc<Loader>,
    receiver: Arc<Mutex<mpsc::Receiver<Piece>>>,
    progress: Arc<Progress>,
) {
    loop {
        let piece = receiver.lock().await.recv().await;
        match piece {
            Some(Piece::Records(records)) => Box::pin(loader.store(records)).await,
            Some(Piece::Unreadable(rejection)) => progress.reject(&rejection),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests;
