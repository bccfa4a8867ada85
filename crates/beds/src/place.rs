//! Distances on the earth, by the haversine formula on a sphere of 6,371,008.8 m
//! (<https://en.wikipedia.org/wiki/Haversine_formula>). Only additions, multiplications, divisions and square
//! roots are used, which every machine rounds alike: a decision replays anywhere.

use std::f64::consts::{FRAC_PI_2, PI};

use serde::{Deserialize, Serialize};

/// The mean radius of the earth.
const RADIUS_METRES: f64 = 6_371_008.8;

/// `Location.position`, in millionths of a degree (11 cm at the equator).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// North is positive.
    pub latitude_microdegrees: i32,
    /// East is positive.
    pub longitude_microdegrees: i32,
}

/// A position as a point of the unit sphere, from which distances are quick.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot([f64; 3]);

impl Position {
    /// The distance along the sphere, in metres.
    pub fn metres_to(self, other: Self) -> u32 {
        self.spot().metres_to(other.spot())
    }

    pub(crate) fn spot(self) -> Spot {
        let radians = |microdegrees: i32| f64::from(microdegrees) * (PI / 180e6);
        let (latitude, longitude) =
            (radians(self.latitude_microdegrees), radians(self.longitude_microdegrees));
        let across = cosine(latitude);
        Spot([across * cosine(longitude), across * sine(longitude), sine(latitude)])
    }
}

impl Spot {
    pub(crate) fn metres_to(self, other: Self) -> u32 {
        let ([x, y, z], [to_x, to_y, to_z]) = (self.0, other.0);
        let (x, y, z) = (x - to_x, y - to_y, z - to_z);
        let chord = (x * x + y * y + z * z).sqrt();
        let metres = 2.0 * arcsine((chord / 2.0).min(1.0)) * RADIUS_METRES;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 20,015,114"
        )]
        let metres = (metres + 0.5) as u32;
        metres
    }
}

fn cosine(radians: f64) -> f64 {
    sine(radians + FRAC_PI_2)
}

/// The Taylor series after folding into a quarter turn; an error below 1e-11, under a millimetre.
fn sine(radians: f64) -> f64 {
    let turned = radians - (radians / (2.0 * PI)).round() * (2.0 * PI);
    let folded = match turned {
        turned if turned > FRAC_PI_2 => PI - turned,
        turned if turned < -FRAC_PI_2 => -PI - turned,
        turned => turned,
    };
    let square = folded * folded;
    let mut term = folded;
    let mut sum = folded;
    for n in 1..=8_u32 {
        let n = f64::from(n);
        term *= -square / ((2.0 * n) * (2.0 * n + 1.0));
        sum += term;
    }
    sum
}

/// Of 0 to 1: halved until it is small (asin x = 2 asin(x / sqrt(2 (1 + sqrt(1 - x^2))))), then the series.
fn arcsine(value: f64) -> f64 {
    let mut value = value;
    let mut factor = 1.0;
    while value > 0.125 {
        value /= (2.0 * (1.0 + (1.0 - value * value).max(0.0).sqrt())).sqrt();
        factor *= 2.0;
    }
    let square = value * value;
    let mut power = value;
    let mut sum = value;
    for n in 1..=6_u32 {
        let n = f64::from(n);
        power *= square * (2.0 * n - 1.0) / (2.0 * n);
        sum += power / (2.0 * n + 1.0);
    }
    factor * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Position {
        #[expect(clippy::cast_possible_truncation, reason = "at most 180 million")]
        let micro = |degrees: f64| (degrees * 1e6).round() as i32;
        Position {
            latitude_microdegrees: micro(latitude),
            longitude_microdegrees: micro(longitude),
        }
    }

    /// The formula as it is written in books.
    fn haversine(from: Position, to: Position) -> f64 {
        let radians = |microdegrees: i32| (f64::from(microdegrees) / 1e6).to_radians();
        let (a, b) = (radians(from.latitude_microdegrees), radians(to.latitude_microdegrees));
        let across = radians(to.longitude_microdegrees) - radians(from.longitude_microdegrees);
        let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (across / 2.0).sin().powi(2);
        2.0 * RADIUS_METRES * h.sqrt().min(1.0).asin()
    }

    #[test]
    fn known_distances() {
        let (pune, mumbai) = (at(18.520_43, 73.856_744), at(19.075_984, 72.877_656));
        assert_eq!(pune.metres_to(pune), 0);
        assert_eq!(pune.metres_to(mumbai), 120_158);
        assert_eq!(at(90.0, 0.0).metres_to(at(-90.0, 12.0)), 20_015_114);
        assert_eq!(at(0.0, 0.0).metres_to(at(0.0, 1.0)), 111_195);
    }

    #[test]
    fn all_over_the_earth_it_is_the_formula() {
        for latitude in (-90..=90).step_by(9) {
            for longitude in (-180..=180).step_by(24) {
                let to = at(f64::from(latitude) + 0.01, f64::from(longitude) - 0.02);
                for from in [at(12.97, 77.59), at(-89.0, 3.0), at(12.971, 77.592)] {
                    let (ours, theirs) = (f64::from(from.metres_to(to)), haversine(from, to));
                    assert!((ours - theirs).abs() < 1.0, "{from:?} {to:?}: {ours} {theirs}");
                }
            }
        }
    }
}
