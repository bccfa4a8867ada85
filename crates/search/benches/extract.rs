//! Time to extract the index rows of a resource, over the Synthea Bundles beside the repository
//! (`../shared/data/synthea-r4`): `cargo bench -p search`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{fs, hint::black_box, io::Read as _, path::Path, time::Instant};

use fhir_model::{Tree, json};
use flate2::read::GzDecoder;
use search::{Registry, extract};

/// How many Bundles; each is one patient's record.
const BUNDLES: usize = 20;

/// How often everything is done; the fastest round counts.
const ROUNDS: usize = 15;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/synthea-r4");
    let resources = resources(&folder);
    if resources.is_empty() {
        println!("skipped: no Bundles at {}", folder.display());
        return;
    }
    let bytes: usize = resources.iter().map(Vec::len).sum();
    let parse = || resources.iter().map(|bytes| json::parse_trusted(bytes.clone().into()));
    let trees: Vec<Tree> = parse().collect();
    let started = Instant::now();
    let registry = Registry::r4();
    println!("registry: {:?}", started.elapsed());
    let rows: usize = trees.iter().map(|tree| extract(registry, tree, "").len()).sum();
    let count = resources.len();
    println!("{count} resources of {} bytes and {:.1} rows", bytes / count, per(rows, count));
    let parse = fastest(|| parse().for_each(|tree| drop(black_box(tree))));
    println!("parse_trusted (with a copy): {:.0} ns a resource", per(parse, count));
    let extract = fastest(|| {
        for tree in &trees {
            drop(black_box(extract(registry, tree, "")));
        }
    });
    println!("extract: {:.0} ns a resource", per(extract, count));
}

#[expect(clippy::cast_precision_loss, reason = "figures to be read")]
fn per(total: usize, count: usize) -> f64 {
    total as f64 / count as f64
}

fn fastest(mut work: impl FnMut()) -> usize {
    let rounds = (0..ROUNDS).map(|_| {
        let started = (Instant::now(), on_cpu());
        work();
        match started.1.zip(on_cpu()) {
            Some((from, to)) => to - from,
            None => started.0.elapsed().as_nanos(),
        }
    });
    rounds.min().and_then(|nanos| usize::try_from(nanos).ok()).unwrap_or_default()
}

/// How long this thread has run on a processor, in nanoseconds, where the system tells: other programs do not
/// count then.
fn on_cpu() -> Option<u128> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    line.split_whitespace().next()?.parse().ok()
}

/// The entries of the first Bundles of the folder.
fn resources(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    let mut resources = Vec::new();
    for path in paths.iter().take(BUNDLES) {
        let mut bytes = Vec::new();
        let read =
            fs::File::open(path).and_then(|file| GzDecoder::new(file).read_to_end(&mut bytes));
        if read.is_ok() {
            let bundle = json::parse_trusted(bytes.into());
            let entries = bundle.root().named("entry");
            resources.extend(entries.filter_map(|e| Some(e.child("resource")?.raw().to_vec())));
        }
    }
    resources
}
