//! Tokens of the grammar: <http://hl7.org/fhirpath/N1/grammar.html>.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::{error::ParseError, item::Item, moment::Moment};

/// A token and where it starts.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: TokenKind<'a>,
    pub(crate) position: usize,
}

#[derive(Debug, Clone)]
pub(crate) enum TokenKind<'a> {
    /// A name or a keyword; which of them depends on the place.
    Name(&'a str),
    /// A name in backticks: never a keyword.
    Delimited(String),
    /// `'...'` with its escapes resolved.
    Text(String),
    Integer(i64),
    Decimal(Decimal),
    /// `@2014`, `@T14:30`, ...
    Moment(Item<'static>),
    /// `%name`
    Variable(String),
    /// `$this`, `$index`, `$total`
    Special(&'a str),
    Symbol(&'static str),
    End,
}

/// Longer ones first.
const SYMBOLS: &[&str] = &[
    "!=", "!~", "<=", ">=", ".", ",", "(", ")", "[", "]", "{", "}", "+", "-", "*", "/", "&", "|",
    "=", "~", "<", ">",
];

/// Splits the text; the last token is [`TokenKind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut lexer = Lexer { text, position: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 4 + 2);
    loop {
        lexer.skip_blank()?;
        let position = lexer.position;
        let kind = lexer.next()?;
        let is_end = matches!(kind, TokenKind::End);
        tokens.push(Token { kind, position });
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn take_while(&mut self, accept: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !accept(byte)).unwrap_or(rest.len());
        self.position += length;
        rest.get(..length).unwrap_or_default()
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.position, message)
    }

    fn skip_blank(&mut self) -> Result<(), ParseError> {
        loop {
            self.take_while(|byte| byte.is_ascii_whitespace());
            let rest = self.rest();
            if rest.starts_with("//") {
                self.take_while(|byte| byte != b'\n' && byte != b'\r');
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    return Err(self.error("the comment /* does not end"));
                };
                self.position += length + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<TokenKind<'a>, ParseError> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(TokenKind::End) };
        match first {
            'a'..='z' | 'A'..='Z' | '_' => Ok(TokenKind::Name(self.name())),
            '0'..='9' => self.number(),
            '\'' => Ok(TokenKind::Text(self.quoted('\'')?)),
            '`' => Ok(TokenKind::Delimited(self.quoted('`')?)),
            '@' => self.moment(),
            '%' => self.variable(),
            '$' => {
                self.position += 1;
                Ok(TokenKind::Special(self.name()))
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    self.position += symbol.len();
                    Ok(TokenKind::Symbol(symbol))
                }
                None => Err(self.error(format!("'{first}' has no meaning here"))),
            },
        }
    }

    fn name(&mut self) -> &'a str {
        self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    fn variable(&mut self) -> Result<TokenKind<'a>, ParseError> {
        self.position += 1;
        let name = match self.rest().chars().next() {
            Some(quote @ ('`' | '\'')) => self.quoted(quote)?,
            _ => self.name().to_owned(),
        };
        if name.is_empty() {
            Err(self.error("a name must follow %"))
        } else {
            Ok(TokenKind::Variable(name))
        }
    }

    fn number(&mut self) -> Result<TokenKind<'a>, ParseError> {
        let start = self.position;
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        let rest = self.rest().as_bytes();
        let has_fraction =
            rest.first() == Some(&b'.') && rest.get(1).is_some_and(u8::is_ascii_digit);
        if !has_fraction {
            let number = whole.parse().map(TokenKind::Integer);
            return number.map_err(|_| ParseError::new(start, "the integer is too large"));
        }
        self.position += 1;
        self.take_while(|byte| byte.is_ascii_digit());
        let lexeme = self.text.get(start..self.position).unwrap_or_default();
        let number = Decimal::from_str_exact(lexeme).map(TokenKind::Decimal);
        number.map_err(|_| ParseError::new(start, "the decimal has more than 28 digits"))
    }

    /// `@` and a date, a date-time, or `T` and a time. A zone belongs to date-times only.
    fn moment(&mut self) -> Result<TokenKind<'a>, ParseError> {
        let start = self.position;
        self.position += 1;
        let body = self.position;
        self.take_while(|byte| byte.is_ascii_digit() || byte == b'-');
        let has_date = self.position > body;
        let has_time = self.rest().starts_with('T');
        if has_time {
            self.position += 1;
            self.take_while(|byte| byte.is_ascii_digit() || byte == b':');
            let rest = self.rest().as_bytes();
            if rest.first() == Some(&b'.') && rest.get(1).is_some_and(u8::is_ascii_digit) {
                self.position += 1;
                self.take_while(|byte| byte.is_ascii_digit());
            }
            if has_date {
                self.zone();
            }
        }
        let text = self.text.get(body..self.position).unwrap_or_default();
        let item = match (has_date, has_time) {
            (true, false) => Moment::parse_date(text).map(Item::Date),
            (true, true) => Moment::parse_date_time(text).map(Item::DateTime),
            (false, _) => Moment::parse_time(text).map(Item::Time),
        };
        let error = || ParseError::new(start, format!("@{text} is not a date or time"));
        item.map(TokenKind::Moment).ok_or_else(error)
    }

    fn zone(&mut self) {
        let rest = self.rest().as_bytes();
        let is_offset = matches!(rest, [b'+' | b'-', h1, h2, b':', m1, m2, ..]
            if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()));
        if rest.first() == Some(&b'Z') {
            self.position += 1;
        } else if is_offset {
            self.position += 6;
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ParseError> {
        let start = self.position;
        let body = self.text.get(start + 1..).unwrap_or_default();
        let mut chars = body.char_indices();
        let mut has_escapes = false;
        while let Some((length, c)) = chars.next() {
            if c == '\\' {
                has_escapes = true;
                chars.next();
            } else if c == quote {
                self.position = start + 1 + length + 1;
                let raw = body.get(..length).unwrap_or_default();
                let text = if has_escapes { unescape(raw) } else { Some(Cow::Borrowed(raw)) };
                let error = || ParseError::new(start, "the string has an unknown escape");
                return text.map(Cow::into_owned).ok_or_else(error);
            }
        }
        Err(self.error(format!("the closing {quote} is missing")))
    }
}

/// Resolves the escapes; `None` for one that is not defined.
pub(crate) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'r' => '\r',
            'n' => '\n',
            't' => '\t',
            'f' => '\u{c}',
            same @ ('\\' | '/' | '\'' | '"' | '`') => same,
            'u' => code_point(&mut chars)?,
            _ => return None,
        });
    }
    Some(Cow::Owned(out))
}

/// `\uXXXX`, or two of them that are the halves of one character.
fn code_point(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let high = code_unit(chars)?;
    if let Some(c) = char::from_u32(high) {
        return Some(c);
    }
    (chars.next() == Some('\\') && chars.next() == Some('u')).then_some(())?;
    let low = code_unit(chars)?;
    let is_pair = (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low);
    is_pair.then(|| char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))).flatten()
}

fn code_unit(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit * 16 + chars.next()?.to_digit(16)?))
}
