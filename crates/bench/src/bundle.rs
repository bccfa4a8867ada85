//! Transaction Bundles: writing them from samples, checking what the server answers to them.

use bytes::Bytes;
use serde::Deserialize;

use crate::call::id_of_location;
use crate::fault::Fault;

/// Collects entries; the bodies are written once, straight into the Bundle's bytes.
#[derive(Debug)]
pub(crate) struct TransactionBuilder {
    bytes: Vec<u8>,
    entries: usize,
}

impl TransactionBuilder {
    pub(crate) fn new() -> Self {
        let opening = br#"{"resourceType":"Bundle","type":"transaction","entry":["#;
        Self { bytes: opening.to_vec(), entries: 0 }
    }

    /// A POST entry; `body` appends the resource.
    pub(crate) fn create(
        &mut self,
        urn: &str,
        resource_type: &str,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        self.entry(urn, "POST", resource_type, body);
    }

    /// A PUT entry at `Type/id`.
    pub(crate) fn update(&mut self, urn: &str, path: &str, body: impl FnOnce(&mut Vec<u8>)) {
        self.entry(urn, "PUT", path, body);
    }

    fn entry(&mut self, urn: &str, verb: &str, url: &str, body: impl FnOnce(&mut Vec<u8>)) {
        if self.entries > 0 {
            self.bytes.push(b',');
        }
        self.entries += 1;
        self.bytes.extend_from_slice(format!("{{\"fullUrl\":\"{urn}\",\"resource\":").as_bytes());
        body(&mut self.bytes);
        let request = format!(",\"request\":{{\"method\":\"{verb}\",\"url\":\"{url}\"}}}}");
        self.bytes.extend_from_slice(request.as_bytes());
    }

    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    pub(crate) fn finish(mut self) -> Bytes {
        self.bytes.extend_from_slice(b"]}");
        Bytes::from(self.bytes)
    }
}

/// The part of a transaction-response or searchset that is looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct BundleAnswer {
    #[serde(default)]
    pub(crate) entry: Vec<EntryAnswer>,
    #[serde(default)]
    pub(crate) link: Vec<Link>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EntryAnswer {
    pub(crate) response: Option<EntryResponse>,
    pub(crate) resource: Option<Identity>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct EntryResponse {
    #[serde(default)]
    pub(crate) status: String,
    pub(crate) location: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    pub(crate) id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Link {
    pub(crate) relation: String,
    pub(crate) url: String,
}

impl BundleAnswer {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Fault> {
        serde_json::from_slice(body)
            .map_err(|error| Fault::Answer(format!("the answer is not a Bundle: {error}")))
    }

    /// How many entries were stored.
    pub(crate) fn accepted(&self) -> usize {
        self.responses().filter(|response| response.is_success()).count()
    }

    /// The first entry that was not, if any.
    pub(crate) fn rejected(&self) -> Option<&EntryResponse> {
        self.responses().find(|response| !response.is_success())
    }

    fn responses(&self) -> impl Iterator<Item = &EntryResponse> {
        self.entry.iter().filter_map(|entry| entry.response.as_ref())
    }

    /// The new ids in the order of the entries.
    pub(crate) fn created_ids(&self) -> impl Iterator<Item = &str> {
        self.locations().filter_map(id_of_location)
    }

    pub(crate) fn locations(&self) -> impl Iterator<Item = &str> {
        self.responses().filter_map(|response| response.location.as_deref())
    }

    /// The ids of the resources found.
    pub(crate) fn found_ids(&self) -> impl Iterator<Item = &str> {
        self.entry.iter().filter_map(|entry| entry.resource.as_ref()?.id.as_deref())
    }

    pub(crate) fn next(&self) -> Option<&str> {
        self.link.iter().find(|link| link.relation == "next").map(|link| link.url.as_str())
    }
}

impl EntryResponse {
    fn is_success(&self) -> bool {
        self.status.starts_with("200") || self.status.starts_with("201")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_a_bundle() {
        let mut bundle = TransactionBuilder::new();
        bundle.create("urn:uuid:a", "Patient", |out| out.extend_from_slice(b"{\"id\":1}"));
        bundle.update("urn:uuid:b", "Patient/x", |out| out.extend_from_slice(b"{}"));
        assert_eq!(bundle.entries(), 2);
        let value: serde_json::Value = serde_json::from_slice(&bundle.finish()).unwrap();
        assert_eq!(value["entry"][0]["request"]["method"], "POST");
        assert_eq!(value["entry"][1]["request"]["url"], "Patient/x");
    }

    #[test]
    fn a_rejected_entry_is_seen() {
        let body =
            br#"{"entry":[{"response":{"status":"201 Created","location":"Patient/p1/_history/1"}},
                                 {"response":{"status":"422 Unprocessable Entity"}}]}"#;
        let answer = BundleAnswer::parse(body).unwrap();
        assert_eq!(answer.accepted(), 1);
        assert_eq!(answer.rejected().unwrap().status, "422 Unprocessable Entity");
        assert_eq!(answer.created_ids().collect::<Vec<_>>(), ["p1"]);
    }
}
