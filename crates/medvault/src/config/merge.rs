//! Flag over environment over file over default: which text counts for each setting.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use super::setting::{ENV_PREFIX, Flags, SETTINGS, Setting};

/// The text of each setting that was given, with where it came from, and what was wrong so far.
#[derive(Debug, Default)]
pub(super) struct Merged {
    texts: BTreeMap<&'static str, Given>,
    faults: Vec<String>,
}

#[derive(Debug)]
struct Given {
    text: String,
    /// As its author wrote it: `--listen`, `MEDVAULT__SERVER__LISTEN`, `medvault.toml: server.listen`.
    origin: String,
}

impl Merged {
    /// Puts the sources over each other.
    pub(super) fn of(
        flags: &Flags,
        env: &BTreeMap<String, String>,
        file: Option<(&Path, &str)>,
    ) -> Self {
        let mut merged = Self::default();
        if let Some((path, text)) = file {
            merged.take_file(path, text);
        }
        for (name, text) in env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
            match SETTINGS.iter().find(|setting| setting.env_name() == *name) {
                Some(setting) => merged.give(setting.key, text.clone(), name.clone()),
                None => merged.faults.push(format!(
                    "{name}: there is no such setting; {}",
                    known(Setting::env_name)
                )),
            }
        }
        for setting in SETTINGS {
            if let (Some(flag), Some(text)) = (setting.flag, flags.values.get(setting.key)) {
                merged.give(setting.key, text.clone(), format!("--{flag}"));
            }
        }
        merged
    }

    fn give(&mut self, key: &'static str, text: String, origin: String) {
        self.texts.insert(key, Given { text, origin });
    }

    fn take_file(&mut self, path: &Path, text: &str) {
        let path = path.display();
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                self.faults.push(format!("{path}: {}", error.to_string().trim_end()));
                return;
            }
        };
        for (section, value) in &table {
            let toml::Value::Table(pairs) = value else {
                self.faults.push(format!(
                    "{path}: {section} stands outside a section; write [section] above it, {}",
                    known(|setting| setting.key.to_owned())
                ));
                continue;
            };
            for (name, value) in pairs {
                let key = format!("{section}.{name}");
                let origin = format!("{path}: {key}");
                match (SETTINGS.iter().find(|setting| setting.key == key), scalar(value)) {
                    (Some(setting), Some(text)) => self.give(setting.key, text, origin),
                    (Some(_), None) => {
                        self.faults.push(format!("{origin}: write a text or a number"));
                    }
                    (None, _) => self.faults.push(format!(
                        "{origin}: there is no such setting; {}",
                        known(|setting| setting.key.to_owned())
                    )),
                }
            }
        }
    }

    /// Whether somebody chose a value.
    pub(super) fn is_given(&self, key: &str) -> bool {
        self.texts.contains_key(key)
    }

    /// A setting that may be left out; `None` too when it is wrong, which [`Self::finish`] will tell.
    pub(super) fn optional<T: FromStr<Err: ToString>>(&mut self, key: &'static str) -> Option<T> {
        let default =
            SETTINGS.iter().find(|setting| setting.key == key).and_then(|setting| setting.default);
        let (text, origin) = match self.texts.get(key) {
            Some(given) => (given.text.as_str(), given.origin.as_str()),
            None => (default?, "default"),
        };
        match text.trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                let error: <T as FromStr>::Err = error;
                self.faults.push(format!("{origin}: {:?}: {}", text, error.to_string()));
                None
            }
        }
    }

    /// Puts a setting where its default stands already.
    pub(super) fn replace<T: FromStr<Err: ToString>>(&mut self, key: &'static str, place: &mut T) {
        if let Some(value) = self.optional(key) {
            *place = value;
        }
    }

    /// Adds a fault that only shows when settings are seen together.
    pub(super) fn refuse(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// What was wrong, one sentence each.
    pub(super) fn finish(self) -> Vec<String> {
        self.faults
    }
}

fn known(name: impl Fn(&Setting) -> String) -> String {
    let names: Vec<String> = SETTINGS.iter().map(name).collect();
    format!("there are {}", names.join(", "))
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Float(_)
        | toml::Value::Datetime(_)
        | toml::Value::Array(_)
        | toml::Value::Table(_) => None,
    }
}
