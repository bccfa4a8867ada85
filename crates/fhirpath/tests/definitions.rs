//! Every expression of the R4 definitions: search parameters and invariants.

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        path::Path,
        process::Command,
    };

    use fhir_model::{
        ElementDef, Instant, NodeRef, TypeId,
        definitions::{TypeKind, r4},
        json,
    };
    use fhirpath::{Context, Expression};

    #[test]
    fn every_search_parameter_can_be_evaluated_on_its_types() {
        let mut count = 0;
        for parameter in r4().search_parameters().iter().filter(|it| !it.expression.is_empty()) {
            let expression = Expression::parse(parameter.expression)
                .unwrap_or_else(|error| panic!("{}: {error}", parameter.url));
            count += 1;
            for base in &parameter.bases {
                let ty = TypeId::named(base).expect("a type");
                let alternatives = expression.alternatives();
                let fits: Vec<_> = alternatives.iter().map(|it| it.check(ty)).collect();
                assert!(fits.iter().any(Result::is_ok), "{} on {base}: {fits:?}", parameter.url);
            }
        }
        assert!(count > 1300, "{count}");
    }

    /// Rules of the specification that name an element that is not there: cid-0 `name` of a
    /// `ChargeItemDefinition`.
    const MISTAKEN: &[&str] = &["cid-0"];

    #[test]
    fn every_invariant_fits_its_type() {
        let mut mistaken = BTreeSet::new();
        for (_, ty, key, text) in invariants() {
            let expression =
                Expression::parse(text).unwrap_or_else(|error| panic!("{key}: {error}"));
            if let Err(error) = expression.check(ty) {
                println!("{key} on {}: {error}: {text}", ty.name());
                mistaken.insert(key);
            }
        }
        assert_eq!(mistaken.into_iter().collect::<Vec<_>>(), MISTAKEN);
    }

    /// Path, type, key and text of each rule.
    fn invariants() -> impl Iterator<Item = (&'static str, TypeId, &'static str, &'static str)> {
        let elements = TypeId::all().flat_map(TypeId::elements).map(|it| (it.path, it.ty));
        let types = TypeId::all().map(|ty| (ty.name(), ty));
        let places: BTreeMap<_, _> = elements.chain(types).collect();
        places.into_iter().flat_map(|(path, ty)| {
            r4().invariants_of(path).iter().map(move |it| (path, ty, it.key, it.expression))
        })
    }

    /// Rules that examples of the specification break, and how often: que-7 asks for a `Boolean` of
    /// `System` where only FHIR's `boolean` can be; four logical models have no base (sdf-4).
    const BROKEN: &[(&str, usize)] = &[("que-7", 1), ("sdf-4", 4)];

    #[test]
    fn the_official_examples_keep_the_invariants() {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/conformance/examples/r4-official-examples.tar.xz");
        if !archive.exists() {
            println!("the official examples are not here: nothing was tested");
            return;
        }
        let folder = std::env::temp_dir().join(format!("fhirpath-examples-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder).status();
        assert!(unpacked.expect("tar").success());
        let mut checked = Checked::default();
        visit(&folder, &mut checked);
        std::fs::remove_dir_all(&folder).expect("the folder");
        println!(
            "{} resources, {} rules, {} search parameters",
            checked.resources, checked.rules, checked.extractions
        );
        assert!(checked.errors.is_empty(), "{:#?}", checked.errors);
        let broken: Vec<_> =
            checked.broken.iter().map(|(key, places)| (*key, places.len())).collect();
        assert_eq!(broken, BROKEN, "{:#?}", checked.broken);
    }

    #[derive(Default)]
    struct Checked {
        resources: usize,
        rules: usize,
        extractions: usize,
        compiled: BTreeMap<&'static str, Expression>,
        broken: BTreeMap<&'static str, Vec<String>>,
        errors: BTreeSet<String>,
    }

    fn visit(folder: &Path, checked: &mut Checked) {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                visit(&path, checked);
            } else if path.extension().is_some_and(|end| end == "json") {
                let bytes = std::fs::read(&path).expect("a file");
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                // the huge ones say nothing new
                if bytes.len() > 200_000 {
                    continue;
                }
                let tree = json::parse_trusted(bytes.into());
                if tree.resource_type().is_some() {
                    checked.resources += 1;
                    checked.search_parameters(&name, tree.root());
                    let place = Place { file: &name, resource: tree.root() };
                    checked.node(&place, tree.root(), None);
                }
            }
        }
    }

    #[derive(Clone, Copy)]
    struct Place<'t> {
        file: &'t str,
        resource: NodeRef<'t>,
    }

    impl Checked {
        /// Every parameter of the type can be evaluated; how many values it has is for the search crate.
        fn search_parameters(&mut self, file: &str, resource: NodeRef<'_>) {
            let is_for =
                |base: &&str| TypeId::named(base).is_some_and(|base| resource.ty().is_a(base));
            let parameters = r4().search_parameters().iter();
            for parameter in parameters.filter(|it| it.bases.iter().any(is_for)) {
                let text = parameter.expression;
                if text.is_empty() {
                    continue;
                }
                let compiled = self.compiled.entry(text);
                let expression =
                    compiled.or_insert_with(|| Expression::parse(text).expect("an expression"));
                self.extractions += 1;
                if let Err(error) = expression.evaluate(&Context::new(resource), resource) {
                    self.errors.insert(format!("{}: {error} ({file})", parameter.url));
                }
            }
        }

        fn node(&mut self, place: &Place<'_>, node: NodeRef<'_>, element: Option<&ElementDef>) {
            for invariant in r4().invariants_at(element, node.ty()).filter(|it| !it.is_warning) {
                self.rule(place, node, invariant.key, invariant.expression);
            }
            for child in node.children() {
                let is_resource = child.ty().kind() == TypeKind::Resource;
                let resource = if is_resource { child } else { place.resource };
                self.node(&Place { resource, ..*place }, child, child.element());
            }
        }

        fn rule(
            &mut self,
            place: &Place<'_>,
            node: NodeRef<'_>,
            key: &'static str,
            text: &'static str,
        ) {
            let compiled = self.compiled.entry(text);
            let expression =
                compiled.or_insert_with(|| Expression::parse(text).expect("an expression"));
            let context = Context::new(place.resource).at(Instant::from_date(2026, 11, 22));
            self.rules += 1;
            match expression.truth(&context, node) {
                Ok(Some(true) | None) => {}
                Ok(Some(false)) => {
                    self.broken.entry(key).or_default().push(format!(
                        "{} {}",
                        place.file,
                        node.ty().name()
                    ));
                }
                Err(error) => {
                    self.errors.insert(format!("{key}: {error}: {text} ({})", place.file));
                }
            }
        }
    }
}
