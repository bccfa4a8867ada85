//! Reads the tables of `fhir-profiles/r4`. A row that does not fit is left out; the tests show that
//! none is.

use super::{
    CodeList, Definitions, ElementDef, TypeId, TypeKind,
    names::NameTable,
    tsv::{list, rows},
    types::TypeDef,
};

const TYPES: &str = include_str!("../../../../fhir-profiles/r4/types.tsv");
const ELEMENTS: &str = include_str!("../../../../fhir-profiles/r4/elements.tsv");
const CODES: &str = include_str!("../../../../fhir-profiles/r4/codes.tsv");

/// All tables.
pub(super) fn tables() -> Definitions {
    let names = Names::new();
    let mut types: Vec<TypeDef> = rows(TYPES).map(|row| type_def(row, &names)).collect();
    let code_lists: &'static [CodeList] = code_lists().leak();
    let elements = elements(&names, code_lists, &mut types);
    for def in &mut types {
        let own = elements.get(def.elements()).unwrap_or_default();
        def.members = NameTable::of(own.iter().map(|element| element.json_name));
    }
    Definitions { by_name: names.table, types, elements, code_lists }
}

/// Types by name, while the definitions are in the making.
struct Names {
    names: Vec<&'static str>,
    table: NameTable,
}

impl Names {
    fn new() -> Self {
        let names: Vec<&str> = rows(TYPES).map(|[name]| name).collect();
        Self { table: NameTable::of(names.iter().copied()), names }
    }

    fn get(&self, name: &str) -> Option<TypeId> {
        self.table
            .find(name, |row| (*self.names.get(usize::from(row))? == name).then_some(TypeId(row)))
    }
}

fn type_def([name, kind, base, is_abstract]: [&'static str; 4], names: &Names) -> TypeDef {
    TypeDef {
        name,
        kind: match kind {
            "primitive" => TypeKind::Primitive,
            "backbone" => TypeKind::Backbone,
            "resource" => TypeKind::Resource,
            _ => TypeKind::Complex,
        },
        base: names.get(base),
        is_abstract: is_abstract == "abstract",
        elements: (0, 0),
        members: NameTable::default(),
    }
}

/// Sorted by URL, as the table is.
fn code_lists() -> Vec<CodeList> {
    let mut lists: Vec<CodeList> = Vec::new();
    for [url, system, codes] in rows(CODES) {
        let codes = codes.split(' ').map(|code| (system, code));
        match lists.last_mut().filter(|list| list.url == url) {
            Some(list) => list.codes.extend(codes),
            None => lists.push(CodeList { url, codes: codes.collect() }),
        }
    }
    for list in &mut lists {
        list.codes.sort_unstable_by_key(|(system, code)| (*code, *system));
    }
    lists
}

/// Fills the table of elements, and tells each type which of them are its own.
fn elements(names: &Names, lists: &'static [CodeList], types: &mut [TypeDef]) -> Vec<ElementDef> {
    let mut elements: Vec<ElementDef> = Vec::with_capacity(10_000);
    let mut owner = ("", TypeId::ELEMENT);
    let (mut order, mut choice) = (0, 0);
    for [path, min, max, alternatives, xml, value_set, summary] in rows(ELEMENTS) {
        let Some((owner_name, name)) = path.rsplit_once('.') else { continue };
        if owner.0 != owner_name {
            let Some(ty) = names.get(owner_name) else { continue };
            owner = (owner_name, ty);
            (order, choice) = (0, 0);
        }
        let choice_name = name.strip_suffix("[x]");
        choice += u8::from(choice_name.is_some());
        let row = ElementDef {
            owner: owner.1,
            name: choice_name.unwrap_or(name),
            json_name: name,
            path,
            ty: TypeId::ELEMENT,
            min: min.parse().unwrap_or_default(),
            max: max.parse().unwrap_or(u16::MAX),
            choice: if choice_name.is_some() { choice } else { 0 },
            order,
            is_xml_attribute: xml == "attribute",
            targets: Vec::new(),
            required: list_of(value_set, lists),
            is_summary: summary == "summary",
        };
        let first = position(&elements);
        elements.extend(alternatives.split('|').filter_map(|ty| alternative(&row, ty, names)));
        order += 1;
        if let Some(def) = types.get_mut(usize::from(owner.1.0)) {
            let start = if def.elements.1 == 0 { first } else { def.elements.0 };
            def.elements = (start, position(&elements));
        }
    }
    elements
}

/// The row for one of the types that the element may have: `Reference(Patient,Group)`.
fn alternative(row: &ElementDef, ty: &'static str, names: &Names) -> Option<ElementDef> {
    let (ty, targets) = ty.split_once('(').unwrap_or((ty, ""));
    let targets = list(targets.trim_end_matches(')'));
    Some(ElementDef {
        json_name: if row.choice == 0 { row.json_name } else { choice_json_name(row.name, ty) },
        ty: names.get(ty)?,
        targets: targets.filter_map(|target| names.get(target)?.as_resource()).collect(),
        ..row.clone()
    })
}

/// `value` and `dateTime` make `valueDateTime`.
fn choice_json_name(choice: &str, ty: &str) -> &'static str {
    let (first, rest) = ty.split_at_checked(1).unwrap_or_default();
    [choice, &first.to_ascii_uppercase(), rest].concat().leak()
}

fn position(elements: &[ElementDef]) -> u32 {
    u32::try_from(elements.len()).unwrap_or(u32::MAX)
}

fn list_of(url: &str, lists: &'static [CodeList]) -> Option<&'static CodeList> {
    let at = lists.binary_search_by(|list| list.url.cmp(url)).ok()?;
    lists.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::r4;

    #[test]
    fn every_row_loads() {
        let all: Vec<TypeId> = TypeId::all().collect();
        assert_eq!(all.len(), rows::<1>(TYPES).count());
        let bases = all.iter().filter(|ty| ty.base().is_some()).count();
        assert_eq!(bases, rows::<3>(TYPES).filter(|[_, _, base]| !base.is_empty()).count());
        let mut elements = all.iter().flat_map(|ty| ty.elements());
        for [path, min, max, alternatives, _, value_set, summary] in rows(ELEMENTS) {
            for alternative in alternatives.split('|') {
                let (ty, targets) = alternative.split_once('(').unwrap_or((alternative, ""));
                let element = elements.next().unwrap();
                assert_eq!((element.path, element.ty.name()), (path, ty));
                assert_eq!(element.min.to_string(), min);
                assert_eq!(if element.max == u16::MAX { "*" } else { "1" }, max);
                assert_eq!(element.targets.len(), list(targets).count());
                assert_eq!(element.required.map_or("", |list| list.url), value_set);
                assert_eq!(if element.is_summary { "summary" } else { "" }, summary);
            }
        }
        assert_eq!(elements.next(), None);
    }

    #[test]
    fn every_element_is_found_by_its_json_name() {
        for ty in TypeId::all() {
            for element in ty.elements() {
                assert!(std::ptr::eq(ty.member(element.json_name).unwrap(), element));
            }
            assert_eq!(ty.member("no such element"), None);
        }
    }

    #[test]
    fn code_lists_are_sorted() {
        let lists = r4().code_lists();
        assert!(lists.windows(2).all(|pair| pair[0].url < pair[1].url));
        for list in lists {
            assert!(!list.codes.is_empty() && list.codes.is_sorted_by_key(|(_, code)| *code));
            assert!(list.codes.iter().all(|(system, code)| !system.is_empty() && !code.is_empty()));
        }
    }
}
