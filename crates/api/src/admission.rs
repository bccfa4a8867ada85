//! How much is done at once. One request too many is told to come back; none waits unseen.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the requests that are being answered, and the bytes of bodies that are being held.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: AtomicUsize,
    in_flight_max: usize,
    body_bytes: AtomicUsize,
    body_bytes_max: usize,
}

/// A request that was let in; it leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted<'a>(&'a AtomicUsize);

/// Bytes of a body; they are free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    admission: &'a Admission,
    bytes: usize,
}

impl Admission {
    pub(crate) fn new(in_flight_max: usize, body_bytes_max: usize) -> Self {
        Self {
            in_flight: AtomicUsize::new(0),
            in_flight_max,
            body_bytes: AtomicUsize::new(0),
            body_bytes_max,
        }
    }

    /// Lets a request in, if there is room.
    pub(crate) fn enter(&self) -> Option<Admitted<'_>> {
        let admitted = Admitted(&self.in_flight);
        (self.in_flight.fetch_add(1, Ordering::Relaxed) < self.in_flight_max).then_some(admitted)
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A body that has no bytes yet.
    pub(crate) fn hold(&self) -> Held<'_> {
        Held { admission: self, bytes: 0 }
    }
}

impl Held<'_> {
    /// Whether there is room for so many bytes more; if so, they are held.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let before = self.admission.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before + bytes <= self.admission.body_bytes_max
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.admission.body_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
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
        let admission = Admission::new(2, 0);
        let first = admission.enter().unwrap();
        let _second = admission.enter().unwrap();
        assert!(admission.enter().is_none());
        assert_eq!(admission.in_flight(), 2);
        drop(first);
        assert!(admission.enter().is_some());
    }

    #[test]
    fn bodies_share_the_room_there_is() {
        let admission = Admission::new(0, 100);
        let (mut first, mut second) = (admission.hold(), admission.hold());
        assert!(first.grow(60));
        assert!(second.grow(40));
        assert!(!second.grow(1));
        drop(second);
        assert!(first.grow(40));
        assert!(!first.grow(1));
    }
}
