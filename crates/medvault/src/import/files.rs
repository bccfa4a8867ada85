//! Which files a path means: itself, or in a directory everything that can be imported, sorted.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::trouble::Trouble;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFile {
    pub(super) path: PathBuf,
    /// As it is called in messages.
    pub(super) name: Arc<str>,
    /// As it lies on the disk.
    pub(super) bytes: u64,
}

/// How a file is read, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One resource or Bundle.
    Json,
    /// One resource or Bundle a line.
    Ndjson,
    /// Compressed; what is inside is said by the rest of the name.
    Gzip,
    /// Files of the other forms.
    Zip,
}

const FORMS: &[(&str, Form)] =
    &[(".json", Form::Json), (".ndjson", Form::Ndjson), (".gz", Form::Gzip), (".zip", Form::Zip)];

/// Others refer to what these hold (a Synthea export), so within a directory they come first.
const FIRST: &[&str] = &["hospitalInformation", "practitionerInformation"];

/// Directories inside directories; a link that leads in a circle ends here.
const DEPTH_MAX: usize = 32;

impl Form {
    /// The form and the name without its ending; `None` for a file that is no import.
    pub(super) fn of(name: &str) -> Option<(Self, &str)> {
        FORMS.iter().find_map(|(ending, form)| {
            let at = name.len().checked_sub(ending.len())?;
            let (stem, end) = name.split_at_checked(at)?;
            (end.eq_ignore_ascii_case(ending) && !stem.is_empty()).then_some((*form, stem))
        })
    }
}

/// The files behind the paths, in the order given.
///
/// # Errors
/// A path that does not exist or whose name says nothing about its form.
pub(crate) fn find(paths: &[PathBuf]) -> Result<Vec<SourceFile>, Trouble> {
    let mut files = Vec::new();
    for path in paths {
        let reading = || format!("read {}", path.display());
        let about = fs::metadata(path).map_err(Trouble::when(reading()))?;
        if about.is_dir() {
            walk(path, 0, &mut files).map_err(Trouble::when(reading()))?;
        } else if Form::of(&path.to_string_lossy()).is_some() {
            files.push(SourceFile::new(path.clone(), about.len()));
        } else {
            let text = "its name must end in .json, .ndjson, .gz or .zip";
            let error = io::Error::new(io::ErrorKind::InvalidInput, text);
            return Err(Trouble::when(format!("import {}", path.display()))(error));
        }
    }
    Ok(files)
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<SourceFile>) -> io::Result<()> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        paths.push(entry?.path());
    }
    paths.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (!FIRST.iter().any(|first| name.starts_with(first)), name)
    });
    for path in paths {
        let about = fs::metadata(&path)?;
        if about.is_dir() && depth < DEPTH_MAX {
            walk(&path, depth + 1, files)?;
        } else if about.is_file() && Form::of(&path.to_string_lossy()).is_some() {
            files.push(SourceFile::new(path, about.len()));
        }
    }
    Ok(())
}

impl SourceFile {
    fn new(path: PathBuf, bytes: u64) -> Self {
        Self { name: path.to_string_lossy().into(), path, bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_form() {
        let cases = [
            ("a/b.json", Some((Form::Json, "a/b"))),
            ("b.NDJSON", Some((Form::Ndjson, "b"))),
            ("b.json.gz", Some((Form::Gzip, "b.json"))),
            ("b.zip", Some((Form::Zip, "b"))),
            ("b.csv", None),
            (".json", None),
            ("é", None),
        ];
        for (name, form) in cases {
            assert_eq!(Form::of(name), form, "{name}");
        }
    }

    #[test]
    fn a_directory_gives_its_files_in_order_and_leaves_others_alone() {
        let directory = tempfile::tempdir().unwrap();
        for name in
            ["b.json", "a.ndjson", "notes.txt", "practitionerInformation1.json", "sub/c.zip"]
        {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        let files = find(&[directory.path().to_owned()]).unwrap();
        let names: Vec<&Path> =
            files.iter().map(|file| file.path.strip_prefix(directory.path()).unwrap()).collect();
        let expected = ["practitionerInformation1.json", "a.ndjson", "b.json", "sub/c.zip"];
        assert_eq!(names, expected.map(Path::new));
        assert!(find(&[directory.path().join("notes.txt")]).is_err());
        assert!(find(&[directory.path().join("nowhere.json")]).is_err());
    }
}
