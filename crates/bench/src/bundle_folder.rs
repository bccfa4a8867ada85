//! Transaction Bundles from a folder of `.json` and `.json.gz`, held in memory before the clock.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::dice::Dice;
use crate::fault::Fault;

/// The Bundles of a folder.
#[derive(Debug, Clone)]
pub(crate) struct BundleFolder {
    /// Hospitals and practitioners, which others refer to.
    pub(crate) first: Vec<Bytes>,
    pub(crate) rest: Vec<Bytes>,
}

const GOES_FIRST: [&str; 2] = ["hospitalInformation", "practitionerInformation"];

impl BundleFolder {
    pub(crate) fn load(folder: &Path) -> Result<Self, Fault> {
        let cannot = |error| Fault::Usage(format!("--folder {}: {error}", folder.display()));
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .map_err(cannot)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(cannot)?;
        files.sort();
        let mut found = Self { first: Vec::new(), rest: Vec::new() };
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(bytes) = read(&file, &name)? else { continue };
            let first = GOES_FIRST.iter().any(|prefix| name.starts_with(prefix));
            if first { &mut found.first } else { &mut found.rest }.push(bytes);
        }
        if found.rest.is_empty() {
            return Err(Fault::Usage(format!(
                "--folder {}: it holds no .json or .json.gz file",
                folder.display()
            )));
        }
        Ok(found)
    }

    /// The same Bundles with every UUID exchanged for another, the same one everywhere.
    pub(crate) fn copy(&self, number: u64) -> Vec<Bytes> {
        self.rest.iter().map(|bundle| with_other_uuids(bundle, number)).collect()
    }
}

/// None for other kinds of file.
fn read(file: &Path, name: &str) -> Result<Option<Bytes>, Fault> {
    let (stem, packed) = name.strip_suffix(".gz").map_or((name, false), |stem| (stem, true));
    match (stem.rsplit('.').next(), packed) {
        (Some("json"), false) => Ok(Some(Bytes::from(std::fs::read(file)?))),
        (Some("json"), true) => {
            let mut plain = Vec::new();
            GzDecoder::new(std::fs::read(file)?.as_slice()).read_to_end(&mut plain)?;
            Ok(Some(Bytes::from(plain)))
        }
        _ => Ok(None),
    }
}

const UUID_LENGTH: usize = 36;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Number 0 leaves them as they are.
fn with_other_uuids(bundle: &Bytes, number: u64) -> Bytes {
    if number == 0 {
        return bundle.clone();
    }
    let mask = Dice::new(number).roll();
    let mut out = bundle.to_vec();
    let mut at = 0;
    while let Some(candidate) = out.get_mut(at..at + UUID_LENGTH) {
        if is_uuid(candidate) {
            exchange(candidate, mask);
            at += UUID_LENGTH;
        } else {
            at += 1;
        }
    }
    Bytes::from(out)
}

fn is_uuid(text: &[u8]) -> bool {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    // The dash first: it rules out nearly every position at once.
    text.get(8) == Some(&b'-')
        && text.iter().enumerate().all(|(at, byte)| {
            if DASHES.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

/// Flips bits of the first eight digits; version and variant stay.
fn exchange(uuid: &mut [u8], mask: u64) {
    for (at, byte) in uuid.iter_mut().take(8).enumerate() {
        let digit = char::from(*byte).to_digit(16).unwrap_or_default();
        let flipped = (u64::from(digit) ^ (mask >> (4 * at))) & 0xF;
        let flipped = usize::try_from(flipped).unwrap_or_default();
        *byte = HEX.get(flipped).copied().unwrap_or(b'0');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_other_uuids_and_nothing_else_changed() {
        let uuid = "2c4e4abf-b81d-4791-9046-7cdff816061f";
        let text = format!("{{\"a\":\"urn:uuid:{uuid}\",\"b\":\"{uuid}\",\"c\":\"1-2-3-4\"}}");
        let folder = BundleFolder { first: vec![], rest: vec![Bytes::from(text.clone())] };
        assert_eq!(folder.copy(0)[0], text.as_bytes());
        let copy = String::from_utf8(folder.copy(1)[0].to_vec()).unwrap();
        assert!(!copy.contains(uuid));
        let new = &copy[15..15 + UUID_LENGTH];
        assert_eq!(copy.replace(new, uuid), text);
        assert_ne!(folder.copy(2)[0], folder.copy(1)[0]);
    }

    #[test]
    fn plain_and_compressed_files_are_read_and_hospitals_go_first() {
        let folder = tempfile::tempdir().unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, b"{\"n\":1}").unwrap();
        std::fs::write(folder.path().join("b.json.gz"), gzip.finish().unwrap()).unwrap();
        std::fs::write(folder.path().join("hospitalInformation1.json"), b"{\"n\":2}").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"no").unwrap();
        let found = BundleFolder::load(folder.path()).unwrap();
        assert_eq!(found.rest, [Bytes::from_static(b"{\"n\":1}")]);
        assert_eq!(found.first, [Bytes::from_static(b"{\"n\":2}")]);
    }
}
