//! Files go into a vault; the vault and the rejections are looked at.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use auth::{Action, Caller, authorize};
use interactions::Software;
use storage::{Clock, DatabaseUrl, HistoryQuery, Options, Scope, Turn, Vault};

use super::*;

struct House {
    directory: tempfile::TempDir,
    fhir: Fhir,
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = Options {
            url: DatabaseUrl::Sqlite(directory.path().join("vault.sqlite")),
            clock: Clock::system(),
            base: "http://localhost/fhir".to_owned(),
            connections_max: 1,
        };
        let vault = Vault::open(&options).await.unwrap();
        let fhir = Fhir::new(vault, &options.base, Software { name: "test", version: "0" });
        Self { directory, fhir }
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join("in").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// How many were stored, and the rejections without the directory.
    async fn import(&self, path: &Path) -> (u64, Vec<String>) {
        let files = find(&[path.to_owned()]).unwrap();
        let progress = Arc::new(Progress::quiet());
        let source =
            move |sink: &mut Sink<'_>| read::read_files(&files, &Arc::new(AtomicU64::new(0)), sink);
        let tally = pieces(self.fhir.clone(), source, Arc::clone(&progress)).await.unwrap();
        let directory = format!("{}/in/", self.directory.path().display());
        let mut lines = progress.rejections();
        for line in &mut lines {
            *line = line.replace(&directory, "");
        }
        lines.sort();
        assert_eq!(u64::try_from(lines.len()).unwrap(), tally.rejected);
        (tally.stored, lines)
    }

    /// Every version there is, oldest first: `Patient/1 v1`, with its body.
    async fn versions(&self) -> Vec<(String, String)> {
        let permit = authorize(&Caller::Operator, Action::Search, None).unwrap();
        let query = HistoryQuery {
            scope: Scope::System,
            since: None,
            at: None,
            count: 10_000,
            turn: Turn::First,
        };
        let page = self.fhir.vault().history(&permit, &query).await.unwrap();
        let mut versions: Vec<(String, String)> = page
            .versions
            .iter()
            .map(|version| {
                let body = version.body.as_deref().unwrap_or_default();
                let name = format!("{}/{} v{}", version.resource_type, version.id, version.version);
                (name, String::from_utf8_lossy(body).into_owned())
            })
            .collect();
        versions.sort();
        versions
    }

    async fn names(&self) -> Vec<String> {
        self.versions().await.into_iter().map(|(name, _)| name).collect()
    }
}

const TRANSACTION: &str = r#"{"resourceType": "Bundle", "type": "transaction", "entry": [
  {"fullUrl": "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059",
   "resource": {"resourceType": "Patient", "id": "rao", "active": true},
   "request": {"method": "POST", "url": "Patient"}},
  {"fullUrl": "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e060",
   "resource": {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"},
                "subject": {"reference": "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"}},
   "request": {"method": "POST", "url": "Encounter"}}]}"#;

#[tokio::test]
async fn a_transaction_of_creates_can_be_imported_again() {
    let house = House::new().await;
    let path = house.file("rao.json", TRANSACTION);
    assert_eq!(house.import(&path).await, (2, vec![]));
    let first = house.versions().await;
    assert_eq!(house.import(&path).await, (2, vec![]));
    assert_eq!(house.versions().await, first);
    let (encounter, patient) = (&first[0], &first[1]);
    assert!(encounter.0.starts_with("Encounter/") && encounter.0.ends_with(" v1"));
    assert!(encounter.1.contains(r#""subject":{"reference":"Patient/rao"}"#), "{}", encounter.1);
    assert_eq!(patient.0, "Patient/rao v1");
}

#[tokio::test]
async fn a_broken_line_costs_the_others_nothing() {
    let house = House::new().await;
    let lines = [
        r#"{"resourceType":"Patient","id":"a"}"#,
        "",
        r#"{"resourceType":"Patient","id":"b","nmae":[]}"#,
        r#"{"resourceType":"Patient","#,
        r#"{"resourceType":"Patient","id":"c"},"fullUrl":"x""#,
        r#"{"resourceType":"Patient","gender":"female"}"#,
        r#"{"resourceType":"Patient","id":"a","active":true}"#,
        r#"{"resourceType":"Patient","id":"not an id"}"#,
    ];
    let path = house.file("p.ndjson", lines.join("\n"));
    let (stored, rejected) = house.import(&path).await;
    let places: Vec<&str> = rejected.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!((stored, places), (3, vec!["p.ndjson:3", "p.ndjson:4", "p.ndjson:5", "p.ndjson:8"]));
    assert!(rejected[0].contains("nmae"), "{rejected:?}");
    // the later of two lines for one resource is its newer version
    let names = house.names().await;
    assert!(names.contains(&"Patient/a v2".to_owned()), "{names:?}");
    assert_eq!(names.len(), 3);
}

#[tokio::test]
async fn gzip_zip_and_directories_are_opened() {
    let house = House::new().await;
    let line = |id: u32| format!("{{\"resourceType\":\"Patient\",\"id\":\"{id}\"}}\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(line(1).as_bytes()).unwrap();
    house.file("a/lines.ndjson.gz", gzip.finish().unwrap());
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in
        [("x/2.json", line(2)), ("3.ndjson", line(3) + &line(4)), ("readme.txt", line(5))]
    {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    house.file("a/b.zip", zip.finish().unwrap().into_inner());
    house.file("broken.json.gz", "no gzip");
    house.file("marked.json", format!("\u{feff}{}", line(6)));
    let (stored, rejected) = house.import(&house.directory.path().join("in")).await;
    assert_eq!(stored, 5, "{rejected:?}");
    assert!(rejected.len() == 1 && rejected[0].starts_with("broken.json.gz:1: Cannot be read"));
    let expected = [1, 2, 3, 4, 6].map(|id| format!("Patient/{id} v1"));
    assert_eq!(house.names().await, expected);
}

#[tokio::test]
async fn a_refused_transaction_is_named_at_its_entry() {
    let house = House::new().await;
    let path = house.file("rao.json", TRANSACTION.replace("planned", "flying"));
    let (stored, rejected) = house.import(&path).await;
    assert_eq!(stored, 0);
    assert!(rejected.len() == 1 && rejected[0].starts_with("rao.json:5: "), "{rejected:?}");
    assert!(house.names().await.is_empty());
}

#[tokio::test]
async fn a_batch_is_taken_entry_by_entry() {
    let house = House::new().await;
    let batch = r#"{"resourceType":"Bundle","type":"batch","entry":[
      {"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"POST","url":"Patient"}},
      {"request":{"method":"PATCH","url":"Patient/none"}}]}"#;
    let (stored, rejected) = house.import(&house.file("b.json", batch)).await;
    assert_eq!(stored, 1);
    assert!(rejected.len() == 1 && rejected[0].starts_with("b.json:3: "), "{rejected:?}");
    // also when an entry is no resource
    let batch = batch.replace(r#"{"request":{"method":"PATCH","url":"Patient/none"}}"#,
        r#"{"resource":{"resourceType":"Patient","id":"b","birthDate":"xx"},"request":{"method":"PUT","url":"Patient/b"}}"#);
    let (stored, rejected) = house.import(&house.file("c.json", batch)).await;
    assert_eq!(stored, 1);
    assert!(rejected.len() == 1 && rejected[0].starts_with("c.json:3: "), "{rejected:?}");
}

#[tokio::test]
async fn parcels_are_unpacked() {
    let house = House::new().await;
    let bundle = |kind: &str, entries: &str| {
        format!("{{\"resourceType\":\"Bundle\",\"type\":\"{kind}\",\"entry\":[\n{entries}\n]}}")
    };
    let collection = bundle(
        "collection",
        r#"{"fullUrl":"urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059","resource":{"resourceType":"Patient","id":"p"}},
           {"resource":{"resourceType":"Basic","id":"b","code":{"text":"x"},"subject":{"reference":"urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059"}}}"#,
    );
    let searchset = bundle(
        "searchset",
        r#"{"fullUrl":"http://h/fhir/Patient/s","resource":{"resourceType":"Patient","id":"s"},"search":{"mode":"match"}},
{"fullUrl":"http://h/fhir/Patient/t","resource":{"resourceType":"Patient","id":"t","active":"yes"}},
{"resource":{"resourceType":"OperationOutcome","id":"o","issue":[{"severity":"error","code":"invalid"}]},"search":{"mode":"outcome"}}"#,
    );
    let history = bundle(
        "history",
        r#"{"fullUrl":"http://h/fhir/Patient/h","resource":{"resourceType":"Patient","id":"h","active":true},"request":{"method":"PUT","url":"Patient/h"}},
{"fullUrl":"http://h/fhir/Patient/h","resource":{"resourceType":"Patient","id":"h"},"request":{"method":"POST","url":"Patient"}}"#,
    );
    house.file("1.json", collection);
    house.file("2.json", searchset);
    house.file("3.json", history);
    let document = r#"{"resourceType":"Bundle","id":"d","type":"document"}"#;
    house.file("4.json", document);
    let inside = house.directory.path().join("in");
    for _ in 0..2 {
        let (stored, rejected) = house.import(&inside).await;
        assert_eq!(stored, 5, "{rejected:?}");
        assert!(rejected.len() == 1 && rejected[0].starts_with("2.json:3: "), "{rejected:?}");
        let names = house.names().await;
        let expected =
            ["Basic/b v1", "Bundle/d v1", "Patient/h v1", "Patient/p v1", "Patient/s v1"];
        assert_eq!(names, expected);
    }
    let versions = house.versions().await;
    assert!(versions[0].1.contains(r#""reference":"Patient/p""#), "{}", versions[0].1);
    assert!(versions[2].1.contains(r#""active":true"#), "{}", versions[2].1);
}

#[tokio::test]
async fn a_bundle_waits_for_what_it_refers_to() {
    let house = House::new().await;
    let entry = |reference: &str| {
        format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{{"resourceType":"Basic",
            "id":"b","code":{{"text":"x"}},"author":{{"reference":"{reference}"}}}},"request":{{"method":"PUT","url":"Basic/b"}}}}]}}"#
        )
    };
    house.file("1.json", entry("Practitioner?identifier=http://s%7C1"));
    let practitioner = r#"{"resourceType":"Practitioner","id":"d","identifier":[{"system":"http://s","value":"1"}]}"#;
    house.file("2.json", practitioner);
    let inside = house.directory.path().join("in");
    assert_eq!(house.import(&inside).await, (2, vec![]));
    house.file("1.json", entry("Practitioner?identifier=http://s%7C2"));
    let (stored, rejected) = house.import(&inside).await;
    assert_eq!(stored, 1);
    assert!(rejected.len() == 1 && rejected[0].starts_with("1.json:1: "), "{rejected:?}");
}

#[tokio::test]
async fn real_records_can_be_imported_again() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/synthea-r4");
    if !samples.is_dir() {
        println!("skipped: there are no sample records beside the repository");
        return;
    }
    let house = House::new().await;
    let mut paths: Vec<PathBuf> =
        fs::read_dir(samples).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let (first, rejected) = house.import(&paths[0]).await;
    assert!(first > 10 && rejected.is_empty(), "{rejected:?}");
    let names = house.names().await;
    assert_eq!(house.import(&paths[0]).await, (first, vec![]));
    assert_eq!(house.names().await, names);
}
