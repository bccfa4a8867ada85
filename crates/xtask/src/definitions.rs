//! Writes `fhir-profiles/r4/*.tsv`: the R4 definitions as facts, without prose.

mod codes;
mod compartments;
mod elements;
mod invariants;
mod operations;
mod search_parameters;
mod types;

use std::{fs, path::Path};

use crate::{Failure, package::Package};

/// Where the tables live.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fhir-profiles/r4");

/// A table in the making: one header comment, then rows of tab-separated cells.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, columns, rows: Vec::new() }
    }

    fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// As it stands in the file; empty cells at the end of a row are left out.
    pub(crate) fn to_text(&self) -> Result<String, Failure> {
        let mut out = format!("# {}\n", self.columns.join("\t"));
        for row in &self.rows {
            let fits = row.len() == self.columns.len();
            if !fits || row.iter().any(|cell| cell.contains(['\t', '\n', '\r'])) {
                return Err(format!("{}: {row:?} does not fit the table", self.name));
            }
            out.push_str(row.join("\t").trim_end_matches('\t'));
            out.push('\n');
        }
        Ok(out)
    }
}

/// Makes all tables of the package at `path`.
pub(crate) fn write(path: &Path) -> Result<String, Failure> {
    let package = Package::open(path)?;
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).map_err(|error| format!("{FOLDER}: {error}"))?;
    let mut report = vec![format!("{} {}", package.name, package.version)];
    for table in tables(&package)? {
        let text = table.to_text()?;
        let file = folder.join(format!("{}.tsv", table.name));
        fs::write(&file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
        let (rows, bytes) = (table.rows.len(), text.len());
        report.push(format!("{rows:>8} rows {bytes:>8} bytes  {}", table.name));
    }
    Ok(report.join("\n"))
}

/// The tables of a package.
pub(crate) fn tables(package: &Package) -> Result<Vec<Table>, Failure> {
    let types = types::Types::of(package);
    let bindings = codes::Bindings::of(package, &types);
    let mut facts = Table::new("package", &["name", "version", "sha256", "licence"]);
    facts.push(vec![
        package.name.clone(),
        package.version.clone(),
        package.sha256.clone(),
        "CC0-1.0".to_owned(),
    ]);
    let [search_parameters, search_components] = search_parameters::tables(package, &types);
    let [operations, operation_parameters] = operations::tables(package);
    Ok(vec![
        facts,
        types.table(),
        elements::table(&types, &bindings)?,
        bindings.codes_table()?,
        bindings.open_table(),
        invariants::table(&types),
        search_parameters,
        search_components,
        compartments::table(package),
        operations,
        operation_parameters,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_would_break_a_table_are_refused() {
        let cases = [
            (vec!["a", "b"], Some("# x\ty\na\tb\n")),
            (vec!["a", ""], Some("# x\ty\na\n")),
            (vec!["a"], None),
            (vec!["a", "b\tc"], None),
            (vec!["a", "b\nc"], None),
        ];
        for (row, expected) in cases {
            let mut table = Table::new("example", &["x", "y"]);
            table.push(row.iter().map(ToString::to_string).collect());
            assert_eq!(table.to_text().ok().as_deref(), expected, "{row:?}");
        }
    }
}
