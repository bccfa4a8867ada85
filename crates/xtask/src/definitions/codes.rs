//! The codes of required bindings, as far as the package lets them be enumerated:
//! <https://hl7.org/fhir/R4/valueset.html#expansion>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Table, types::Types};
use crate::{
    Failure,
    package::{Package, list, text, texts},
};

/// Codes as `(system, code)`.
type Codes = BTreeSet<(String, String)>;

/// How deep value sets may include one another, and concepts nest.
const DEPTH_MAX: usize = 16;

/// The required bindings of the package.
pub(crate) struct Bindings<'p> {
    value_sets: BTreeMap<&'p str, &'p Value>,
    code_systems: BTreeMap<&'p str, &'p Value>,
    closed: BTreeMap<&'p str, Codes>,
    open: BTreeMap<&'p str, String>,
}

impl<'p> Bindings<'p> {
    pub(crate) fn of(package: &'p Package, types: &Types<'p>) -> Self {
        let by_url = |resource_type| {
            package.all(resource_type).iter().map(|value| (text(value, "url"), value)).collect()
        };
        let mut bindings = Self {
            value_sets: by_url("ValueSet"),
            code_systems: by_url("CodeSystem"),
            closed: BTreeMap::new(),
            open: BTreeMap::new(),
        };
        let urls: BTreeSet<&str> = types.elements().filter_map(required).collect();
        for url in urls {
            match bindings.expand(url, 0) {
                Ok(codes) => drop(bindings.closed.insert(url, codes)),
                Err(reason) => drop(bindings.open.insert(url, reason)),
            }
        }
        bindings
    }

    /// The value set that an element requires, if its codes are known.
    pub(crate) fn enumerable<'v>(&self, element: &'v Value) -> Option<&'v str> {
        required(element).filter(|url| self.closed.contains_key(url))
    }

    /// One row for each value set and system.
    pub(crate) fn codes_table(&self) -> Result<Table, Failure> {
        let mut table = Table::new("codes", &["value set", "system", "codes"]);
        for (url, codes) in &self.closed {
            let mut by_system: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (system, code) in codes {
                if code.contains(' ') {
                    return Err(format!("{url}: the code '{code}' holds a space"));
                }
                by_system.entry(system).or_default().push(code);
            }
            for (system, codes) in by_system {
                table.push(vec![(*url).to_owned(), system.to_owned(), codes.join(" ")]);
            }
        }
        Ok(table)
    }

    /// The value sets whose codes are not known here.
    pub(crate) fn open_table(&self) -> Table {
        let mut table = Table::new("open-bindings", &["value set", "reason"]);
        for (url, reason) in &self.open {
            table.push(vec![(*url).to_owned(), reason.clone()]);
        }
        table
    }

    fn expand(&self, url: &str, depth: usize) -> Result<Codes, String> {
        let value_set = self.value_sets.get(url).ok_or("the value set is not in the package")?;
        if depth > DEPTH_MAX {
            return Err("value sets include one another".to_owned());
        }
        let compose = value_set.get("compose").ok_or("the value set has no compose")?;
        let mut codes = Codes::new();
        for include in list(compose, "include") {
            codes.extend(self.component(include, depth)?);
        }
        for exclude in list(compose, "exclude") {
            for code in self.component(exclude, depth)? {
                codes.remove(&code);
            }
        }
        Ok(codes)
    }

    /// An include or exclude: the codes of the system that are also in every named value set.
    fn component(&self, component: &Value, depth: usize) -> Result<Codes, String> {
        let mut sets = Vec::new();
        if component.get("system").is_some() {
            sets.push(self.of_system(component)?);
        }
        for url in texts(component, "valueSet") {
            sets.push(self.expand(without_version(url), depth + 1)?);
        }
        let mut sets = sets.into_iter();
        let first = sets.next().unwrap_or_default();
        Ok(sets.fold(first, |left, right| left.intersection(&right).cloned().collect()))
    }

    fn of_system(&self, component: &Value) -> Result<Codes, String> {
        let system = text(component, "system");
        let with_system = |code: &str| (system.to_owned(), code.to_owned());
        let concepts = list(component, "concept");
        if !concepts.is_empty() {
            return Ok(concepts.iter().map(|concept| with_system(text(concept, "code"))).collect());
        }
        let code_system = self
            .code_systems
            .get(system)
            .filter(|code_system| text(code_system, "content") == "complete")
            .ok_or_else(|| format!("the codes of {system} are not in the package"))?;
        let parents = parents(code_system);
        let mut codes: BTreeSet<&str> = parents.keys().copied().collect();
        for filter in list(component, "filter") {
            let (op, value) = (text(filter, "op"), text(filter, "value"));
            match (text(filter, "property"), op) {
                ("concept", "is-a") => codes.retain(|code| is_a(code, value, &parents)),
                ("concept", "descendent-of") => {
                    codes.retain(|code| *code != value && is_a(code, value, &parents));
                }
                (property, _) => return Err(format!("filter {property} {op} on {system}")),
            }
        }
        Ok(codes.into_iter().map(with_system).collect())
    }
}

/// The value set of a required binding, without version.
fn required(element: &Value) -> Option<&str> {
    let binding =
        element.get("binding").filter(|binding| text(binding, "strength") == "required")?;
    binding.get("valueSet").and_then(Value::as_str).map(without_version)
}

fn without_version(url: &str) -> &str {
    url.split_once('|').map_or(url, |(url, _)| url)
}

/// Every code with its parents, by nesting or by the property `subsumedBy`.
fn parents(code_system: &Value) -> BTreeMap<&str, Vec<&str>> {
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut waiting: Vec<(&Value, Option<&str>)> =
        list(code_system, "concept").iter().map(|concept| (concept, None)).collect();
    while let Some((concept, parent)) = waiting.pop() {
        let code = text(concept, "code");
        let known = parents.entry(code).or_default();
        known.extend(parent);
        let subsumers =
            list(concept, "property").iter().filter(|it| text(it, "code") == "subsumedBy");
        known.extend(subsumers.map(|property| text(property, "valueCode")));
        waiting.extend(list(concept, "concept").iter().map(|child| (child, Some(code))));
    }
    parents
}

fn is_a(code: &str, ancestor: &str, parents: &BTreeMap<&str, Vec<&str>>) -> bool {
    let mut waiting = vec![code];
    let mut seen = BTreeSet::new();
    while let Some(code) = waiting.pop() {
        if code == ancestor {
            return true;
        }
        if seen.insert(code) {
            waiting.extend(parents.get(code).into_iter().flatten());
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The codes, or the reason why there are none, of a value set with this `compose`.
    fn expand(compose: &Value) -> Result<Vec<String>, String> {
        let package = Package::of(vec![
            json!({"resourceType": "CodeSystem", "url": "animals", "content": "complete", "concept": [
                {"code": "mammal", "concept": [{"code": "cat"}, {"code": "dog"}]},
                {"code": "bird"},
                {"code": "owl", "property": [{"code": "subsumedBy", "valueCode": "bird"}]}
            ]}),
            json!({"resourceType": "CodeSystem", "url": "stub", "content": "not-present"}),
            json!({"resourceType": "ValueSet", "url": "pets", "compose": {
                "include": [{"system": "animals", "concept": [{"code": "cat"}, {"code": "dog"}]}]}}),
            json!({"resourceType": "ValueSet", "url": "loop", "compose": {
                "include": [{"valueSet": ["loop"]}]}}),
            json!({"resourceType": "ValueSet", "url": "it", "compose": compose}),
        ]);
        let bindings = Bindings::of(&package, &Types::of(&package));
        let codes = bindings.expand("it", 0)?;
        Ok(codes.into_iter().map(|(_, code)| code).collect())
    }

    #[test]
    fn value_sets_expand() {
        let is_a = |code| json!([{"property": "concept", "op": "is-a", "value": code}]);
        let below = json!([{"property": "concept", "op": "descendent-of", "value": "mammal"}]);
        let all = json!({"system": "animals"});
        let cases = [
            (json!({"include": [all]}), "bird cat dog mammal owl"),
            (
                json!({"include": [{"system": "animals", "filter": is_a("mammal")}]}),
                "cat dog mammal",
            ),
            (json!({"include": [{"system": "animals", "filter": is_a("bird")}]}), "bird owl"),
            (json!({"include": [{"system": "animals", "filter": below}]}), "cat dog"),
            (json!({"include": [{"valueSet": ["pets|4.0.1"]}]}), "cat dog"),
            (json!({"include": [all], "exclude": [{"valueSet": ["pets"]}]}), "bird mammal owl"),
            (
                json!({"include": [{"system": "animals", "filter": is_a("dog"), "valueSet": ["pets"]}]}),
                "dog",
            ),
        ];
        for (compose, codes) in cases {
            assert_eq!(expand(&compose).unwrap().join(" "), codes, "{compose}");
        }
    }

    #[test]
    fn what_cannot_be_enumerated_says_why() {
        let cases = [
            (json!({"include": [{"system": "stub"}]}), "the codes of stub are not in the package"),
            (json!({"include": [{"valueSet": ["none"]}]}), "the value set is not in the package"),
            (json!({"include": [{"valueSet": ["loop"]}]}), "value sets include one another"),
            (
                json!({"include": [{"system": "animals", "filter": [
                    {"property": "legs", "op": "=", "value": "4"}]}]}),
                "filter legs = on animals",
            ),
        ];
        for (compose, reason) in cases {
            assert_eq!(expand(&compose), Err(reason.to_owned()), "{compose}");
        }
    }
}
