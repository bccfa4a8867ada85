//! Gives a resource its identity: `id` set, `meta` opened for version and time, whitespace dropped, all
//! else byte by byte as sent. Only the root's own members are looked at; the rest is copied.

use std::ops::Range;

use crate::{Stamped, Tree};

use super::{
    format::minify_into,
    lexer::{Lexer, Stop},
    write_string,
};

/// A member of an object in the source.
struct Member<'s> {
    name: &'s str,
    /// From the opening quote of the name to the end of the value.
    whole: Range<usize>,
}

/// The source and what becomes of it.
struct Copy<'s> {
    source: &'s str,
    has_space: bool,
    /// Sorted, apart; those that are done are gone.
    replacements: &'s [(Range<usize>, String)],
    out: Vec<u8>,
}

/// See [`crate::Valid::stamp`].
pub(crate) fn stamp(tree: &Tree, id: &str, replacements: &[(Range<usize>, String)]) -> Stamped {
    let source = std::str::from_utf8(&tree.bytes).unwrap_or_default();
    let extra: usize = replacements.iter().map(|(_, text)| text.len()).sum();
    let mut copy = Copy {
        source,
        has_space: tree.has_space,
        replacements,
        out: Vec::with_capacity(source.len() + extra + id.len() + 40),
    };
    let span = tree.root().span();
    let hole = copy.root(tree, span, id).unwrap_or_default();
    Stamped { bytes: copy.out, hole }
}

impl Copy<'_> {
    /// Copies the resource; returns where the hole is.
    fn root(&mut self, tree: &Tree, span: Range<usize>, id: &str) -> Option<usize> {
        let child = |name| tree.root().child(name).map(super::super::NodeRef::span);
        let (old_id, meta) = (child("id"), child("meta"));
        let resource_type = resource_type_member(self.source, &span).ok()?;
        // in the order of the source: what happens where
        let mut edits = [
            (resource_type.end, Edit::AfterType),
            old_id.as_ref().map_or((usize::MAX, Edit::Id), |old| (old.start, Edit::Id)),
            meta.as_ref().map_or((usize::MAX, Edit::Meta), |old| (old.start, Edit::Meta)),
        ];
        edits.sort_by_key(|(at, _)| *at);
        let (mut at, mut hole) = (span.start, None);
        for (place, edit) in edits.into_iter().filter(|(place, _)| *place != usize::MAX) {
            self.copy(at..place);
            at = place;
            match edit {
                Edit::AfterType => {
                    if old_id.is_none() {
                        self.out.extend_from_slice(b",\"id\":");
                        write_string(&mut self.out, id);
                    }
                    // after an id that is there the hole comes behind it
                    if meta.is_none() && old_id.is_none() {
                        hole = Some(self.new_meta());
                    }
                }
                Edit::Id => {
                    write_string(&mut self.out, id);
                    at = old_id.as_ref().map_or(at, |old| old.end);
                    if meta.is_none() {
                        hole = Some(self.new_meta());
                    }
                }
                Edit::Meta => {
                    let old = meta.clone().unwrap_or(at..at);
                    at = old.end;
                    hole = self.meta(old).ok();
                }
            }
        }
        self.copy(at..span.end);
        hole
    }

    /// Inserts `"meta":{}` with the hole in it.
    fn new_meta(&mut self) -> usize {
        self.out.extend_from_slice(b",\"meta\":{");
        let hole = self.out.len();
        self.out.push(b'}');
        hole
    }

    /// Copies `meta` without version and time, which go into the hole at its start.
    fn meta(&mut self, span: Range<usize>) -> Result<usize, Stop> {
        self.out.push(b'{');
        let hole = self.out.len();
        for_each_member(self.source, &span, |member| {
            if !matches!(member.name, "versionId" | "lastUpdated") {
                self.out.push(b',');
                self.copy(member.whole);
            }
            true
        })?;
        self.out.push(b'}');
        Ok(hole)
    }

    /// Copies a part of the source, with the replacements that lie in it.
    fn copy(&mut self, part: Range<usize>) {
        let mut at = part.start;
        while let Some(((span, text), rest)) = self.replacements.split_first() {
            if span.end > part.end {
                break;
            }
            // those of parts that were left out are skipped
            if span.start >= at {
                self.plain(at..span.start);
                self.out.extend_from_slice(text.as_bytes());
                at = span.end;
            }
            self.replacements = rest;
        }
        self.plain(at..part.end);
    }

    fn plain(&mut self, part: Range<usize>) {
        let bytes = self.source.as_bytes().get(part).unwrap_or_default();
        if self.has_space {
            minify_into(&mut self.out, bytes);
        } else {
            self.out.extend_from_slice(bytes);
        }
    }
}

/// What is done at a place of the root.
#[derive(Debug, Clone, Copy)]
enum Edit {
    AfterType,
    Id,
    Meta,
}

/// Where `resourceType` stands in an object.
fn resource_type_member(source: &str, span: &Range<usize>) -> Result<Range<usize>, Stop> {
    let mut found = Err(Stop);
    for_each_member(source, span, |member| {
        if member.name == "resourceType" {
            found = Ok(member.whole);
            return false;
        }
        true
    })?;
    found
}

/// Walks over the members of the object at `span` until `visit` says `false`.
fn for_each_member<'s>(
    source: &'s str,
    span: &Range<usize>,
    mut visit: impl FnMut(Member<'s>) -> bool,
) -> Result<(), Stop> {
    let mut lexer = Lexer::new(source);
    lexer.at = span.start + 1;
    if lexer.next_token() == b'}' {
        return Ok(());
    }
    loop {
        let key = lexer.key()?;
        lexer.next_token();
        lexer.skip_value()?;
        let member = Member { name: lexer.inner(key), whole: key.start..lexer.at };
        if !visit(member) || !lexer.more(b'}')? {
            return Ok(());
        }
    }
}
