//! A JSON value that keeps member order and the digits of numbers, for patches and built answers.

use std::collections::BTreeSet;

use crate::{IssueType, Outcome};

use super::{
    Limits,
    faults::syntax_issue,
    lexer::{Lexer, Stop},
    write_string,
};

/// Any JSON. Equality compares numbers by their digits and objects with their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// The digits as written.
    Number(String),
    /// The text, escapes resolved.
    String(String),
    /// `[...]`
    Array(Vec<Value>),
    /// `{...}`, in order.
    Object(Vec<(String, Value)>),
}

impl Value {
    /// Reads well-formed JSON; refuses duplicate names and what is over the limits.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Outcome> {
        let text = super::utf8(bytes)?;
        let mut reader = Reader { lexer: Lexer::new(text), limits, depth: 0, refusal: None };
        let read = reader.value().and_then(|value| reader.lexer.end().map(|()| value));
        read.map_err(|Stop| match (reader.refusal, reader.lexer.broken) {
            (Some(refusal), _) => refusal,
            (None, Some(broken)) => Outcome::from_issues(vec![syntax_issue(bytes, broken)])
                .unwrap_or_else(|| Outcome::new(IssueType::Structure, "Not JSON")),
            (None, None) => Outcome::new(IssueType::Structure, "Not JSON"),
        })
    }

    /// Appends the value without whitespace.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::String(text) => write_string(out, text),
            Self::Array(items) => {
                out.push(b'[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (n, (name, value)) in members.iter().enumerate() {
                    if n > 0 {
                        out.push(b',');
                    }
                    write_string(out, name);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// The value as bytes, without whitespace.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// The member of this name, of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The member of this name, of an object, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Self> {
        let Self::Object(members) = self else { return None };
        members.iter_mut().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
}

/// Reads values; as deep as the limits say.
struct Reader<'a> {
    lexer: Lexer<'a>,
    limits: &'a Limits,
    depth: u16,
    refusal: Option<Outcome>,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value, Stop> {
        match self.lexer.next_token() {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => {
                let text = self.lexer.string()?;
                Ok(Value::String(self.lexer.unquoted(text).into_owned()))
            }
            b'-' | b'0'..=b'9' => {
                let number = self.lexer.number()?;
                if number.stop - number.start > self.limits.number_bytes {
                    let text = format!("A number may have {} characters", self.limits.number_bytes);
                    return self.refuse(IssueType::Value, text);
                }
                Ok(Value::Number(self.lexer.slice(number.start, number.stop).to_owned()))
            }
            b't' => self.lexer.word("true").map(|()| Value::Bool(true)),
            b'f' => self.lexer.word("false").map(|()| Value::Bool(false)),
            _ => self.lexer.word("null").map(|()| Value::Null),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Stop>) -> Result<Value, Stop> {
        if self.depth == self.limits.depth {
            let text = format!("Objects and arrays may nest {} deep", self.limits.depth);
            return self.refuse(IssueType::Structure, text);
        }
        self.depth += 1;
        self.lexer.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, Stop> {
        let mut items = Vec::new();
        if self.lexer.next_token() == b']' {
            self.lexer.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            if items.len() > self.limits.array_items {
                let text = format!("An array may have {} items", self.limits.array_items);
                return self.refuse(IssueType::TooLong, text);
            }
            if !self.lexer.more(b']')? {
                return Ok(Value::Array(items));
            }
        }
    }

    fn object(&mut self) -> Result<Value, Stop> {
        let mut members = Vec::new();
        if self.lexer.next_token() == b'}' {
            self.lexer.at += 1;
            return Ok(Value::Object(members));
        }
        loop {
            let key = self.lexer.key()?;
            let name = self.lexer.unquoted(key).into_owned();
            members.push((name, self.value()?));
            if !self.lexer.more(b'}')? {
                break;
            }
        }
        let mut names = BTreeSet::new();
        if members.iter().all(|(name, _)| names.insert(name.as_str())) {
            return Ok(Value::Object(members));
        }
        self.refuse(IssueType::Structure, "An object has a member twice".to_owned())
    }

    fn refuse<T>(&mut self, code: IssueType, text: String) -> Result<T, Stop> {
        self.refusal = Some(Outcome::new(code, text));
        Err(Stop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, Outcome> {
        Value::parse(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn order_and_digits_survive() {
        let text = r#"{"b":1.10,"a":[-0,1E+2,true,null,"x\ny",{}],"":[]}"#;
        let value = read(text).unwrap();
        assert_eq!(String::from_utf8(value.to_vec()).unwrap(), text);
        assert_eq!(value.get("b"), Some(&Value::Number("1.10".to_owned())));
        assert_ne!(read("1.0").unwrap(), read("1.00").unwrap());
        assert_eq!(read(r#""\u0041""#).unwrap().as_str(), Some("A"));
    }

    #[test]
    fn what_is_not_json_or_too_much_is_refused() {
        let deep = "[".repeat(100_000);
        let long = "1".repeat(65);
        let cases = [
            ("{\"a\":1,\"a\":2}", "twice"),
            ("{\"a\":1,\"\\u0061\":2}", "twice"),
            ("{\"a\":\n x}", "line 2, column 2"),
            ("", "ends too early"),
            ("1 1", "nothing may follow"),
            (&deep, "64 deep"),
            (&long, "64 characters"),
        ];
        for (text, why) in cases {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.contains(why), "{refusal}");
        }
    }
}
