//! Walks the syntax tree. Every step is charged to the budget; the depth is bounded by the parser.

mod members;

use fhir_model::NodeRef;
use regex::Regex;

use crate::{
    collection::Collection,
    context::{Casts, Context},
    error::EvalError,
    expression::{Binary, Call, Expr, Head, Path, Step},
    functions::{self, Arguments, Extent},
    item::Item,
    operator::{self, Apply, logic},
    type_specifier::TypeSpecifier,
    value::single_text,
    variables,
};

pub(crate) type Result<T, E = EvalError> = std::result::Result<T, E>;

/// Steps that compiling a regular expression counts as.
const PATTERN_STEPS: usize = 2000;

/// The state of one evaluation.
pub(crate) struct Evaluator<'c, 't> {
    pub(crate) context: &'c Context<'t>,
    /// `%context`
    pub(crate) focus: NodeRef<'t>,
    steps_left: u64,
}

/// What `$this`, `$index` and `$total` mean at a place.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'s, 't> {
    pub(crate) this: &'s [Item<'t>],
    pub(crate) index: Option<usize>,
    pub(crate) total: Option<&'s Collection<'t>>,
    pub(crate) variables: Option<&'s Definition<'s, 't>>,
}

/// A variable of `defineVariable()`, and those before it.
pub(crate) struct Definition<'s, 't> {
    pub(crate) name: &'s str,
    pub(crate) value: Collection<'t>,
    pub(crate) outer: Option<&'s Definition<'s, 't>>,
}

impl<'s, 't> Scope<'s, 't> {
    /// The scope of a criterion for one item.
    pub(crate) fn item(self, item: &'s Item<'t>, index: usize) -> Self {
        Scope { this: std::slice::from_ref(item), index: Some(index), ..self }
    }
}

/// The value of an operand: a literal is used where it stands.
pub(crate) enum Operand<'e, 't> {
    Literal(&'e Item<'static>),
    Value(Collection<'t>),
}

impl<'t> Operand<'_, 't> {
    pub(crate) fn as_slice(&self) -> &[Item<'t>] {
        match self {
            Self::Literal(item) => std::slice::from_ref(*item),
            Self::Value(items) => items.as_slice(),
        }
    }
}

impl<'c, 't> Evaluator<'c, 't> {
    pub(crate) fn new(context: &'c Context<'t>, focus: NodeRef<'t>) -> Self {
        Self { context, focus, steps_left: context.budget }
    }

    pub(crate) fn run(mut self, expr: &Expr) -> Result<Collection<'t>> {
        let this = [Item::Node(self.focus)];
        let scope = Scope { this: &this, index: None, total: None, variables: None };
        self.eval(expr, &scope)
    }

    /// Takes steps off the budget.
    #[inline]
    pub(crate) fn charge(&mut self, steps: usize) -> Result<()> {
        match self.steps_left.checked_sub(steps as u64) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => Err(EvalError::Budget),
        }
    }

    pub(crate) fn eval(&mut self, expr: &Expr, scope: &Scope<'_, 't>) -> Result<Collection<'t>> {
        self.charge(1)?;
        match expr {
            Expr::Path(path) => self.path(path, scope),
            Expr::Literal(item) => Ok(item.clone().into()),
            Expr::Binary(binary) => self.binary(binary, scope),
            Expr::Is(left, specifier) => {
                let items = self.eval(left, scope)?;
                match items.as_slice() {
                    [] => Ok(Collection::Empty),
                    [item] => Ok(specifier.includes(item).into()),
                    items => Err(EvalError::NotSingle { place: "is", count: items.len() }),
                }
            }
            Expr::As(left, specifier) => {
                let items = self.eval(left, scope)?;
                self.cast(items, specifier, "as")
            }
            Expr::Union(operands) => self.union(operands, scope),
            Expr::Negate(operand) => {
                let value = self.eval(operand, scope)?;
                operator::arithmetic::negate(&value)
            }
            Expr::Affirm(operand) => {
                let value = self.eval(operand, scope)?;
                operator::arithmetic::negate(&value)?;
                Ok(value)
            }
            Expr::Empty | Expr::Type(_) => Ok(Collection::Empty),
            Expr::Index => Ok(scope.index.and_then(|index| i64::try_from(index).ok()).into()),
            Expr::Total => Ok(scope.total.cloned().unwrap_or_default()),
            Expr::Variable(name) => variables::value(self, name, scope),
        }
    }

    /// [`Self::eval`] without a copy of a literal.
    pub(crate) fn operand<'e>(
        &mut self,
        expr: &'e Expr,
        scope: &Scope<'_, 't>,
    ) -> Result<Operand<'e, 't>> {
        match expr {
            Expr::Literal(item) => Ok(Operand::Literal(item)),
            _ => self.eval(expr, scope).map(Operand::Value),
        }
    }

    /// The truth of a criterion for one item.
    pub(crate) fn test(&mut self, criterion: &Expr, scope: &Scope<'_, 't>) -> Result<bool> {
        let value = self.operand(criterion, scope)?;
        Ok(logic::truth(value.as_slice(), "the criterion")? == Some(true))
    }

    /// The items of a type, of several items only when the context allows that.
    pub(crate) fn cast(
        &self,
        items: Collection<'t>,
        specifier: &TypeSpecifier,
        place: &'static str,
    ) -> Result<Collection<'t>> {
        if items.len() > 1 && self.context.casts == Casts::Refuse {
            return Err(EvalError::NotSingle { place, count: items.len() });
        }
        Ok(items.into_iter().filter(|item| specifier.selects(item)).collect())
    }

    fn binary(&mut self, binary: &Binary, scope: &Scope<'_, 't>) -> Result<Collection<'t>> {
        let place = binary.operator.symbol;
        let left = self.operand(&binary.left, scope)?;
        match binary.operator.apply {
            Apply::Both(apply) => {
                let right = self.operand(&binary.right, scope)?;
                apply(self, left.as_slice(), right.as_slice())
            }
            Apply::Logic(combine) => {
                let left = logic::truth(left.as_slice(), place)?;
                if let Some(decided) = combine(left, None) {
                    return Ok(decided.into());
                }
                let right = self.operand(&binary.right, scope)?;
                Ok(combine(left, logic::truth(right.as_slice(), place)?).into())
            }
        }
    }

    fn union(&mut self, operands: &[Expr], scope: &Scope<'_, 't>) -> Result<Collection<'t>> {
        let mut all = Collection::Empty;
        for operand in operands {
            let items = self.eval(operand, scope)?;
            if all.is_empty() {
                all = items;
            } else {
                all.extend(items);
            }
        }
        operator::equality::distinct(self, all)
    }

    fn path(&mut self, path: &Path, scope: &Scope<'_, 't>) -> Result<Collection<'t>> {
        match &path.head {
            Head::Focus => {
                self.steps(Operand::Value(scope.this.iter().cloned().collect()), &path.steps, scope)
            }
            Head::Expr(head) => {
                let items = self.operand(head, scope)?;
                self.steps(items, &path.steps, scope)
            }
        }
    }

    fn steps(
        &mut self,
        start: Operand<'_, 't>,
        steps: &[Step],
        scope: &Scope<'_, 't>,
    ) -> Result<Collection<'t>> {
        let mut items = match start {
            Operand::Literal(item) => item.clone().into(),
            Operand::Value(items) => items,
        };
        for (place, step) in steps.iter().enumerate() {
            items = match step {
                Step::Members(names) => self.members(&items, names)?,
                Step::Root(_, ty) => items
                    .into_iter()
                    .filter(|item| item.fhir_type().is_some_and(|found| found.is_a(*ty)))
                    .collect(),
                Step::Index(index) => {
                    let index = self.operand(index, scope)?;
                    functions::subsetting::at(items, index.as_slice())?
                }
                Step::Call(call) => match call.function.arguments {
                    Arguments::Definition => {
                        let rest = steps.get(place + 1..).unwrap_or_default();
                        return self.define(items, call, rest, scope);
                    }
                    _ => self.call(items, call, scope)?,
                },
            };
        }
        Ok(items)
    }

    fn call(
        &mut self,
        items: Collection<'t>,
        call: &Call,
        scope: &Scope<'_, 't>,
    ) -> Result<Collection<'t>> {
        self.charge(1 + items.len())?;
        let result = match call.function.arguments {
            Arguments::None(run) => run(self, items),
            Arguments::Values(run) => {
                let values: Result<Vec<_>> =
                    call.arguments.iter().map(|argument| self.operand(argument, scope)).collect();
                run(self, items, &values?)
            }
            Arguments::Lambda(run) => run(self, items, &call.arguments, scope),
            Arguments::Pattern(extent, run) => {
                let mut values = Vec::with_capacity(call.arguments.len());
                for argument in &call.arguments {
                    values.push(self.operand(argument, scope)?);
                }
                match &call.pattern {
                    Some(regex) => run(self, items, regex, &values),
                    None => match self.pattern(&values, call.function.name, extent)? {
                        Some(regex) => run(self, items, &regex, &values),
                        None => Ok(Collection::Empty),
                    },
                }
            }
            Arguments::Type(run) => match call.arguments.first() {
                Some(Expr::Type(specifier)) => run(self, items, Some(specifier)),
                _ => run(self, items, None),
            },
            Arguments::Definition => Ok(items),
        }?;
        self.charge(result.len())?;
        Ok(result)
    }

    /// A regular expression that is not known before; so it has to be small.
    fn pattern(
        &mut self,
        arguments: &[Operand<'_, 't>],
        place: &'static str,
        extent: Extent,
    ) -> Result<Option<Regex>> {
        let text = arguments.first().map_or(&[][..], Operand::as_slice);
        let Some(text) = single_text(text, place)? else { return Ok(None) };
        self.charge(PATTERN_STEPS + text.len())?;
        let error = |reason| EvalError::WrongValue {
            place,
            message: format!("the regular expression cannot be used: {reason}"),
        };
        functions::compile_pattern(&text, extent, functions::COMPUTED_MAX).map(Some).map_err(error)
    }

    /// `defineVariable(name, value)`: known to the rest of the path.
    fn define(
        &mut self,
        items: Collection<'t>,
        call: &Call,
        rest: &[Step],
        scope: &Scope<'_, 't>,
    ) -> Result<Collection<'t>> {
        let place = "defineVariable()";
        let [name, value @ ..] = &*call.arguments else { return Ok(items) };
        let Expr::Literal(Item::String(name)) = name else {
            let message = "the name must be a literal string".to_owned();
            return Err(EvalError::WrongValue { place, message });
        };
        if variables::is_known(name, scope) {
            let message = format!("%{name} is already defined");
            return Err(EvalError::WrongValue { place, message });
        }
        let value = match value.first() {
            Some(value) => self.eval(value, &Scope { this: items.as_slice(), ..*scope })?,
            None => items.clone(),
        };
        let definition = Definition { name, value, outer: scope.variables };
        let inner = Scope { variables: Some(&definition), ..*scope };
        self.steps(Operand::Value(items), rest, &inner)
    }
}
