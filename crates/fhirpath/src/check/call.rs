//! What functions give, by name; what is not in the tables gives anything.

use fhir_model::TypeId;

use super::{
    Result, is_lambda, must_be_boolean,
    shape::{Shape, Type},
    shape_of,
};
use crate::expression::{Call, Expr};

/// Functions whose result is some of their input.
const SOME_OF_INPUT: &[&str] = &[
    "where",
    "first",
    "last",
    "tail",
    "skip",
    "take",
    "single",
    "distinct",
    "exclude",
    "intersect",
    "trace",
    "checkModifiers",
    "defineVariable",
];

/// Functions that ask for a place in the order.
const BY_ORDER: &[&str] = &["first", "last", "tail", "skip", "take"];

/// Functions that work on text alone.
const OF_TEXT: &[&str] = &[
    "startsWith",
    "endsWith",
    "contains",
    "indexOf",
    "lastIndexOf",
    "substring",
    "upper",
    "lower",
    "replace",
    "matches",
    "matchesFull",
    "replaceMatches",
    "length",
    "toChars",
    "split",
    "join",
    "trim",
    "encode",
    "decode",
    "escape",
    "unescape",
];

/// Functions whose result has one `System` type.
const RESULTS: &[(&str, &str)] = &[
    ("empty", "Boolean"),
    ("not", "Boolean"),
    ("exists", "Boolean"),
    ("all", "Boolean"),
    ("allTrue", "Boolean"),
    ("anyTrue", "Boolean"),
    ("allFalse", "Boolean"),
    ("anyFalse", "Boolean"),
    ("subsetOf", "Boolean"),
    ("supersetOf", "Boolean"),
    ("isDistinct", "Boolean"),
    ("is", "Boolean"),
    ("hasValue", "Boolean"),
    ("hasExtension", "Boolean"),
    ("conformsTo", "Boolean"),
    ("memberOf", "Boolean"),
    ("htmlChecks", "Boolean"),
    ("startsWith", "Boolean"),
    ("endsWith", "Boolean"),
    ("contains", "Boolean"),
    ("matches", "Boolean"),
    ("matchesFull", "Boolean"),
    ("toBoolean", "Boolean"),
    ("comparable", "Boolean"),
    ("count", "Integer"),
    ("length", "Integer"),
    ("indexOf", "Integer"),
    ("lastIndexOf", "Integer"),
    ("toInteger", "Integer"),
    ("toString", "String"),
    ("substring", "String"),
    ("upper", "String"),
    ("lower", "String"),
    ("replace", "String"),
    ("replaceMatches", "String"),
    ("toChars", "String"),
    ("split", "String"),
    ("join", "String"),
    ("trim", "String"),
    ("encode", "String"),
    ("decode", "String"),
    ("escape", "String"),
    ("unescape", "String"),
    ("toDecimal", "Decimal"),
    ("toDate", "Date"),
    ("today", "Date"),
    ("toDateTime", "DateTime"),
    ("now", "DateTime"),
    ("toTime", "Time"),
    ("timeOfDay", "Time"),
    ("toQuantity", "Quantity"),
    ("type", "TypeInfo"),
];

/// What a call gives for an input of shape `input`.
pub(super) fn shape_of_call(call: &Call, input: Shape, this: &Shape) -> Result<Shape> {
    let name = call.function.name;
    let place = format!("{name}()");
    let input = if BY_ORDER.contains(&name) { input.in_order(&place)? } else { input };
    if OF_TEXT.contains(&name) {
        input.must_be_text(&place)?;
    }
    // an expression over the items sees an item, a value sees the surroundings
    let scope =
        if is_lambda(call.function.arguments) && name != "coalesce" { &input } else { this };
    let mut arguments = Vec::with_capacity(call.arguments.len());
    for argument in &call.arguments {
        arguments.push(shape_of(argument, scope)?);
    }
    if let ("where" | "exists" | "all" | "iif", Some(criterion), Some(shape)) =
        (name, call.arguments.first(), arguments.first())
    {
        must_be_boolean(criterion, shape, &place)?;
    }
    if let Some((_, result)) = RESULTS.iter().find(|row| row.0 == name) {
        return Ok(Shape::of(Type::System(result)));
    }
    if name == "sort" {
        return Ok(input.ordered());
    }
    if SOME_OF_INPUT.contains(&name) {
        return Ok(input);
    }
    Ok(match (name, arguments.as_slice(), call.arguments.as_slice()) {
        ("select", [shape], _) => shape.clone(),
        ("repeat", [shape], [projection]) => repeated(shape.clone(), projection)?,
        ("union" | "combine", [shape], _) => input.and(shape.clone()),
        ("iif", [_, branches @ ..], _) => {
            branches.iter().cloned().fold(Shape::nothing(), Shape::and)
        }
        ("as" | "ofType", _, [Expr::Type(specifier)]) => input.selected(specifier),
        ("children", ..) => input.children(),
        ("descendants", ..) => Shape::unknown().without_order(),
        ("extension", ..) => Shape::of(Type::Fhir(TypeId::EXTENSION)),
        _ => Shape::unknown(),
    })
}

/// What `repeat` gives: the projection again and again until nothing new comes.
fn repeated(first: Shape, projection: &Expr) -> Result<Shape> {
    let mut all = first;
    for _ in 0..8 {
        let next = shape_of(projection, &all)?;
        if next.is_within(&all) {
            return Ok(all);
        }
        all = all.and(next);
    }
    Ok(Shape::unknown())
}
