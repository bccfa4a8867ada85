//! `X-Request-Id`: <https://hl7.org/fhir/R4/http.html#custom>.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::HeaderValue;

/// The longest id that is sent back.
const BYTES_MAX: usize = 128;

/// Gives ids to requests that have none.
#[derive(Debug)]
pub(crate) struct RequestIds {
    /// Of this run of the server.
    prefix: String,
    count: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut prefix = uuid::Uuid::new_v4().simple().to_string();
        prefix.truncate(12);
        Self { prefix, count: AtomicU64::new(0) }
    }

    /// The client's own id if it is fit to be sent back, else a new one.
    pub(crate) fn of(&self, sent: Option<&HeaderValue>) -> HeaderValue {
        let is_fit = |value: &&HeaderValue| {
            (1..=BYTES_MAX).contains(&value.len())
                && value.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        sent.filter(is_fit).cloned().unwrap_or_else(|| self.fresh())
    }

    fn fresh(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{count:x}", self.prefix))
            .unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_clients_come_back_when_they_are_fit() {
        let ids = RequestIds::new();
        let cases = [("abc-1", true), ("", false), ("a b", false), ("caf\u{e9}", false)];
        for (sent, is_kept) in cases {
            let sent = HeaderValue::from_bytes(sent.as_bytes()).unwrap();
            assert_eq!(ids.of(Some(&sent)) == sent, is_kept, "{sent:?}");
        }
        let long = HeaderValue::try_from("a".repeat(129)).unwrap();
        assert_ne!(ids.of(Some(&long)), long);
        assert_ne!(ids.of(None), ids.of(None));
    }
}
