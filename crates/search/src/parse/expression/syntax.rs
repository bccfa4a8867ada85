//! The grammar of `_filter`: <https://hl7.org/fhir/R4/search_filter.html>. `and` and `or` are read from left
//! to right, neither binds closer; `not` takes parentheses.

use fhir_model::json::{Limits, Value};

use super::{Comparison, Expression, Operator, Step};
use crate::parse::fault::Fault;

/// The most comparisons of a filter.
const COMPARISONS_MAX: usize = 32;

/// How deep parentheses and brackets nest.
const DEPTH_MAX: usize = 8;

/// The most names of a path.
const STEPS_MAX: usize = 8;

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Expression<'_>, Fault> {
    let mut reader = Reader { text, rest: text, depth: 0, comparisons: 0 };
    let expression = reader.expression()?;
    if reader.rest.is_empty() {
        Ok(expression)
    } else {
        Err(reader.fault("has neither 'and' nor 'or', nor is the filter over"))
    }
}

struct Reader<'t> {
    text: &'t str,
    /// What was not read yet; an end of `text`.
    rest: &'t str,
    depth: usize,
    comparisons: usize,
}

impl<'t> Reader<'t> {
    /// `term (('and' | 'or') term)*`; blanks after it are read too.
    fn expression(&mut self) -> Result<Expression<'t>, Fault> {
        let mut left = self.term()?;
        loop {
            self.skip_blanks();
            if self.eat_word("and") {
                let right = self.term()?;
                if let Expression::All(all) = &mut left {
                    all.push(right);
                } else {
                    left = Expression::All(vec![left, right]);
                }
            } else if self.eat_word("or") {
                let right = self.term()?;
                if let Expression::Any(any) = &mut left {
                    any.push(right);
                } else {
                    left = Expression::Any(vec![left, right]);
                }
            } else {
                return Ok(left);
            }
        }
    }

    /// `'not' '(' expression ')'`, `'(' expression ')'` or a comparison.
    fn term(&mut self) -> Result<Expression<'t>, Fault> {
        self.skip_blanks();
        if self.rest.starts_with('(') {
            return self.enclosed(['(', ')']);
        }
        let before = self.rest;
        if self.eat_word("not") {
            self.skip_blanks();
            if self.rest.starts_with('(') {
                return self.enclosed(['(', ')']).map(|inner| Expression::Not(Box::new(inner)));
            }
            self.rest = before;
            return Err(self.fault("has 'not' without parentheses after it"));
        }
        self.comparison().map(Expression::Comparison)
    }

    /// An expression in parentheses or brackets.
    fn enclosed(&mut self, [open, close]: [char; 2]) -> Result<Expression<'t>, Fault> {
        if self.depth >= DEPTH_MAX {
            let text = format!("nests deeper than {DEPTH_MAX} parentheses and brackets");
            return Err(Fault::TooCostly(text.into()));
        }
        self.depth += 1;
        self.rest = self.rest.strip_prefix(open).unwrap_or(self.rest);
        let inner = self.expression()?;
        self.depth -= 1;
        match self.rest.strip_prefix(close) {
            Some(rest) => self.rest = rest,
            None => return Err(self.fault(&format!("lacks '{close}', or 'and' or 'or'"))),
        }
        Ok(inner)
    }

    fn comparison(&mut self) -> Result<Comparison<'t>, Fault> {
        self.comparisons += 1;
        if self.comparisons > COMPARISONS_MAX {
            let text = format!("has more than {COMPARISONS_MAX} comparisons");
            return Err(Fault::TooCostly(text.into()));
        }
        let at = self.at();
        let (steps, code) = self.path()?;
        self.skip_blanks();
        let operator = Operator::named(self.rest.split(char::is_whitespace).next().unwrap_or(""));
        let Some(operator) = operator else {
            return Err(self.fault(
                "lacks one of the operators eq, ne, gt, lt, ge, le, sa, eb, ap, co, sw, ew, pr, \
                 po, ss, sb, in, ni, re",
            ));
        };
        self.rest = self.rest.get(Operator::LEN..).unwrap_or_default();
        self.skip_blanks();
        let value = self.value()?;
        Ok(Comparison { at, steps, code, operator, value })
    }

    /// `name`, `name.path`, `name[filter].path`, `_has:type:name:path`
    fn path(&mut self) -> Result<(Vec<Step<'t>>, &'t str), Fault> {
        let mut steps = Vec::new();
        loop {
            let mut name = self.name()?;
            while let Some(rest) = name.strip_prefix("_has:") {
                let mut parts = rest.splitn(3, ':');
                let (Some(ty), Some(reference), Some(rest)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    return Err(self.fault("has a path with an incomplete _has before it"));
                };
                steps.push(Step::Has { ty, reference });
                name = rest;
            }
            let filter = self.rest.starts_with('[').then(|| self.enclosed(['[', ']']));
            let filter = filter.transpose()?;
            if steps.len() >= STEPS_MAX {
                let text = format!("has a path of more than {STEPS_MAX} names");
                return Err(Fault::TooCostly(text.into()));
            }
            match (self.rest.strip_prefix('.'), filter) {
                (Some(rest), filter) => {
                    self.rest = rest;
                    steps.push(Step::Reference { head: name, filter });
                }
                (None, Some(_)) => return Err(self.fault("lacks a dot and a name after ']'")),
                (None, None) => return Ok((steps, name)),
            }
        }
    }

    /// A name, perhaps with a type after a colon.
    fn name(&mut self) -> Result<&'t str, Fault> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((name, rest)) if !name.is_empty() => {
                self.rest = rest;
                Ok(name)
            }
            _ => Err(self.fault("lacks the name of a search parameter")),
        }
    }

    /// A string as in JSON, or what goes on until a blank, `)` or `]`.
    fn value(&mut self) -> Result<String, Fault> {
        if self.rest.starts_with('"') {
            return self.string();
        }
        let is_end = |c: char| c.is_whitespace() || matches!(c, ')' | ']');
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(end) {
            Some((value, rest)) if !value.is_empty() => {
                self.rest = rest;
                Ok(value.to_owned())
            }
            _ => Err(self.fault("lacks a value to compare with")),
        }
    }

    fn string(&mut self) -> Result<String, Fault> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find_map(|(at, c)| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end.then_some(at + 1)
        });
        let Some((string, rest)) = end.and_then(|end| self.rest.split_at_checked(end)) else {
            return Err(self.fault("has a string without an end"));
        };
        let value = Value::parse(string.as_bytes(), &Limits::default());
        let Some(value) = value.ok().as_ref().and_then(Value::as_str).map(str::to_owned) else {
            return Err(self.fault("has a string that is not written as in JSON"));
        };
        self.rest = rest;
        Ok(value)
    }

    /// A word that a blank, a parenthesis or the end follows.
    fn eat_word(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word).filter(|rest| {
            rest.chars().next().is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | ']'))
        });
        if let Some(rest) = rest {
            self.rest = rest;
        }
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Which character comes next, from 1.
    fn at(&self) -> usize {
        let read = self.text.len() - self.rest.len();
        self.text.get(..read).map_or(0, |read| read.chars().count()) + 1
    }

    fn fault(&self, text: &str) -> Fault {
        Fault::at(self.at(), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(expression: &Expression<'_>) -> String {
        let list = |all: &[Expression<'_>], by: &str| {
            let all: Vec<String> = all.iter().map(written).collect();
            format!("({})", all.join(by))
        };
        match expression {
            Expression::All(all) => list(all, " & "),
            Expression::Any(any) => list(any, " | "),
            Expression::Not(inner) => format!("!{}", written(inner)),
            Expression::Comparison(Comparison { steps, code, value, .. }) => {
                let steps: String = steps
                    .iter()
                    .map(|step| match step {
                        Step::Has { ty, reference } => format!("{ty}<{reference}/"),
                        Step::Reference { head, filter: None } => format!("{head}/"),
                        Step::Reference { head, filter: Some(filter) } => {
                            format!("{head}[{}]/", written(filter))
                        }
                    })
                    .collect();
                format!("{steps}{code}={value}")
            }
        }
    }

    #[test]
    fn filters_are_read_from_left_to_right() {
        let cases = [
            ("a eq b", "a=b"),
            ("  a   eq \t b  ", "a=b"),
            ("a eq b and c eq d and e eq f", "(a=b & c=d & e=f)"),
            ("a eq b or c eq d and e eq f", "((a=b | c=d) & e=f)"),
            ("a eq b or (c eq d and e eq f)", "(a=b | (c=d & e=f))"),
            ("not (a eq b) or not(c eq d)", "(!a=b | !c=d)"),
            ("((a eq b))", "a=b"),
            (r#"a eq "b) \"c\" é \u00e9""#, r#"a=b) "c" é é"#),
            (r#"a eq """#, "a="),
            ("a.b eq c", "a/b=c"),
            ("a:Patient.b eq c", "a:Patient/b=c"),
            ("a[b eq c and d eq e].f eq g", "a[(b=c & d=e)]/f=g"),
            ("_has:Observation:patient:code eq x", "Observation<patient/code=x"),
            ("a._has:A:b:_has:C:d:e eq x", "a/A<b/C<d/e=x"),
            ("a eq http://x|1", "a=http://x|1"),
            ("and eq or", "and=or"),
        ];
        for (text, expected) in cases {
            assert_eq!(written(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_place() {
        let cases = [
            ("", "at character 1 lacks the name"),
            ("a", "at character 2 lacks one of the operators"),
            ("a is b", "at character 3 lacks one of the operators"),
            ("a eq", "at character 5 lacks a value"),
            ("a eqb", "at character 3 lacks one of the operators"),
            ("a eq b c eq d", "at character 8 has neither 'and' nor 'or'"),
            ("a eq b)", "at character 7 has neither"),
            ("(a eq b", "at character 8 lacks ')'"),
            ("a eq b and", "at character 11 lacks the name"),
            ("not a eq b", "at character 1 has 'not' without parentheses"),
            (r#"a eq "b"#, "at character 6 has a string without an end"),
            (r#"a eq "\q""#, "at character 6 has a string that is not"),
            ("a[b eq c] eq d", "at character 10 lacks a dot"),
            ("a[b eq c.d eq e", "lacks ']'"),
            ("_has:A:b eq c", "incomplete _has"),
            ("é eq c", "at character 1 lacks the name"),
            ("a eq é or .", "at character 11 lacks the name"),
        ];
        for (text, expected) in cases {
            let Err(Fault::Value(said)) = parse(text) else { panic!("{text}") };
            assert!(said.contains(expected), "{text}: {said}");
        }
        let costly = [
            vec!["a eq b"; 33].join(" or "),
            format!("{}a eq b{}", "(".repeat(9), ")".repeat(9)),
            format!("{}a eq b", "(".repeat(100_000)),
            format!("{}b eq c", "a.".repeat(9)),
        ];
        for text in costly {
            assert!(matches!(parse(&text), Err(Fault::TooCostly(_))));
        }
    }
}
