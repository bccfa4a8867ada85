//! The tokens of JSON, by the letter of <https://www.rfc-editor.org/rfc/rfc8259>, over bytes that are
//! known to be UTF-8.

use std::borrow::Cow;

use super::string::{read_unicode, unquote};

/// Reading cannot go on; why stands in [`Lexer::broken`] or among the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop;

/// Why the text is not JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    /// Offset of the offending byte.
    pub(super) at: usize,
    /// What is wrong there.
    pub(super) what: &'static str,
}

/// A string as it stands: `start` and `stop` include the quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) start: usize,
    pub(super) stop: usize,
    /// Whether there is a backslash in it.
    pub(super) is_escaped: bool,
}

/// A number as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) start: usize,
    pub(super) stop: usize,
    /// Neither fraction nor exponent.
    pub(super) is_integer: bool,
}

/// A position in the text.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Offset of the next byte.
    pub(super) at: usize,
    /// Set once, with the first [`Stop`].
    pub(super) broken: Option<Broken>,
    /// Whether whitespace was skipped anywhere.
    pub(super) saw_space: bool,
}

/// The nesting that is skipped over at most.
pub(super) const DEPTH_MAX: u16 = 128;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // a byte order mark may be ignored (RFC 8259, section 8.1)
        let at = if text.starts_with('\u{FEFF}') { 3 } else { 0 };
        Self { text, bytes: text.as_bytes(), at, broken: None, saw_space: at > 0 }
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// A part of the text.
    #[inline]
    pub(super) fn slice(&self, start: usize, stop: usize) -> &'a str {
        self.text.get(start..stop).unwrap_or_default()
    }

    /// What stands between the quotes, escapes as they are.
    #[inline]
    pub(super) fn inner(&self, text: Text) -> &'a str {
        self.slice(text.start + 1, text.stop - 1)
    }

    /// The same as bytes.
    #[inline]
    pub(super) fn inner_bytes(&self, text: Text) -> &'a [u8] {
        self.bytes.get(text.start + 1..text.stop - 1).unwrap_or_default()
    }

    /// What a string says.
    #[inline]
    pub(super) fn unquoted(&self, text: Text) -> Cow<'a, str> {
        if text.is_escaped {
            unquote(self.slice(text.start, text.stop).as_bytes())
        } else {
            Cow::Borrowed(self.inner(text))
        }
    }

    /// The next byte; 0, which is in no token, at the end.
    #[inline]
    pub(super) fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    /// Skips whitespace and returns the byte after it.
    #[inline]
    pub(super) fn next_token(&mut self) -> u8 {
        let byte = self.peek();
        if byte > b' ' { byte } else { self.skip_space() }
    }

    fn skip_space(&mut self) -> u8 {
        loop {
            match self.peek() {
                b' ' | b'\n' | b'\r' | b'\t' => {
                    self.saw_space = true;
                    self.at += 1;
                }
                byte => return byte,
            }
        }
    }

    #[cold]
    fn stop<T>(&mut self, what: &'static str) -> Result<T, Stop> {
        let what = if self.at >= self.bytes.len() { "the document ends too early" } else { what };
        self.broken = Some(Broken { at: self.at, what });
        Err(Stop)
    }

    /// Steps over one byte that must be there.
    #[inline]
    pub(super) fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Stop> {
        if self.next_token() == byte {
            self.at += 1;
            Ok(())
        } else {
            self.stop(what)
        }
    }

    /// Reads the string whose opening quote is next.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Text, Stop> {
        let start = self.at;
        self.at += 1;
        let mut is_escaped = false;
        loop {
            self.skip_plain();
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(Text { start, stop: self.at, is_escaped });
                }
                b'\\' => {
                    is_escaped = true;
                    self.escape()?;
                }
                _ => {
                    return self
                        .stop("a control character in a string must be written as an escape");
                }
            }
        }
    }

    /// Skips to the next quote, backslash or control character, eight bytes at a time.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const HIGHS: u64 = ONES << 7;
        // 0x22 is the quote, 0x5C the backslash
        while let Some(chunk) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * 0x22);
            let backslash = word ^ (ONES * 0x5C);
            // the high bit of the lowest byte that is zero (less than 0x20) is set, of those before not
            let found = ((quote.wrapping_sub(ONES) & !quote)
                | (backslash.wrapping_sub(ONES) & !backslash)
                | (word.wrapping_sub(ONES * 0x20) & !word))
                & HIGHS;
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while !matches!(self.peek(), b'"' | b'\\' | 0..=0x1F) {
            self.at += 1;
        }
    }

    /// Checks the escape whose backslash is next.
    fn escape(&mut self) -> Result<(), Stop> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 1;
                Ok(())
            }
            b'u' => {
                let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
                match read_unicode(rest) {
                    (Some('\0'), _) => self.stop("the NUL character is not allowed"),
                    (Some(_), after) => {
                        self.at = self.bytes.len() - after.len();
                        Ok(())
                    }
                    (None, _) => self
                        .stop("\\u needs four hexadecimal digits, and a surrogate its other half"),
                }
            }
            _ => self.stop("there is no such escape"),
        }
    }

    /// Reads the number that is next.
    pub(super) fn number(&mut self) -> Result<Number, Stop> {
        let start = self.at;
        let mut is_integer = true;
        self.at += usize::from(self.peek() == b'-');
        if self.peek() == b'0' {
            self.at += 1;
            if self.peek().is_ascii_digit() {
                return self.stop("a number has no leading zeros");
            }
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            is_integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        Ok(Number { start, stop: self.at, is_integer })
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<(), Stop> {
        if !self.peek().is_ascii_digit() {
            return self.stop("a digit is missing in a number");
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Steps over `true`, `false` or `null`.
    #[inline]
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            self.stop("a value is missing: a string, number, object, array, true, false or null")
        }
    }

    /// Steps over the scalar that is next.
    pub(super) fn scalar(&mut self) -> Result<(), Stop> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            _ => self.word("null"),
        }
    }

    /// Steps over any value without recursion.
    pub(super) fn skip_value(&mut self) -> Result<(), Stop> {
        // one bit a level: whether it is an object
        let (mut objects, mut depth) = (0_u128, 0_u16);
        loop {
            let byte = self.next_token();
            if matches!(byte, b'{' | b'[') {
                self.at += 1;
                let close = if byte == b'{' { b'}' } else { b']' };
                if self.next_token() == close {
                    self.at += 1;
                } else if depth == DEPTH_MAX {
                    return self.stop("the nesting is too deep");
                } else {
                    objects = objects << 1 | u128::from(byte == b'{');
                    depth += 1;
                    if byte == b'{' {
                        self.key()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            // a value has ended: what follows it?
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let is_object = objects & 1 == 1;
                match (self.next_token(), is_object) {
                    (b',', _) => {
                        self.at += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        objects >>= 1;
                        depth -= 1;
                    }
                    _ => return self.stop(AFTER_VALUE),
                }
            }
        }
    }

    /// Reads a member's name and its colon.
    #[inline]
    pub(super) fn key(&mut self) -> Result<Text, Stop> {
        if self.next_token() != b'"' {
            return self.stop("a member's name in double quotes is missing");
        }
        let key = self.string()?;
        self.expect(b':', "a colon is missing after a member's name")?;
        Ok(key)
    }

    /// Steps over the comma (`true`) or the closing bracket (`false`) after an item.
    #[inline]
    pub(super) fn more(&mut self, close: u8) -> Result<bool, Stop> {
        match self.next_token() {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == close => {
                self.at += 1;
                Ok(false)
            }
            _ => self.stop(AFTER_VALUE),
        }
    }

    /// Nothing but whitespace may follow.
    pub(super) fn end(&mut self) -> Result<(), Stop> {
        self.next_token();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.stop("nothing may follow the document")
        }
    }
}

const AFTER_VALUE: &str = "a comma or a closing bracket is missing after a value";

/// Line and column, from 1, of an offset; columns count characters.
pub(super) fn line_and_column(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let on_line = before.get(line_start..).unwrap_or_default();
    let column = on_line.iter().filter(|byte| **byte & 0xC0 != 0x80).count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_json() {
        let good = [
            "0",
            "-0",
            "10.50",
            "1e5",
            "-1.5E-10",
            "\"\"",
            "\"a\\n\\u00e9\\ud83d\\ude00\"",
            "true",
            "null",
            "{}",
            "[]",
            "[1,[2,{}],{\"a\":[]}]",
            " { \"a\" : 1 , \"b\" : [ ] } ",
        ];
        for text in good {
            let mut lexer = Lexer::new(text);
            assert_eq!(lexer.skip_value().and_then(|()| lexer.end()), Ok(()), "{text}");
        }
        let bad = [
            "",
            "00",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "\"",
            "\"\\x\"",
            "\"\\ud83d\"",
            "\"\\u12\"",
            "\"\\u0000\"",
            "\"\t\"",
            "tru",
            "nul",
            "{",
            "[",
            "[1",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1 2]",
            "{]",
            "[}",
            "1 2",
            "'a'",
            "NaN",
            "\u{b}1",
        ];
        for text in bad {
            let mut lexer = Lexer::new(text);
            assert!(lexer.skip_value().and_then(|()| lexer.end()).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        for (depth, fits) in [(128, true), (129, false), (100_000, false)] {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            assert_eq!(Lexer::new(&text).skip_value().is_ok(), fits, "{depth}");
        }
    }

    #[test]
    fn places_are_lines_and_columns() {
        let text = "{\n \"\u{e9}\": x\n}".as_bytes();
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, text.len() - 3), (2, 7));
    }
}
