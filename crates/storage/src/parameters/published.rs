//! The parameters as everybody in this process sees them.

use std::sync::Arc;

use tokio::sync::watch;

use super::Parameters;

/// Where the parameters are looked up, and where their changes are told.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    sender: Arc<watch::Sender<Arc<Parameters>>>,
}

impl Published {
    pub(crate) fn new(parameters: Arc<Parameters>) -> Self {
        Self { sender: Arc::new(watch::Sender::new(parameters)) }
    }

    /// Those of now.
    pub(crate) fn now(&self) -> Arc<Parameters> {
        Arc::clone(&self.sender.borrow())
    }

    /// Tells what was committed; what is older than what is known is no news.
    pub(crate) fn publish(&self, next: &Arc<Parameters>) {
        self.sender.send_if_modified(|known| {
            let is_news = next.epoch > known.epoch;
            if is_news {
                *known = Arc::clone(next);
            }
            is_news
        });
    }

    /// Hears of changes.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Parameters>> {
        self.sender.subscribe()
    }
}
