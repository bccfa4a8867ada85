//! Resources in memory, loaded round by round as a server would.

use std::{collections::BTreeMap, sync::Arc};

use fhir_model::{Tree, json};
use terminology::{
    Canonical, Codes, Concepts, Library, Limits, Need, Refusal, Wanted, expand, needs,
};

pub(crate) fn tree(text: &str) -> Tree {
    json::parse_trusted(text.as_bytes().to_vec().into())
}

/// Resources by `url` and by `url|version`.
#[derive(Default)]
pub(crate) struct World {
    stored: BTreeMap<Need, Arc<Tree>>,
}

impl World {
    pub(crate) fn of<'a>(resources: impl IntoIterator<Item = &'a str>) -> Self {
        let mut world = Self::default();
        for text in resources {
            world.store(tree(text));
        }
        world
    }

    pub(crate) fn store(&mut self, tree: Tree) {
        let tree = Arc::new(tree);
        let (root, name) = (tree.root(), tree.resource_type().unwrap().name());
        let Some(url) = root.child_text("url") else { return };
        let version = root.child_text("version");
        for version in [None, version.as_deref()] {
            let canonical = Canonical::new(&url, version);
            let need = match name {
                "ValueSet" => Need::ValueSet(canonical),
                "CodeSystem" => Need::CodeSystem(canonical),
                _ => continue,
            };
            self.stored.insert(need, Arc::clone(&tree));
        }
    }

    /// The rounds of loading, then the answer.
    pub(crate) fn ask(&self, wanted: Wanted<'_>, limits: &Limits) -> (usize, Answer) {
        let mut library = Library::default();
        let mut rounds = 0;
        loop {
            match needs(wanted, &library, limits) {
                Err(refusal) => return (rounds, Err(refusal)),
                Ok(missing) if missing.is_empty() => break,
                Ok(missing) => {
                    for need in missing {
                        assert!(!library.has_answer(&need), "{need:?} was asked for twice");
                        let found = self.stored.get(&need).cloned();
                        library.put(need, found);
                    }
                }
            }
            rounds += 1;
        }
        (rounds, expand(wanted, &library, limits))
    }

    pub(crate) fn expand(&self, canonical: &str) -> Answer {
        self.ask(Wanted::Canonical(canonical), &Limits::default()).1
    }
}

pub(crate) type Answer = Result<Concepts, Refusal>;

/// `system: a b; other: *; third: * - c`, or `! ` and the sentence of the refusal.
pub(crate) fn shown(answer: &Answer) -> String {
    let concepts = match answer {
        Ok(concepts) => concepts,
        Err(refusal) => return format!("! {refusal}"),
    };
    let rows = concepts.systems().map(|(system, codes)| {
        let list = |codes: &std::collections::BTreeSet<String>| {
            codes.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        let codes = match codes {
            Codes::Only(codes) => list(codes),
            Codes::AllBut(codes) if codes.is_empty() => "*".to_owned(),
            Codes::AllBut(codes) => format!("* - {}", list(codes)),
        };
        format!("{}: {codes}", system.unwrap_or("-"))
    });
    rows.collect::<Vec<_>>().join("; ")
}
