//! The claim of a process to a vault file. What is remembered about the file, its counters and its current
//! versions, is true only as long as nobody else writes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
    time::Duration,
};

use fhir_model::{IssueType, Outcome};

/// Held as long as the file is open; gone with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Claim {
    _locked: File,
}

/// How often, and how often at most, a claim is tried again: a process that is told to stop needs a moment.
const PAUSE: Duration = Duration::from_millis(50);
const TRIES_MAX: u32 = 100;

impl Claim {
    /// Claims a vault file; waits up to five seconds for a predecessor that is just closing it.
    ///
    /// # Errors
    /// As `of`, then.
    pub(crate) async fn awaited(path: &Path) -> Result<Self, Outcome> {
        for _ in 1..TRIES_MAX {
            match Self::of(path) {
                Err(refused)
                    if refused.issues().iter().any(|issue| issue.code == IssueType::Conflict) =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                claimed => return claimed,
            }
        }
        Self::of(path)
    }

    /// Claims a vault file, by a lock on a file beside it: SQLite would lose its own locks over one on its file.
    ///
    /// # Errors
    /// `conflict` when another process has the vault open; what the file system says.
    fn of(path: &Path) -> Result<Self, Outcome> {
        let mut beside = path.as_os_str().to_owned();
        beside.push("-lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&beside);
        let file = file.map_err(|error| super::unopened(path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _locked: file }),
            Err(TryLockError::WouldBlock) => Err(Outcome::new(
                IssueType::Conflict,
                format!(
                    "{} is open in another process; stop that one, or send to it over HTTP",
                    path.display()
                ),
            )),
            Err(TryLockError::Error(error)) => Err(super::unopened(path, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("v.sqlite");
        let first = Claim::of(&path).unwrap();
        let refused = Claim::of(&path).unwrap_err();
        assert!(refused.to_string().contains("another process"), "{refused}");
        drop(first);
        Claim::of(&path).unwrap();
    }
}
