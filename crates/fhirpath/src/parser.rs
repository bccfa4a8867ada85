//! A Pratt parser for the grammar of <http://hl7.org/fhirpath/N1/grammar.html>.

use regex::Regex;

use crate::{
    error::ParseError,
    expression::{Binary, Call, Expr, Head, Path, Step},
    functions::{self, Arguments, Function},
    item::Item,
    lexer::{self, Token, TokenKind},
    operator::{self, AS_POWER, UNARY_POWER, UNION_POWER},
    quantity::{Calendar, Quantity},
    type_specifier::TypeSpecifier,
};

/// Bytes of text that are looked at.
const TEXT_MAX: usize = 64 * 1024;

/// Levels of the syntax tree; the evaluator goes as deep.
const DEPTH_MAX: u16 = 128;

/// Literal regular expressions of one text: compiling them is the dearest part.
const PATTERNS_MAX: usize = 32;

/// Compiles a text.
pub(crate) fn parse(text: &str) -> Result<Expr, ParseError> {
    if text.len() > TEXT_MAX {
        return Err(ParseError::new(TEXT_MAX, "the expression is longer than 64 KiB"));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, next: 0, nesting: 0, patterns: 0 };
    let parsed = parser.expression(0)?;
    match parser.peek() {
        TokenKind::End => Ok(parsed.expr),
        _ => Err(parser.error("an operator or the end is expected")),
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    nesting: u16,
    patterns: usize,
}

/// A subtree and its height.
struct Parsed {
    expr: Expr,
    depth: u16,
}

impl Parsed {
    fn leaf(expr: Expr) -> Self {
        Self { expr, depth: 1 }
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &TokenKind<'a> {
        self.tokens.get(self.next).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn take(&mut self) -> TokenKind<'a> {
        let token = self.tokens.get(self.next).map_or(TokenKind::End, |token| token.kind.clone());
        self.next += 1;
        token
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Symbol(found) if *found == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), ParseError> {
        if self.eat(symbol) { Ok(()) } else { Err(self.error(format!("'{symbol}' is expected"))) }
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        let position = self.tokens.get(self.next).map_or(0, |token| token.position);
        ParseError::new(position, message)
    }

    fn node(&self, expr: Expr, below: u16) -> Result<Parsed, ParseError> {
        if below >= DEPTH_MAX {
            return Err(self.error(format!("the expression is nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(Parsed { expr, depth: below + 1 })
    }

    /// Everything that binds tighter than `power`.
    fn expression(&mut self, power: u8) -> Result<Parsed, ParseError> {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX {
            return Err(self.error(format!("the expression is nested deeper than {DEPTH_MAX} levels")));
        }
        let mut left = self.prefix()?;
        while let Some(word) = self.operator_word() {
            left = match word {
                "|" if UNION_POWER > power => self.union(left)?,
                "is" | "as" if AS_POWER > power => self.type_test(left, word == "is")?,
                "|" | "is" | "as" => break,
                _ => {
                    let Some(operator) = operator::named(word).filter(|row| row.power > power) else {
                        break;
                    };
                    self.next += 1;
                    let right = self.expression(operator.power)?;
                    let depth = left.depth.max(right.depth);
                    let binary = Binary { operator, left: left.expr, right: right.expr };
                    self.node(Expr::Binary(Box::new(binary)), depth)?
                }
            };
        }
        self.nesting -= 1;
        Ok(left)
    }

    fn operator_word(&self) -> Option<&'a str> {
        match self.peek() {
            TokenKind::Symbol(symbol) => Some(symbol),
            TokenKind::Name(name) => Some(name),
            _ => None,
        }
    }

    /// `a | b | c` becomes one node, so that a long union is neither deep nor compared again and again.
    fn union(&mut self, left: Parsed) -> Result<Parsed, ParseError> {
        let mut depth = left.depth;
        let mut operands = vec![left.expr];
        while self.eat("|") {
            let operand = self.expression(UNION_POWER)?;
            depth = depth.max(operand.depth);
            operands.push(operand.expr);
        }
        self.node(Expr::Union(operands), depth)
    }

    fn type_test(&mut self, left: Parsed, is_test: bool) -> Result<Parsed, ParseError> {
        self.next += 1;
        let specifier = self.type_specifier()?;
        let operand = Box::new(left.expr);
        let expr = if is_test { Expr::Is(operand, specifier) } else { Expr::As(operand, specifier) };
        self.node(expr, left.depth)
    }

    /// `Name` or `Namespace.Name`.
    fn type_specifier(&mut self) -> Result<TypeSpecifier, ParseError> {
        let start = self.next;
        let first = self.identifier()?;
        let resolved = if self.eat(".") {
            let name = self.identifier()?;
            TypeSpecifier::resolve(Some(&first), &name)
        } else {
            TypeSpecifier::resolve(None, &first)
        };
        resolved.ok_or_else(|| {
            self.next = start;
            self.error(format!("there is no type named {first}"))
        })
    }

    fn identifier(&mut self) -> Result<Box<str>, ParseError> {
        match self.peek() {
            TokenKind::Name(_) | TokenKind::Delimited(_) => {}
            _ => return Err(self.error("a name is expected")),
        }
        match self.take() {
            TokenKind::Name(name) => Ok(name.into()),
            TokenKind::Delimited(name) => Ok(name.into()),
            _ => Ok(Box::default()),
        }
    }

    fn prefix(&mut self) -> Result<Parsed, ParseError> {
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
        if matches!(path.head, None) {
            depth = depth.max(self.invocation(&mut path, true)?);
        }
        loop {
            if self.eat(".") {
                depth = depth.max(self.invocation(&mut path, false)?);
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
    fn invocation(&mut self, path: &mut PathBuilder, is_first: bool) -> Result<u16, ParseError> {
        if let TokenKind::Special("this" | "index" | "total") = self.peek() {
            return Err(self.error("$this, $index and $total stand at the beginning of a path"));
        }
        let position = self.next;
        let name = self.identifier()?;
        if !self.eat("(") {
            path.member(name, is_first);
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
            return Err(self.error(format!("there are more than {PATTERNS_MAX} regular expressions")));
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
    fn member(&mut self, name: Box<str>, is_first: bool) {
        if is_first && name.starts_with(|c: char| c.is_ascii_uppercase()) {
            if let Some(ty) = fhir_model::TypeId::named(&name) {
                self.steps.push(Step::Root(name, ty));
                return;
            }
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
