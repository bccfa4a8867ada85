//! Static types: <http://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation>. Finds what can never
//! have a result on a type; where the type is not known, nothing is said.

mod call;
mod shape;

use fhir_model::TypeId;

use crate::{
    error::TypeError,
    expression::{Expr, Head, Path, Step},
    functions::Arguments,
    item::Item,
    operator::Apply,
};
use shape::{Shape, Type};

type Result<T> = std::result::Result<T, TypeError>;

/// Refuses what can never have a result.
pub(crate) fn check(expr: &Expr, focus: TypeId) -> Result<()> {
    shape_of(expr, &Shape::of(Type::Fhir(focus))).map(drop)
}

/// What an expression gives where `$this` has the shape `this`.
fn shape_of(expr: &Expr, this: &Shape) -> Result<Shape> {
    Ok(match expr {
        Expr::Empty | Expr::Type(_) => Shape::nothing(),
        Expr::Literal(item) => Shape::of(Type::System(item.type_info().name)),
        Expr::Variable(_) | Expr::Total => Shape::unknown(),
        Expr::Index => Shape::of(Type::INTEGER),
        Expr::Path(path) => shape_of_path(path, this)?,
        Expr::Negate(operand) | Expr::Affirm(operand) => shape_of(operand, this)?,
        Expr::Union(operands) => {
            let mut all = Shape::nothing();
            for operand in operands {
                all = all.and(shape_of(operand, this)?);
            }
            all
        }
        Expr::Is(operand, _) => {
            shape_of(operand, this)?;
            Shape::of(Type::BOOLEAN)
        }
        Expr::As(operand, specifier) => shape_of(operand, this)?.selected(specifier),
        Expr::Binary(binary) => {
            shape_of(&binary.left, this)?;
            shape_of(&binary.right, this)?;
            match (binary.operator.apply, binary.operator.symbol) {
                (Apply::Both(_), "+" | "-" | "*" | "/" | "div" | "mod") => Shape::unknown(),
                (Apply::Both(_), "&") => Shape::of(Type::STRING),
                _ => Shape::of(Type::BOOLEAN),
            }
        }
    })
}

fn shape_of_path(path: &Path, this: &Shape) -> Result<Shape> {
    let mut shape = match &path.head {
        Head::Focus => this.clone(),
        Head::Expr(head) => shape_of(head, this)?,
    };
    for step in &path.steps {
        shape = match step {
            Step::Root(name, ty) => shape.rooted(name, *ty)?,
            Step::Members(names) => {
                names.iter().try_fold(shape, |shape, name| shape.member(name))?
            }
            Step::Index(index) => {
                shape_of(index, this)?;
                shape.in_order("the indexer")?
            }
            Step::Call(call) => call::shape_of_call(call, shape, this)?,
        };
    }
    Ok(shape)
}

/// The type that an expression must be of when it is known: a boolean for a criterion.
fn must_be_boolean(criterion: &Expr, shape: &Shape, place: &str) -> Result<()> {
    match criterion {
        Expr::Literal(Item::Boolean(_)) => Ok(()),
        Expr::Literal(item) => Err(TypeError(format!(
            "{place} needs a criterion that is true or false, not a {}",
            item.type_info()
        ))),
        _ if matches!(shape.only(), Some(Type::System(name)) if name != "Boolean") => {
            Err(TypeError(format!("{place} needs a criterion that is true or false")))
        }
        _ => Ok(()),
    }
}

/// Whether the arguments are expressions over the items of the input.
fn is_lambda(arguments: Arguments) -> bool {
    matches!(arguments, Arguments::Lambda(_))
}
