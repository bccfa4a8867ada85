//! Reads files as a stream of pieces, however large they are: NDJSON line by line, gzip and zip as they
//! unpack. Only a Bundle is held as a whole.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;

use super::{
    files::{Form, SourceFile},
    record::{Piece, Place, Record},
};

/// Where pieces go; it may ask to stop.
pub(crate) type Sink<'s> = dyn FnMut(Piece) -> ControlFlow<()> + 's;

/// Records of a piece.
const PIECE_RECORDS: usize = 200;
/// Bytes after which a piece is closed.
const PIECE_BYTES: usize = 4 << 20;
/// Bytes of one record: of a Bundle, or of a line.
const RECORD_BYTES_MAX: u64 = 256 << 20;

/// Reads all files, one after the other. What cannot be read becomes a piece too, so that the rest goes on.
pub(super) fn read_files(
    files: &[SourceFile],
    bytes_read: &Arc<AtomicU64>,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    for file in files {
        read_file(file, bytes_read, sink)?;
    }
    ControlFlow::Continue(())
}

fn read_file(
    file: &SourceFile,
    bytes_read: &Arc<AtomicU64>,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let opened = match File::open(&file.path) {
        Ok(opened) => Counted { inner: opened, bytes: Arc::clone(bytes_read) },
        Err(error) => return unreadable(&file.name, 1, &error, sink),
    };
    match Form::of(&file.name) {
        Some((Form::Zip, _)) => {
            let flow = read_zip(file, sink);
            // a zip is read in leaps; it counts when it is done
            bytes_read.fetch_add(file.bytes, Ordering::Relaxed);
            flow
        }
        _ => read_stream(&file.name, &file.name, &mut BufReader::new(opened), sink),
    }
}

fn read_zip(file: &SourceFile, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let opened = File::open(&file.path).map_err(zip::result::ZipError::from);
    let mut archive = match opened.and_then(|opened| ZipArchive::new(BufReader::new(opened))) {
        Ok(archive) => archive,
        Err(error) => return unreadable(&file.name, 1, &error.into(), sink),
    };
    let names: Result<Vec<String>, _> =
        archive.file_names().map(|name| name.map(Cow::into_owned)).collect();
    let mut names = match names {
        Ok(names) => names,
        Err(error) => return unreadable(&file.name, 1, &error.into(), sink),
    };
    names.sort();
    for name in names.iter().filter(|name| Form::of(name).is_some()) {
        let shown: Arc<str> = format!("{}/{name}", file.name).into();
        match archive.by_name(name) {
            Ok(entry) => read_stream(&shown, name, &mut BufReader::new(entry), sink)?,
            Err(error) => unreadable(&shown, 1, &error.into(), sink)?,
        }
    }
    ControlFlow::Continue(())
}

/// `file` is its name in messages, `name` says the form.
fn read_stream(
    file: &Arc<str>,
    name: &str,
    stream: &mut dyn BufRead,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    match Form::of(name) {
        Some((Form::Json, _)) => read_document(file, stream, sink),
        Some((Form::Ndjson, _)) => read_lines(file, stream, sink),
        Some((Form::Gzip, inner)) => {
            read_stream(file, inner, &mut BufReader::new(MultiGzDecoder::new(stream)), sink)
        }
        Some((Form::Zip, _)) | None => {
            let text = "what is inside must be .json or .ndjson, by its name";
            unreadable(file, 1, &io::Error::new(io::ErrorKind::InvalidInput, text), sink)
        }
    }
}

fn read_document(
    file: &Arc<str>,
    stream: &mut dyn BufRead,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let mut bytes = Vec::new();
    match stream.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes) {
        Ok(_) if is_too_long(&bytes) => unreadable(file, 1, &too_long(), sink),
        Ok(_) => sink(Piece::Records(vec![record(file, 1, bytes)])),
        Err(error) => unreadable(file, 1, &error, sink),
    }
}

fn read_lines(file: &Arc<str>, stream: &mut dyn BufRead, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let (mut piece, mut piece_bytes) = (Vec::new(), 0);
    for number in 1.. {
        let mut line = Vec::new();
        match (&mut *stream).take(RECORD_BYTES_MAX + 1).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) if is_too_long(&line) => {
                unreadable(file, number, &too_long(), sink)?;
                if let Err(error) = stream.skip_until(b'\n') {
                    unreadable(file, number, &error, sink)?;
                    break;
                }
            }
            Ok(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(length) => {
                piece_bytes += length;
                piece.push(record(file, number, line));
            }
            Err(error) => {
                unreadable(file, number, &error, sink)?;
                break;
            }
        }
        if piece.len() >= PIECE_RECORDS || piece_bytes >= PIECE_BYTES {
            sink(Piece::Records(std::mem::take(&mut piece)))?;
            piece_bytes = 0;
        }
    }
    if piece.is_empty() { ControlFlow::Continue(()) } else { sink(Piece::Records(piece)) }
}

/// A byte order mark at the start is none of the JSON.
fn record(file: &Arc<str>, line: u64, bytes: Vec<u8>) -> Record {
    let bytes = bytes::Bytes::from(bytes);
    let text =
        if line == 1 && bytes.starts_with(b"\xef\xbb\xbf") { bytes.slice(3..) } else { bytes };
    Record { place: Place::new(file, line), bytes: text }
}

fn is_too_long(bytes: &[u8]) -> bool {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RECORD_BYTES_MAX
}

fn too_long() -> io::Error {
    let text = format!("a record may have {} MiB at most", RECORD_BYTES_MAX >> 20);
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn unreadable(
    file: &Arc<str>,
    line: u64,
    error: &io::Error,
    sink: &mut Sink<'_>,
) -> ControlFlow<()> {
    let why = format!("Cannot be read: {error}");
    sink(Piece::Unreadable(Place::new(file, line).reject(why)))
}

/// Counts what is read, for the progress bar.
struct Counted {
    inner: File,
    bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.bytes.fetch_add(u64::try_from(length).unwrap_or(0), Ordering::Relaxed);
        Ok(length)
    }
}
