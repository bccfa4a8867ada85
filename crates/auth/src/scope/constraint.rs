//! What follows the question mark of a scope: equalities on parameters of the type itself. Everything that would
//! look at other resources, or changes what is returned and not which, is refused; so is what is not understood.

use fhir_model::{Instant, ResourceType};
use percent_encoding::percent_decode_str;
use search::{Filter, Handling, Reading, Registry, SearchKind};

/// The most conditions of one scope.
const CONDITIONS_MAX: usize = 8;

/// Parameters with an underscore that say which resources, not how they are shown.
const COMMON: &[&str] = &["_id", "_lastUpdated", "_profile", "_security", "_source", "_tag"];

/// What must hold.
pub(crate) fn filters(ty: ResourceType, query: &str) -> Result<Vec<Filter>, &'static str> {
    let mut pairs = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').ok_or("has a condition without a value")?;
        let decode = |text: &str| decoded(text).ok_or("does not decode to text");
        let (name, value) = (decode(name)?, decode(value)?);
        check(ty, &name, &value)?;
        pairs.push((name, value));
    }
    if pairs.len() > CONDITIONS_MAX {
        return Err("has more than 8 conditions");
    }
    // `ap` is the only prefix that depends on the time, and is refused
    let now = Instant::from_millis(0);
    let reading = Reading { handling: Handling::Strict, base: "", now };
    let (plan, _) = search::parse(Registry::r4(), ty, &pairs, &reading)
        .map_err(|_| "has a condition that is not understood")?;
    match plan.types.into_iter().next() {
        Some(one) if !one.filters.is_empty() => Ok(one.filters),
        // a condition that says nothing would open everything
        _ => Err("has a condition that says nothing"),
    }
}

fn check(ty: ResourceType, name: &str, value: &str) -> Result<(), &'static str> {
    if name.starts_with("_has") || name.contains([':', '.']) {
        return Err("has a modifier, a chain or _has; only equality on the type itself is allowed");
    }
    if name.starts_with('_') && !COMMON.contains(&name) {
        return Err("has a parameter that is none of the resource itself");
    }
    if value.is_empty() {
        return Err("has a condition without a value");
    }
    let parameter = Registry::r4().parameter(ty, name);
    let kind = parameter.map(|one| one.kind);
    if parameter.is_none() && !matches!(name, "_id" | "_lastUpdated") {
        return Err("has a parameter that R4 does not give that type");
    }
    let is_ordered =
        matches!(kind, None | Some(SearchKind::Date | SearchKind::Number | SearchKind::Quantity));
    if kind == Some(SearchKind::Special) || (is_ordered && value.starts_with("ap")) {
        return Err("has a condition on what is near; that is no equality");
    }
    Ok(())
}

/// Decoded once. A plus sign is itself.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.contains('\0')).then(|| text.into_owned())
}
