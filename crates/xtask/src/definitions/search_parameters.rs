//! The search parameters of the base specification:
//! <https://hl7.org/fhir/R4/searchparameter-registry.html>.

use serde_json::Value;

use super::{Table, types::Types};
use crate::package::{Package, list, text, texts};

/// What stands for every resource type but `Parameters`, which nothing can refer to.
const ANY: &str = "*";

/// The parameters and, apart, the components of composite ones. The package marks as experimental, and
/// this leaves out, 24 of its 1,400: the examples (`example`, `example-extension`, `example-reference`)
/// and those for extensions (`codesystem-extensions-*`, `valueset-extensions-*`,
/// `patient-extensions-*`, `device-extensions-*`, `questionnaireresponse-extensions-*`,
/// `observation-genetic-*`, `diagnosticreport-genetic-*`), many of which name no base or expression.
pub(crate) fn tables(package: &Package, types: &Types<'_>) -> [Table; 2] {
    let columns = &["url", "code", "type", "bases", "expression", "targets"];
    let mut parameters = Table::new("search-parameters", columns);
    let mut components = Table::new("search-components", &["url", "definition", "expression"]);
    let mut official: Vec<&Value> =
        package.all("SearchParameter").iter().filter(|it| is_official(it)).collect();
    official.sort_by_key(|parameter| text(parameter, "url"));
    for parameter in official {
        let url = text(parameter, "url");
        parameters.push(vec![
            url.to_owned(),
            text(parameter, "code").to_owned(),
            text(parameter, "type").to_owned(),
            texts(parameter, "base").join(","),
            text(parameter, "expression").to_owned(),
            targets(parameter, types),
        ]);
        for component in list(parameter, "component") {
            components.push(vec![
                url.to_owned(),
                text(component, "definition").to_owned(),
                text(component, "expression").to_owned(),
            ]);
        }
    }
    [parameters, components]
}

fn is_official(parameter: &Value) -> bool {
    parameter.get("experimental") == Some(&Value::Bool(false))
        && text(parameter, "url").starts_with("http://hl7.org/fhir/SearchParameter/")
}

fn targets(parameter: &Value, types: &Types<'_>) -> String {
    let mut targets = texts(parameter, "target");
    targets.sort_unstable();
    let mut all = types.resources();
    all.remove("Parameters");
    if targets.iter().copied().eq(all) { ANY.to_owned() } else { targets.join(",") }
}
