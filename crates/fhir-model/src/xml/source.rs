//! XML events over a document in memory, with the guards that FHIR needs: no DTD, no processing
//! instructions, no entities but the five, bounded depth, attributes and namespaces.
//!
//! XML 1.0: <https://www.w3.org/TR/xml/>, namespaces: <https://www.w3.org/TR/xml-names/>.

use std::{borrow::Cow, cell::Cell};

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesDecl, Event, attributes::Attributes},
};

use super::{FHIR, XHTML};
use crate::{IssueType, Outcome, json::Limits};

/// How many attributes an element may have.
const ATTRIBUTES_MAX: usize = 32;
/// How many namespace declarations may be in force at one place.
const NAMESPACES_MAX: usize = 16;

/// Whose name an element has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Fhir,
    Xhtml,
    Other,
}

/// A start tag.
#[derive(Debug)]
pub(super) struct Open<'x> {
    pub(super) namespace: Namespace,
    /// Without its prefix.
    pub(super) name: &'x str,
    /// Whether it is written `<a/>`; a [`Piece::Close`] follows all the same.
    pub(super) is_empty: bool,
    /// Names with their prefix, values normalised; without the namespace declarations.
    pub(super) attributes: Vec<(&'x str, Cow<'x, str>)>,
}

/// What comes next in the document. Comments are left out.
#[derive(Debug)]
pub(super) enum Piece<'x> {
    Open(Open<'x>),
    /// The end of the innermost open element; also after `<a/>`.
    Close,
    /// Text as it stands, references included.
    Text(&'x str),
    /// The inside of `<![CDATA[...]]>`.
    Data(&'x str),
    /// The document is over, all elements are closed.
    End,
}

/// An offset with its line and column, each from 1.
#[derive(Debug, Clone, Copy)]
struct Told {
    at: usize,
    line: usize,
    column: usize,
}

impl Told {
    const START: Self = Self { at: 0, line: 1, column: 1 };

    /// The place of a later offset.
    fn until(self, text: &str, at: usize) -> Self {
        let between = text.get(self.at..at).unwrap_or_default();
        match between.rsplit_once('\n') {
            Some((lines, rest)) => {
                let line = self.line + 1 + lines.bytes().filter(|byte| *byte == b'\n').count();
                Self { at, line, column: rest.chars().count() + 1 }
            }
            None => Self { at, column: self.column + between.chars().count(), ..self },
        }
    }
}

/// The document and the place in it.
#[derive(Debug)]
pub(super) struct Source<'x> {
    text: &'x str,
    reader: Reader<&'x [u8]>,
    /// Where the last piece started.
    start: usize,
    /// The last place that was told: the next is counted from there.
    told: Cell<Told>,
    depth: usize,
    depth_max: usize,
    /// Prefix, its namespace and the depth of the element that declared it.
    declared: Vec<(&'x str, Namespace, usize)>,
}

impl<'x> Source<'x> {
    /// Checks the encoding and the characters.
    pub(super) fn new(bytes: &'x [u8], limits: &Limits) -> Result<Self, Outcome> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let at = error.valid_up_to();
            structure(format!("The XML must be UTF-8; byte {at} does not belong to it"))
        })?;
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        let depth_max = usize::from(limits.depth);
        let mut source = Self {
            text,
            reader,
            start: 0,
            told: Cell::new(Told::START),
            depth: 0,
            depth_max,
            declared: Vec::new(),
        };
        if let Some(at) = first_forbidden(text) {
            source.start = at;
            return Err(source.fault("This character may not stand in XML"));
        }
        Ok(source)
    }

    /// The next piece.
    pub(super) fn next(&mut self) -> Result<Piece<'x>, Outcome> {
        loop {
            self.start = self.position();
            let event = self.reader.read_event();
            let slice = self.text.get(self.start..self.position()).unwrap_or_default();
            match event {
                Err(error) => return Err(self.fault(format!("This is not XML: {error}"))),
                Ok(Event::Start(_) | Event::Empty(_)) => return self.open(slice).map(Piece::Open),
                Ok(Event::End(_)) => {
                    self.declared.retain(|(_, _, depth)| *depth < self.depth);
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Piece::Close);
                }
                Ok(Event::Text(_)) => return Ok(Piece::Text(slice)),
                Ok(Event::GeneralRef(_)) => {
                    self.unescape(slice)?;
                    return Ok(Piece::Text(slice));
                }
                Ok(Event::CData(_)) => {
                    let inside = slice.get(9..slice.len().saturating_sub(3));
                    return Ok(Piece::Data(inside.unwrap_or_default()));
                }
                Ok(Event::Comment(_)) => {}
                Ok(Event::Decl(declaration)) => self.check_declaration(&declaration)?,
                Ok(Event::PI(_)) => {
                    return Err(self.fault("Processing instructions are not accepted"));
                }
                Ok(Event::DocType(_)) => {
                    return Err(self.fault("A document type declaration is not accepted"));
                }
                Ok(Event::Eof) if self.depth > 0 => {
                    return Err(self.fault("The document ends inside an element"));
                }
                Ok(Event::Eof) => return Ok(Piece::End),
            }
        }
    }

    /// Elements that are open.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// Reads on until so many elements are open.
    pub(super) fn leave(&mut self, depth: usize) -> Result<(), Outcome> {
        while self.depth > depth {
            self.next()?;
        }
        Ok(())
    }

    /// A refusal of the last piece, with its line and column.
    pub(super) fn fault(&self, why: impl AsRef<str>) -> Outcome {
        self.fault_of(IssueType::Structure, why)
    }

    /// The same with another code.
    pub(super) fn fault_of(&self, code: IssueType, why: impl AsRef<str>) -> Outcome {
        let told = self.told.get();
        let from = if told.at <= self.start { told } else { Told::START };
        let place = from.until(self.text, self.start);
        self.told.set(place);
        let Told { line, column, .. } = place;
        Outcome::new(code, format!("{} (line {line}, column {column})", why.as_ref()))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Reads a start tag: `<name a="b">`.
    fn open(&mut self, tag: &'x str) -> Result<Open<'x>, Outcome> {
        self.depth += 1;
        if self.depth > self.depth_max {
            let why = format!("Elements may be nested {} deep", self.depth_max);
            return Err(self.fault_of(IssueType::TooLong, why));
        }
        let inside = tag.strip_prefix('<').and_then(|tag| tag.strip_suffix('>'));
        let inside = inside.unwrap_or_default();
        let (inside, is_empty) = match inside.strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (inside, false),
        };
        let name_end = inside.find([' ', '\t', '\r', '\n']).unwrap_or(inside.len());
        let name = inside.get(..name_end).unwrap_or_default();
        let mut attributes: Vec<(&str, Cow<'_, str>)> = Vec::new();
        let mut raw = Attributes::new(inside, name_end);
        for (n, attribute) in raw.with_checks(false).enumerate() {
            if n == ATTRIBUTES_MAX {
                let why = format!("An element may have {ATTRIBUTES_MAX} attributes");
                return Err(self.fault_of(IssueType::TooLong, why));
            }
            let attribute =
                attribute.map_err(|error| self.fault(format!("This is not XML: {error}")))?;
            let key = attribute.key.into_inner();
            if attribute.value.contains('<') {
                return Err(self.fault(format!("`<` in attribute `{key}` must be written `&lt;`")));
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| self.fault(format!("Attribute `{key}`: {error}")))?;
            if matches!(value, Cow::Owned(_)) && first_forbidden(&value).is_some() {
                return Err(self.fault(format!("Attribute `{key}` has a forbidden character")));
            }
            match key.strip_prefix("xmlns") {
                Some("") => self.declare("", &value)?,
                Some(prefix) if prefix.starts_with(':') => {
                    self.declare(prefix.trim_start_matches(':'), &value)?;
                }
                _ if attributes.iter().any(|(other, _)| *other == key) => {
                    return Err(self.fault(format!("Attribute `{key}` is given twice")));
                }
                _ => attributes.push((key, value)),
            }
        }
        let (prefix, name) = name.split_once(':').unwrap_or(("", name));
        Ok(Open { namespace: self.namespace(prefix)?, name, is_empty, attributes })
    }

    /// Takes note of `xmlns:prefix="uri"`.
    fn declare(&mut self, prefix: &'x str, uri: &str) -> Result<(), Outcome> {
        if self.declared.len() == NAMESPACES_MAX {
            let why = format!("{NAMESPACES_MAX} namespaces may be declared at one place");
            return Err(self.fault_of(IssueType::TooLong, why));
        }
        let namespace = match uri {
            FHIR => Namespace::Fhir,
            XHTML => Namespace::Xhtml,
            _ => Namespace::Other,
        };
        self.declared.push((prefix, namespace, self.depth));
        Ok(())
    }

    /// What a prefix stands for here.
    fn namespace(&self, prefix: &str) -> Result<Namespace, Outcome> {
        match self.declared.iter().rev().find(|(known, _, _)| *known == prefix) {
            Some((_, namespace, _)) => Ok(*namespace),
            None if prefix.is_empty() || prefix == "xml" => Ok(Namespace::Other),
            None => Err(self.fault(format!("The prefix `{prefix}` is not declared"))),
        }
    }

    /// Checks `<?xml version="1.0" encoding="UTF-8"?>`.
    fn check_declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), Outcome> {
        if self.start != 0 {
            return Err(self.fault("The XML declaration may only stand at the very start"));
        }
        if !declaration.version().is_ok_and(|version| version == "1.0") {
            return Err(self.fault("Only XML 1.0 is accepted"));
        }
        match declaration.encoding() {
            Some(Ok(encoding)) if !encoding.eq_ignore_ascii_case("utf-8") => {
                Err(self.fault("The encoding must be UTF-8"))
            }
            Some(Err(error)) => Err(self.fault(format!("This is not XML: {error}"))),
            Some(Ok(_)) | None => Ok(()),
        }
    }

    /// The text without its references.
    fn unescape(&self, raw: &'x str) -> Result<Cow<'x, str>, Outcome> {
        let text = quick_xml::escape::unescape(raw)
            .map_err(|_| self.fault("Only the entities of XML itself are known: use `&#160;`"))?;
        match first_forbidden(&text) {
            Some(_) => Err(self.fault("This character may not stand in XML")),
            None => Ok(text),
        }
    }
}

/// Where the first character stands that XML 1.0 does not allow.
fn first_forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let control = bytes.iter().position(|byte| *byte < 0x20 && !b"\t\n\r".contains(byte));
    let is_noncharacter = |at: &usize| {
        let rest = bytes.get(*at..).unwrap_or_default();
        rest.starts_with("\u{FFFE}".as_bytes()) || rest.starts_with("\u{FFFF}".as_bytes())
    };
    control.or_else(|| memchr::memchr_iter(0xEF, bytes).find(is_noncharacter))
}

/// A refusal without a place.
fn structure(why: String) -> Outcome {
    Outcome::new(IssueType::Structure, why)
}
