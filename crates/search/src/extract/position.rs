//! Places on earth: <https://hl7.org/fhir/R4/location.html#search>, parameter `near`.

use fhir_model::NodeRef;

use crate::{
    globe,
    registry::ParamId,
    rows::{PositionRow, Real},
};

/// Whether the element gave a row: it has a latitude and a longitude that are on the globe.
pub(super) fn extract(rows: &mut Vec<PositionRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let degrees = |name| node.child_text(name)?.parse::<f64>().ok();
    let place = degrees("latitude").zip(degrees("longitude")).and_then(|(n, e)| globe::place(n, e));
    // -0 is 0
    rows.extend(
        place.map(|place| PositionRow { param, place: place.map(|part| Real(part + 0.0)) }),
    );
    place.is_some()
}
