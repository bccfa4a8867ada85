//! When care was given.

use bytes::Bytes;
use fhir_model::{NodeRef, json};
use search::Timespan;

/// When care was given.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Care {
    from: Option<i64>,
    to: Option<i64>,
}

impl Care {
    /// Between two dates, both included.
    pub(crate) fn between(start: Option<&str>, end: Option<&str>) -> Self {
        Self {
            from: start.and_then(Timespan::parse).map(|span| span.lo),
            to: end.and_then(Timespan::parse).map(|span| span.hi),
        }
    }

    /// Whether any time will do.
    pub(super) fn is_any(self) -> bool {
        self.from.is_none() && self.to.is_none()
    }

    /// Whether a resource is from that time; one that has none is.
    pub(super) fn covers(self, body: &Bytes) -> bool {
        if self.is_any() {
            return true;
        }
        let tree = json::parse_trusted(body.clone());
        let Some(span) = CARE_DATES.iter().find_map(|name| span(tree.root().child(name)?)) else {
            return true;
        };
        // one past the last microsecond is no longer within
        self.from.is_none_or(|from| span.hi > from) && self.to.is_none_or(|to| span.lo < to)
    }
}

/// Elements that say when care was given.
const CARE_DATES: [&str; 12] = [
    "effective",
    "performed",
    "occurrence",
    "period",
    "onset",
    "recordedDate",
    "authoredOn",
    "date",
    "issued",
    "created",
    "billablePeriod",
    "started",
];

fn span(node: NodeRef<'_>) -> Option<Timespan> {
    if let Some(text) = node.text() {
        return Timespan::parse(&text);
    }
    let end = |name: &str| node.child_text(name).and_then(|text| Timespan::parse(&text));
    let (start, end) = (end("start"), end("end"));
    Some(Timespan {
        lo: start.map_or(i64::MIN, |span| span.lo),
        hi: end.map_or(i64::MAX, |span| span.hi),
    })
    .filter(|span| span.lo != i64::MIN || span.hi != i64::MAX)
}
