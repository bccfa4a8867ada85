//! Nanoseconds per resource for reading, checking and stamping JSON: medians over rounds.
//! `cargo bench -p fhir-model --bench json [FOLDER]`; FOLDER holds transaction Bundles as `.json.gz`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{hint::black_box, path::Path, process::Command, time::Instant};

use bytes::Bytes;
use fhir_model::{
    Instant as Moment, Valid,
    json::{self, Limits},
};

/// A batch of resources under one name.
struct Batch {
    name: String,
    resources: Vec<Bytes>,
}

fn main() {
    let mut batches = vec![
        Batch { name: "Patient, generated".into(), resources: (0..200).map(patient).collect() },
        Batch {
            name: "Observation, generated".into(),
            resources: (0..200).map(observation).collect(),
        },
    ];
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    batches.extend(folder.map(|folder| Batch {
        name: format!("resources of {folder}"),
        resources: entries(Path::new(&folder)),
    }));
    println!(
        "{:<40} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "batch", "bytes", "parse", "trusted", "stamp", "bytes()"
    );
    for batch in &batches {
        measure(batch);
    }
}

/// Prints one line.
fn measure(batch: &Batch) {
    let limits = Limits::default();
    let count = batch.resources.len().max(1);
    let size = batch.resources.iter().map(Bytes::len).sum::<usize>() / count;
    let valid: Vec<Valid> = batch
        .resources
        .iter()
        .filter_map(|source| json::parse(source.clone(), &limits).ok())
        .collect();
    if valid.len() != batch.resources.len() {
        println!("{}: {} of {} were refused", batch.name, count - valid.len(), count);
    }
    let stamped: Vec<_> = valid.iter().map(|valid| valid.stamp("0190-abc", &[])).collect();
    let parse = median(count, || {
        for source in &batch.resources {
            let _parsed = black_box(json::parse(source.clone(), &limits));
        }
    });
    let trusted = median(count, || {
        for source in &batch.resources {
            black_box(json::parse_trusted(source.clone()));
        }
    });
    let stamp = median(count, || {
        for valid in &valid {
            black_box(valid.stamp("0190-abc", &[]));
        }
    });
    let bytes = median(count, || {
        for stamped in &stamped {
            black_box(stamped.bytes(1, Moment::from_millis(1_700_000_000_000)));
        }
    });
    println!("{:<40} {size:>8} {parse:>9} {trusted:>9} {stamp:>9} {bytes:>9}", batch.name);
}

/// Nanoseconds for one item: the middle of 31 rounds.
fn median(count: usize, mut round: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..31)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default() / count as u128
}

/// The resources in the entries of the Bundles of a folder, as stored.
fn entries(folder: &Path) -> Vec<Bytes> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort();
    let mut resources = Vec::new();
    for path in paths.iter().take(40) {
        let Ok(unpacked) = Command::new("gzip").arg("-dc").arg(path).output() else { continue };
        match json::parse(unpacked.stdout.into(), &Limits::default()) {
            Ok(bundle) => resources.extend(
                bundle
                    .tree()
                    .root()
                    .named("entry")
                    .filter_map(|entry| Valid::from_node(entry.child("resource")?))
                    .map(|valid| valid.stamp("0190-abc", &[]).bytes(1, Moment::from_millis(0))),
            ),
            Err(outcome) => println!("{}: {outcome}", path.display()),
        }
    }
    resources
}

/// A Patient of about 3.5 KB.
fn patient(number: usize) -> Bytes {
    let name = |usage: &str, family: &str| {
        format!(
            r#"{{"use":"{usage}","family":"{family}{number}","given":["Asha","Devi"],"prefix":["Dr."],"period":{{"start":"2001-05-06"}}}}"#
        )
    };
    let telecom = |system: &str, value: &str, rank: usize| {
        format!(r#"{{"system":"{system}","value":"{value}","use":"home","rank":{rank}}}"#)
    };
    let identifier = |code: &str, system: &str| {
        format!(
            r#"{{"use":"official","type":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"{code}","display":"Number {code}"}}],"text":"Number"}},"system":"{system}","value":"{number:010}"}}"#
        )
    };
    let extension = |url: &str, code: &str| {
        format!(
            r#"{{"url":"http://example.org/fhir/StructureDefinition/{url}","extension":[{{"url":"category","valueCoding":{{"system":"urn:oid:2.16.840.1.113883.6.238","code":"{code}","display":"Some category"}}}},{{"url":"text","valueString":"Some category"}}]}}"#
        )
    };
    let text = format!(
        r#"{{"resourceType":"Patient","id":"p{number}","meta":{{"versionId":"1","lastUpdated":"2024-01-01T00:00:00.000Z","profile":["http://example.org/fhir/StructureDefinition/patient"]}},"text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Patient <b>Asha Devi</b>, born 1970</p></div>"}},"extension":[{},{},{{"url":"http://example.org/fhir/StructureDefinition/age","valueDecimal":12.50}}],"identifier":[{},{},{},{}],"active":true,"name":[{},{}],"telecom":[{},{},{}],"gender":"female","birthDate":"1970-02-28","_birthDate":{{"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1970-02-28T13:28:17-05:00"}}]}},"deceasedBoolean":false,"address":[{{"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/geolocation","extension":[{{"url":"latitude","valueDecimal":42.068}},{{"url":"longitude","valueDecimal":-71.203}}]}}],"use":"home","line":["1 Long Street","Flat 7"],"city":"Pune","state":"MH","postalCode":"411001","country":"IN"}}],"maritalStatus":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"M"}}],"text":"M"}},"multipleBirthBoolean":false,"contact":[{{"relationship":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/v2-0131","code":"N"}}]}}],"name":{{"family":"Devi","given":["Ravi"]}},"telecom":[{{"system":"phone","value":"+91 20 555 0100"}}]}}],"communication":[{{"language":{{"coding":[{{"system":"urn:ietf:bcp:47","code":"mr","display":"Marathi"}}],"text":"Marathi"}},"preferred":true}}],"generalPractitioner":[{{"reference":"Practitioner/dr{number}","display":"Dr. Rao"}}],"managingOrganization":{{"reference":"Organization/o1"}}}}"#,
        extension("race", "2028-9"),
        extension("ethnicity", "2186-5"),
        identifier("MR", "http://hospital.example.org"),
        identifier("SS", "http://hl7.org/fhir/sid/us-ssn"),
        identifier("DL", "urn:oid:2.16.840.1.113883.4.3.25"),
        identifier("PPN", "http://example.org/passport"),
        name("official", "Kulkarni"),
        name("maiden", "Joshi"),
        telecom("phone", "+91 20 555 0199", 1),
        telecom("email", "asha@example.org", 2),
        telecom("sms", "+91 98 555 0199", 3),
    );
    text.into()
}

/// An Observation of about 1.1 KB.
fn observation(number: usize) -> Bytes {
    let component = |code: &str, value: usize| {
        format!(
            r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"Pressure"}}],"text":"Pressure"}},"valueQuantity":{{"value":{value}.0,"unit":"mm[Hg]","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}}}"#
        )
    };
    let text = format!(
        r#"{{"resourceType":"Observation","id":"o{number}","meta":{{"versionId":"1","lastUpdated":"2024-01-01T00:00:00.000Z"}},"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"55284-4","display":"Blood Pressure"}}],"text":"Blood Pressure"}},"subject":{{"reference":"Patient/p{number}"}},"encounter":{{"reference":"Encounter/e{number}"}},"effectiveDateTime":"2015-02-07T13:28:17-05:00","issued":"2015-02-07T13:28:17.239-05:00","component":[{},{}]}}"#,
        component("8462-4", 80),
        component("8480-6", 120),
    );
    text.into()
}
