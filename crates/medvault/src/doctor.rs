//! `doctor`: what is wrong with configuration, files, database, clock and disk, a line a check. Changes
//! nothing.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use fhir_model::Instant;
use storage::{Clock, Diagnosis, Vault};

use crate::{
    config::{Config, Faults},
    console, serve,
};

/// Less than this is too little to go on with.
const DISK_FREE_MIB_MIN: u64 = 512;
/// A clock that shows an earlier year was never set.
const YEAR_MIN: i64 = 2025;

/// Checks everything and prints it; true when nothing is wrong.
pub(crate) async fn run(config: Result<Config, Faults>) -> bool {
    let mut findings = Vec::new();
    match config {
        Ok(config) => {
            findings.push(fine(format!("configuration for {}", config.base())));
            findings.push(clock(Clock::system().now()));
            findings.extend(data_directory(&config.data_dir));
            findings.push(disk(&config.data_dir));
            findings.extend(Vault::diagnose(&serve::options(&config)).await);
        }
        Err(Faults(faults)) => {
            findings.extend(faults.into_iter().map(|fault| wrong("configuration", fault)));
            findings.push(clock(Clock::system().now()));
        }
    }
    for finding in &findings {
        console::say(&line(finding));
    }
    findings.iter().all(|finding| finding.trouble.is_none())
}

fn line(finding: &Diagnosis) -> String {
    match &finding.trouble {
        None => format!("ok     {}", finding.subject),
        Some(trouble) => format!("WRONG  {}: {trouble}", finding.subject),
    }
}

fn clock(now: Instant) -> Diagnosis {
    let (year, ..) = now.date();
    if year < YEAR_MIN {
        wrong("clock", format!("it shows {now}; set it"))
    } else {
        fine(format!("clock shows {now}"))
    }
}

/// The vault's keys lie here: nobody but the owner may look in, and the owner must be able to write.
fn data_directory(directory: &Path) -> Vec<Diagnosis> {
    let shown = directory.display();
    let mode = match fs::metadata(directory) {
        Ok(about) if about.is_dir() => about.permissions().mode() & 0o777,
        Ok(_) => return vec![wrong(format!("data directory {shown}"), "it is a file")],
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![fine(format!("data directory {shown}, to be made by the first start"))];
        }
        Err(error) => return vec![wrong(format!("data directory {shown}"), error.to_string())],
    };
    let writable = match tempfile::tempfile_in(directory) {
        Ok(_) => fine(format!("data directory {shown} can be written")),
        Err(error) => wrong(format!("data directory {shown}"), error.to_string()),
    };
    let of_others = mode & 0o077;
    let private = if of_others == 0 {
        fine(format!("data directory {shown} is private"))
    } else {
        let trouble = format!("others may look into it (mode {mode:o}); run chmod 700 {shown}");
        wrong(format!("data directory {shown}"), trouble)
    };
    vec![writable, private]
}

fn disk(directory: &Path) -> Diagnosis {
    // before the first start only a directory above is there
    let there = directory.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let asked = Command::new("df").arg("-Pk").arg(there).output();
    let free = asked.ok().and_then(|output| free_mib(&String::from_utf8_lossy(&output.stdout)));
    match free {
        Some(mib) if mib < DISK_FREE_MIB_MIN => {
            wrong("disk", format!("only {mib} MiB are free at {}", there.display()))
        }
        Some(mib) => fine(format!("disk has {mib} MiB free")),
        None => fine("disk (df does not say how much is free)"),
    }
}

/// The fourth column of the second line: <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/df.html>.
fn free_mib(df: &str) -> Option<u64> {
    // a device's name may hold blanks, so count from the percent sign
    let words: Vec<&str> = df.lines().nth(1)?.split_ascii_whitespace().collect();
    let capacity = words.iter().position(|word| word.ends_with('%'))?;
    let free: u64 = words.get(capacity.checked_sub(1)?)?.parse().ok()?;
    Some(free / 1024)
}

fn fine(subject: impl Into<String>) -> Diagnosis {
    Diagnosis { subject: subject.into(), trouble: None }
}

fn wrong(subject: impl Into<String>, trouble: impl Into<String>) -> Diagnosis {
    Diagnosis { subject: subject.into(), trouble: Some(trouble.into()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::setting::Flags;

    #[test]
    fn free_space_is_read_from_df() {
        let header = "Filesystem 1024-blocks Used Available Capacity Mounted on\n";
        let cases = [
            ("/dev/sda1 1000000 1 2048000 1% /", Some(2000)),
            ("my disk 10 9 1024 90% /a b", Some(1)),
            ("tmpfs", None),
        ];
        for (line, free) in cases {
            assert_eq!(free_mib(&format!("{header}{line}\n")), free, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_on_its_line() {
        let unset = clock(Instant::from_millis(0));
        assert_eq!(line(&unset), "WRONG  clock: it shows 1970-01-01T00:00:00.000Z; set it");
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let findings = data_directory(directory.path());
        let open = findings.iter().find_map(|finding| finding.trouble.as_deref()).unwrap();
        assert!(open.starts_with("others may look into it (mode 755)"), "{open}");
    }

    #[tokio::test]
    async fn a_vault_is_well_until_its_file_is_damaged() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let config = Config::of(&Flags::default(), &BTreeMap::new(), None).unwrap();
        let config = config.in_directory(directory.path());
        // before the first start, and after it
        assert!(run(Ok(config.clone())).await);
        drop(serve::open(&config).await.unwrap());
        assert!(run(Ok(config.clone())).await);
        fs::write(directory.path().join("medvault.sqlite"), "no database").unwrap();
        assert!(!run(Ok(config)).await);
        assert!(!run(Err(Faults(vec!["x".to_owned()]))).await);
    }
}
