//! Places on earth: <https://hl7.org/fhir/R4/location.html#search>, parameter `near`.

use fhir_model::NodeRef;

use crate::{
    registry::ParamId,
    rows::{PositionRow, Real},
};

/// Whether the element gave a row: it has a latitude and a longitude that are on the globe.
pub(super) fn extract(rows: &mut Vec<PositionRow>, param: ParamId, node: NodeRef<'_>) -> bool {
    let degrees = |name| node.child_text(name)?.parse::<f64>().ok();
    let place = degrees("latitude").zip(degrees("longitude")).and_then(|(n, e)| on_sphere(n, e));
    rows.extend(place.map(|place| PositionRow { param, place: place.map(Real) }));
    place.is_some()
}

/// A point of the unit sphere: x towards 0° 0°, y towards 90° east, z towards the north pole. `None` when
/// the latitude is not in -90° to 90° or the longitude not in -180° to 180°.
pub(crate) fn on_sphere(latitude: f64, longitude: f64) -> Option<[f64; 3]> {
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return None;
    }
    let (north, east) = (latitude.to_radians(), longitude.to_radians());
    // adding zero makes -0 be 0
    Some([north.cos() * east.cos(), north.cos() * east.sin(), north.sin()].map(|part| part + 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_are_where_they_are_said_to_be() {
        let cases = [
            ((0.0, 0.0), [1.0, 0.0, 0.0]),
            ((0.0, 90.0), [0.0, 1.0, 0.0]),
            ((90.0, 0.0), [0.0, 0.0, 1.0]),
            ((-90.0, 77.0), [0.0, 0.0, -1.0]),
            ((0.0, -180.0), [-1.0, 0.0, 0.0]),
        ];
        for ((latitude, longitude), expected) in cases {
            let place = on_sphere(latitude, longitude).unwrap();
            let off = place.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f64::max) < 1e-12, "{latitude} {longitude}: {place:?}");
        }
        for (latitude, longitude) in [(90.1, 0.0), (0.0, 181.0), (f64::NAN, 0.0)] {
            assert_eq!(on_sphere(latitude, longitude), None);
        }
    }
}
