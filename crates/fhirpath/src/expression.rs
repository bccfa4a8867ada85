//! A compiled expression: names are resolved to functions and types, paths are flat.

use fhir_model::{NodeRef, TypeId};
use regex::Regex;

use crate::{
    context::Context,
    error::{EvalError, ParseError, TypeError},
    evaluator::Evaluator,
    functions::Function,
    item::Item,
    operator::{Operator, logic},
    parser,
    type_specifier::TypeSpecifier,
};

/// A compiled `FHIRPath` expression. Any text can be given to [`Expression::parse`]; any expression can
/// be evaluated on any element within the budget of its [`Context`].
#[derive(Debug, Clone)]
pub struct Expression {
    root: Expr,
}

impl Expression {
    /// Compiles the text.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Ok(Self { root: parser::parse(text)? })
    }

    /// The result for `focus`, which is `%context` and the first `$this`.
    pub fn evaluate<'t>(
        &self,
        context: &Context<'t>,
        focus: NodeRef<'t>,
    ) -> Result<Vec<Item<'t>>, EvalError> {
        Ok(Evaluator::new(context, focus).run(&self.root)?.into_vec())
    }

    /// The result for `focus` as a truth value: a single item that is not a boolean counts as `true`, an
    /// empty result is `None`. An invariant is broken by `Some(false)`: some of R4's (bdl-8) are empty
    /// where they have nothing to say.
    pub fn truth<'t>(
        &self,
        context: &Context<'t>,
        focus: NodeRef<'t>,
    ) -> Result<Option<bool>, EvalError> {
        let result = Evaluator::new(context, focus).run(&self.root)?;
        logic::truth(result.as_slice(), "the expression")
    }

    /// Refuses what can never have a result on elements of this type: unknown elements, other types,
    /// functions on the wrong type, the order of unordered collections.
    pub fn check(&self, focus: TypeId) -> Result<(), TypeError> {
        crate::check::check(&self.root, focus)
    }

    /// The names of a plain path such as `Patient.name.given`, the type included.
    pub fn steps(&self) -> Option<Vec<&str>> {
        let Expr::Path(Path { head: Head::Focus, steps }) = &self.root else { return None };
        let mut names = Vec::new();
        for step in steps {
            match step {
                Step::Root(name, _) => names.push(&**name),
                Step::Members(members) => names.extend(members.iter().map(|name| &**name)),
                Step::Call(_) | Step::Index(_) => return None,
            }
        }
        Some(names)
    }

    /// The operands of a union at the top; else the expression itself. Their results together, without
    /// repetitions, are the result of the whole.
    pub fn alternatives(&self) -> Vec<Self> {
        match &self.root {
            Expr::Union(operands) => {
                operands.iter().map(|operand| Self { root: operand.clone() }).collect()
            }
            _ => vec![self.clone()],
        }
    }
}

/// A node of the syntax tree.
#[derive(Debug, Clone)]
pub(crate) enum Expr {
    /// `{}`
    Empty,
    Literal(Item<'static>),
    /// `%name`
    Variable(Box<str>),
    /// `$index`
    Index,
    /// `$total`
    Total,
    Path(Path),
    Negate(Box<Expr>),
    /// Unary plus: nothing but a check.
    Affirm(Box<Expr>),
    Binary(Box<Binary>),
    /// `a | b | c`
    Union(Vec<Expr>),
    /// `left is Type`
    Is(Box<Expr>, TypeSpecifier),
    /// `left as Type`
    As(Box<Expr>, TypeSpecifier),
    /// The argument of `ofType(Type)`.
    Type(TypeSpecifier),
}

#[derive(Debug, Clone)]
pub(crate) struct Binary {
    pub(crate) operator: &'static Operator,
    pub(crate) left: Expr,
    pub(crate) right: Expr,
}

/// Where a path begins and what it goes through.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    pub(crate) head: Head,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) enum Head {
    /// `$this`, written or not.
    Focus,
    Expr(Box<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The type name that a path may begin with: keeps what is of the type.
    Root(Box<str>, TypeId),
    /// Names of elements, one after the other.
    Members(Vec<Box<str>>),
    Call(Call),
    Index(Box<Expr>),
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: &'static Function,
    pub(crate) arguments: Vec<Expr>,
    /// The first argument as a regular expression, where it is a literal.
    pub(crate) pattern: Option<Regex>,
}
