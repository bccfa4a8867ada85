//! How many requests are answered at once: one too many is told to come back, none waits unseen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the requests in flight.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: AtomicUsize,
    max: usize,
}

/// A request that was let in; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a AtomicUsize);

impl Admission {
    pub(crate) fn new(max: usize) -> Self {
        Self { in_flight: AtomicUsize::new(0), max }
    }

    /// Lets a request in, if there is room.
    pub(crate) fn enter(&self) -> Option<Admitted<'_>> {
        let admitted = Admitted(&self.in_flight);
        (self.in_flight.fetch_add(1, Ordering::Relaxed) < self.max).then_some(admitted)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_a_request_has_left() {
        let admission = Admission::new(2);
        let first = admission.enter().unwrap();
        let _second = admission.enter().unwrap();
        assert!(admission.enter().is_none());
        assert_eq!(admission.in_flight(), 2);
        drop(first);
        assert!(admission.enter().is_some());
    }
}
