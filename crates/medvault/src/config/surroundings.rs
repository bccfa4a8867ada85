//! The one place that looks at the environment and at `medvault.toml`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Config, Faults,
    setting::{ENV_PREFIX, Flags},
};

/// The file that is read when it is there and none was named.
const FILE: &str = "medvault.toml";

/// The configuration of this process.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn read(flags: &Flags) -> Result<Config, Faults> {
    let file = match &flags.file {
        Some(path) => Some((path.clone(), read_file(path)?)),
        None => usual_file()?,
    };
    let file = file.as_ref().map(|(path, text)| (path.as_path(), text.as_str()));
    Config::of(flags, &environment(), file)
}

fn usual_file() -> Result<Option<(PathBuf, String)>, Faults> {
    let path = PathBuf::from(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

fn read_file(path: &Path) -> Result<String, Faults> {
    fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Faults {
    Faults(vec![format!("{} cannot be read: {error}", path.display())])
}

/// Our own names only: nothing else of the environment goes any further.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text)))
        .filter(|(name, _)| name.starts_with(ENV_PREFIX))
        .map(|(name, text)| (name, text.to_string_lossy().into_owned()))
        .collect()
}
