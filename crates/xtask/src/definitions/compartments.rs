//! Which search parameters put a resource into a compartment:
//! <https://hl7.org/fhir/R4/compartmentdefinition.html>.

use super::Table;
use crate::package::{Package, list, text, texts};

/// The definition that is only an example; its compartment is defined in full elsewhere.
const EXAMPLE: &str = "http://hl7.org/fhir/CompartmentDefinition/example";

/// What stands for the resource in the middle, which is in its own compartment anyway.
const ITSELF: &str = "{def}";

/// One row for each compartment and resource type that can be in it.
pub(crate) fn table(package: &Package) -> Table {
    let columns = &["url", "compartment", "resource", "parameters"];
    let mut table = Table::new("compartments", columns);
    for definition in package.all("CompartmentDefinition") {
        let url = text(definition, "url");
        for resource in list(definition, "resource").iter().filter(|_| url != EXAMPLE) {
            let mut parameters = texts(resource, "param");
            parameters.retain(|parameter| *parameter != ITSELF);
            if !parameters.is_empty() {
                table.push(vec![
                    url.to_owned(),
                    text(definition, "code").to_owned(),
                    text(resource, "code").to_owned(),
                    parameters.join(","),
                ]);
            }
        }
    }
    table
}
