//! Finds the `resourceType` of an object when it is not the first member. A scan notes those of all
//! objects inside as well, so that nested resources are not scanned again: linear over all.

use super::lexer::{DEPTH_MAX, Lexer, Text};

/// What was seen by scans so far.
#[derive(Debug, Default)]
pub(super) struct Lookahead {
    /// End of the longest scan.
    scanned: usize,
    /// Start of an object and its `resourceType` value, sorted by start.
    found: Vec<(usize, Text)>,
}

impl Lookahead {
    /// The value of `resourceType` in the object that starts at the lexer's place.
    pub(super) fn resource_type(&mut self, lexer: &Lexer<'_>) -> Option<Text> {
        if let Some(first) = first_member(lexer) {
            return Some(first);
        }
        if lexer.at >= self.scanned {
            self.scan(lexer.clone());
        }
        let at = self.found.binary_search_by_key(&lexer.at, |(start, _)| *start).ok()?;
        self.found.get(at).map(|(_, value)| *value)
    }

    /// Walks over the object and all in it; stops early where it is not JSON, as the parser will.
    fn scan(&mut self, mut lexer: Lexer<'_>) {
        self.found.clear();
        let mut open: Vec<Option<usize>> = Vec::new();
        // whether the next string, in an object, is a name
        let mut is_name = false;
        loop {
            match lexer.next_token() {
                b'{' => {
                    open.push(Some(lexer.at));
                    is_name = true;
                    lexer.at += 1;
                }
                b'[' => {
                    open.push(None);
                    is_name = false;
                    lexer.at += 1;
                }
                b'}' | b']' => {
                    open.pop();
                    is_name = false;
                    lexer.at += 1;
                }
                b',' => {
                    is_name = matches!(open.last(), Some(Some(_)));
                    lexer.at += 1;
                }
                b':' => lexer.at += 1,
                b'"' => {
                    let Ok(text) = lexer.string() else { break };
                    if is_name && lexer.inner(text) == NAME {
                        let value = value_after(&mut lexer);
                        self.found.extend(open.last().copied().flatten().zip(value));
                    }
                    is_name = false;
                }
                _ => {
                    if lexer.scalar().is_err() {
                        break;
                    }
                }
            }
            if open.is_empty() || open.len() > usize::from(DEPTH_MAX) {
                break;
            }
        }
        self.scanned = lexer.at;
        // stable: of duplicates the first is found or refused
        self.found.sort_by_key(|(start, _)| *start);
        self.found.dedup_by_key(|(start, _)| *start);
    }
}

const NAME: &str = "resourceType";

/// The usual case: it is the first member.
fn first_member(lexer: &Lexer<'_>) -> Option<Text> {
    let mut lexer = lexer.clone();
    lexer.at += 1;
    if lexer.next_token() != b'"' {
        return None;
    }
    let name = lexer.string().ok()?;
    if lexer.inner(name) == NAME { value_after(&mut lexer) } else { None }
}

/// The string after the name that was just read.
fn value_after(lexer: &mut Lexer<'_>) -> Option<Text> {
    lexer.expect(b':', "").ok()?;
    if lexer.next_token() == b'"' { lexer.string().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_finds_its_own() {
        let text = r#"{"entry":[{"resource":{"id":"resourceType","x":{"resourceType":7},
            "resourceType":"A"}},{"resource": {"y":"\"","resourceType" : "B"}}],"resourceType":"C"}"#;
        let mut lookahead = Lookahead::default();
        for (start, expected) in [("{\"entry", "C"), ("{\"id", "A"), ("{\"y", "B")] {
            let mut lexer = Lexer::new(text);
            lexer.at = text.find(start).unwrap();
            let found = lookahead.resource_type(&lexer).map(|found| lexer.inner(found));
            assert_eq!(found, Some(expected));
        }
        for missing in ["{}", "{\"a\":1}", "{\"resourceType\":1}", "{\"a\":\"", "{\"a\":[[["] {
            assert_eq!(Lookahead::default().resource_type(&Lexer::new(missing)), None, "{missing}");
        }
    }
}
