//! The project's search cases, each put to a server that holds the fixture and nothing else. They are read
//! from beside the repository (the README there says what a case is); where they are not, there is nothing
//! to tell.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::house::{House, Reply, fresh_database};

mod sqlite {
    #[test]
    fn the_search_cases_hold() {
        super::all_hold(|| super::House::start(&[]));
    }
}

mod postgres {
    #[test]
    fn the_search_cases_hold() {
        super::all_hold(|| {
            let url = super::fresh_database("search_cases");
            super::House::start(&["--database-url", &url])
        });
    }
}

/// What a URL carries as it is; a percent sign stays, so that a case can encode more.
const SAFE: &str = "/?&=:%+,$!*'();@-._~";

/// Returns with what was seen instead, unless it holds.
macro_rules! hold {
    ($holds:expr, $($seen:tt)+) => {
        if !$holds {
            return Err(format!($($seen)+));
        }
    };
}

/// Whether the order of what is expected matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsListed,
    Any,
}

const PAGES_MAX: usize = 200;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/search");
    if folder.exists() {
        return Some(folder);
    }
    println!("no search cases beside the repository: nothing to ask");
    None
}

fn all_hold(start: impl FnOnce() -> House) {
    let Some(folder) = folder() else { return };
    let house = start();
    let fixture = fs::read_to_string(folder.join("fixture.json")).unwrap();
    house.send("POST", "", &[], &fixture).expect(200);
    let text = fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let cases = cases.as_array().unwrap();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let failure = Asked { house: &house, case }.hold().err()?;
            let of = |name: &str| case[name].as_str().unwrap_or_default();
            Some(format!("{} {}\n    {failure}\n    {}", of("id"), of("query"), of("why")))
        })
        .collect();
    println!("{} of {} search cases hold", cases.len() - failures.len(), cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A case that is put to a server.
struct Asked<'a> {
    house: &'a House,
    case: &'a Value,
}

impl Asked<'_> {
    fn expected(&self, name: &str) -> Option<&Value> {
        self.case["expect"].get(name)
    }

    fn hold(&self) -> Result<(), String> {
        let reply = self.ask();
        let status = self.expected("status").and_then(Value::as_u64).unwrap_or(200);
        if u64::from(reply.status) != status {
            return Err(format!("{}, not {status}: {}", reply.status, cut(&reply.text)));
        }
        let first = reply.json();
        if status >= 400 {
            return self.refusal(&first);
        }
        hold!(first["type"] == "searchset", "no searchset: {}", cut(&reply.text));
        self.first_page(&first)?;
        let pages = match self.case["kind"].as_str() {
            Some("page") => vec![first],
            _ => self.walk(first, "next")?,
        };
        if self.case["kind"] == "paged" {
            self.page_sizes(&pages)?;
        }
        self.entries(&pages)?;
        if self.expected("back").is_some() {
            let back = self.walk(pages.last().unwrap().clone(), "previous")?;
            let back: Vec<Value> = back.into_iter().rev().collect();
            same(
                "matches going back",
                &names(&back, "match"),
                &names(&pages, "match"),
                Order::AsListed,
            )?;
        }
        Ok(())
    }

    fn ask(&self) -> Reply {
        let query = self.case["query"].as_str().unwrap().replace("{base}", self.house.base());
        let slash = if query.starts_with('?') { "" } else { "/" };
        let path = format!("{slash}{}", quoted(&query));
        let method = self.case["method"].as_str().unwrap_or("GET");
        let mut headers: Vec<(&str, &str)> = self.case["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let body = self.case["body"].as_str().unwrap_or_default();
        if method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        self.house.send(method, &path, &headers, &body.replace("{base}", self.house.base()))
    }

    fn refusal(&self, outcome: &Value) -> Result<(), String> {
        let issues = items(&outcome["issue"]);
        let is_error = |issue: &Value| issue["severity"] == "error" || issue["severity"] == "fatal";
        let is_refusal =
            outcome["resourceType"] == "OperationOutcome" && issues.iter().any(is_error);
        hold!(is_refusal, "no refusal: {outcome}");
        let Some(Value::Array(codes)) = self.expected("outcome") else { return Ok(()) };
        let has_code = issues.iter().any(|issue| codes.contains(&issue["code"]));
        hold!(has_code, "none of {codes:?}: {outcome}");
        Ok(())
    }

    /// What is said of the first page as a whole.
    fn first_page(&self, page: &Value) -> Result<(), String> {
        let next = link(page, "next").is_some();
        let own = decoded(&link(page, "self").unwrap_or_default());
        let matches = names(std::slice::from_ref(page), "match").len();
        for (name, seen) in
            [("total", page["total"].clone()), ("next", next.into()), ("entries", matches.into())]
        {
            let holds = self.expected(name).is_none_or(|wanted| *wanted == seen);
            hold!(holds, "{name} is {seen}");
        }
        for (name, wanted) in [("self", true), ("selfLacks", false)] {
            for part in self.expected(name).map_or(&[][..], items) {
                let part = part.as_str().unwrap();
                hold!(own.contains(part) == wanted, "self is {own}");
            }
        }
        let mut outcomes = items(&page["entry"]).iter().filter(|it| mode(it) == "outcome");
        let has_outcome =
            outcomes.any(|entry| entry["resource"]["resourceType"] == "OperationOutcome");
        hold!(self.expected("outcome").is_none() || has_outcome, "no remark");
        Ok(())
    }

    /// The page and all behind its links of one relation.
    fn walk(&self, first: Value, relation: &str) -> Result<Vec<Value>, String> {
        let mut pages = vec![first];
        while let Some(url) = link(pages.last().unwrap(), relation) {
            let reply = self.house.get(&url);
            hold!(reply.status == 200, "{relation} gave {}", cut(&reply.text));
            pages.push(reply.json());
            hold!(pages.len() <= PAGES_MAX, "{relation} has no end");
        }
        Ok(pages)
    }

    fn page_sizes(&self, pages: &[Value]) -> Result<(), String> {
        let text = |name: &str| self.case[name].as_str().unwrap_or_default();
        let asked = format!("{}&{}", text("query").replace('?', "&"), text("body"));
        let count = asked.split('&').find_map(|pair| pair.strip_prefix("_count=")).unwrap();
        let most: usize = count.parse().unwrap();
        let sizes: Vec<usize> =
            pages.iter().map(|page| names(std::slice::from_ref(page), "match").len()).collect();
        hold!(sizes.iter().all(|size| *size <= most), "pages of {sizes:?}");
        Ok(())
    }

    /// Matches, includes, and what their resources hold.
    fn entries(&self, pages: &[Value]) -> Result<(), String> {
        if let Some(ids) = self.expected("ids") {
            let ordered = self.expected("ordered").is_some();
            let order = if ordered { Order::AsListed } else { Order::Any };
            same("matches", &names(pages, "match"), &strings(ids), order)?;
        }
        if let Some(wanted) = self.expected("included") {
            let mut all = BTreeSet::new();
            for page in pages {
                let page = std::slice::from_ref(page);
                let included = names(page, "include");
                let mut seen: BTreeSet<String> = names(page, "match").into_iter().collect();
                let is_new = included.iter().all(|name| seen.insert(name.clone()));
                hold!(is_new, "a page repeats one of {included:?}");
                all.extend(included);
            }
            same("includes", &all.into_iter().collect::<Vec<_>>(), &strings(wanted), Order::Any)?;
        }
        for entry in pages.iter().flat_map(|page| items(&page["entry"])) {
            self.entry(entry)?;
        }
        Ok(())
    }

    fn entry(&self, entry: &Value) -> Result<(), String> {
        let (resource, name) = (&entry["resource"], name(entry));
        let hold = |wanted: Option<&Value>, expected: bool| {
            for element in wanted.map(strings).unwrap_or_default() {
                let holds = resource.get(&element).is_some() == expected;
                hold!(holds, "{name}: {element} is there: {}", !expected);
            }
            Ok(())
        };
        match mode(entry) {
            "include" => hold(self.expected("includedHas").and_then(|all| all.get(&name)), true),
            "match" => {
                hold(self.expected("has"), true)?;
                hold(self.expected("lacks"), false)?;
                if let Some(tag) = self.expected("tag") {
                    let tags = items(&resource["meta"]["tag"]);
                    let has_tag = tags.iter().any(|one| one["code"] == *tag);
                    hold!(has_tag, "{name} lacks the tag {tag}");
                }
                let end = self.expected("fullUrl").and_then(|all| all.get(&name));
                let end = end.and_then(Value::as_str).unwrap_or_default();
                let url = entry["fullUrl"].as_str().unwrap_or_default();
                hold!(url.ends_with(end), "{name} is at {url}");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn same(what: &str, found: &[String], wanted: &[String], order: Order) -> Result<(), String> {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    let holds = found == wanted || (order == Order::Any && sorted(found) == sorted(wanted));
    hold!(holds, "{what} are {found:?}, not {wanted:?}");
    Ok(())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn strings(value: &Value) -> Vec<String> {
    items(value).iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

fn mode(entry: &Value) -> &str {
    entry["search"]["mode"].as_str().unwrap_or("match")
}

/// `Patient/adam`
fn name(entry: &Value) -> String {
    let text = |name: &str| entry["resource"][name].as_str().unwrap_or_default();
    format!("{}/{}", text("resourceType"), text("id"))
}

fn names(pages: &[Value], wanted: &str) -> Vec<String> {
    let entries = pages.iter().flat_map(|page| items(&page["entry"]));
    entries.filter(|entry| mode(entry) == wanted).map(name).collect()
}

fn link(page: &Value, relation: &str) -> Option<String> {
    let found = items(&page["link"]).iter().find(|link| link["relation"] == relation)?;
    found["url"].as_str().map(str::to_owned)
}

fn quoted(query: &str) -> String {
    let quote = |byte: u8| match char::from(byte) {
        safe if safe.is_ascii_alphanumeric() || SAFE.contains(safe) => safe.to_string(),
        _ => format!("%{byte:02X}"),
    };
    query.bytes().map(quote).collect()
}

fn decoded(url: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = url.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: Vec<u8> = rest.by_ref().take(2).collect();
            let hex = String::from_utf8(hex).unwrap();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn cut(text: &str) -> String {
    text.chars().take(400).collect()
}
