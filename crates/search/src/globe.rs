//! Places on the globe as points of the unit sphere, so that distances are straight lines.

use crate::plan::Circle;

/// The mean radius of the earth, in metres: <https://en.wikipedia.org/wiki/Earth_radius#Arithmetic_mean_radius>.
const RADIUS_M: f64 = 6_371_008.8;

/// Longer than any straight line between two points of the unit sphere.
const EVERYWHERE: f64 = 2.5;

/// x towards 0° 0°, y towards 90° east, z towards the north pole. `None` when these are no degrees of
/// latitude (-90 to 90) and longitude (-180 to 180).
pub(crate) fn place(latitude: f64, longitude: f64) -> Option<[f64; 3]> {
    let is_place = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
    is_place.then(|| {
        let around = latitude.cos();
        [around * longitude.cos(), around * longitude.sin(), latitude.sin()]
    })
}

/// All places within so many metres of the middle.
pub(crate) fn circle(middle: [f64; 3], metres: f64) -> Circle {
    let half_angle = metres / (2.0 * RADIUS_M);
    let is_everywhere = half_angle >= std::f64::consts::FRAC_PI_2;
    Circle { middle, chord: if is_everywhere { EVERYWHERE } else { 2.0 * half_angle.sin() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Between two places, in metres.
    fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
        let (a, b) = (place(a.0, a.1).unwrap(), place(b.0, b.1).unwrap());
        let squares: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
        2.0 * RADIUS_M * (squares.sqrt() / 2.0).asin()
    }

    #[test]
    fn distances_are_those_of_a_map() {
        let cases = [
            ((0.0, 0.0), (0.0, 1.0), 111_195.1),
            ((90.0, 0.0), (90.0, 120.0), 0.0),
            ((0.0, 180.0), (0.0, -180.0), 0.0),
            // Boston and Providence
            ((42.3601, -71.0589), (41.824, -71.4128), 66_400.0),
        ];
        for (a, b, metres) in cases {
            assert!((distance(a, b) - metres).abs() < 100.0, "{a:?} {b:?}: {}", distance(a, b));
        }
        assert_eq!(place(90.1, 0.0), None);
        assert_eq!(place(0.0, -180.1), None);
        assert_eq!(place(f64::NAN, 0.0), None);
    }

    #[test]
    fn a_circle_ends_where_its_radius_does() {
        let middle = place(10.0, 20.0).unwrap();
        let circle = |metres| circle(middle, metres).chord;
        assert!(circle(0.0).abs() < f64::EPSILON);
        assert!((circle(1000.0) * RADIUS_M - 1000.0).abs() < 0.001);
        assert!(circle(30_000_000.0) > 2.0);
    }
}
