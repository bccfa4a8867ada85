//! A Pratt parser for the grammar of <http://hl7.org/fhirpath/N1/grammar.html>.

mod path;

use crate::{
    error::ParseError,
    expression::{Binary, Expr},
    lexer::{self, Token, TokenKind},
    operator::{self, AS_POWER, UNION_POWER},
    type_specifier::TypeSpecifier,
};

/// Bytes of text that are looked at.
const TEXT_MAX: usize = 64 * 1024;

/// Levels of the syntax tree; the evaluator goes as deep.
const DEPTH_MAX: u16 = 128;

/// Literal regular expressions of one text: compiling them is the dearest part.
const PATTERNS_MAX: usize = 8;

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
            return Err(
                self.error(format!("the expression is nested deeper than {DEPTH_MAX} levels"))
            );
        }
        Ok(Parsed { expr, depth: below + 1 })
    }

    /// Everything that binds tighter than `power`.
    fn expression(&mut self, power: u8) -> Result<Parsed, ParseError> {
        self.nesting += 1;
        if self.nesting > DEPTH_MAX {
            return Err(
                self.error(format!("the expression is nested deeper than {DEPTH_MAX} levels"))
            );
        }
        let mut left = self.prefix()?;
        while let Some(word) = self.operator_word() {
            left = match word {
                "|" if UNION_POWER > power => self.union(left)?,
                "is" if AS_POWER > power => self.type_test(left, Expr::Is)?,
                "as" if AS_POWER > power => self.type_test(left, Expr::As)?,
                "|" | "is" | "as" => break,
                _ => {
                    let Some(operator) = operator::named(word).filter(|row| row.power > power)
                    else {
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

    fn type_test(
        &mut self,
        left: Parsed,
        make: fn(Box<Expr>, TypeSpecifier) -> Expr,
    ) -> Result<Parsed, ParseError> {
        self.next += 1;
        let specifier = self.type_specifier()?;
        let operand = Box::new(left.expr);
        self.node(make(operand, specifier), left.depth)
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
}
