//! Reads the file of cases.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

/// One `<test>`.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// `group/name`
    pub(super) name: String,
    pub(super) input: Option<String>,
    pub(super) expression: String,
    pub(super) invalid: Option<Invalid>,
    pub(super) outputs: Vec<Output>,
    pub(super) is_predicate: bool,
    pub(super) is_ordered: bool,
}

/// When the error is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Syntax,
    Later,
}

/// An expected item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Output {
    pub(super) text: String,
    pub(super) kind: Option<String>,
}

/// All cases of the file.
pub(super) fn read(text: &str) -> Vec<Case> {
    let mut reader = Reader::from_str(text);
    let (mut cases, mut case, mut group) = (Vec::new(), Case::default(), String::new());
    let mut content = String::new();
    let mut kind = None;
    loop {
        match reader.read_event().expect("well-formed XML") {
            Event::Start(start) | Event::Empty(start) if start.name().as_ref() == "group" => {
                group = attribute(&start, "name").unwrap_or_default();
            }
            Event::Start(start) if start.name().as_ref() == "test" => {
                case = started(&start, &group);
            }
            Event::Start(start) => {
                if start.name().as_ref() == "expression" {
                    case.invalid = case.invalid.or(invalid(&start));
                }
                kind = attribute(&start, "type");
                content.clear();
            }
            Event::Text(text) => content.push_str(&text),
            Event::GeneralRef(entity) => content.push(character(&entity)),
            Event::End(end) => match end.name().as_ref() {
                "expression" => case.expression.clone_from(&content),
                "output" => {
                    case.outputs.push(Output { text: content.clone(), kind: kind.take() });
                }
                "test" => cases.push(std::mem::take(&mut case)),
                _ => {}
            },
            Event::Eof => return cases,
            _ => {}
        }
    }
}

fn started(start: &BytesStart<'_>, group: &str) -> Case {
    Case {
        name: format!("{group}/{}", attribute(start, "name").unwrap_or_default()),
        input: attribute(start, "inputfile"),
        invalid: invalid(start),
        is_predicate: attribute(start, "predicate").as_deref() == Some("true"),
        is_ordered: attribute(start, "ordered").as_deref() != Some("false"),
        ..Case::default()
    }
}

fn invalid(start: &BytesStart<'_>) -> Option<Invalid> {
    match attribute(start, "invalid")?.as_str() {
        "syntax" => Some(Invalid::Syntax),
        _ => Some(Invalid::Later),
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.try_get_attribute(name).expect("well-formed attributes")?;
    Some(attribute.value.into_owned())
}

fn character(entity: &str) -> char {
    match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        _ => panic!("unknown entity {entity}"),
    }
}
