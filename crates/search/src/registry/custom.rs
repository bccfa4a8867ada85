//! `SearchParameter` resources: <https://hl7.org/fhir/R4/searchparameter.html>. What one says is checked
//! before it is believed.

use std::{borrow::Cow, collections::BTreeSet};

use fhir_model::{
    Issue, IssueType, NodeRef, Outcome, ResourceType, Severity, Tree, TypeId,
    definitions::SearchKind,
};
use fhirpath::Expression;

use super::{Holds, ParamId, Parameter, Registry, State, comparable, composite, targets};

/// A search parameter beside R4's own, with the number that databases know it by.
#[derive(Debug, Clone)]
pub struct Custom {
    /// Its number: above 1,000,000, and always the same.
    pub id: ParamId,
    /// Whether it can be asked for.
    pub state: State,
    /// What it is.
    pub definition: Definition,
}

/// What a `SearchParameter` resource says of one resource type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The type whose resources it finds.
    pub ty: ResourceType,
    /// Its name in queries.
    pub code: String,
    /// The canonical URL.
    pub url: String,
    /// How values are compared.
    pub kind: SearchKind,
    /// The `FHIRPath` expression of the values.
    pub expression: String,
    /// Of a reference: the types it may point to; empty: any.
    pub targets: Vec<ResourceType>,
    /// Of a composite: URL of the definition and expression of each part.
    pub components: Vec<(String, String)>,
}

impl Custom {
    /// Understands a `SearchParameter` resource: a definition for each concrete type that it is for, in the
    /// order of types. `registry` knows the parameters that a composite may be made of, and those that there
    /// may not be a second one of.
    ///
    /// # Errors
    /// All that is wrong, each with its element.
    pub fn validate(tree: &Tree, registry: &Registry) -> Result<Vec<Definition>, Outcome> {
        let mut reader = Reader { root: tree.root(), registry, issues: Vec::new() };
        let definitions = reader.read();
        match Outcome::from_issues(reader.issues) {
            Some(outcome) => Err(outcome),
            None => Ok(definitions),
        }
    }

    pub(super) fn into_parameter(self) -> Parameter {
        let Definition { ty, code, url, kind, expression, targets, components } = self.definition;
        let components = components.into_iter();
        Parameter {
            id: self.id,
            ty,
            code: Cow::Owned(code),
            url: Cow::Owned(url),
            kind,
            targets: targets::of(ty, &expression, &targets),
            elements: comparable::elements_of(kind, &expression, ty),
            expression: Cow::Owned(expression),
            sources: vec![self.id],
            holds: Holds::Any,
            components: components.map(|(a, b)| (Cow::Owned(a), Cow::Owned(b))).collect(),
            state: self.state,
        }
    }
}

/// The longest name of a parameter, and the longest expression.
const CODE_BYTES_MAX: usize = 64;
const EXPRESSION_BYTES_MAX: usize = 8192;

struct Reader<'a> {
    root: NodeRef<'a>,
    registry: &'a Registry,
    issues: Vec<Issue>,
}

impl Reader<'_> {
    fn read(&mut self) -> Vec<Definition> {
        if self.root.ty().name() != "SearchParameter" {
            self.refuse(IssueType::Invalid, "", "This is no SearchParameter".to_owned());
            return Vec::new();
        }
        let url = self.text("url", "needs a canonical URL");
        let code = self.code();
        let kind = self.kind();
        let types = self.types();
        let targets = self.targets(kind);
        let expression = self.expression();
        let (Some(url), Some(code), Some(kind), Some(expression)) = (url, code, kind, expression)
        else {
            return Vec::new();
        };
        self.refuse_doubles(&types, &code, &url);
        self.check(kind, &types, &expression);
        let components = self.components(kind, &types, &expression);
        let definition = |ty| Definition {
            ty,
            code: code.clone(),
            url: url.clone(),
            kind,
            expression: expression.clone(),
            targets: targets.clone(),
            components: components.clone(),
        };
        types.into_iter().map(definition).collect()
    }

    fn refuse(&mut self, code: IssueType, element: &str, text: String) {
        let dot = if element.is_empty() { "" } else { "." };
        self.issues.push(Issue {
            severity: Severity::Error,
            code,
            details: None,
            diagnostics: text.into(),
            expression: Some(format!("SearchParameter{dot}{element}")),
        });
    }

    fn text(&mut self, name: &str, need: &str) -> Option<String> {
        let text = self.root.child_text(name).filter(|text| !text.is_empty());
        if text.is_none() {
            self.refuse(IssueType::Required, name, format!("A SearchParameter {need}"));
        }
        text.map(Cow::into_owned)
    }

    /// Letters, digits, `-` and `_`, and a letter first: what needs no escaping in a query.
    fn code(&mut self) -> Option<String> {
        let code = self.text("code", "needs a code, its name in queries")?;
        let is_word = code.len() <= CODE_BYTES_MAX
            && code.starts_with(|c: char| c.is_ascii_alphabetic())
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !is_word {
            let text = format!(
                "The code of a search parameter begins with a letter and goes on with at most {} letters, \
                 digits, '-' and '_'",
                CODE_BYTES_MAX - 1
            );
            self.refuse(IssueType::Value, "code", text);
        }
        is_word.then_some(code)
    }

    fn kind(&mut self) -> Option<SearchKind> {
        let code = self.text("type", "needs a type")?;
        match SearchKind::from_code(&code) {
            Some(SearchKind::Special) => {
                let text =
                    "A search parameter of type 'special' is one that the server has to know of";
                self.refuse(IssueType::NotSupported, "type", text.to_owned());
                None
            }
            None => {
                let text = format!("'{code}' is no type of search parameter");
                self.refuse(IssueType::CodeInvalid, "type", text);
                None
            }
            some => some,
        }
    }

    /// The concrete types of `base`.
    fn types(&mut self) -> Vec<ResourceType> {
        let mut types = BTreeSet::new();
        let bases: Vec<_> = self.root.named("base").filter_map(NodeRef::text).collect();
        if bases.is_empty() {
            let text = "A SearchParameter needs the types it is for";
            self.refuse(IssueType::Required, "base", text.to_owned());
        }
        for (n, base) in bases.iter().enumerate() {
            let all = ResourceType::all().iter().copied();
            let base_type = TypeId::named(base).filter(|ty| ty.is_a(TypeId::RESOURCE));
            if let Some(base) = base_type {
                types.extend(all.filter(|ty| ty.ty().is_a(base)));
            } else {
                let text = format!("'{base}' is no resource type");
                self.refuse(IssueType::CodeInvalid, &format!("base[{n}]"), text);
            }
        }
        types.into_iter().collect()
    }

    fn targets(&mut self, kind: Option<SearchKind>) -> Vec<ResourceType> {
        let mut targets = BTreeSet::new();
        let names: Vec<_> = self.root.named("target").filter_map(NodeRef::text).collect();
        if !names.is_empty() && kind.is_some_and(|kind| kind != SearchKind::Reference) {
            let text = "Only a reference has targets";
            self.refuse(IssueType::Invariant, "target", text.to_owned());
        }
        for (n, name) in names.iter().enumerate() {
            if let Some(ty) = ResourceType::named(name) {
                targets.insert(ty);
            } else {
                let text = format!("'{name}' is no resource type");
                self.refuse(IssueType::CodeInvalid, &format!("target[{n}]"), text);
            }
        }
        targets.into_iter().collect()
    }

    fn expression(&mut self) -> Option<String> {
        let text = self.text("expression", "that is to find something needs an expression")?;
        self.parsed("expression", &text).map(|_| text)
    }

    /// Compiles an expression or says why it cannot be.
    fn parsed(&mut self, element: &str, text: &str) -> Option<Expression> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let most = format!("An expression has at most {EXPRESSION_BYTES_MAX} bytes");
            self.refuse(IssueType::TooLong, element, most);
            return None;
        }
        match Expression::parse(text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                let text = format!("This is no FHIRPath expression: {error}");
                self.refuse(IssueType::Invariant, element, text);
                None
            }
        }
    }

    /// One name, one meaning: neither R4's own nor another resource's.
    fn refuse_doubles(&mut self, types: &[ResourceType], code: &str, url: &str) {
        let all = self.registry.all().iter().chain(self.registry.building());
        let other = all
            .filter(|one| one.code == code && types.contains(&one.ty))
            .find(|one| one.url != url || one.id.0 < super::FIRST_CUSTOM);
        let Some(other) = other else { return };
        let text = if other.id.0 < super::FIRST_CUSTOM {
            format!("{} has a search parameter '{code}' of R4 already", other.ty)
        } else {
            format!("{} has a search parameter '{code}' already: {}", other.ty, other.url)
        };
        self.refuse(IssueType::BusinessRule, "code", text);
    }

    /// The expression finds something of its kind on each type, and each of its branches does on some type.
    fn check(&mut self, kind: SearchKind, types: &[ResourceType], text: &str) {
        let Ok(expression) = Expression::parse(text) else { return };
        let alternatives = expression.alternatives();
        for alternative in &alternatives {
            let mut faults = types.iter().map(|ty| alternative.check(ty.ty()).err());
            if let Some(Some(fault)) = faults.next()
                && faults.all(|fault| fault.is_some())
            {
                self.refuse(
                    IssueType::Invariant,
                    "expression",
                    format!("It finds nothing: {fault}"),
                );
            }
        }
        for ty in types {
            if alternatives.iter().all(|one| one.check(ty.ty()).is_err()) {
                let text = format!("The expression says nothing of {ty}");
                self.refuse(IssueType::Invariant, "expression", text);
                return;
            }
            let Some(found) = comparable::types_of(text, *ty) else { continue };
            let fits = |found: &TypeId| {
                *found == TypeId::EXTENSION || comparable::is_comparable(kind, *found)
            };
            if let Some(first) = found.first()
                && !found.iter().any(fits)
            {
                let text = format!(
                    "On {ty} it finds elements of type {}, which a parameter of type '{}' cannot compare",
                    first.name(),
                    kind.code()
                );
                self.refuse(IssueType::Invariant, "expression", text);
                return;
            }
        }
    }

    fn components(
        &mut self,
        kind: SearchKind,
        types: &[ResourceType],
        expression: &str,
    ) -> Vec<(String, String)> {
        let nodes: Vec<NodeRef<'_>> = self.root.named("component").collect();
        if kind != SearchKind::Composite {
            if !nodes.is_empty() {
                let text = "Only a composite has components";
                self.refuse(IssueType::Invariant, "component", text.to_owned());
            }
            return Vec::new();
        }
        let before = self.issues.len();
        let mut components = Vec::new();
        let mut kinds = Vec::new();
        for (n, node) in nodes.into_iter().enumerate() {
            let Some((url, text, part)) = self.component(n, node, types, expression) else {
                continue;
            };
            components.push((url, text));
            kinds.push(part);
        }
        if self.issues.len() == before && !composite::is_supported(&kinds) {
            let text = "A composite is made of a token and one of token, string, date, number, quantity or \
                        reference; or of a token and two numbers";
            self.refuse(IssueType::NotSupported, "component", text.to_owned());
        }
        components
    }

    fn component(
        &mut self,
        n: usize,
        node: NodeRef<'_>,
        types: &[ResourceType],
        base: &str,
    ) -> Option<(String, String, SearchKind)> {
        let definition = node.child_text("definition").unwrap_or_default();
        let place = format!("component[{n}].definition");
        let kinds: BTreeSet<Option<SearchKind>> =
            types.iter().map(|ty| self.registry.kind_of(*ty, &definition)).collect();
        let [Some(kind)] = *kinds.into_iter().collect::<Vec<_>>() else {
            let text = format!("'{definition}' is no known search parameter of these types");
            self.refuse(IssueType::BusinessRule, &place, text);
            return None;
        };
        let place = format!("component[{n}].expression");
        let text = node.child_text("expression").unwrap_or_default();
        let expression = self.parsed(&place, &text)?;
        // what the whole leads to is what the part begins at
        let elements = types.iter().filter_map(|ty| comparable::types_of(base, *ty)).flatten();
        let elements: Vec<TypeId> = elements.collect();
        let alternatives = expression.alternatives();
        let faults = elements.iter().map(|element| {
            alternatives.iter().map(|one| one.check(*element)).find_map(Result::err)
        });
        if let Some(Some(fault)) = faults.reduce(Option::and) {
            self.refuse(IssueType::Invariant, &place, format!("It finds nothing: {fault}"));
            return None;
        }
        Some((definition.into_owned(), text.into_owned(), kind))
    }
}

#[cfg(test)]
mod tests;
