//! What lies in the tables is what was extracted: after creates, updates and deletes, on both databases. On
//! PostgreSQL when `MEDVAULT_TEST_POSTGRES` names a server.

mod dump;

use std::{convert::Infallible, sync::Arc};

use auth::{Action, Caller, Permit, authorize};
use bytes::Bytes;
use fhir_model::{IssueType, Outcome, ResourceType, json};
use sea_orm::ConnectionTrait as _;
use search::{Real, Registry, Rows, WordScope};

use self::dump::{Dump, dump};
use super::{Line, Owner, Tables, lines};
use crate::{Change, Clock, Key, Lock, Method, Options, Tx, Vault, Work, words};

/// A Patient with what makes rows of most kinds.
const PATIENT: &str = r##"{"resourceType":"Patient","active":true,"gender":"female","birthDate":"1980-02-29",
  "identifier":[{"system":"urn:mrn","value":"1","type":{"coding":[{"system":"urn:types","code":"MR"}]}}],
  "name":[{"family":"Müller","given":["Ana","Bo"],"prefix":["Dr"]}],
  "address":[{"city":"Łódź","line":["One St"]}],
  "contained":[{"resourceType":"Practitioner","id":"gp","name":[{"family":"Gp"}],"gender":"male"},
               {"resourceType":"Organization","id":"org","name":"Practice","partOf":{"reference":"Organization/top"}}],
  "generalPractitioner":[{"reference":"#gp"},{"reference":"Practitioner/away"}],
  "managingOrganization":{"reference":"#org"},
  "link":[{"other":{"identifier":{"system":"urn:mrn","value":"2"}},"type":"seealso"}],
  "text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Hello narrative</div>"}}"##;

/// The same Patient later: one contained resource changed, one gone, one come, other words.
const PATIENT_LATER: &str = r##"{"resourceType":"Patient","active":false,"gender":"female","birthDate":"1980-02",
  "identifier":[{"system":"urn:mrn","value":"1"},{"system":"urn:a","value":"1"}],
  "name":[{"family":"Muller","given":["Ana"]}],
  "contained":[{"resourceType":"Practitioner","id":"gp","name":[{"family":"Gp"}],"gender":"female"},
               {"resourceType":"Practitioner","id":"second","name":[{"family":"Two"}]}],
  "generalPractitioner":[{"reference":"#gp"},{"reference":"#second"},{"reference":"http://else.example/Practitioner/1"}]}"##;

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final",
  "code":{"text":"Pressure","coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure"},
                                      {"system":"urn:own","code":"85354-9"}]},
  "subject":{"reference":"Patient/p"},"effectivePeriod":{"start":"2020-01-01"},
  "component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},
                "valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
               {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},
                "valueQuantity":{"value":80,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

const LOCATION: &str =
    r#"{"resourceType":"Location","name":"Here","position":{"longitude":10,"latitude":50}}"#;

const RISK: &str = r#"{"resourceType":"RiskAssessment","status":"final","subject":{"reference":"Patient/p"},
  "prediction":[{"probabilityDecimal":0.25}]}"#;

/// Creates, updates, deletes or indexes again, as told by the body.
struct Write {
    key: Key,
    body: Option<&'static str>,
    /// The rows that it is created with; `None`: those of the body.
    rows: Option<Rows>,
    end: End,
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Keep,
    Refuse,
    IndexAgain,
}

impl Write {
    fn new(key: &str, body: Option<&'static str>) -> Self {
        let (ty, id) = key.split_once('/').unwrap();
        let key = Key::new(ResourceType::named(ty).unwrap(), id);
        Self { key, body, rows: None, end: End::Keep }
    }
}

impl Work for Write {
    type Answer = ();

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::Resource(self.key.clone())]
    }

    fn may_refuse_late(&self) -> bool {
        self.end == End::Refuse
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), Outcome> {
        if self.end == End::IndexAgain {
            assert_eq!(tx.index_again(std::slice::from_ref(&self.key)).await?, 1);
            return Ok(());
        }
        let replaces = tx.load(std::slice::from_ref(&self.key)).await?.pop().flatten();
        let (body, rows) = match self.body {
            Some(text) => {
                let resource =
                    json::parse(Bytes::from_static(text.as_bytes()), &json::Limits::default())?;
                let rows = self.rows.clone().unwrap_or_else(|| extract(text));
                (Some(Arc::new(resource.stamp(&self.key.id, &[]))), rows)
            }
            None => (None, Rows::default()),
        };
        let method = if body.is_some() { Method::Put } else { Method::Delete };
        let (key, rows) = (self.key.clone(), Arc::new(rows));
        tx.write(vec![Change { key, method, replaces, body, rows, epoch: 0 }]).await?;
        match self.end {
            End::Refuse => Err(Outcome::new(IssueType::BusinessRule, "no")),
            End::Keep | End::IndexAgain => Ok(()),
        }
    }
}

fn extract(text: &'static str) -> Rows {
    let body = Bytes::from_static(text.as_bytes());
    search::extract(Registry::r4(), &json::parse_trusted(body), "http://vault.example/fhir")
}

fn permit() -> Permit {
    authorize(&Caller::Operator, Action::Create, None).unwrap()
}

/// A vault of a test's own, and what removes it.
struct Own {
    vault: Vault,
    url: String,
    directory: Option<tempfile::TempDir>,
}

impl Own {
    async fn open(url: String, directory: Option<tempfile::TempDir>) -> Self {
        let options = Options {
            url: url.parse().unwrap(),
            clock: Clock::system(),
            base: "http://vault.example/fhir".to_owned(),
            connections_max: 4,
        };
        let vault = Vault::open(&options).await.unwrap();
        Self { vault, url, directory }
    }

    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::open(format!("sqlite:{}/v.sqlite", directory.path().display()), Some(directory)).await
    }

    /// A fresh database in the test server.
    async fn postgres() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "a test's own configuration")]
        let Ok(server) = std::env::var("MEDVAULT_TEST_POSTGRES") else {
            println!("MEDVAULT_TEST_POSTGRES names no server: not tested on PostgreSQL");
            return None;
        };
        let name = format!("index_{}", uuid::Uuid::now_v7().simple());
        let control = crate::setting::connect(&server, 1).await.unwrap();
        control.execute_unprepared(&format!("create database {name}")).await.unwrap();
        crate::setting::close(control).await.unwrap();
        let (head, _) = server.rsplit_once('/').unwrap();
        Some(Self::open(format!("{head}/{name}"), None).await)
    }

    /// One of each kind that can be tested here.
    async fn each() -> Vec<Self> {
        let mut each = vec![Self::sqlite().await];
        each.extend(Self::postgres().await);
        each
    }

    async fn put(&self, key: &str, body: Option<&'static str>) {
        self.vault.commit(permit(), Write::new(key, body)).await.unwrap();
    }

    async fn dump(&self) -> Dump {
        dump(&self.url).await
    }

    /// The same vault, as one whose index rows an earlier version wrote.
    async fn outdated(self) -> Self {
        let Self { vault, url, directory } = self;
        drop(vault);
        let control = crate::setting::connect(&dump::control(&url), 1).await.unwrap();
        let sql = "update setting set value = '1' where name = 'index_generation'";
        control.execute_unprepared(sql).await.unwrap();
        crate::setting::close(control).await.unwrap();
        Self::open(url, directory).await
    }

    /// Lets the background end what an upgrade makes it do.
    async fn until_indexed(&self) {
        while self.vault.index_is_outdated() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Leaves nothing behind.
    async fn end(self) {
        let Self { vault, url, directory } = self;
        drop((vault, directory));
        if let Some((server, name)) = url.rsplit_once("/index_") {
            let control = crate::setting::connect(&format!("{server}/postgres"), 1).await.unwrap();
            let sql = format!("drop database index_{name} with (force)");
            control.execute_unprepared(&sql).await.unwrap();
            crate::setting::close(control).await.unwrap();
        }
    }
}

/// The tables as a list, and numbers given to names as they come.
#[derive(Default)]
struct Pure {
    systems: Vec<String>,
    composite_keys: Vec<(i32, String, i32)>,
    targets: Vec<String>,
    owner: String,
    lines: Vec<String>,
}

fn number<T: PartialEq>(list: &mut Vec<T>, one: T) -> i32 {
    let at = list.iter().position(|known| *known == one).unwrap_or_else(|| {
        list.push(one);
        list.len() - 1
    });
    i32::try_from(at).unwrap()
}

impl Tables for Pure {
    type Error = Infallible;

    fn system(&mut self, uri: Option<&str>) -> Result<i32, Infallible> {
        Ok(uri.map_or(0, |uri| number(&mut self.systems, uri.to_owned()) + 1))
    }

    fn composite_key(&mut self, p: i32, code: &str, sys: i32) -> Result<i32, Infallible> {
        let key = (p, code.to_owned(), sys);
        Ok(number(&mut self.composite_keys, key) + super::COMPOSITE_KEY_MIN)
    }

    fn local(&mut self, ty: ResourceType, id: &str) -> Result<i64, Infallible> {
        Ok(number(&mut self.targets, format!("{ty}/{id}")).into())
    }

    fn contained(&mut self, ty: ResourceType, id: &str) -> Result<Option<i64>, Infallible> {
        self.local(ty, id).map(Some)
    }

    fn line(&mut self, _res: i64, line: Line<&str>) -> Result<(), Infallible> {
        let (owner, sys) = (&self.owner, |sys| self.system_name(sys));
        let line = match line {
            Line::Token { p, code, sys: s } => {
                format!("token {} {code} {} {owner}", self.p(p), sys(s))
            }
            Line::Reference { p, target } => {
                let target = &self.targets[usize::try_from(target).unwrap()];
                format!("reference {} {target} {owner}", self.p(p))
            }
            Line::Date { p, lo, hi } => format!("date {} {lo} {hi} {owner}", self.p(p)),
            Line::String { p, folded, exact } => {
                format!("string {} {folded} '{exact}' {owner}", self.p(p))
            }
            Line::Number { p, value } => format!("number {} {value:?} {owner}", self.p(p)),
            Line::Quantity { p, value, code, sys: s, unit } => {
                format!("quantity {} {value:?} {code} {} '{unit}' {owner}", self.p(p), sys(s))
            }
            Line::Uri { p, uri, version } => {
                format!("uri {} {uri} '{version}' {owner}", self.p(p))
            }
            Line::Present { p } => format!("present {} {owner}", self.p(p)),
            Line::Suffix { p, suffix } => format!("suffix {p} '{suffix}' {owner}"),
            Line::Position { p, x, y, z } => {
                format!("position {} {x:?} {y:?} {z:?} {owner}", self.p(p))
            }
        };
        self.lines.push(line);
        Ok(())
    }
}

impl Pure {
    fn system_name(&self, sys: i32) -> String {
        if sys == 0 {
            return "-".to_owned();
        }
        let name = &self.systems[usize::try_from(sys.abs() - 1).unwrap()];
        if sys < 0 { format!("not-first:{name}") } else { name.clone() }
    }

    fn p(&self, p: i32) -> String {
        let Some(at) = p.abs().checked_sub(super::COMPOSITE_KEY_MIN).filter(|at| *at >= 0) else {
            return p.to_string();
        };
        let (of, code, sys) = &self.composite_keys[usize::try_from(at).unwrap()];
        let sign = if p < 0 { "-" } else { "" };
        format!("{sign}({of} {code} {})", self.system_name(*sys))
    }

    /// What the tables must hold of these resources.
    fn of(resources: &[(&str, &Rows)]) -> Vec<String> {
        let mut pure = Self::default();
        for (key, rows) in resources {
            let (ty, _) = key.split_once('/').unwrap();
            (*key).clone_into(&mut pure.owner);
            let owner = Owner { res: 0, root: key, is_contained: false };
            lines(&mut pure, owner, rows).unwrap_or_else(|never| match never {});
            let ty = ResourceType::named(ty).unwrap();
            let terms = rows.words.iter().map(|row| words::number(ty, row.scope, &row.word));
            pure.lines.extend(terms.map(|term| format!("word {term} {key}")));
            for one in &rows.contained {
                pure.owner = format!("{}/{key}#{}", one.ty, one.id);
                let owner = Owner { res: 0, root: key, is_contained: true };
                lines(&mut pure, owner, &one.rows).unwrap_or_else(|never| match never {});
            }
        }
        pure.lines.sort();
        pure.lines
    }
}

const ALL: [(&str, &str); 4] = [
    ("Patient/p", PATIENT),
    ("Observation/o", OBSERVATION),
    ("Location/l", LOCATION),
    ("RiskAssessment/r", RISK),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_extracted_lies_in_the_tables() {
    for own in Own::each().await {
        for (key, body) in ALL {
            own.put(key, Some(body)).await;
        }
        let rows: Vec<Rows> = ALL.iter().map(|(_, body)| extract(body)).collect();
        let of: Vec<(&str, &Rows)> = ALL.iter().map(|(key, _)| *key).zip(&rows).collect();
        let dump = own.dump().await;
        assert_eq!(dump.lines, Pure::of(&of));
        for kind in
            ["token", "reference", "date", "string", "number", "quantity", "position", "word"]
        {
            assert!(dump.lines.iter().any(|line| line.starts_with(kind)), "no {kind}");
        }
        assert!(dump.lines.iter().any(|line| line.contains("not-first:")), "{dump:?}");
        assert_eq!(
            dump.contained,
            ["Organization/Patient/p#org in Patient/p", "Practitioner/Patient/p#gp in Patient/p"]
        );
        // a row is written for what is referenced and not there
        assert_eq!(dump.unheard, ["Organization/top", "Practitioner/away"]);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_leaves_what_a_create_would() {
    let later = extract(PATIENT_LATER);
    for own in Own::each().await {
        own.put("Patient/p", Some(PATIENT)).await;
        let before = own.dump().await;
        own.put("Patient/p", Some(PATIENT_LATER)).await;
        let dump = own.dump().await;
        assert_eq!(dump.lines, Pure::of(&[("Patient/p", &later)]));
        assert_eq!(
            dump.contained,
            [
                "Practitioner/Patient/p#gp in Patient/p",
                "Practitioner/Patient/p#second in Patient/p"
            ]
        );
        // the contained resource that stays keeps its number
        let number = |dump: &Dump| dump.numbers["Practitioner/Patient/p#gp"];
        assert_eq!(number(&before), number(&dump));
        // and back
        own.put("Patient/p", Some(PATIENT)).await;
        assert_eq!(own.dump().await.lines, before.lines);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_changes_nothing_changes_no_line() {
    for own in Own::each().await {
        own.put("Patient/p", Some(PATIENT)).await;
        let before = own.dump().await;
        own.put("Patient/p", Some(PATIENT)).await;
        assert_eq!(own.dump().await.lines, before.lines);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_leaves_nothing_and_a_rebirth_everything() {
    for own in Own::each().await {
        own.put("Patient/p", Some(PATIENT)).await;
        let before = own.dump().await;
        own.put("Patient/p", None).await;
        let dump = own.dump().await;
        assert_eq!(dump.lines, Vec::<String>::new());
        assert_eq!(dump.contained, Vec::<String>::new());
        own.put("Patient/p", Some(PATIENT)).await;
        assert_eq!(own.dump().await.lines, before.lines);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing() {
    for own in Own::each().await {
        for _ in 0..2 {
            let write = Write { end: End::Refuse, ..Write::new("Patient/p", Some(PATIENT)) };
            let good = Write::new("Observation/o", Some(OBSERVATION));
            let (refused, kept) =
                tokio::join!(own.vault.commit(permit(), write), own.vault.commit(permit(), good));
            assert_eq!(refused.unwrap_err().status(), 422);
            kept.unwrap();
        }
        let dump = own.dump().await;
        assert_eq!(dump.lines, Pure::of(&[("Observation/o", &extract(OBSERVATION))]));
        assert_eq!(dump.contained, Vec::<String>::new());
        assert_eq!(dump.unheard, ["Patient/p"]);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_whose_lines_are_wrong_is_indexed_again() {
    for own in Own::each().await {
        own.put("Observation/o", Some(OBSERVATION)).await;
        let strange =
            Write { rows: Some(extract(PATIENT_LATER)), ..Write::new("Patient/p", Some(PATIENT)) };
        own.vault.commit(permit(), strange).await.unwrap();
        let again = Write { end: End::IndexAgain, ..Write::new("Patient/p", None) };
        own.vault.commit(permit(), again).await.unwrap();
        let (patient, observation) = (extract(PATIENT), extract(OBSERVATION));
        let right = Pure::of(&[("Patient/p", &patient), ("Observation/o", &observation)]);
        assert_eq!(own.dump().await.lines, right);
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_index_is_outdated_a_write_puts_its_own_lines_right() {
    for own in Own::each().await {
        let strange =
            Write { rows: Some(extract(OBSERVATION)), ..Write::new("Patient/p", Some(PATIENT)) };
        own.vault.commit(permit(), strange).await.unwrap();
        let own = own.outdated().await;
        own.put("Patient/p", Some(PATIENT_LATER)).await;
        own.until_indexed().await;
        let right = Pure::of(&[("Patient/p", &extract(PATIENT_LATER))]);
        assert_eq!(own.dump().await.lines, right);
        own.put("Patient/p", None).await;
        assert_eq!(own.dump().await.lines, Vec::<String>::new());
        own.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_name_the_same_new_things_agree() {
    for own in Own::each().await {
        let keys: Vec<String> = (0..16).map(|n| format!("Observation/o{n}")).collect();
        let writes = keys.iter().map(|key| own.put(key, Some(OBSERVATION)));
        futures_util::future::join_all(writes).await;
        let rows = extract(OBSERVATION);
        let of: Vec<(&str, &Rows)> = keys.iter().map(|key| (key.as_str(), &rows)).collect();
        assert_eq!(own.dump().await.lines, Pure::of(&of));
        own.end().await;
    }
}

/// What a line means, pinned.
#[test]
fn lines_are_what_the_migration_says() {
    use search::{
        CanonicalRow, CompositeRow, ParamId, Part, SuffixRow, TextRow, TokenRow, WordRow,
    };
    let token = |param, code: &str, system: Option<&str>, first| TokenRow {
        param: ParamId(param),
        code: code.into(),
        system: system.map(Into::into),
        first,
    };
    let composite = |code: &str, part| CompositeRow {
        param: ParamId(9),
        code: code.into(),
        system: Some("urn:s".into()),
        part,
    };
    let inner = Rows { tokens: vec![token(1, "a", None, true)], ..Rows::default() };
    let rows = Rows {
        tokens: vec![token(1, "a", Some("urn:s"), true), token(1, "a", Some("urn:t"), false)],
        typed: vec![token(2, "MR|1", Some("urn:types"), true)],
        texts: vec![TextRow { param: ParamId(1), folded: "text".into() }],
        canonical: vec![CanonicalRow { param: ParamId(3), value: Real(1.5), unit: "g".into() }],
        composites: vec![
            composite("c", Part::Canonical { value: Real(2.0), unit: "m".into() }),
            composite("c", Part::Numbers(Real(1.0), Real(2.5))),
        ],
        words: vec![WordRow { scope: WordScope::Content, word: "w".into() }],
        suffixes: vec![SuffixRow { param: ParamId(5), suffix: "ao".into() }],
        contained: vec![search::ContainedRows {
            ty: ResourceType::named("Basic").unwrap(),
            id: "x".into(),
            rows: inner,
        }],
        ..Rows::default()
    };
    let word = words::number(ResourceType::named("Patient").unwrap(), WordScope::Content, "w");
    assert_eq!(
        Pure::of(&[("Patient/p", &rows)]),
        [
            "quantity (9 c urn:s) 1.0  - '2.5' Patient/p".to_owned(),
            "quantity -(9 c urn:s) 2.0 m - '' Patient/p".to_owned(),
            "quantity -3 1.5 g - '' Patient/p".to_owned(),
            "string -1 text '' Patient/p".to_owned(),
            "suffix 5 'ao' Patient/p".to_owned(),
            "token -2 MR|1 urn:types Patient/p".to_owned(),
            "token 1 a not-first:urn:t Patient/p".to_owned(),
            "token 1 a urn:s Patient/p".to_owned(),
            "token 100000001 a - Basic/Patient/p#x".to_owned(),
            format!("word {word} Patient/p"),
        ]
    );
}
