//! Terms and the paths that begin with them.

use regex::Regex;

use super::{PATTERNS_MAX, Parsed, Parser};
use crate::{
    error::ParseError,
    expression::{Call, Expr, Head, Path, Step},
    functions::{self, Arguments, Function},
    item::Item,
    lexer::{Token, TokenKind},
    operator::UNARY_POWER,
    quantity::{Calendar, Quantity},
};

impl Parser<'_> {
    /// A sign and what it stands before, or a path.
    pub(super) fn prefix(&mut self) -> Result<Parsed, ParseError> {
        if self.eat("-") {
            let operand = self.expression(UNARY_POWER)?;
            return self.node(Expr::Negate(Box::new(operand.expr)), operand.depth);
        }
        if self.eat("+") {
            let operand = self.expression(UNARY_POWER)?;
            return self.node(Expr::Affirm(Box::new(operand.expr)), operand.depth);
        }
        let (head, mut depth) = self.term()?;
        let mut path = PathBuilder { head, steps: Vec::new(), definitions: 0 };
        if path.head.is_none() {
            depth = depth.max(self.invocation(&mut path)?);
        }
        loop {
            if self.eat(".") {
                depth = depth.max(self.invocation(&mut path)?);
            } else if self.eat("[") {
                let index = self.expression(0)?;
                self.expect("]")?;
                depth = depth.max(index.depth);
                path.steps.push(Step::Index(Box::new(index.expr)));
            } else {
                return self.node(path.build(), depth);
            }
        }
    }

    /// What a path may begin with; `None` when it begins with a name.
    fn term(&mut self) -> Result<(Option<Start>, u16), ParseError> {
        let is_call = matches!(
            self.tokens.get(self.next + 1),
            Some(Token { kind: TokenKind::Symbol("("), .. })
        );
        let expr = match self.peek() {
            TokenKind::Name("true" | "false") if !is_call => {
                Expr::Literal(Item::Boolean(matches!(self.take(), TokenKind::Name("true"))))
            }
            TokenKind::Name(word @ ("and" | "or" | "xor" | "implies" | "div" | "mod")) => {
                return Err(self.error(format!("'{word}' needs something to its left")));
            }
            TokenKind::Name(_) | TokenKind::Delimited(_) => return Ok((None, 0)),
            TokenKind::Special(name) => {
                let start = match *name {
                    "this" => Start::This,
                    "index" => Start::Expr(Expr::Index),
                    "total" => Start::Expr(Expr::Total),
                    _ => return Err(self.error("only $this, $index and $total are defined")),
                };
                self.next += 1;
                return Ok((Some(start), 1));
            }
            TokenKind::Text(_) | TokenKind::Moment(_) | TokenKind::Variable(_) => self.literal(),
            TokenKind::Integer(_) | TokenKind::Decimal(_) => self.number()?,
            TokenKind::Symbol("(") => {
                self.next += 1;
                let inner = self.expression(0)?;
                self.expect(")")?;
                return Ok((Some(Start::Expr(inner.expr)), inner.depth));
            }
            TokenKind::Symbol("{") => {
                self.next += 1;
                self.expect("}")?;
                Expr::Empty
            }
            TokenKind::Symbol(symbol) => {
                return Err(self.error(format!("'{symbol}' needs something to its left")));
            }
            TokenKind::End => return Err(self.error("the expression is not finished")),
        };
        Ok((Some(Start::Expr(expr)), 1))
    }

    fn literal(&mut self) -> Expr {
        match self.take() {
            TokenKind::Text(text) => Expr::Literal(Item::String(text.into())),
            TokenKind::Moment(item) => Expr::Literal(item),
            TokenKind::Variable(name) => Expr::Variable(name.into()),
            _ => Expr::Empty,
        }
    }

    /// A number, or a quantity when a unit follows.
    fn number(&mut self) -> Result<Expr, ParseError> {
        let (number, value) = match self.take() {
            TokenKind::Integer(value) => (Item::Integer(value), value.into()),
            TokenKind::Decimal(value) => (Item::Decimal(value), value),
            _ => return Err(self.error("a number is expected")),
        };
        let quantity = match self.peek() {
            TokenKind::Text(unit) => Quantity::in_unit(value, unit.clone()),
            TokenKind::Name(word) => match Calendar::named(word) {
                Some(_) => Quantity::in_unit(value, (*word).to_owned()),
                None => return Ok(Expr::Literal(number)),
            },
            _ => return Ok(Expr::Literal(number)),
        };
        self.next += 1;
        Ok(Expr::Literal(Item::Quantity(quantity)))
    }

    /// A member or a function call; its depth.
    fn invocation(&mut self, path: &mut PathBuilder) -> Result<u16, ParseError> {
        if let TokenKind::Special("this" | "index" | "total") = self.peek() {
            return Err(self.error("$this, $index and $total stand at the beginning of a path"));
        }
        let position = self.next;
        let name = self.identifier()?;
        if !self.eat("(") {
            path.member(name);
            return Ok(1);
        }
        let Some(function) = functions::named(&name) else {
            self.next = position;
            return Err(self.error(format!("there is no function {name}()")));
        };
        let mut arguments = Vec::new();
        let mut depth = 0;
        if !self.eat(")") {
            loop {
                let argument = self.argument(function.arguments)?;
                depth = depth.max(argument.depth);
                arguments.push(argument.expr);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        if !function.arity.contains(&arguments.len()) {
            self.next = position;
            return Err(self.error(format!("{name}() does not take {} arguments", arguments.len())));
        }
        let pattern = pattern(function, &arguments).map_err(|reason| {
            self.next = position;
            self.error(format!("the regular expression of {name}() cannot be used: {reason}"))
        })?;
        self.patterns += usize::from(pattern.is_some());
        if self.patterns > PATTERNS_MAX {
            return Err(
                self.error(format!("there are more than {PATTERNS_MAX} regular expressions"))
            );
        }
        path.definitions += u16::from(matches!(function.arguments, Arguments::Definition));
        path.steps.push(Step::Call(Call { function, arguments, pattern }));
        // what follows a definition is evaluated inside of it
        Ok(depth + 1 + path.definitions)
    }

    fn argument(&mut self, arguments: Arguments) -> Result<Parsed, ParseError> {
        if matches!(arguments, Arguments::Type(_)) {
            return Ok(Parsed::leaf(Expr::Type(self.type_specifier()?)));
        }
        self.expression(0)
    }
}

/// A literal regular expression is compiled once.
fn pattern(function: &Function, arguments: &[Expr]) -> Result<Option<Regex>, String> {
    match (function.arguments, arguments.first()) {
        (Arguments::Pattern(extent, _), Some(Expr::Literal(Item::String(text)))) => {
            functions::compile_pattern(text, extent, functions::KNOWN_MAX).map(Some)
        }
        _ => Ok(None),
    }
}

enum Start {
    This,
    Expr(Expr),
}

struct PathBuilder {
    head: Option<Start>,
    steps: Vec<Step>,
    /// Calls of `defineVariable()`.
    definitions: u16,
}

impl PathBuilder {
    fn member(&mut self, name: Box<str>) {
        let is_first = self.head.is_none() && self.steps.is_empty();
        if is_first
            && name.starts_with(|c: char| c.is_ascii_uppercase())
            && let Some(ty) = fhir_model::TypeId::named(&name)
        {
            self.steps.push(Step::Root(name, ty));
            return;
        }
        if let Some(Step::Members(names)) = self.steps.last_mut() {
            names.push(name);
        } else {
            self.steps.push(Step::Members(vec![name]));
        }
    }

    fn build(self) -> Expr {
        let head = match self.head {
            None | Some(Start::This) => Head::Focus,
            Some(Start::Expr(expr)) if self.steps.is_empty() => return expr,
            Some(Start::Expr(expr)) => Head::Expr(Box::new(expr)),
        };
        Expr::Path(Path { head, steps: self.steps })
    }
}
