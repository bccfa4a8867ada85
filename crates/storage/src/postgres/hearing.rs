//! Many who want to hear at once what was committed hear together: each of them relies on a statement that began after
//! they asked, and one statement does for all who asked before it began.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

/// The statements by which has been heard.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// How many were begun.
    begun: AtomicU64,
    /// The last one that was answered; locked while another is under way.
    answered: Mutex<u64>,
}

impl Hearing {
    /// Listens, unless somebody else did since this was called.
    ///
    /// # Errors
    /// Those of listening.
    pub(super) async fn hear<E>(
        &self,
        listen: impl AsyncFnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut answered = self.answered.lock().await;
        if *answered > before {
            return Ok(());
        }
        let this = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        listen().await?;
        *answered = this;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{sync::Notify, task};

    use super::*;

    /// Of three who ask while a statement is under way, none relies on that; one listens for all.
    #[tokio::test]
    async fn nobody_relies_on_what_began_before_they_asked() {
        let (hearing, statements) = (Arc::new(Hearing::default()), Arc::new(AtomicU64::new(0)));
        let (goes, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let first = {
            let (hearing, statements) = (Arc::clone(&hearing), Arc::clone(&statements));
            let (goes, answer) = (Arc::clone(&goes), Arc::clone(&answer));
            task::spawn(async move {
                let listen = async || {
                    statements.fetch_add(1, Ordering::SeqCst);
                    goes.notify_one();
                    answer.notified().await;
                    Ok::<(), ()>(())
                };
                hearing.hear(listen).await
            })
        };
        goes.notified().await;
        let others = (0..3).map(|_| {
            let (hearing, statements) = (Arc::clone(&hearing), Arc::clone(&statements));
            task::spawn(async move {
                let listen = async || {
                    statements.fetch_add(1, Ordering::SeqCst);
                    Ok::<(), ()>(())
                };
                hearing.hear(listen).await
            })
        });
        let others: Vec<_> = others.collect();
        for _ in 0..8 {
            task::yield_now().await;
        }
        assert_eq!(statements.load(Ordering::SeqCst), 1, "they wait");
        answer.notify_one();
        assert_eq!(first.await.unwrap(), Ok(()));
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(()));
        }
        assert_eq!(statements.load(Ordering::SeqCst), 2, "one listened for the three");
    }

    /// What failed was not heard.
    #[tokio::test]
    async fn who_follows_a_failure_listens_again() {
        let hearing = Hearing::default();
        assert_eq!(hearing.hear(async || Err("no")).await, Err("no"));
        let mut heard = false;
        let listen = async || {
            heard = true;
            Ok::<(), &str>(())
        };
        assert_eq!(hearing.hear(listen).await, Ok(()));
        assert!(heard);
    }
}
