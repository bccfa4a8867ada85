//! Every type in the order of its number: primitives, data types, abstract resources, resources,
//! backbone elements.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Table;
use crate::package::{Package, list, text, texts};

/// The order is that of `fhir_model::definitions::Primitive`.
const PRIMITIVES: [&str; 20] = [
    "boolean",
    "integer",
    "unsignedInt",
    "positiveInt",
    "decimal",
    "string",
    "markdown",
    "code",
    "id",
    "uri",
    "url",
    "canonical",
    "oid",
    "uuid",
    "base64Binary",
    "date",
    "dateTime",
    "instant",
    "time",
    "xhtml",
];

/// Data types with the abstract ones first, so that their numbers are easy to name.
const ABSTRACT: [&str; 4] = ["Element", "BackboneElement", "Resource", "DomainResource"];

/// One row of the table.
struct Type {
    name: String,
    kind: &'static str,
    base: String,
}

/// All types, with their definitions.
pub(crate) struct Types<'p> {
    rows: Vec<Type>,
    definitions: BTreeMap<&'p str, &'p Value>,
}

impl<'p> Types<'p> {
    pub(crate) fn of(package: &'p Package) -> Self {
        let definitions: BTreeMap<&str, &Value> = package
            .all("StructureDefinition")
            .iter()
            .filter(|definition| text(definition, "derivation") != "constraint")
            .filter(|definition| text(definition, "kind") != "logical")
            .map(|definition| (text(definition, "type"), definition))
            .collect();
        let mut names: Vec<(&str, &'static str)> =
            PRIMITIVES.iter().map(|name| (*name, "primitive")).collect();
        for (kind, of) in [("complex", "complex-type"), ("resource", "resource")] {
            let mut of_kind: Vec<&str> = definitions
                .iter()
                .filter(|(_, definition)| text(definition, "kind") == of)
                .map(|(name, _)| *name)
                .collect();
            of_kind.sort_by_key(|name| (rank(name), *name));
            names.extend(of_kind.into_iter().map(|name| (name, kind)));
        }
        let mut rows: Vec<Type> = names
            .iter()
            .filter_map(|(name, kind)| {
                let base = text(definitions.get(name)?, "baseDefinition");
                let base = base.rsplit('/').next().unwrap_or_default().to_owned();
                Some(Type { name: (*name).to_owned(), kind, base })
            })
            .collect();
        for (name, _) in names {
            let Some(definition) = definitions.get(name) else { continue };
            rows.extend(elements_of(definition).iter().filter(|element| is_backbone(element)).map(
                |element| Type {
                    name: text(element, "path").to_owned(),
                    kind: "backbone",
                    base:
                        list(element, "type").first().map_or("", |ty| text(ty, "code")).to_owned(),
                },
            ));
        }
        Self { rows, definitions }
    }

    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new("types", &["name", "kind", "base", "abstract"]);
        for row in &self.rows {
            let is_abstract = ABSTRACT.contains(&row.name.as_str());
            table.push(vec![
                row.name.clone(),
                row.kind.to_owned(),
                row.base.clone(),
                if is_abstract { "abstract".to_owned() } else { String::new() },
            ]);
        }
        table
    }

    /// Names in the order of the table.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }

    /// Names of the resource types that can stand alone.
    pub(crate) fn resources(&self) -> BTreeSet<&str> {
        self.rows
            .iter()
            .filter(|row| row.kind == "resource")
            .map(|row| row.name.as_str())
            .filter(|name| !ABSTRACT.contains(name))
            .collect()
    }

    /// All elements of all types, in the order of the package.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &'p Value> {
        self.definitions.values().flat_map(|definition| elements_of(definition))
    }
}

/// The snapshot.
fn elements_of(definition: &Value) -> &[Value] {
    definition.get("snapshot").map_or(&[], |snapshot| list(snapshot, "element"))
}

/// Whether the element's type is defined right there, under its own path.
pub(crate) fn is_backbone(element: &Value) -> bool {
    let inline = ["BackboneElement", "Element"];
    let nested = text(element, "path").contains('.');
    nested && list(element, "type").iter().any(|ty| inline.contains(&text(ty, "code")))
}

/// Abstract types come first.
fn rank(name: &str) -> usize {
    ABSTRACT.iter().position(|other| *other == name).unwrap_or(ABSTRACT.len())
}

/// The names at the end of canonical URLs.
pub(crate) fn profile_names<'v>(ty: &'v Value, member: &str) -> Vec<&'v str> {
    texts(ty, member).into_iter().filter_map(|url| url.rsplit('/').next()).collect()
}
