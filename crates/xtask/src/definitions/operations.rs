//! The operations of the base specification: <https://hl7.org/fhir/R4/operationslist.html>.
//! The package leaves `affectsState` out, so the table cannot say it.

use serde_json::Value;

use super::{Table, types::profile_names};
use crate::package::{Package, list, text, texts};

/// The operations and, apart, their parameters; parts of a parameter are named `parameter.part`. The
/// one of another publisher is an example and is left out.
pub(crate) fn tables(package: &Package) -> [Table; 2] {
    let mut operations = Table::new("operations", &["url", "code", "levels", "resources"]);
    let columns = &["url", "use", "name", "min", "max", "type", "search type", "targets"];
    let mut parameters = Table::new("operation-parameters", columns);
    let is_official =
        |definition: &&Value| text(definition, "url").starts_with("http://hl7.org/fhir/");
    let mut official: Vec<&Value> =
        package.all("OperationDefinition").iter().filter(is_official).collect();
    official.sort_by_key(|definition| text(definition, "url"));
    for definition in official {
        let url = text(definition, "url");
        let levels = ["system", "type", "instance"]
            .into_iter()
            .filter(|level| definition.get(*level) == Some(&Value::Bool(true)));
        operations.push(vec![
            url.to_owned(),
            text(definition, "code").to_owned(),
            levels.collect::<Vec<_>>().join(","),
            texts(definition, "resource").join(","),
        ]);
        // a stack of what is still to be written, the next one last
        let mut waiting: Vec<(String, &Value)> =
            list(definition, "parameter").iter().rev().map(|it| (String::new(), it)).collect();
        while let Some((parent, parameter)) = waiting.pop() {
            let name = parent + text(parameter, "name");
            parameters.push(row(url, &name, parameter));
            let parts = list(parameter, "part").iter().rev();
            waiting.extend(parts.map(|part| (format!("{name}."), part)));
        }
    }
    [operations, parameters]
}

fn row(url: &str, name: &str, parameter: &Value) -> Vec<String> {
    vec![
        url.to_owned(),
        text(parameter, "use").to_owned(),
        name.to_owned(),
        parameter.get("min").and_then(Value::as_u64).unwrap_or(0).to_string(),
        text(parameter, "max").to_owned(),
        text(parameter, "type").to_owned(),
        text(parameter, "searchType").to_owned(),
        profile_names(parameter, "targetProfile").join(","),
    ]
}
