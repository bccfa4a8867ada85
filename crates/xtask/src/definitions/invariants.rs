//! Invariants where they are declared; a type also keeps those of the types it specialises.

use serde_json::Value;

use super::{Table, types::Types};
use crate::package::{list, text};

/// `path` is a type or an element.
pub(crate) fn table(types: &Types<'_>) -> Table {
    let mut table = Table::new("invariants", &["path", "key", "severity", "expression"]);
    for element in types.elements() {
        let path = text(element, "path");
        for constraint in list(element, "constraint").iter().filter(|it| is_own(it, path)) {
            table.push(vec![
                path.to_owned(),
                text(constraint, "key").to_owned(),
                text(constraint, "severity").to_owned(),
                text(constraint, "expression").to_owned(),
            ]);
        }
    }
    table
}

/// Snapshots repeat inherited constraints and name the type these come from.
fn is_own(constraint: &Value, path: &str) -> bool {
    let source = text(constraint, "source").rsplit('/').next().unwrap_or_default();
    source.is_empty() || path.split('.').next() == Some(source)
}
