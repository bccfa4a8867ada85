//! Everything that lies in the index tables, with names for numbers.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection, QueryResult, Statement};

use search::WordScope;

use super::super::COMPOSITE_KEY_MIN;
use crate::words;

/// A vault's index.
#[derive(Debug)]
pub(super) struct Dump {
    /// A line of text for each line of a table, sorted.
    pub(super) lines: Vec<String>,
    /// What is contained in what, sorted.
    pub(super) contained: Vec<String>,
    /// What is referenced and was never stored, sorted.
    pub(super) unheard: Vec<String>,
    /// `Patient/1`, and its number.
    pub(super) numbers: BTreeMap<String, i64>,
}

struct Names {
    systems: BTreeMap<i64, String>,
    composite_keys: BTreeMap<i64, (i64, String, i64)>,
    resources: BTreeMap<i64, String>,
}

/// The URL of a vault's database as the control plane wants it.
pub(super) fn control(url: &str) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => format!("sqlite://{path}?mode=rwc"),
        None => url.to_owned(),
    }
}

/// Reads it.
pub(super) async fn dump(url: &str) -> Dump {
    let database = crate::setting::connect(&control(url), 1).await.unwrap();
    let of_resource = ask(
        &database,
        "select cast(r.res as bigint), cast(r.type as bigint), r.id, cast(r.version as bigint),
                cast(c.type as bigint), c.id
         from resource r left join resource c on c.res = r.container",
    )
    .await;
    let (mut resources, mut contained, mut unheard) = (BTreeMap::new(), Vec::new(), Vec::new());
    for row in of_resource {
        let key = format!("{}/{}", type_name(row.try_get_by(1).unwrap()), text(&row, 2));
        if let Some(ty) = row.try_get_by::<Option<i64>, _>(4).unwrap() {
            contained.push(format!("{key} in {}/{}", type_name(ty), text(&row, 5)));
        } else if integer(&row, 3) == 0 {
            unheard.push(key.clone());
        }
        resources.insert(integer(&row, 0), key);
    }
    let systems = ask(&database, "select cast(sys as bigint), uri from token_system").await;
    let keys =
        "select cast(k as bigint), cast(p as bigint), code, cast(sys as bigint) from composite_key";
    let keys = ask(&database, keys).await;
    let names = Names {
        systems: systems.iter().map(|row| (integer(row, 0), text(row, 1))).collect(),
        composite_keys: keys
            .iter()
            .map(|row| (integer(row, 0), (integer(row, 1), text(row, 2), integer(row, 3))))
            .collect(),
        resources,
    };
    let mut lines = lines(&database, &names).await;
    lines.extend(texts(&database, &names).await);
    lines.extend(words(&database, &names).await);
    crate::setting::close(database).await.unwrap();
    lines.sort();
    contained.sort();
    unheard.sort();
    let numbers = names.resources.into_iter().map(|(res, key)| (key, res)).collect();
    Dump { lines, contained, unheard, numbers }
}

async fn lines(database: &DatabaseConnection, names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    let p = "cast(p as bigint), cast(res as bigint)";
    for row in ask(database, &format!("select {p}, code, cast(sys as bigint) from idx_token")).await
    {
        let (code, sys) = (text(&row, 2), names.system(integer(&row, 3)));
        lines.push(format!("token {} {code} {sys} {}", names.p(&row), names.owner(&row)));
    }
    for row in
        ask(database, &format!("select {p}, cast(target as bigint) from idx_reference")).await
    {
        let target = &names.resources[&integer(&row, 2)];
        lines.push(format!("reference {} {target} {}", names.p(&row), names.owner(&row)));
    }
    for row in ask(database, &format!("select {p}, lo, hi from idx_date")).await {
        let (lo, hi) = (integer(&row, 2), integer(&row, 3));
        lines.push(format!("date {} {lo} {hi} {}", names.p(&row), names.owner(&row)));
    }
    for row in ask(database, &format!("select {p}, value from idx_number")).await {
        lines.push(format!("number {} {:?} {}", names.p(&row), real(&row, 2), names.owner(&row)));
    }
    let quantities =
        format!("select {p}, value, code, cast(sys as bigint), unit from idx_quantity");
    for row in ask(database, &quantities).await {
        let (value, code, unit) = (real(&row, 2), text(&row, 3), text(&row, 5));
        let sys = names.system(integer(&row, 4));
        let (p, owner) = (names.p(&row), names.owner(&row));
        lines.push(format!("quantity {p} {value:?} {code} {sys} '{unit}' {owner}"));
    }
    for row in ask(database, &format!("select {p}, uri, version from idx_uri")).await {
        let (uri, version) = (text(&row, 2), text(&row, 3));
        lines.push(format!("uri {} {uri} '{version}' {}", names.p(&row), names.owner(&row)));
    }
    for row in ask(database, &format!("select {p} from idx_present")).await {
        lines.push(format!("present {} {}", names.p(&row), names.owner(&row)));
    }
    for row in ask(database, &format!("select {p}, x, y, z from idx_position")).await {
        let (x, y, z) = (real(&row, 2), real(&row, 3), real(&row, 4));
        lines.push(format!("position {} {x:?} {y:?} {z:?} {}", names.p(&row), names.owner(&row)));
    }
    lines
}

async fn texts(database: &DatabaseConnection, names: &Names) -> Vec<String> {
    let mut lines = Vec::new();
    let p = "cast(p as bigint), cast(res as bigint)";
    for row in ask(database, &format!("select {p}, folded, exact from idx_string")).await {
        let (folded, exact) = (text(&row, 2), text(&row, 3));
        lines.push(format!("string {} {folded} '{exact}' {}", names.p(&row), names.owner(&row)));
    }
    for row in ask(database, &format!("select {p}, suffix from idx_suffix")).await {
        lines.push(format!("suffix {} '{}' {}", names.p(&row), text(&row, 2), names.owner(&row)));
    }
    lines
}

async fn words(database: &DatabaseConnection, names: &Names) -> Vec<String> {
    let sql = if database.get_database_backend() == DatabaseBackend::Sqlite {
        let see =
            "create virtual table temp.word_seen using fts5vocab('main', 'idx_word', 'instance')";
        database.execute_unprepared(see).await.unwrap();
        "select term, doc from temp.word_seen"
    } else {
        "select word, res from idx_word"
    };
    let rows = ask(database, sql).await;
    let word = |row: &QueryResult| match row.try_get_by::<i64, _>(0) {
        Ok(number) => number,
        Err(_) => number(&text(row, 0)),
    };
    let line =
        |row: &QueryResult| format!("word {} {}", word(row), names.resources[&integer(row, 1)]);
    rows.iter().map(line).collect()
}

/// That of a term `[number of the type]_[word]`, in the narrative `[number of the type]n_[word]`.
fn number(term: &str) -> i64 {
    let (ty, word) = term.split_once('_').unwrap();
    let (ty, scope) = match ty.strip_suffix('n') {
        Some(ty) => (ty, WordScope::Narrative),
        None => (ty, WordScope::Content),
    };
    let ty = fhir_model::ResourceType::from_number(ty.parse().unwrap()).unwrap();
    words::number(ty, scope, word)
}

impl Names {
    fn system(&self, sys: i64) -> String {
        match sys {
            0 => "-".to_owned(),
            1.. => self.systems[&sys].clone(),
            _ => format!("not-first:{}", self.systems[&-sys]),
        }
    }

    fn p(&self, row: &QueryResult) -> String {
        let p = integer(row, 0);
        if p.abs() < i64::from(COMPOSITE_KEY_MIN) {
            return p.to_string();
        }
        let (of, code, sys) = &self.composite_keys[&p.abs()];
        let sign = if p < 0 { "-" } else { "" };
        format!("{sign}({of} {code} {})", self.system(*sys))
    }

    fn owner(&self, row: &QueryResult) -> &str {
        &self.resources[&integer(row, 1)]
    }
}

async fn ask(database: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(database.get_database_backend(), sql);
    database.query_all_raw(statement).await.unwrap()
}

fn type_name(number: i64) -> String {
    let ty = u8::try_from(number).ok().and_then(fhir_model::ResourceType::from_number);
    ty.unwrap().to_string()
}

fn integer(row: &QueryResult, at: usize) -> i64 {
    row.try_get_by(at).unwrap()
}

fn real(row: &QueryResult, at: usize) -> f64 {
    row.try_get_by(at).unwrap()
}

fn text(row: &QueryResult, at: usize) -> String {
    row.try_get_by(at).unwrap()
}
