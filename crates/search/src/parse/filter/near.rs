//! `near`: <https://hl7.org/fhir/R4/location.html#positional>.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::Asked;
use crate::{
    globe,
    parse::{Fault, value},
    plan::{Circle, Filter},
    quantity,
};

/// How far is near when the query does not say.
const DISTANCE_KM: Decimal = Decimal::from_parts(50, 0, 0, false, 0);

/// Names of units that UCUM calls otherwise.
const UNITS: &[(&str, &str)] = &[
    ("", "km"),
    ("mi", "[mi_i]"),
    ("mile", "[mi_i]"),
    ("miles", "[mi_i]"),
    ("ft", "[ft_i]"),
    ("yd", "[yd_i]"),
    ("nmi", "[nmi_i]"),
];

/// Within one of the circles.
pub(super) fn filter(asked: &Asked<'_>, values: &[&str]) -> Result<Filter, Fault> {
    if asked.parameter.code != "near" {
        return Err(Fault::Unsupported(
            "is special in a way that this server does not know".into(),
        ));
    }
    asked.modifier_among(&[])?;
    let any = asked.each(values, |_, value| circle(value))?;
    Ok(Filter::Near { params: asked.parameter.sources.clone(), any })
}

/// `[latitude]|[longitude]|[distance]|[units]`
fn circle(text: &str) -> Result<Circle, Fault> {
    let parts: Vec<String> = value::split(text, '|').into_iter().map(value::unescape).collect();
    let (latitude, longitude, distance, unit) = match parts.as_slice() {
        [latitude, longitude] => (latitude, longitude, "", ""),
        [latitude, longitude, distance] => (latitude, longitude, distance.as_str(), ""),
        [latitude, longitude, distance, unit] => {
            (latitude, longitude, distance.as_str(), unit.as_str())
        }
        _ => return Err(Fault::Value(FORM.into())),
    };
    let degrees = |text| quantity::value(text).and_then(|value| value.to_f64());
    let middle = degrees(latitude)
        .zip(degrees(longitude))
        .and_then(|(latitude, longitude)| globe::place(latitude, longitude))
        .ok_or(Fault::Value(FORM.into()))?;
    let (distance, unit) = if distance.is_empty() {
        (Some(DISTANCE_KM), "km")
    } else {
        (quantity::value(distance).filter(|distance| !distance.is_sign_negative()), unit)
    };
    let distance = distance.ok_or(Fault::Value(FORM.into()))?;
    let ucum = UNITS.iter().find(|(name, _)| *name == unit).map_or(unit, |(_, ucum)| *ucum);
    let metres = fhirpath::ucum::canonical(distance, ucum)
        .filter(|(_, base)| base == "m")
        .and_then(|(metres, _)| metres.to_f64())
        .ok_or(Fault::Value(
            "takes a distance in km, m, [mi_i] or another unit of length".into(),
        ))?;
    Ok(globe::circle(middle, metres))
}

const FORM: &str = "takes [latitude]|[longitude]|[distance]|[units], such as 42.36|-71.06|10|km; \
     latitudes go from -90 to 90, longitudes from -180 to 180";
