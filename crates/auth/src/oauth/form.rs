//! Parameters of a request, each of them once: <https://www.rfc-editor.org/rfc/rfc6749#section-3.2>.

use std::collections::BTreeMap;

use super::{Code, Refusal};

/// Parameters by name. An empty value counts as left out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form(BTreeMap<String, String>);

/// Names only: values may be secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Form {
    /// Takes decoded pairs.
    ///
    /// # Errors
    /// `invalid_request` when one comes twice.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Refusal> {
        let mut form = BTreeMap::new();
        for (name, value) in pairs {
            if value.is_empty() {
                continue;
            }
            if form.contains_key(&name) {
                let shown: String = name.chars().take(40).collect();
                let why = format!("The parameter {shown} comes twice");
                return Err(Refusal::new(Code::InvalidRequest, why));
            }
            form.insert(name, value);
        }
        Ok(Self(form))
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that has to be there.
    ///
    /// # Errors
    /// `invalid_request` when it is not.
    pub fn need(&self, name: &'static str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            Refusal::new(Code::InvalidRequest, format!("The parameter {name} is missing"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Result<Form, Refusal> {
        Form::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn a_parameter_comes_once_or_not_at_all() {
        let form = pairs(&[("a", "1"), ("b", "")]).unwrap();
        assert_eq!((form.get("a"), form.get("b")), (Some("1"), None));
        assert_eq!(form.need("b").unwrap_err().code, Code::InvalidRequest);
        assert_eq!(pairs(&[("a", "1"), ("a", "1")]).unwrap_err().code, Code::InvalidRequest);
        assert!(!format!("{form:?}").contains('1'));
    }
}
